/* SPDX-License-Identifier: MIT */
/* WRAP: session_new session_free session_is_ready session_is_opening session_is_active */
/* WRAP: session_deliver session_retire session_token_generation session_is_barren */
/* WRAP: token_new token_free token_reconfigure token_reject token_probe token_state_of */
/* WRAP: token_good_for_ms */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "queue/account.h"
#include "queue/session.h"

/* Sessions and the token are fakes: the test says when they are ready, and how they end. */
struct session {
	struct session_owner owner;
	struct queued *message;
	bool ready, retired, barren;
	uint32_t generation;
};

static struct {
	struct session *sessions[16];
	size_t count; /* ever made */
	size_t alive;
	struct token_events token_events;
	uint32_t rejected;
	int rejects, probes;
	bool no_new_token;
	bool token_freed;
} fake;

struct session *__wrap_session_new(const struct session_params *params,
				   const struct session_owner *owner);
void __wrap_session_free(struct session *s);
bool __wrap_session_is_ready(const struct session *s);
bool __wrap_session_is_opening(const struct session *s);
bool __wrap_session_is_active(const struct session *s);
bool __wrap_session_is_barren(const struct session *s);
void __wrap_session_deliver(struct session *s, struct queued *m);
void __wrap_session_retire(struct session *s);
uint32_t __wrap_session_token_generation(const struct session *s);
struct token *__wrap_token_new(const struct token_env *env, struct config *config,
			       const struct account_config *account,
			       const struct token_events *events);
void __wrap_token_free(struct token *token);
void __wrap_token_reconfigure(struct token *token, struct config *config,
			      const struct account_config *account);
bool __wrap_token_reject(struct token *token, uint32_t generation);
void __wrap_token_probe(struct token *token);
enum token_state __wrap_token_state_of(const struct token *token);
int64_t __wrap_token_good_for_ms(const struct token *token);

struct session *__wrap_session_new(const struct session_params *params,
				   const struct session_owner *owner)
{
	struct session *s = mem_zalloc(sizeof(*s));
	(void)params;
	assert_true(fake.count < 16);
	s->owner = *owner;
	s->generation = 1;
	fake.sessions[fake.count++] = s;
	fake.alive++;
	return s;
}

void __wrap_session_free(struct session *s)
{
	for (size_t i = 0; i < fake.count; i++)
		if (fake.sessions[i] == s)
			fake.sessions[i] = NULL;
	fake.alive--;
	free(s);
}

bool __wrap_session_is_ready(const struct session *s)
{
	return s->ready && s->message == NULL && !s->retired;
}

bool __wrap_session_is_opening(const struct session *s)
{
	return !s->ready;
}

bool __wrap_session_is_active(const struct session *s)
{
	return s->message != NULL;
}

bool __wrap_session_is_barren(const struct session *s)
{
	return s->barren;
}

void __wrap_session_deliver(struct session *s, struct queued *m)
{
	assert_null(s->message);
	s->message = m;
}

void __wrap_session_retire(struct session *s)
{
	s->retired = true;
}

uint32_t __wrap_session_token_generation(const struct session *s)
{
	return s->generation;
}

struct token *__wrap_token_new(const struct token_env *env, struct config *config,
			       const struct account_config *account,
			       const struct token_events *events)
{
	(void)env;
	(void)config;
	(void)account;
	fake.token_events = *events;
	return (struct token *)&fake;
}

void __wrap_token_free(struct token *token)
{
	fake.token_freed = token != NULL;
}

void __wrap_token_reconfigure(struct token *token, struct config *config,
			      const struct account_config *account)
{
	(void)config;
	(void)token;
	(void)account;
}

bool __wrap_token_reject(struct token *token, uint32_t generation)
{
	(void)token;
	fake.rejected = generation;
	fake.rejects++;
	return !fake.no_new_token;
}

void __wrap_token_probe(struct token *token)
{
	(void)token;
	fake.probes++;
}

enum token_state __wrap_token_state_of(const struct token *token)
{
	(void)token;
	return TOKEN_VALID;
}

