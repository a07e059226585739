/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "common/attr.h"
#include "common/mem.h"
#include "config/quirk.h"
#include "inbound/command.h"
#include "inbound/content.h"
#include "inbound/params.h"
#include "inbound/sending.h"
#include "inbound/session.h"
#include "inbound/sreply.h"

/* The envelope: MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3). */

/* "FROM:" or "TO:", any case; blanks around the colon are forgiven. */
static bool take_keyword(struct str *args, struct str keyword)
{
	if (!str_istarts(*args, keyword))
		return false;
	struct str rest = str_trim(str_skip(*args, keyword.n));
	if (rest.n == 0 || rest.p[0] != ':')
		return false;
	*args = str_trim(str_skip(rest, 1));
	return true;
}

/* What the device's quirks forgive in an address. */
static const struct forgiveness {
	enum quirk quirk;
	const char *name;
	unsigned flag;
} forgiven[] = {
	{ QUIRK_NO_BRACKETS, "no-brackets", ADDRESS_NO_BRACKETS },
	{ QUIRK_ODD_DOTS, "odd-dots", ADDRESS_ODD_DOTS },
};

/* The quirk that would have let in what is a whole address, or NULL. */
static const char *quirk_needed(struct str text, unsigned flags)
{
	for (size_t i = 0; i < ARRAY_LEN(forgiven); i++) {
		struct address a;
		struct str rest;
		struct err ignored;
		unsigned with = (flags | forgiven[i].flag) & ~(unsigned)ADDRESS_BARE_NAME;
		if (!address_parse_path(text, with, &a, &rest, &ignored))
			continue;
		address_done(&a);
		return forgiven[i].name;
	}
	return NULL;
}

/* The address of MAIL or RCPT, whatever may become of it; on failure *why has code and text, which
 * begins with `bad`: "5.1.7 Bad sender". */
static bool parse_path(const struct in_session *s, struct str text, const char *bad,
		       struct address *out, struct str *rest, struct inbound_refusal *why)
{
	/* Whether UTF-8 is allowed is known from what stands behind it. */
	unsigned flags = ADDRESS_UTF8 | ADDRESS_BARE_NAME;
	struct err err;
	for (size_t i = 0; i < ARRAY_LEN(forgiven); i++)
		if ((s->access.quirks & forgiven[i].quirk) != 0)
			flags |= forgiven[i].flag;
	if (address_parse_path(text, flags, out, rest, &err))
		return true;
	const char *quirk = quirk_needed(text, flags);
	if (quirk != NULL)
		return refusal_set(why, 501, "%s: %s (quirk %s)", bad, err.text, quirk);
	return refusal_set(why, 501, "%s: %s", bad, err.text);
}

/* RFC 6531 3.1 item 6; RFC 3463 X.6.7: non-ASCII addresses not permitted. */
static bool check_utf8(const struct address *a, bool smtputf8, const char *what,
		       struct inbound_refusal *why)
{
	return smtputf8 || address_is_ascii(a) ||
	       refusal_set(why, 553, "5.6.7 %s: it is not ASCII, and MAIL did not say SMTPUTF8",
			   what);
}

/* A bare name gets the domain of the house. */
static bool complete_name(const struct in_session *s, struct address *a, const char *bad,
			  struct inbound_refusal *why)
{
	if (a->domain[0] != '\0' || address_is_null(a))
		return true;
	if (s->config->default_domain[0] == '\0')
		return refusal_set(why, 501, "%s: no domain (set default_domain to complete it)",
				   bad);
	mem_replace_str(&a->domain, s->config->default_domain);
	return true;
}

static bool check_size(const struct in_session *s, uint64_t size, struct inbound_refusal *why)
{
	char what[64];
	if (size <= in_session_size_limit(s))
		return true;
	snprintf(what, sizeof(what), "A message of %llu bytes", (unsigned long long)size);
	return content_refuse_size(s, what, why);
}

