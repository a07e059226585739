/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms clock_wall_ms arc4random_uniform */
/* WRAP: timer_start timer_stop event_free */
#include "tests/unit/oauth/token_world.h"

static void test_first_token(void **state)
{
	struct fixture *f = *state;
	expect_state(f, TOKEN_EMPTY);
	pass(f, 86400000);
	assert_int_equal(net.started, 0); /* nobody asked */
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	assert_int_equal(net.started, 1);
	expect_state(f, TOKEN_FETCHING);
	assert_string_equal(net.url, "https://login.test/contoso.com/oauth2/v2.0/token");
	assert_string_equal(net.body, "grant_type=client_credentials&client_id=1111"
				      "&scope=https%3A%2F%2Fx%2F.default&client_secret=s3cret");
	assert_string_equal(net.ca_file, "/ca.pem");
	assert_int_equal(net.timeout_ms, 30000);
	assert_int_equal(net.reply_max, 65536);
	pass(f, 2000);
	assert_int_equal(waiter.times, 0);
	grant(f, "one", 3600);
	assert_int_equal(waiter.times, 1);
	assert_string_equal(waiter.token, "one");
	assert_int_equal(waiter.generation, 1);
	/* Its life began with the request. */
	assert_int_equal(waiter.good_for_ms, 3600000 - 30000 - 2000);
	assert_int_equal(f->fetched, 1);
	assert_int_equal(f->expires_in_ms, 3600000);
	assert_int_equal(f->failed, 0);
	expect_state(f, TOKEN_VALID);
	expect_token(f, "one");
	assert_int_equal(net.started, 1);
}

/* threats.md TOK-09 */
static void test_one_request_for_all(void **state)
{
	struct fixture *f = *state;
	static struct waiter waiters[1000];
	memset(waiters, 0, sizeof(waiters));
	for (size_t i = 0; i < ARRAY_LEN(waiters); i++)
		token_get(f->token, on_token, &waiters[i]);
	turn(f);
	token_probe(f->token);
	assert_int_equal(net.started, 1);
	grant(f, "one", 3600);
	for (size_t i = 0; i < ARRAY_LEN(waiters); i++) {
		assert_int_equal(waiters[i].times, 1);
		assert_string_equal(waiters[i].token, "one");
	}
}

static void test_renewal(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	pass(f, 2999999);
	assert_int_equal(net.started, 1);
	pass(f, 1);
	assert_int_equal(net.started, 2);
	expect_state(f, TOKEN_VALID);
	expect_token(f, "one"); /* the old one meanwhile */
	pass(f, 10000);
	grant(f, "two", 3600);
	expect_token(f, "two");
	assert_int_equal(ask(f).generation, 2);
	assert_int_equal(f->fetched, 2);
	/* And so on, by the new one's request. */
	pass(f, 3000000 - 10000 - 1);
	assert_int_equal(net.started, 2);
	pass(f, 1);
	assert_int_equal(net.started, 3);
	grant(f, "three", 3600);
}

static void test_renewal_outlived(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	pass(f, 3000000);
	/* The request hangs until the token has ended. */
	pass(f, 569999);
	expect_state(f, TOKEN_VALID);
	pass(f, 1);
	expect_state(f, TOKEN_FETCHING);
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	turn(f);
	assert_int_equal(waiter.times, 0);
	grant(f, "two", 3600);
	assert_string_equal(waiter.token, "two");
	assert_int_equal(net.started, 2);
}

static void test_renewal_fails_for_a_while(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	pass(f, 3000000);
	refuse_network(f);
	assert_int_equal(f->failed, 1);
	assert_string_equal(f->failure.code, "connect");
	assert_int_equal(f->failure.retry_in_ms, 1000);
	expect_state(f, TOKEN_VALID);
	expect_token(f, "one");
	for (int64_t wait_ms = 1000; wait_ms <= 16000; wait_ms *= 2) {
		int started = net.started;
		pass(f, wait_ms - 1);
		assert_int_equal(net.started, started);
		pass(f, 1);
		assert_int_equal(net.started, started + 1);
		refuse_network(f);
		expect_token(f, "one");
	}
	pass(f, 32000);
	grant(f, "two", 3600);
	expect_token(f, "two");
	/* The row of failures is over. */
	pass(f, 3000000);
	refuse_network(f);
	assert_int_equal(f->failure.retry_in_ms, 1000);
}

static void test_token_ends_while_the_endpoint_is_away(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	pass(f, 3000000);
	while (token_state_of(f->token) == TOKEN_VALID) {
		if (net.open)
			refuse_network(f);
		pass(f, 1000);
	}
	if (net.open)
		refuse_network(f);
	expect_state(f, TOKEN_BACKOFF);
	assert_in_range(now_ms, 1000000 + 3570000, 1000000 + 3571000);
	assert_true(net.started < 15);
	struct waiter waiter = ask(f);
	assert_string_equal(waiter.failure.code, "connect");
}

static void test_secret_ends_while_the_token_is_good(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	pass(f, 3000000);
	refuse(f, 401, wrong_secret, -1);
	expect_state(f, TOKEN_VALID);
	assert_int_equal(f->failed, 1);
	assert_int_equal(f->failure.class, TOKEN_FAIL_CONFIG);
	pass(f, 299999); /* no hammering meanwhile */
	assert_int_equal(net.started, 2);
	expect_token(f, "one");
	pass(f, 1);
	assert_int_equal(net.started, 3);
	refuse(f, 401, wrong_secret, -1);
	assert_int_equal(f->failure.retry_in_ms, 15 * 60000);
	pass(f, 269999);
	expect_state(f, TOKEN_VALID);
	pass(f, 1); /* now the token has ended */
	expect_state(f, TOKEN_HELD);
	expect_failure(f, "AADSTS7000215", 15 * 60000 - 270000);
}