int64_t __wrap_token_good_for_ms(const struct token *token)
{
	(void)token;
	return 1;
}

/* --- an account with messages -------------------------------------------------------------- */

enum {
	MESSAGES = 8
};

static char name[] = "scanner", mailbox[] = "m@x.y", empty[] = "";

struct fixture {
	struct event_base *base;
	struct account_config ac;
	struct config config;
	struct account *account;
	struct queued messages[MESSAGES];
	struct queued *attempted;
};

static struct queued *take(void *arg, struct account *account)
{
	struct queued *m = account_list_first(account);
	(void)arg;
	account_list_remove(account, m);
	return m;
}

/* What the queue does with it: the account hears of what concerns it. */
static void attempted(void *arg, struct account *account, struct queued *m,
		      const struct delivery_result *result)
{
	struct fixture *f = arg;
	const struct reply_rule *rule = reply_rule_for(result->stage, &result->reply);
	f->attempted = m;
	if (rule->scope == SCOPE_ACCOUNT && rule->verdict != VERDICT_DELIVERED)
		account_apply(account, rule, &result->reply);
}

static void turn(struct fixture *f)
{
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static struct fixture *make(size_t messages, uint64_t connections, uint64_t per_minute)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	memset(&fake, 0, sizeof(fake));
	f->base = event_base_new();
	f->ac = (struct account_config){
		.name = name,
		.mailbox = mailbox,
		.tenant = empty,
		.client_id = empty,
		.host = empty,
		.auth = UPSTREAM_AUTH_XOAUTH2,
		.limits = { .connections = connections, .per_minute = per_minute },
	};
	f->config = (struct config){ .refs = 1, .accounts = &f->ac, .account_count = 1 };
	const struct account_env env = {
		.base = f->base, .take = take, .attempted = attempted, .arg = f
	};
	f->account = account_new(&env, name);
	account_configure(f->account, &f->config, &f->ac, NULL);
	for (size_t i = 0; i < messages; i++)
		account_list_add(f->account, &f->messages[i], false);
	account_wake(f->account);
	turn(f);
	return f;
}

static void destroy(struct fixture *f)
{
	account_free(f->account);
	assert_int_equal(fake.alive, 0);
	assert_int_equal(f->config.refs, 1);
	event_base_free(f->base);
	free(f);
}

static struct account_status status(const struct fixture *f)
{
	struct account_status s;
	account_status(f->account, &s);
	return s;
}

static void log_in(struct fixture *f, size_t i)
{
	struct session *s = fake.sessions[i];
	s->ready = true;
	s->owner.authenticated(s->owner.arg, s);
	s->owner.ready(s->owner.arg, s);
	turn(f);
}

static void end(struct fixture *f, size_t i, enum upstream_stage stage, unsigned code,
		const char *text)
{
	struct session *s = fake.sessions[i];
	struct reply reply = { 0 };
	reply_set(&reply, code, text);
	if (code == 535) {
		const unsigned enhanced[3] = { 5, 7, 3 };
		memcpy(reply.enhanced, enhanced, sizeof(enhanced));
	}
	s->owner.ended(s->owner.arg, s, stage, &reply, NULL);
	reply_done(&reply);
	turn(f);
}

/* The message goes back into the list unless it was taken. */
static void answered(struct fixture *f, size_t i, enum upstream_stage stage, unsigned code,
		     const char *text)
{
	struct session *s = fake.sessions[i];
	struct delivery_result result = { .stage = stage };
	struct queued *m = s->message;
	reply_set(&result.reply, code, text);
	s->message = NULL;
	s->owner.attempted(s->owner.arg, s, m, &result);
	if (code != 250)
		account_list_add(f->account, m, true);
	s->owner.ready(s->owner.arg, s);
	reply_done(&result.reply);
	turn(f);
}

static void delivered(struct fixture *f, size_t i)
{
	answered(f, i, STAGE_DATA, 250, "OK");
}

