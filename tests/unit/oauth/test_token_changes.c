/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms clock_wall_ms arc4random_uniform */
/* WRAP: timer_start timer_stop event_free */
#include "tests/unit/oauth/token_world.h"

/* threats.md TOK-12 */
static void test_rejected_token(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	pass(f, 5000);
	assert_true(token_reject(f->token, 0));
	assert_true(token_reject(f->token, 2));
	expect_token(f, "one");
	assert_true(token_reject(f->token, 1));
	expect_state(f, TOKEN_EMPTY);
	assert_true(token_reject(f->token, 1));
	assert_int_equal(net.started, 1); /* only when somebody wants one */
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	assert_int_equal(net.started, 2);
	token_reject(f->token, 1); /* another session, later, about the old one */
	grant(f, "two", 3600);
	token_reject(f->token, 1);
	assert_string_equal(waiter.token, "two");
	assert_int_equal(waiter.generation, 2);
	expect_token(f, "two");
	/* The new one as well: not more than one such request in 60 s. */
	pass(f, 20000);
	assert_false(token_reject(f->token, 2));
	expect_state(f, TOKEN_BACKOFF);
	expect_failure(f, "token-rejected", 40000);
	assert_int_equal(ask(f).failure.class, TOKEN_FAIL_TRANSIENT);
	pass(f, 39999);
	assert_int_equal(net.started, 2);
	pass(f, 1);
	assert_int_equal(net.started, 3);
	grant(f, "three", 3600);
	pass(f, 1000);
	token_reject(f->token, 3);
	expect_failure(f, "token-rejected", 59000);
	assert_int_equal(f->failed, 0);
	/* After a while of peace a refusal is again a matter of one request. */
	pass(f, 59000);
	grant(f, "four", 3600);
	pass(f, 60000);
	token_reject(f->token, 4);
	expect_state(f, TOKEN_EMPTY);
	token_probe(f->token);
	grant(f, "five", 3600);
}

/* A token that the server has taken in between makes the next refusal a new matter. */
static void test_rejected_after_it_has_worked(void **state)
{
	struct fixture *f = *state;
	struct token_status status;
	begin_valid(f);
	assert_true(token_reject(f->token, 1));
	token_probe(f->token);
	grant(f, "two", 3600);
	token_worked(f->token, 1); /* an old session says nothing of the new one */
	assert_false(token_reject(f->token, 2));
	token_status(f->token, &status);
	assert_non_null(strstr(status.last->remedy.text, "scanner@contoso.com"));
	pass(f, 60000);
	grant(f, "three", 3600);
	token_worked(f->token, 3);
	assert_true(token_reject(f->token, 3));
	expect_state(f, TOKEN_EMPTY);
	assert_int_equal(token_generation(f->token), 3);
}

/* Sessions of a token that is no more still name its generations. */
static void test_generations_go_on(void **state)
{
	struct fixture *f = *state;
	const struct token_env env = { .base = f->base, .generation = 7 };
	token_free(f->token);
	const struct token_events events = { .fetched = on_fetched, .arg = f };
	f->token = token_new(&env, NULL, &f->account, &events);
	token_probe(f->token);
	grant(f, "eight", 3600);
	assert_int_equal(token_generation(f->token), 8);
}

static void test_rejected_during_renewal(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	pass(f, 3000000);
	token_reject(f->token, 1);
	expect_state(f, TOKEN_FETCHING);
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	assert_int_equal(net.started, 2);
	grant(f, "two", 3600);
	assert_string_equal(waiter.token, "two");
}

static void test_rejected_before_a_waiter_got_it(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	begin_valid(f);
	token_get(f->token, on_token, &waiter);
	token_reject(f->token, 1);
	turn(f);
	assert_int_equal(waiter.times, 0);
	assert_int_equal(net.started, 2);
	grant(f, "two", 3600);
	assert_string_equal(waiter.token, "two");
}

/* ---- configuration ---- */

static void test_new_secret_ends_a_hold(void **state)
{
	struct fixture *f = *state;
	token_probe(f->token);
	refuse(f, 401, wrong_secret, -1);
	account_secret_set(&f->other, STR("better"));
	token_reconfigure(f->token, NULL, &f->other);
	expect_state(f, TOKEN_FETCHING);
	assert_non_null(strstr(net.body, "client_secret=better"));
	grant(f, "one", 3600);
	expect_token(f, "one");
}