static void test_backoff(void **state)
{
	static const int waits_s[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	refuse_network(f);
	assert_int_equal(waiter.times, 1);
	assert_string_equal(waiter.failure.code, "connect");
	assert_string_equal(waiter.failure.text.text, "login.test: nobody there");
	assert_int_equal(waiter.failure.retry_in_ms, 1000);
	expect_state(f, TOKEN_BACKOFF);
	for (size_t i = 0; i < ARRAY_LEN(waits_s); i++) {
		int started = net.started;
		assert_int_equal(f->failure.retry_in_ms, waits_s[i] * 1000);
		pass(f, 400);
		expect_failure(f, "connect", waits_s[i] * 1000 - 400);
		pass(f, waits_s[i] * 1000 - 401);
		assert_int_equal(net.started, started);
		pass(f, 1);
		assert_int_equal(net.started, started + 1);
		expect_state(f, TOKEN_FETCHING);
		refuse_network(f);
	}
	pass(f, 300000);
	grant(f, "one", 3600);
	expect_token(f, "one");
	assert_int_equal(f->failed, 12);
}

/* Whoever comes during an attempt waits for its answer, even if it is the second attempt. */
static void test_waiter_during_a_retry(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	token_probe(f->token);
	refuse_network(f);
	pass(f, 1000);
	token_get(f->token, on_token, &waiter);
	turn(f);
	assert_int_equal(waiter.times, 0);
	grant(f, "one", 3600);
	assert_string_equal(waiter.token, "one");
}

static void test_retry_after(void **state)
{
	struct fixture *f = *state;
	token_probe(f->token);
	refuse(f, 429, "", 60000);
	assert_string_equal(f->failure.code, "http-429");
	assert_int_equal(f->failure.retry_in_ms, 60000);
	pass(f, 59999);
	assert_int_equal(net.started, 1);
	pass(f, 1);
	assert_int_equal(net.started, 2);
	refuse(f, 503, "", INT64_MAX);
	assert_int_equal(f->failure.retry_in_ms, 3600000);
}

static void test_hold(void **state)
{
	static const int waits_min[] = { 5, 15, 30, 60, 60, 60 };
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	refuse(f, 401, wrong_secret, -1);
	assert_string_equal(waiter.failure.code, "AADSTS7000215");
	assert_int_equal(waiter.failure.class, TOKEN_FAIL_CONFIG);
	assert_non_null(strstr(waiter.failure.remedy.text, "application 1111"));
	for (size_t i = 0; i < ARRAY_LEN(waits_min); i++) {
		int started = net.started;
		expect_state(f, TOKEN_HELD);
		expect_failure(f, "AADSTS7000215", waits_min[i] * 60000);
		pass(f, waits_min[i] * 60000 - 1);
		assert_int_equal(net.started, started);
		pass(f, 1);
		assert_int_equal(net.started, started + 1);
		expect_state(f, TOKEN_HELD); /* held while it is being probed, too */
		expect_failure(f, "AADSTS7000215", 0);
		refuse(f, 401, wrong_secret, -1);
	}
	token_probe(f->token);
	token_probe(f->token);
	assert_int_equal(net.started, 8);
	grant(f, "one", 3600);
	expect_token(f, "one");
	/* A next time begins anew. */
	token_reject(f->token, 1);
	token_probe(f->token);
	refuse(f, 401, wrong_secret, -1);
	assert_int_equal(f->failure.retry_in_ms, 5 * 60000);
}

static void test_locked_account(void **state)
{
	struct fixture *f = *state;
	token_probe(f->token);
	refuse(f, 400, locked, -1);
	expect_state(f, TOKEN_HELD);
	assert_int_equal(f->failure.class, TOKEN_FAIL_LOGIN);
	assert_int_equal(f->failure.retry_in_ms, 30 * 60000);
}

/* An outage during a hold does not end it, nor hide why it is. */
static void test_outage_during_a_hold(void **state)
{
	struct fixture *f = *state;
	token_probe(f->token);
	refuse(f, 401, wrong_secret, -1);
	pass(f, 300000);
	refuse_network(f);
	expect_state(f, TOKEN_HELD);
	assert_int_equal(f->failed, 2);
	assert_string_equal(f->failure.code, "connect");
	assert_string_equal(status_of(f).last->code, "AADSTS7000215");
	pass(f, f->failure.retry_in_ms);
	assert_int_equal(net.started, 3);
	refuse(f, 401, wrong_secret, -1);
	assert_int_equal(f->failure.retry_in_ms, 15 * 60000);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = TOKEN_EMPTY; i <= TOKEN_HELD; i++)
		for (int j = TOKEN_EMPTY; j < i; j++)
			assert_string_not_equal(token_state_name((enum token_state)i),
						token_state_name((enum token_state)j));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_first_token),
		WITH_FIXTURE(test_one_request_for_all),
		WITH_FIXTURE(test_renewal),
		WITH_FIXTURE(test_renewal_outlived),
		WITH_FIXTURE(test_renewal_fails_for_a_while),
		WITH_FIXTURE(test_token_ends_while_the_endpoint_is_away),
		WITH_FIXTURE(test_secret_ends_while_the_token_is_good),
		WITH_FIXTURE(test_backoff),
		WITH_FIXTURE(test_waiter_during_a_retry),
		WITH_FIXTURE(test_retry_after),
		WITH_FIXTURE(test_hold),
		WITH_FIXTURE(test_locked_account),
		WITH_FIXTURE(test_outage_during_a_hold),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
