/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/units.h"
#include "inbound/command.h"
#include "inbound/lockout.h"
#include "inbound/login_cache.h"
#include "inbound/session.h"

/* Logging in (RFC 4954). No line of it, and nothing decoded from it, is ever logged. */

enum {
	FAILURE_DELAY_MS = 1000, /* times the number of failures */
	FAILURE_DELAYS = 10,	 /* at most */
};

void auth_abort(struct in_session *s)
{
	if (s->auth != NULL)
		auth_done(s->auth);
	free(s->auth);
	s->auth = NULL;
	in_session_set_mode(s, MODE_COMMAND);
}

static void logged_in(struct in_session *s, const struct user *user)
{
	s->logged_in = true;
	s->login = user;
	log_debug("login", lf_str("in", s->id), lf_str("peer", s->peer),
		  lf_str("user", user != NULL ? user->name : "-"));
	roster_set(&s->seen->user, user != NULL ? user->name : "");
	auth_abort(s);
	in_session_reply(s, 235, "2.7.0 Authentication successful");
}

/* --- failures ------------------------------------------------------------------------------ */

/* For the log: a name that is nobody's may be a password typed into the wrong field. */
static const char *known_name(const struct user *user)
{
	return user != NULL ? user->name : "?";
}

/* False after the last one that a session may have. */
static bool count_failure(struct in_session *s)
{
	if (++s->failed_logins < s->config->limits.failed_logins)
		return true;
	auth_abort(s);
	in_session_reply(s, 421, "4.7.0 Too many failed logins");
	in_session_finish(s, "too many failed logins");
	return false;
}

/* No password is looked at. */
static void refuse_locked(struct in_session *s, int64_t left_ms)
{
	struct strbuf left;
	if (!count_failure(s))
		return;
	auth_abort(s);
	strbuf_init(&left, 64);
	units_append_rough(&left, left_ms);
	in_session_reply(s, 454, "4.7.0 Too many failed logins, try again in %s",
			 strbuf_cstr(&left));
	strbuf_done(&left);
}

static void log_locks(const struct in_session *s, const struct user *user,
		      const struct lockout_count *count)
{
	int64_t seconds = units_seconds_up(s->config->limits.lock_time);
	if (count->address_locked)
		log_warning("login-locked", lf_str("in", s->id), lf_str("peer", s->peer),
			    lf_str("what", "address"), lf_int("seconds", seconds));
	if (count->name_locked)
		log_warning("login-locked", lf_str("in", s->id), lf_str("peer", s->peer),
			    lf_str("what", "user"), lf_str("user", known_name(user)),
			    lf_int("seconds", seconds));
}

/* The answer waits, the longer the more often the session or its address has failed. */
static void failed(struct in_session *s, const struct user *user, const char *reason)
{
	struct lockout_count count =
		lockout_failed(s->in->lockout, &s->config->limits, &s->access.addr,
			       secret_reveal(&s->auth->user), clock_mono_ms());
	uint64_t times =
		s->failed_logins + 1 > count.address ? s->failed_logins + 1 : count.address;
	log_warning("login-failed", lf_str("in", s->id), lf_str("peer", s->peer),
		    lf_str("device", s->access.device != NULL ? s->access.device : "-"),
		    lf_str("user", known_name(user)), lf_str("reason", reason),
		    lf_int("failures", (int64_t)count.address));
	log_locks(s, user, &count);
	in_session_set_mode(s, MODE_DELAY);
	in_session_set_timer(s, times < FAILURE_DELAYS ? (int64_t)times * FAILURE_DELAY_MS
						       : FAILURE_DELAYS * FAILURE_DELAY_MS);
}

void auth_delay_over(struct in_session *s)
{
	if (!count_failure(s))
		return;
	auth_abort(s);
	/* RFC 4954 section 6; whether the name exists is not said. */
	in_session_reply(s, 535, "5.7.8 Authentication failed: wrong user name or password");
	in_session_wake(s);
}

/* --- judgement ----------------------------------------------------------------------------- */

static const struct user *user_named(const struct in_session *s)
{
	return users_find(s->files->users, secret_reveal(&s->auth->user));
}

/* Why a login fails, for the log; NULL: it does not. */
static const char *fault_of(const struct in_session *s, const struct user *user, bool right)
{
	if (user == NULL)
		return "unknown user";
	if (!right)
		return "wrong password";
	if (!user_admits(user, &s->access.addr))
		return "not from this address";
	/* Nobody may act for somebody else (RFC 4616 section 2). */
	return s->auth->other_identity ? "for another identity" : NULL;
}

static struct login login_of(const struct in_session *s, const struct user *user)
{
	return (struct login){ user, secret_reveal(&s->auth->password), &s->access.addr };
}

static int64_t locked_ms(const struct in_session *s, int64_t now)
{
	struct lockout *lockout = s->in->lockout;
	int64_t address = lockout_address_ms(lockout, &s->access.addr, now);
	int64_t name = lockout_name_ms(lockout, secret_reveal(&s->auth->user), now);
	return address > name ? address : name;
}

static void on_checked(void *arg, bool right)
{
	struct in_session *s = arg;
	const struct user *user = user_named(s);
	const char *fault = fault_of(s, user, right);
	int64_t now = clock_mono_ms();
	int64_t left = locked_ms(s, now);
	s->check = NULL;
	if (left > 0) {
		/* By others meanwhile: many tries at once must not tell more than one by one. */
		refuse_locked(s, left);
	} else if (fault != NULL) {
		failed(s, user, fault);
		return;
	} else {
		const struct login login = login_of(s, user);
		login_cache_add(s->in->logins, &s->config->limits, &login, now);
		logged_in(s, user);
	}
	in_session_wake(s);
}

static void check_password(struct in_session *s)
{
	if (access_auth(&s->access, s->tls) == ACCESS_AUTH_ANY) {
		/* A name that nobody has checked counts for nothing. */
		logged_in(s, NULL);
		return;
	}
	int64_t now = clock_mono_ms();
	const struct user *user = user_named(s);
	const struct login login = login_of(s, user);
	bool cached = login_cache_has(s->in->logins, &s->config->limits, &login, now);
	/* Before the lock: who has it locked must not keep out the device that has always come. */
	if (fault_of(s, user, cached) == NULL) {
		logged_in(s, user);
		return;
	}
	int64_t left = locked_ms(s, now);
	if (left > 0) {
		refuse_locked(s, left);
		return;
	}
	s->check = password_verify(s->in->worker, s->files->users, secret_reveal(&s->auth->user),
				   user, secret_reveal(&s->auth->password), on_checked, s);
	if (s->check == NULL) {
		auth_abort(s);
		in_session_reply(s, 454, "4.7.0 Too many logins at once, try again later");
		return;
	}
	in_session_set_mode(s, MODE_WAIT);
}

/* --- the dialogue -------------------------------------------------------------------------- */

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

/* False after the reply: where users log in, a locked address is not asked for a password. */
static bool is_unlocked(struct in_session *s)
{
	int64_t left = lockout_address_ms(s->in->lockout, &s->access.addr, clock_mono_ms());
	if (left > 0)
		refuse_locked(s, left);
	return left == 0;
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
	case ACCESS_AUTH_USERS:
		return is_unlocked(s);
	case ACCESS_AUTH_ANY:
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
	enum auth_prompts prompts = (s->access.quirks & QUIRK_USER_NAME_PROMPT) != 0
					    ? AUTH_PROMPTS_USER_NAME
					    : AUTH_PROMPTS_USUAL;
	enum auth_result result = auth_begin(s->auth, mechanism, prompts, initial, &prompt);
	go_on(s, result, prompt);
}