static void test_reload_ends_a_hold(void **state)
{
	struct fixture *f = *state;
	token_probe(f->token);
	refuse(f, 401, wrong_secret, -1);
	token_reconfigure(f->token, NULL, &f->other); /* the same, but who knows what was mended */
	expect_state(f, TOKEN_FETCHING);
	assert_int_equal(net.started, 2);
	refuse(f, 401, wrong_secret, -1);
	assert_int_equal(f->failure.retry_in_ms, 5 * 60000);
	/* Also while a probe is under way. */
	pass(f, 300000);
	assert_int_equal(net.started, 3);
	token_reconfigure(f->token, NULL, &f->account);
	expect_state(f, TOKEN_FETCHING);
	assert_int_equal(net.started, 3);
	grant(f, "one", 3600);
	expect_token(f, "one");
}

static void test_new_credentials_drop_the_token(void **state)
{
	struct fixture *f = *state;
	static char id[] = "2222", other_id[] = "3333";
	begin_valid(f);
	token_reconfigure(f->token, NULL, &f->other);
	expect_token(f, "one"); /* nothing has changed */
	assert_int_equal(net.started, 1);
	f->account.client_id = id;
	token_reconfigure(f->token, NULL, &f->account);
	expect_state(f, TOKEN_FETCHING);
	assert_non_null(strstr(net.body, "client_id=2222"));
	/* And once more, with the request and a waiter under way. */
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	f->other.client_id = other_id;
	token_reconfigure(f->token, NULL, &f->other);
	assert_int_equal(net.cancelled, 1);
	assert_non_null(strstr(net.body, "client_id=3333"));
	turn(f);
	assert_int_equal(waiter.times, 0);
	grant(f, "two", 3600);
	assert_string_equal(waiter.token, "two");
}

/* Somebody mistypes the client id, and mends it: what was good before still is. */
static void test_back_to_the_old_configuration(void **state)
{
	struct fixture *f = *state;
	static char id[] = "2222";
	struct waiter waiter = { 0 };
	begin_valid(f);
	f->other.client_id = id;
	token_reconfigure(f->token, NULL, &f->other);
	refuse(f, 401, "{\"error\":\"unauthorized_client\",\"error_codes\":[700016]}", -1);
	expect_state(f, TOKEN_HELD);
	pass(f, 60000);
	token_get(f->token, on_token, &waiter);
	token_reconfigure(f->token, NULL, &f->account);
	turn(f);
	expect_state(f, TOKEN_VALID);
	expect_token(f, "one");
	assert_int_equal(ask(f).good_for_ms, 3600000 - 30000 - 60000);
	assert_int_equal(net.started, 2);
}

/* The application is the same: its token goes on being used while the secret is tried. */
static void test_another_secret_keeps_the_token(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	account_secret_set(&f->other, STR("wrong"));
	token_reconfigure(f->token, NULL, &f->other);
	expect_state(f, TOKEN_VALID);
	assert_int_equal(net.started, 2);
	assert_non_null(strstr(net.body, "client_secret=wrong"));
	refuse(f, 401, wrong_secret, -1);
	assert_int_equal(f->failed, 1); /* said at once */
	expect_token(f, "one");
}

static void test_reload_before_any_use(void **state)
{
	struct fixture *f = *state;
	static char id[] = "2222";
	f->other.client_id = id;
	token_reconfigure(f->token, NULL, &f->other);
	turn(f);
	expect_state(f, TOKEN_EMPTY);
	assert_int_equal(net.started, 0);
}

static void test_reload_retries_a_failing_renewal(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	pass(f, 3000000);
	refuse(f, 401, wrong_secret, -1);
	token_reconfigure(f->token, NULL, &f->other);
	assert_int_equal(net.started, 3);
	expect_state(f, TOKEN_VALID);
	grant(f, "two", 3600);
	expect_token(f, "two");
}

