/* SPDX-License-Identifier: MIT */
/* WRAP: upstream_new upstream_free upstream_quit upstream_is_ready token_get token_cancel */
/* WRAP: delivery_start delivery_session_lost delivery_free */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "queue/session.h"

/* Connection, token and delivery are fakes; the test makes their events. */
static struct {
	token_cb *token_cb;
	void *token_arg;
	struct upstream_events up;
	char token[32];
	bool up_made, up_freed, up_ready, quit;
	delivery_cb *delivery_cb;
	void *delivery_arg;
	bool delivery_lost, delivery_freed;
	/* what the owner was told */
	int authenticated, ready, attempted, ended;
	unsigned end_code;
	bool end_by_token;
	struct session *s;
} fake;

struct upstream *__wrap_upstream_new(const struct upstream_params *params,
				     const struct upstream_events *events);
void __wrap_upstream_free(struct upstream *up);
void __wrap_upstream_quit(struct upstream *up);
bool __wrap_upstream_is_ready(const struct upstream *up);
struct token_wait *__wrap_token_get(struct token *token, token_cb *cb, void *arg);
void __wrap_token_cancel(struct token_wait *wait);
struct delivery *__wrap_delivery_start(const struct delivery_params *params, delivery_cb *cb,
				       void *arg);
void __wrap_delivery_session_lost(struct delivery *d, const struct reply *reply);
void __wrap_delivery_free(struct delivery *d);

struct upstream *__wrap_upstream_new(const struct upstream_params *params,
				     const struct upstream_events *events)
{
	fake.up = *events;
	fake.up_made = true;
	memcpy(fake.token, params->token.p, params->token.n);
	return (struct upstream *)&fake;
}

void __wrap_upstream_free(struct upstream *up)
{
	fake.up_freed = up != NULL;
}

void __wrap_upstream_quit(struct upstream *up)
{
	(void)up;
	fake.quit = true;
	fake.up_ready = false;
}

bool __wrap_upstream_is_ready(const struct upstream *up)
{
	(void)up;
	return fake.up_ready;
}

struct token_wait *__wrap_token_get(struct token *token, token_cb *cb, void *arg)
{
	(void)token;
	fake.token_cb = cb;
	fake.token_arg = arg;
	return (struct token_wait *)&fake;
}

void __wrap_token_cancel(struct token_wait *wait)
{
	(void)wait;
}

struct delivery *__wrap_delivery_start(const struct delivery_params *params, delivery_cb *cb,
				       void *arg)
{
	(void)params;
	fake.up_ready = false;
	fake.delivery_cb = cb;
	fake.delivery_arg = arg;
	return (struct delivery *)&fake;
}

void __wrap_delivery_session_lost(struct delivery *d, const struct reply *reply)
{
	(void)d;
	(void)reply;
	fake.delivery_lost = true;
}

void __wrap_delivery_free(struct delivery *d)
{
	(void)d;
	fake.delivery_freed = true;
}

static void on_authenticated(void *arg, struct session *s)
{
	(void)arg;
	(void)s;
	fake.authenticated++;
}

static void on_ready(void *arg, struct session *s)
{
	(void)arg;
	(void)s;
	fake.ready++;
}

static void on_attempted(void *arg, struct session *s, struct queued *m,
			 const struct delivery_result *result)
{
	(void)arg;
	(void)s;
	(void)m;
	(void)result;
	fake.attempted++;
}

static void on_ended(void *arg, struct session *s, enum upstream_stage stage,
		     const struct reply *reply, const struct token_failure *failure)
{
	(void)arg;
	(void)stage;
	fake.ended++;
	fake.end_by_token = failure != NULL;
	fake.end_code = reply != NULL ? reply->code : 0;
	session_free(s);
	fake.s = NULL;
}

/* --- one session --------------------------------------------------------------------------- */

static char name[] = "scanner", hostname[] = "relay.x.y";
static struct account_config account = { .name = name };
static struct config config = { .refs = 1, .hostname = hostname, .accounts = &account };

static struct event_base *start(bool with_token)
{
	struct event_base *base = event_base_new();
	const struct session_owner owner = {
		.authenticated = on_authenticated,
		.ready = on_ready,
		.attempted = on_attempted,
		.ended = on_ended,
	};
	const struct session_params params = {
		.base = base,
		.token = with_token ? (struct token *)&fake : NULL,
		.config = &config,
		.account = &account,
	};
	memset(&fake, 0, sizeof(fake));
	fake.s = session_new(&params, &owner);
	return base;
}

static void stop(struct event_base *base)
{
	session_free(fake.s);
	assert_int_equal(config.refs, 1);
	event_base_free(base);
}

