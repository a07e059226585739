/* SPDX-License-Identifier: MIT */
#include "inbound/command.h"

#include "common/attr.h"
#include "inbound/sreply.h"

/* STARTTLS and AUTH only between messages (RFC 3207 4, RFC 4954 4). */
static const struct command commands[] = {
	/* Whether they need their name depends on the device: see verb_ehlo(). */
	{ "EHLO", IN_ANY, COMMAND_MAY_HAVE_ARGUMENT, verb_ehlo, "EHLO name", NULL },
	{ "HELO", IN_ANY, COMMAND_MAY_HAVE_ARGUMENT, verb_helo, "HELO name", NULL },
	{ "STARTTLS", IN_HELLO, COMMAND_NO_ARGUMENT, verb_starttls, "STARTTLS", NULL },
	{ "AUTH", IN_HELLO, COMMAND_NEEDS_ARGUMENT | COMMAND_HAS_SECRET, verb_auth,
	  "AUTH mechanism [response]", NULL },
	{ "MAIL", IN_HELLO, COMMAND_NEEDS_ARGUMENT, verb_mail, "MAIL FROM:<address>", NULL },
	{ "RCPT", IN_MAIL | IN_RCPT, COMMAND_NEEDS_ARGUMENT, verb_rcpt, "RCPT TO:<address>", NULL },
	{ "DATA", IN_RCPT, COMMAND_NO_ARGUMENT, verb_data, "DATA", NULL },
	{ "BDAT", IN_RCPT | IN_BDAT, COMMAND_NEEDS_ARGUMENT, verb_bdat, "BDAT size [LAST]",
	  bdat_refused },
	{ "RSET", IN_ANY, COMMAND_NO_ARGUMENT, verb_rset, "RSET", NULL },
	{ "NOOP", IN_ANY, 0, verb_noop, "NOOP", NULL },
	{ "VRFY", IN_ANY, COMMAND_NEEDS_ARGUMENT, verb_vrfy, "VRFY address", NULL },
	{ "HELP", IN_ANY, 0, verb_help, "HELP", NULL },
	{ "QUIT", IN_ANY, 0, verb_quit, "QUIT", NULL },
	{ "EXPN", IN_ANY, 0, NULL, "EXPN", NULL },
	{ "TURN", IN_ANY, 0, NULL, "TURN", NULL },
	{ "ETRN", IN_ANY, 0, NULL, "ETRN", NULL },
	{ "SEND", IN_ANY, 0, NULL, "SEND", NULL },
	{ "SOML", IN_ANY, 0, NULL, "SOML", NULL },
	{ "SAML", IN_ANY, 0, NULL, "SAML", NULL },
	{ "BURL", IN_ANY, 0, NULL, "BURL", NULL },
	{ "XCLIENT", IN_ANY, 0, NULL, "XCLIENT", NULL },
	{ "XFORWARD", IN_ANY, 0, NULL, "XFORWARD", NULL },
};

const struct command *command_at(size_t index)
{
	return index < ARRAY_LEN(commands) ? &commands[index] : NULL;
}

const struct command *command_find(struct str verb)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (str_ieq(verb, str_of(commands[i].verb)))
			return &commands[i];
	return NULL;
}

/* RFC 5321 4.1.4: 503 for what comes at the wrong time; the text says what would be right. */
static bool refuse_phase(const struct command *c, enum session_phase phase,
			 struct inbound_refusal *why)
{
	switch (phase) {
	case PHASE_START:
		return refusal_set(why, 503, "5.5.1 Send EHLO or HELO first");
	case PHASE_HELLO:
		return refusal_set(why, 503, "5.5.1 Send MAIL FROM first");
	case PHASE_MAIL:
		if ((c->phases & IN_RCPT) != 0)
			return refusal_set(why, 503,
					   "5.5.1 No valid recipients: send RCPT TO first");
		break;
	case PHASE_RCPT:
		break;
	case PHASE_BDAT:
		return refusal_set(why, 503, "5.5.1 Not between chunks: send BDAT or RSET");
	}
	return refusal_set(why, 503, "5.5.1 Not within a message: finish it, or send RSET");
}

bool command_legal(const struct command *c, enum session_phase phase, struct str args,
		   struct inbound_refusal *why)
{
	if (c->run == NULL)
		return refusal_set(why, 502, "5.5.1 %s is not offered here", c->verb);
	if ((c->phases & 1u << phase) == 0)
		return refuse_phase(c, phase, why);
	if ((c->flags & COMMAND_NO_ARGUMENT) != 0 && args.n != 0)
		return refusal_set(why, 501, "5.5.4 %s takes no argument", c->verb);
	if ((c->flags & COMMAND_NEEDS_ARGUMENT) != 0 && args.n == 0)
		return refusal_set(why, 501, "5.5.4 Syntax: %s", c->syntax);
	return true;
}

bool command_is_http(struct str line)
{
	static const char *const methods[] = { "GET",	  "POST",   "PUT",   "HEAD",  "OPTIONS",
					       "CONNECT", "DELETE", "PATCH", "TRACE", "PRI" };
	struct str verb = str_word(&line);
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_ieq(verb, str_of(methods[i])))
			return line.n != 0;
	return false;
}

static bool has_control(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
			return true;
	return false;
}

static bool may_run(const struct in_session *s, const struct command *c, struct str line,
		    struct str args, struct inbound_refusal *why)
{
	if (has_control(line))
		return refusal_set(why, 500, "5.5.2 Control character in a command");
	/* Not repeated: it may be a password that has lost its AUTH. */
	if (c == NULL)
		return refusal_set(why, 500, "5.5.1 Command not recognized");
	return command_legal(c, s->phase, args, why);
}

void command_run(struct in_session *s, struct str line)
{
	struct inbound_refusal why;
	if (command_is_http(line)) {
		in_session_log_refused(s, "(an HTTP request on a mail port)");
		in_session_finish(s, "HTTP");
		return;
	}
	struct str args = str_trim(line);
	const struct command *c = command_find(str_word(&args));
	args = str_trim(args);
	if (may_run(s, c, line, args, &why))
		c->run(s, args);
	else if (c != NULL && c->refused != NULL)
		c->refused(s, args, &why);
	else
		in_session_refuse(s, &why);
}