/* The reload comes between a failure and the waiter's hearing of it: the old failure is history. */
static void test_reload_before_a_waiter_heard(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	struct http_reply reply = { .failure = HTTP_FAIL_CONNECT,
				    .retry_after_ms = -1,
				    .date_ms = -1 };
	token_get(f->token, on_token, &waiter);
	net.open = false;
	net.cb(net.arg, &reply);
	token_reconfigure(f->token, NULL, &f->other);
	turn(f);
	assert_int_equal(waiter.times, 0);
	grant(f, "one", 3600);
	assert_string_equal(waiter.token, "one");
}

/* ---- odds and ends ---- */

/* The machine slept: no timer has fired, but the clock went on. */
static void test_sleep(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	begin_valid(f);
	now_ms += 3 * 3600000;
	assert_int_equal(token_good_for_ms(f->token), 0);
	token_get(f->token, on_token, &waiter);
	turn(f);
	assert_int_equal(waiter.times, 0);
	expect_state(f, TOKEN_FETCHING);
	grant(f, "two", 3600);
	assert_string_equal(waiter.token, "two");
}

static void test_short_lives(void **state)
{
	struct fixture *f = *state;
	token_probe(f->token);
	grant(f, "one", 60);
	pass(f, 29999);
	assert_int_equal(net.started, 1);
	pass(f, 1);
	assert_int_equal(net.started, 2);
	pass(f, 23999);
	expect_token(f, "one");
	pass(f, 1);
	expect_state(f, TOKEN_FETCHING);
	grant(f, "two", 1); /* taken for a minute */
	assert_int_equal(f->expires_in_ms, 60000);
}

static void test_cancelled_waiters(void **state)
{
	struct fixture *f = *state;
	struct waiter gone = { 0 }, stays = { 0 };
	struct token_wait *wait = token_get(f->token, on_token, &gone);
	token_get(f->token, on_token, &stays);
	token_cancel(wait);
	token_cancel(NULL);
	grant(f, "one", 3600);
	assert_int_equal(stays.times, 1);
	wait = token_get(f->token, on_token, &gone);
	token_cancel(wait);
	turn(f);
	assert_int_equal(gone.times, 0);
}

static void test_freed_with_waiters(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	token_get(f->token, on_token, &waiter);
	token_free(f->token);
	f->token = NULL;
	assert_int_equal(net.cancelled, 1);
	turn(f);
	assert_int_equal(waiter.times, 0);
	token_free(NULL);
}

static void test_freed_by_the_observer(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	f->free_in_event = true;
	token_get(f->token, on_token, &waiter);
	refuse(f, 401, wrong_secret, -1);
	assert_null(f->token);
	assert_int_equal(waiter.times, 0);
}

static void free_token(void *arg, const struct secret *token, uint32_t generation,
		       int64_t good_for_ms, const struct token_failure *failure)
{
	struct fixture *f = arg;
	(void)generation;
	(void)good_for_ms;
	assert_null(failure);
	token_free(f->token);
	f->token = NULL;
	assert_true(str_eq(secret_reveal(token), STR("one"))); /* valid during the call */
}

static void test_freed_by_a_waiter(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	token_get(f->token, free_token, f);
	token_get(f->token, on_token, &waiter);
	grant(f, "one", 3600);
	assert_null(f->token);
	assert_int_equal(waiter.times, 0);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_rejected_token),
		WITH_FIXTURE(test_rejected_after_it_has_worked),
		WITH_FIXTURE(test_generations_go_on),
		WITH_FIXTURE(test_rejected_during_renewal),
		WITH_FIXTURE(test_rejected_before_a_waiter_got_it),
		WITH_FIXTURE(test_new_secret_ends_a_hold),
		WITH_FIXTURE(test_reload_ends_a_hold),
		WITH_FIXTURE(test_new_credentials_drop_the_token),
		WITH_FIXTURE(test_back_to_the_old_configuration),
		WITH_FIXTURE(test_another_secret_keeps_the_token),
		WITH_FIXTURE(test_reload_before_any_use),
		WITH_FIXTURE(test_reload_retries_a_failing_renewal),
		WITH_FIXTURE(test_reload_before_a_waiter_heard),
		WITH_FIXTURE(test_sleep),
		WITH_FIXTURE(test_short_lives),
		WITH_FIXTURE(test_cancelled_waiters),
		WITH_FIXTURE(test_freed_with_waiters),
		WITH_FIXTURE(test_freed_by_the_observer),
		WITH_FIXTURE(test_freed_by_a_waiter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