/* Everything about one MAIL command but its effect. */
static bool parse_mail(const struct in_session *s, struct str args, struct address *sender,
		       struct params *params, struct inbound_refusal *why)
{
	static const char bad[] = "5.1.7 Bad sender";
	const struct policy policy = sending_policy(s);
	const struct inbound_ops *ops = &s->in->ops;
	struct str rest;
	if (!take_keyword(&args, STR("FROM")))
		return refusal_set(why, 501, "5.5.2 Syntax: MAIL FROM:<address>");
	if (!access_may_send(&s->access, s->tls, s->logged_in, why)) {
		s->seen->not_allowed = !s->access.admitted;
		return false;
	}
	if (!ops->has_account(ops->ctx, s->config, s->access.device, s->login, why) ||
	    !parse_path(s, args, bad, sender, &rest, why))
		return false;
	if (complete_name(s, sender, bad, why) && params_parse_mail(rest, params, why)) {
		if (check_utf8(sender, params->smtputf8, "Bad sender", why) &&
		    check_size(s, params->size, why) && policy_sender(&policy, sender, why))
			return true;
		params_done(params);
	}
	address_done(sender);
	return false;
}

void verb_mail(struct in_session *s, struct str args)
{
	struct inbound_refusal why;
	struct envelope *e = &s->tx.envelope;
	struct params params = { .body = BODY_7BIT };
	if (sending_is_revoked(s)) {
		/* The new session hears what is the matter. */
		in_session_reply(s, 421, "4.7.0 Who may send has changed: connect again");
		in_session_finish(s, "no longer allowed");
		return;
	}
	if (!parse_mail(s, args, &e->reverse_path, &params, &why)) {
		in_session_refuse(s, &why);
		return;
	}
	e->body = params.body;
	e->smtputf8 = params.smtputf8;
	e->ret = params.ret;
	mem_replace_str(&e->envid, params.envid);
	params_done(&params);
	s->phase = PHASE_MAIL;
	in_session_reply(s, 250, "2.1.0 OK");
}

/* RFC 5321 4.5.1: mail for "postmaster" alone must get to somebody. */
static bool complete_postmaster(const struct in_session *s, struct address *a,
				struct inbound_refusal *why)
{
	struct address postmaster;
	struct err err;
	if (!address_parse(str_of(s->config->postmaster), &postmaster, &err))
		return refusal_set(why, 550, "5.1.1 No postmaster is configured here");
	address_done(a);
	*a = postmaster;
	return true;
}

static bool check_rcpt(const struct in_session *s, struct address *a, struct inbound_refusal *why)
{
	static const char bad[] = "5.1.3 Bad recipient";
	if (address_is_null(a))
		return refusal_set(why, 501, "%s: the address is empty", bad);
	if (a->domain[0] == '\0' && str_ieq(str_of(a->local), STR("postmaster")))
		return complete_postmaster(s, a, why);
	return complete_name(s, a, bad, why) &&
	       check_utf8(a, s->tx.envelope.smtputf8, "Bad recipient", why);
}

static bool parse_rcpt(const struct in_session *s, struct str args, struct address *out,
		       struct params *params, struct inbound_refusal *why)
{
	struct str rest;
	if (!take_keyword(&args, STR("TO")))
		return refusal_set(why, 501, "5.5.2 Syntax: RCPT TO:<address>");
	if (!parse_path(s, args, "5.1.3 Bad recipient", out, &rest, why))
		return false;
	if (check_rcpt(s, out, why) && params_parse_rcpt(rest, params, why))
		return true;
	address_done(out);
	return false;
}

void verb_rcpt(struct in_session *s, struct str args)
{
	struct inbound_refusal why;
	const struct policy policy = sending_policy(s);
	struct address recipient;
	struct params params = { .body = BODY_7BIT };
	uint64_t limit = s->config->limits.recipients;
	if (!parse_rcpt(s, args, &recipient, &params, &why)) {
		in_session_refuse(s, &why);
		return;
	}
	if (!policy_recipient(&policy, &recipient, &why)) {
		in_session_refuse(s, &why);
	} else if (s->tx.envelope.recipient_count >= limit) {
		/* RFC 5321 4.5.3.1.10: the client sends the rest in another message. */
		in_session_reply(s, 452, "4.5.3 Too many recipients: %llu in one message",
				 (unsigned long long)limit);
	} else {
		envelope_add_recipient(&s->tx.envelope, &recipient, &params.dsn);
		s->phase = PHASE_RCPT;
		in_session_reply(s, 250, "2.1.5 OK");
	}
	address_done(&recipient);
	params_done(&params);
}