static void test_sessions_by_work_and_limit(void **state)
{
	struct fixture *f = make(1, 3, 1000);
	(void)state;
	assert_int_equal(fake.count, 1); /* one message needs one session */
	for (size_t i = 1; i < MESSAGES; i++)
		account_list_add(f->account, &f->messages[i], false);
	account_wake(f->account);
	turn(f);
	assert_int_equal(fake.count, 1); /* as long as no login has worked, one tries */
	log_in(f, 0);
	assert_int_equal(fake.count, 3);
	assert_ptr_equal(fake.sessions[0]->message, &f->messages[0]);
	log_in(f, 1);
	assert_ptr_equal(fake.sessions[1]->message, &f->messages[1]);
	delivered(f, 0); /* the same session goes on */
	assert_ptr_equal(f->attempted, &f->messages[0]);
	assert_ptr_equal(fake.sessions[0]->message, &f->messages[2]);
	assert_int_equal(fake.count, 3);
	destroy(f);
}

static void test_rate(void **state)
{
	struct fixture *f = make(3, 1, 2);
	(void)state;
	log_in(f, 0);
	delivered(f, 0);
	delivered(f, 0);
	assert_null(fake.sessions[0]->message); /* the third must wait for the window */
	assert_int_equal(status(f).waiting, 1);
	destroy(f);
}

static void test_hold_and_resume(void **state)
{
	struct fixture *f = make(2, 2, 1000);
	(void)state;
	end(f, 0, STAGE_AUTH, 535,
	    "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.");
	assert_int_equal(status(f).state, ACCOUNT_HELD);
	assert_non_null(strstr(status(f).remedy, "Set-CASMailbox m@x.y"));
	assert_int_equal(status(f).waiting, 2);
	assert_in_range(status(f).next_try_ms, 4 * 60000, 5 * 60000);
	size_t before = fake.count;
	account_wake(f->account);
	turn(f);
	assert_int_equal(fake.count, before); /* held: nobody logs in */
	account_retry(f->account);
	turn(f);
	assert_int_equal(status(f).state, ACCOUNT_PROBING);
	assert_int_equal(fake.count, before + 1); /* one, not as many as there is mail */
	log_in(f, before);
	assert_int_equal(status(f).state, ACCOUNT_OPEN);
	assert_true(account_since_ms(f->account) > 0);
	assert_ptr_equal(fake.sessions[before]->message, &f->messages[0]);
	destroy(f);
}

static void test_failed_probe_waits_longer(void **state)
{
	struct fixture *f = make(1, 1, 1000);
	(void)state;
	end(f, 0, STAGE_AUTH, 504, "Unrecognized authentication type");
	assert_int_equal(status(f).state, ACCOUNT_HELD);
	account_retry(f->account);
	turn(f);
	end(f, 1, STAGE_CONNECT, REPLY_LOCAL_CONNECT, "refused");
	assert_int_equal(status(f).state, ACCOUNT_HELD);
	assert_in_range(status(f).next_try_ms, 14 * 60000, 15 * 60000);
	destroy(f);
}

static void test_locked_account_is_left_alone_longer(void **state)
{
	struct fixture *f = make(1, 1, 1000);
	(void)state;
	end(f, 0, STAGE_AUTH, 535, "Authentication unsuccessful, account locked.");
	assert_in_range(status(f).next_try_ms, 29 * 60000, 30 * 60000);
	destroy(f);
}

/* One new token after a 535, not one a session; a second refusal with the new one is a hold. */
static void test_refused_token(void **state)
{
	struct fixture *f = make(2, 2, 1000);
	(void)state;
	end(f, 0, STAGE_AUTH, 535, "Authentication unsuccessful");
	assert_int_equal(fake.rejects, 1);
	assert_int_equal(status(f).state, ACCOUNT_OPEN);
	assert_int_equal(fake.alive, 1);
	fake.sessions[1]->generation = 2;
	end(f, 1, STAGE_AUTH, 535, "Authentication unsuccessful");
	assert_int_equal(fake.rejects, 2);
	assert_int_equal(status(f).state, ACCOUNT_HELD);
	assert_non_null(strstr(status(f).remedy, "m@x.y"));
	assert_int_equal(fake.count, 2); /* two logins in all, whatever waits */
	destroy(f);
}

