/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "inbound/command.h"
#include "inbound/session.h"

/* Logging in (RFC 4954). No line of it, and nothing decoded from it, is ever logged. */

enum {
	FAILURES_MAX = 3,	 /* in one session */
	FAILURE_DELAY_MS = 1000, /* times the number of failures */
};

void auth_abort(struct in_session *s)
{
	if (s->auth != NULL)
		auth_done(s->auth);
	free(s->auth);
	s->auth = NULL;
	in_session_set_mode(s, MODE_COMMAND);
}

/* user: one whose password was checked; an unchecked name counts for nothing. */
static void logged_in(struct in_session *s, const char *user)
{
	s->logged_in = true;
	mem_replace_str(&s->user, user);
	log_debug("login", lf_str("in", s->id), lf_str("peer", s->peer),
		  lf_str("user", user != NULL ? user : "-"));
	roster_set(&s->seen->user, user);
	auth_abort(s);
	in_session_reply(s, 235, "2.7.0 Authentication successful");
}

static void on_checked(void *arg, bool ok)
{
	struct in_session *s = arg;
	s->check = NULL;
	/* Nobody may act for somebody else (RFC 4616 section 2). */
	if (ok && !s->auth->other_identity) {
		char *user = str_dup(secret_reveal(&s->auth->user));
		logged_in(s, user);
		free(user);
		in_session_wake(s);
		return;
	}
	s->failed_logins++;
	in_session_set_mode(s, MODE_DELAY);
	in_session_set_timer(s, (int64_t)s->failed_logins * FAILURE_DELAY_MS);
}

void auth_delay_over(struct in_session *s)
{
	auth_abort(s);
	if (s->failed_logins >= FAILURES_MAX) {
		in_session_reply(s, 421, "4.7.0 Too many failed logins");
		in_session_finish(s, "too many failed logins");
		return;
	}
	/* RFC 4954 section 6; whether the name exists is not said. */
	in_session_reply(s, 535, "5.7.8 Authentication failed: wrong user name or password");
	in_session_wake(s);
}

static void check_password(struct in_session *s)
{
	if (access_auth(&s->access, s->tls) == ACCESS_AUTH_ANY) {
		logged_in(s, NULL);
		return;
	}
	s->check = users_verify(s->files->users, s->in->worker, secret_reveal(&s->auth->user),
				secret_reveal(&s->auth->password), on_checked, s);
	if (s->check == NULL) {
		auth_abort(s);
		in_session_reply(s, 454, "4.7.0 Too many logins at once, try again later");
		return;
	}
	in_session_set_mode(s, MODE_WAIT);
}

static void go_on(struct in_session *s, enum auth_result result, const char *prompt)
{
	switch (result) {
	case AUTH_PROMPT:
		in_session_set_mode(s, MODE_AUTH);
		in_session_reply(s, 334, "%s", prompt);
		return;
	case AUTH_DONE:
		check_password(s);
		return;
	case AUTH_CANCELLED:
		in_session_reply(s, 501, "5.7.0 Authentication cancelled");
		break;
	case AUTH_NOT_BASE64:
		in_session_reply(s, 501, "5.5.2 Cannot decode: not base64");
		break;
	case AUTH_MALFORMED:
		in_session_reply(s, 501, "5.5.2 Cannot decode: not as the mechanism says");
		break;
	}
	auth_abort(s);
}

void auth_line(struct in_session *s, struct str line)
{
	const char *prompt;
	enum auth_result result = auth_answer(s->auth, line, &prompt);
	go_on(s, result, prompt);
}

/* Is there anything to log in for, and may the password be sent now? */
static bool may_log_in(struct in_session *s)
{
	if (s->logged_in) {
		in_session_reply(s, 503, "5.5.1 Already logged in");
		return false;
	}
	switch (access_auth(&s->access, s->tls)) {
	case ACCESS_AUTH_NONE:
		in_session_reply(s, 503, "5.5.1 AUTH is not offered here");
		return false;
	case ACCESS_AUTH_TLS:
		/* RFC 4954 section 6 */
		in_session_reply(s, 538, "5.7.11 Encryption required: %s",
				 s->tls_context != NULL ? "send STARTTLS first"
							: "this port has no TLS");
		return false;
	case ACCESS_AUTH_ANY:
	case ACCESS_AUTH_USERS:
		break;
	}
	return true;
}

void verb_auth(struct in_session *s, struct str args)
{
	struct str name = str_word(&args);
	struct str initial = str_word(&args);
	enum auth_mechanism mechanism;
	const char *prompt;
	if (!may_log_in(s))
		return;
	if (!auth_mechanism_of(name, &mechanism)) {
		in_session_reply(s, 504, "5.5.4 Mechanism not supported: use PLAIN or LOGIN");
		return;
	}
	if (str_word(&args).n != 0) {
		in_session_reply(s, 501, "5.5.4 Syntax: AUTH mechanism [response]");
		return;
	}
	s->seen->login = auth_mechanism_name(mechanism);
	s->auth = mem_zalloc(sizeof(*s->auth));
	enum auth_result result = auth_begin(s->auth, mechanism, initial, &prompt);
	go_on(s, result, prompt);
}