static void give_token(int64_t good_for_ms)
{
	struct secret token = { 0 };
	secret_set(&token, STR("tok"));
	fake.token_cb(fake.token_arg, &token, 7, good_for_ms, NULL);
	secret_done(&token);
}

static void become_ready(void)
{
	fake.up_ready = true;
	fake.up.ready(fake.up.arg);
}

static void end_connection(unsigned code)
{
	struct reply reply = { 0 };
	reply_set(&reply, code, "x");
	fake.up_ready = false;
	fake.up.ended(fake.up.arg, STAGE_IDLE, &reply);
	reply_done(&reply);
}

static void report_delivery(void)
{
	struct delivery_result result = { 0 };
	fake.delivery_cb(fake.delivery_arg, &result);
}

static void test_token_then_connection(void **state)
{
	struct event_base *base = start(true);
	(void)state;
	assert_false(fake.up_made);
	assert_true(session_is_opening(fake.s));
	give_token(3600000);
	assert_string_equal(fake.token, "tok");
	assert_int_equal(session_token_generation(fake.s), 7);
	become_ready();
	assert_int_equal(fake.authenticated, 1);
	assert_true(session_is_ready(fake.s));
	assert_false(session_is_opening(fake.s));
	stop(base);
	assert_true(fake.up_freed);
}

static void test_no_token_no_connection(void **state)
{
	const struct token_failure failure = { .class = TOKEN_FAIL_CONFIG };
	struct event_base *base = start(true);
	(void)state;
	fake.token_cb(fake.token_arg, NULL, 0, 0, &failure);
	assert_int_equal(fake.ended, 1);
	assert_true(fake.end_by_token);
	assert_false(fake.up_made);
	stop(base);
}

static void test_one_message_after_another(void **state)
{
	struct queued m = { 0 };
	struct event_base *base = start(false);
	(void)state;
	become_ready();
	for (int i = 1; i <= 3; i++) {
		session_deliver(fake.s, &m);
		assert_true(session_is_active(fake.s));
		assert_false(session_is_ready(fake.s));
		report_delivery();
		assert_int_equal(fake.attempted, i);
		become_ready();
		assert_true(session_is_ready(fake.s));
	}
	assert_int_equal(fake.authenticated, 1);
	stop(base);
}

/* microsoft365.md section 2: no session may outlive its token. */
static void test_not_used_again_near_the_tokens_end(void **state)
{
	struct queued m = { 0 };
	struct event_base *base = start(true);
	(void)state;
	give_token(5 * 60000);
	become_ready();
	assert_false(fake.quit); /* the first message goes all the same */
	session_deliver(fake.s, &m);
	report_delivery();
	become_ready();
	assert_true(fake.quit);
	assert_false(session_is_ready(fake.s));
	stop(base);
}

/* READY comes while the report waits for the disk: it is told afterwards, once. */
static void test_ready_before_the_report(void **state)
{
	struct queued m = { 0 };
	struct event_base *base = start(false);
	(void)state;
	become_ready();
	session_deliver(fake.s, &m);
	become_ready();
	assert_int_equal(fake.ready, 1);
	report_delivery();
	assert_int_equal(fake.ready, 2);
	stop(base);
}

/* The connection ends while the report waits for the disk: no message may be lost with it. */
static void test_end_before_the_report(void **state)
{
	struct queued m = { 0 };
	struct event_base *base = start(false);
	(void)state;
	become_ready();
	session_deliver(fake.s, &m);
	end_connection(REPLY_LOCAL_LOST);
	assert_true(fake.delivery_lost);
	assert_int_equal(fake.ended, 0);
	report_delivery();
	assert_int_equal(fake.attempted, 1);
	assert_int_equal(fake.ended, 1);
	assert_int_equal(fake.end_code, REPLY_LOCAL_LOST);
	assert_false(fake.delivery_freed);
	stop(base);
}

static void test_retired_in_transaction_quits_after_it(void **state)
{
	struct queued m = { 0 };
	struct event_base *base = start(false);
	(void)state;
	become_ready();
	session_deliver(fake.s, &m);
	session_retire(fake.s);
	assert_false(fake.quit);
	report_delivery();
	become_ready();
	assert_true(fake.quit);
	stop(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token_then_connection),
		cmocka_unit_test(test_no_token_no_connection),
		cmocka_unit_test(test_one_message_after_another),
		cmocka_unit_test(test_not_used_again_near_the_tokens_end),
		cmocka_unit_test(test_ready_before_the_report),
		cmocka_unit_test(test_end_before_the_report),
		cmocka_unit_test(test_retired_in_transaction_quits_after_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
