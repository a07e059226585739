/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms clock_wall_ms arc4random_uniform */
/* WRAP: timer_start timer_stop event_free */
#include "tests/unit/oauth/token_world.h"

/* Several credentials, clocks, margins: what the configuration asks of a token. */

static const char ended_secret[] = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}";
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static void give_two(struct account_config *account, const char *first, const char *second)
{
	account_secret_done(account);
	account->credentials = mem_zalloc(2 * sizeof(*account->credentials));
	account->credential_count = 2;
	secret_set(&account->credentials[0].secret, str_of(first));
	secret_set(&account->credentials[1].secret, str_of(second));
}

static int setup_two(void **state)
{
	int failed = setup(state);
	struct fixture *f = *state;
	give_two(&f->account, "first", "second");
	give_two(&f->other, "first", "second");
	token_reconfigure(f->token, NULL, &f->account);
	return failed;
}

static int teardown_two(void **state)
{
	struct fixture *f = *state;
	secret_done(&f->account.credentials[1].secret);
	secret_done(&f->other.credentials[1].secret);
	return teardown(state);
}

static void expect_shown(const char *secret)
{
	char part[64];
	snprintf(part, sizeof(part), "client_secret=%s", secret);
	assert_true(net.open);
	if (strstr(net.body, part) == NULL)
		fail_msg("%s is not in %s", part, net.body);
}

static struct token_status status_of(struct fixture *f)
{
	struct token_status status;
	token_status(f->token, &status);
	return status;
}

/* The first has ended: the second gets a token within the same attempt, and is told of. */
static void test_the_second_serves(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	assert_string_equal(status_of(f).serving, "");
	expect_shown("first");
	refuse(f, 401, ended_secret, -1);
	assert_int_equal(waiter.times, 0);
	assert_int_equal(f->refused, 1);
	assert_string_equal(f->refused_credential, "credential 1 (client secret)");
	assert_string_equal(f->refusal.code, "AADSTS7000222");
	expect_shown("second");
	grant(f, "one", 3600);
	assert_string_equal(waiter.token, "one");
	assert_string_equal(f->credential, "credential 2 (client secret)");
	assert_int_equal(f->failed, 0);
	struct token_status status = status_of(f);
	assert_int_equal(status.credentials->n, 2);
	assert_int_equal(status.serving_index, 1);
	assert_string_equal(status.serving, "credential 2 (client secret)");
	assert_true(status.refused[0]);
	assert_false(status.refused[1]);
	assert_null(status.last);
	/* The renewal does not begin with one that has ended. */
	pass(f, 3000000);
	expect_shown("second");
	grant(f, "two", 3600);
	assert_int_equal(f->refused, 1);
}

static void test_the_first_is_tried_again_once_a_day(void **state)
{
	struct fixture *f = *state;
	int64_t began_ms = now_ms;
	int firsts = 0;
	token_probe(f->token);
	refuse(f, 401, ended_secret, -1);
	grant(f, "one", 3600);
	while (now_ms - began_ms < 3 * day_ms) {
		pass(f, 60000);
		if (!net.open)
			continue;
		if (strstr(net.body, "client_secret=first") != NULL) {
			firsts++;
			refuse(f, 401, ended_secret, -1);
		}
		grant(f, "more", 3600);
	}
	assert_in_range(firsts, 2, 3);
	assert_int_equal(f->refused, 1 + firsts);
	/* It is mended in the portal: from then on it serves. */
	bool first = false;
	while (!first) {
		pass(f, 60000);
		if (!net.open)
			continue;
		first = strstr(net.body, "client_secret=first") != NULL;
		grant(f, "more", 3600);
	}
	pass(f, 3000000);
	expect_shown("first");
	grant(f, "more", 3600);
	assert_false(status_of(f).refused[0]);
}

/* A busy endpoint makes tries come fast: none of them shows what was refused just before. */
static void test_a_refused_one_is_left_alone(void **state)
{
	struct fixture *f = *state;
	token_probe(f->token);
	expect_shown("first");
	refuse(f, 401, ended_secret, -1);
	expect_shown("second");
	refuse(f, 503, "", -1);
	expect_state(f, TOKEN_BACKOFF);
	token_probe(f->token);
	expect_shown("second");
	refuse(f, 503, "", -1);
	token_probe(f->token);
	expect_shown("second");
	grant(f, "one", 3600);
	assert_int_equal(f->refused, 1);
	assert_true(status_of(f).refused[0]);
}

/* The probes of a hold say it as a whole, and not once more for each. */
static void test_refusals_are_told_once(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		token_probe(f->token);
		expect_shown("first");
		refuse(f, 401, ended_secret, -1);
		expect_shown("second");
		refuse(f, 401, wrong_secret, -1);
		expect_state(f, TOKEN_HELD);
	}
	assert_int_equal(f->refused, 1);
	assert_int_equal(f->failed, 3);
	token_reconfigure(f->token, NULL, &f->other);
	refuse(f, 401, ended_secret, -1);
	assert_int_equal(f->refused, 2);
}

static void test_all_refused(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	refuse(f, 401, ended_secret, -1);
	refuse(f, 401, wrong_secret, -1);
	expect_state(f, TOKEN_HELD);
	assert_int_equal(waiter.times, 1);
	assert_string_equal(waiter.failure.code, "AADSTS7000222");
	assert_int_equal(f->failed, 1);
	assert_true(status_of(f).refused[0]);
	assert_true(status_of(f).refused[1]);
	assert_string_equal(status_of(f).last->code, "AADSTS7000222");
}