/* A session that logs in later with a token known to be refused says nothing new. */
static void test_old_token_refused_again(void **state)
{
	struct fixture *f = make(3, 3, 1000);
	(void)state;
	log_in(f, 0);
	assert_int_equal(fake.alive, 3);
	end(f, 1, STAGE_AUTH, 535, "Authentication unsuccessful");
	end(f, 2, STAGE_AUTH, 535, "Authentication unsuccessful");
	assert_int_equal(fake.rejects, 1);
	assert_int_equal(status(f).state, ACCOUNT_OPEN);
	destroy(f);
}

/* A person has asked for another try, soon after: the reason stays the server's. */
static void test_refused_again_after_a_retry(void **state)
{
	struct fixture *f = make(1, 1, 1000);
	(void)state;
	fake.no_new_token = true;
	end(f, 0, STAGE_AUTH, 535, "Authentication unsuccessful");
	assert_int_equal(status(f).state, ACCOUNT_HELD);
	assert_non_null(strstr(status(f).reason, "Authentication unsuccessful"));
	assert_non_null(strstr(status(f).remedy, "m@x.y"));
	assert_int_equal(fake.count, 1);
	destroy(f);
}

/* Many sessions that logged in at once hear 535 in any order: one new token, one new login. */
static void test_storm_of_refusals(void **state)
{
	struct fixture *f = make(8, 8, 1000);
	(void)state;
	log_in(f, 0);
	assert_int_equal(fake.alive, 8);
	for (size_t i = 7; i > 0; i--)
		end(f, i, STAGE_AUTH, 535, "Authentication unsuccessful");
	assert_int_equal(fake.rejects, 1);
	assert_int_equal(fake.rejected, 1);
	assert_int_equal(fake.count, 9);
	/* The new one works: those that come late with the old one say nothing against it. */
	fake.sessions[8]->generation = 2;
	log_in(f, 8);
	size_t before = fake.count;
	for (size_t i = 9; i < before; i++)
		if (fake.sessions[i] != NULL)
			end(f, i, STAGE_AUTH, 535, "Authentication unsuccessful");
	assert_int_equal(fake.rejects, 1);
	assert_int_equal(status(f).state, ACCOUNT_OPEN);
	destroy(f);
}

/* Login works, but MAIL is refused as if there had been none: no third token. */
static void test_token_refused_in_transactions(void **state)
{
	struct fixture *f = make(1, 1, 1000);
	(void)state;
	log_in(f, 0);
	answered(f, 0, STAGE_MAIL, 535, "user credentials were incorrect");
	assert_int_equal(fake.rejects, 1);
	assert_int_equal(status(f).state, ACCOUNT_OPEN);
	end(f, 0, STAGE_IDLE, 221, "bye");
	fake.sessions[1]->generation = 2;
	log_in(f, 1);
	answered(f, 1, STAGE_MAIL, 535, "user credentials were incorrect");
	assert_int_equal(status(f).state, ACCOUNT_HELD);
	assert_in_range(status(f).next_try_ms, 4 * 60000, 5 * 60000);
	end(f, 1, STAGE_IDLE, 221, "bye");
	/* The probe's login works again; only what comes of the message counts. */
	account_retry(f->account);
	turn(f);
	fake.sessions[2]->generation = 3;
	log_in(f, 2);
	answered(f, 2, STAGE_MAIL, 535, "user credentials were incorrect");
	assert_int_equal(status(f).state, ACCOUNT_HELD);
	assert_in_range(status(f).next_try_ms, 14 * 60000, 15 * 60000);
	destroy(f);
}

/* A server that lets us in and hangs up, again and again, is not called without end. */
static void test_barren_sessions_wait_longer(void **state)
{
	struct fixture *f = make(1, 1, 1000);
	int64_t expected = 1000;
	(void)state;
	for (size_t i = 0; i < 4; i++, expected *= 2) {
		struct session *s = fake.sessions[i];
		s->ready = s->barren = true;
		s->owner.authenticated(s->owner.arg, s);
		end(f, i, STAGE_IDLE, 421, "Service not available");
		assert_int_equal(status(f).state, ACCOUNT_WAITING);
		assert_in_range(status(f).next_try_ms, expected / 2, expected * 13 / 10);
		account_retry(f->account); /* as the timer does */
		turn(f);
	}
	log_in(f, 4);
	delivered(f, 4);
	account_list_add(f->account, &f->messages[1], false);
	end(f, 4, STAGE_IDLE, 421, "Idle too long"); /* it was of use */
	assert_int_equal(status(f).state, ACCOUNT_OPEN);
	assert_int_equal(fake.alive, 1);
	destroy(f);
}

/* What a session on its way under the old configuration meets is not the new one's fault. */
static void test_reload_ends_what_is_on_its_way(void **state)
{
	struct fixture *f = make(2, 2, 1000);
	(void)state;
	log_in(f, 0);
	account_configure(f->account, &f->config, &f->ac, NULL);
	assert_non_null(fake.sessions[0]);
	assert_true(fake.sessions[0]->retired);
	assert_null(fake.sessions[1]);
	turn(f);
	assert_int_equal(fake.count, 3); /* in its place */
	destroy(f);
}

static void test_no_connection_waits(void **state)
{
	struct fixture *f = make(2, 2, 1000);
	(void)state;
	end(f, 0, STAGE_CONNECT, REPLY_LOCAL_CONNECT, "refused");
	assert_int_equal(status(f).state, ACCOUNT_WAITING);
	assert_int_equal(status(f).waiting, 2);
	assert_in_range(status(f).next_try_ms, 1, 1300);
	destroy(f);
}

static void test_token_failure_holds_until_one_is_fetched(void **state)
{
	struct fixture *f = make(1, 1, 1000);
	struct token_failure failure = { .class = TOKEN_FAIL_CONFIG, .retry_in_ms = 300000 };
	struct session *s = fake.sessions[0];
	(void)state;
	err_set(&failure.text, "AADSTS7000215: Invalid client secret provided.");
	err_set(&failure.remedy, "copy the Value");
	s->owner.ended(s->owner.arg, s, STAGE_AUTH, NULL, &failure);
	turn(f);
	assert_int_equal(status(f).state, ACCOUNT_HELD);
	assert_non_null(strstr(status(f).reason, "AADSTS7000215"));
	assert_in_range(status(f).next_try_ms, 299000, 300000);
	account_retry(f->account);
	assert_int_equal(fake.probes, 1);
	fake.token_events.fetched(fake.token_events.arg, 3600000, 5, "client secret");
	turn(f);
	assert_int_equal(status(f).state, ACCOUNT_OPEN);
	assert_int_equal(fake.alive, 1);
	destroy(f);
}

static void test_stop(void **state)
{
	struct fixture *f = make(1, 1, 1000);
	(void)state;
	log_in(f, 0);
	account_stop(f->account);
	assert_true(fake.sessions[0]->retired);
	assert_true(fake.token_freed); /* nobody renews it any more */
	delivered(f, 0);
	account_list_add(f->account, &f->messages[1], false);
	account_wake(f->account);
	turn(f);
	assert_null(fake.sessions[0]->message);
	destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions_by_work_and_limit),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_hold_and_resume),
		cmocka_unit_test(test_failed_probe_waits_longer),
		cmocka_unit_test(test_locked_account_is_left_alone_longer),
		cmocka_unit_test(test_refused_token),
		cmocka_unit_test(test_old_token_refused_again),
		cmocka_unit_test(test_refused_again_after_a_retry),
		cmocka_unit_test(test_storm_of_refusals),
		cmocka_unit_test(test_token_refused_in_transactions),
		cmocka_unit_test(test_barren_sessions_wait_longer),
		cmocka_unit_test(test_reload_ends_what_is_on_its_way),
		cmocka_unit_test(test_no_connection_waits),
		cmocka_unit_test(test_token_failure_holds_until_one_is_fetched),
		cmocka_unit_test(test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