static void test_reload_begins_with_the_first(void **state)
{
	struct fixture *f = *state;
	token_probe(f->token);
	refuse(f, 401, ended_secret, -1);
	grant(f, "one", 3600);
	token_reconfigure(f->token, NULL, &f->other);
	assert_int_equal(net.started, 2); /* nothing to show for */
	pass(f, 3000000);
	expect_shown("first");
	grant(f, "two", 3600);
	assert_string_equal(status_of(f).serving, "credential 1 (client secret)");
}

/* ---- margins ---- */

/* HVE refuses tokens in their last ten minutes: the renewal comes ten minutes before that, and
 * when it fails the token ends early rather than being refused. */
static void test_margin(void **state)
{
	struct fixture *f = *state;
	f->account.token_margin = 600000;
	begin_valid(f);
	assert_int_equal(token_good_for_ms(f->token), 3600000 - 600000 - 30000);
	pass(f, 2399999);
	assert_int_equal(net.started, 1);
	pass(f, 1);
	assert_int_equal(net.started, 2);
	refuse_network(f);
	expect_token(f, "one");
	while (now_ms < 1000000 + 3600000 - 600000 - 30000) {
		if (net.open)
			refuse_network(f);
		pass(f, 1000);
	}
	if (net.open)
		refuse_network(f);
	expect_state(f, TOKEN_BACKOFF);
}

/* ---- clocks ---- */

static void grant_dated(struct fixture *f, const char *token, int64_t date_ms)
{
	char body[128];
	snprintf(body, sizeof(body), "{\"token_type\":\"Bearer\",\"access_token\":\"%s\"}", token);
	const struct http_reply reply = { .status = 200,
					  .body = str_of(body),
					  .content_type = STR("application/json"),
					  .retry_after_ms = -1,
					  .date_ms = date_ms };
	answer(f, &reply);
}

/* Told once, and again only after it was right in between; the token works all the same. */
static void test_skewed_clock(void **state)
{
	struct fixture *f = *state;
	int64_t skews_s[] = { 0, 3600, 3600, 0, -7200 };
	int told[] = { 0, 1, 1, 1, 2 };
	for (size_t i = 0; i < ARRAY_LEN(skews_s); i++) {
		token_probe(f->token);
		grant_dated(f, "one", now_ms + wall_offset_ms - skews_s[i] * 1000);
		assert_int_equal(f->skewed, told[i]);
		expect_token(f, "one");
	}
	assert_int_equal(f->skew_ms, -7200 * 1000);
	token_probe(f->token);
	grant(f, "two", 3600); /* without a Date: nobody knows */
	token_probe(f->token);
	grant_dated(f, "one", now_ms + wall_offset_ms + 7200 * 1000);
	assert_int_equal(f->skewed, 2);
}

/* The wall clock jumps: tokens neither end nor live longer for it. */
static void test_clock_jumps(void **state)
{
	struct fixture *f = *state;
	begin_valid(f);
	wall_offset_ms += 400 * day_ms;
	pass(f, 1000);
	expect_token(f, "one");
	wall_offset_ms -= 800 * day_ms;
	pass(f, 2998000);
	expect_token(f, "one");
	assert_int_equal(net.started, 1);
	pass(f, 1000);
	assert_int_equal(net.started, 2);
	grant(f, "two", 3600);
}

/* ---- what will end ---- */

static void test_a_secret_that_will_end(void **state)
{
	struct fixture *f = *state;
	f->other.credentials[0].expires_ms = now_ms + wall_offset_ms + 10 * day_ms;
	turn(f);
	pass(f, 1000);
	assert_int_equal(f->expiring, 0);
	token_reconfigure(f->token, NULL, &f->other);
	pass(f, 1000);
	assert_int_equal(f->expiring, 1);
	assert_int_equal(f->expiry.what, EXPIRY_SECRET);
	assert_string_equal(f->expiry.label, "client secret");
	assert_int_equal(f->expiry.days_left, 10);
	assert_int_equal(status_of(f).expiries->n, 1);
	pass(f, 2 * day_ms);
	assert_int_equal(f->expiring, 1); /* once for each threshold */
	pass(f, 2 * day_ms);
	assert_int_equal(f->expiring, 2);
	/* The other secret has no date: its age is counted. */
	token_reconfigure(f->token, NULL, &f->account);
	pass(f, 1000);
	assert_true(status_of(f).expiries->v[0].assumed);
	pass(f, 151 * day_ms);
	assert_int_equal(f->expiring, 3);
	assert_true(f->expiry.assumed);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define WITH_TWO(test)	   cmocka_unit_test_setup_teardown(test, setup_two, teardown_two)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TWO(test_the_second_serves),
		WITH_TWO(test_the_first_is_tried_again_once_a_day),
		WITH_TWO(test_all_refused),
		WITH_TWO(test_reload_begins_with_the_first),
		WITH_TWO(test_a_refused_one_is_left_alone),
		WITH_TWO(test_refusals_are_told_once),
		WITH_FIXTURE(test_margin),
		WITH_FIXTURE(test_skewed_clock),
		WITH_FIXTURE(test_clock_jumps),
		WITH_FIXTURE(test_a_secret_that_will_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
