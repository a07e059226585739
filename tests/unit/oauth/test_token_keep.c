/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms clock_wall_ms arc4random_uniform */
/* WRAP: timer_start timer_stop event_free */
#include "tests/unit/oauth/keep_world.h"

/* What a token remembers: over restarts, and of refresh tokens. */

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

/* ---- access tokens ---- */

/* Nothing is asked for before the record is there: waiters wait. */
static void test_loaded_before_the_first_fetch(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	token_get(f->token, on_token, &waiter);
	token_probe(f->token);
	pass(f, 5000);
	assert_int_equal(net.started, 0);
	assert_int_equal(waiter.times, 0);
	expect_state(f, TOKEN_EMPTY);
	settle(f);
	assert_int_equal(net.started, 1);
	grant(f, "one", 3600);
	assert_string_equal(waiter.token, "one");
}

static void begin_remembered(struct fixture *f)
{
	settle(f);
	token_probe(f->token);
	grant(f, "one", 3600);
	settle(f);
}

static void test_a_restart_costs_no_request(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	begin_remembered(f);
	restart(f, 600000, false);
	token_get(f->token, on_token, &waiter);
	settle(f);
	assert_string_equal(waiter.token, "one");
	assert_int_equal(waiter.good_for_ms, 3600000 - 30000 - 600000);
	assert_int_equal(net.started, 1);
	/* It is renewed when it would have been. */
	pass(f, 3000000 - 600000 - 1);
	assert_int_equal(net.started, 1);
	pass(f, 1);
	assert_int_equal(net.started, 2);
	expect_token(f, "one");
	grant(f, "two", 3600);
}

static void test_restart_near_its_end(void **state)
{
	struct fixture *f = *state;
	begin_remembered(f);
	restart(f, 3300000, false);
	settle(f);
	expect_token(f, "one"); /* and the renewal, which is overdue, begins at once */
	turn(f);
	pass(f, 0);
	assert_int_equal(net.started, 2);
	grant(f, "two", 3600);
}

/* Clocks that have been set, ends that make no sense, another configuration. */
static void test_not_trusted(void **state)
{
	static char id[] = "2222";
	static const int64_t elapsed[] = { -1000, 3600000, 400 * INT64_C(86400000) };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(elapsed); i++) {
		begin_remembered(f);
		restart(f, elapsed[i], false);
		settle(f);
		expect_state(f, TOKEN_EMPTY);
	}
	begin_remembered(f);
	f->account.client_id = id;
	restart(f, 1000, false);
	settle(f);
	expect_state(f, TOKEN_EMPTY);
}

static void test_a_rejected_one_does_not_come_back(void **state)
{
	struct fixture *f = *state;
	begin_remembered(f);
	token_reject(f->token, 1);
	settle(f);
	restart(f, 1000, false);
	settle(f);
	expect_state(f, TOKEN_EMPTY);
}

static void test_another_machines_record(void **state)
{
	struct fixture *f = *state;
	begin_remembered(f);
	seal_free(f->seal);
	f->seal = seal_of('x');
	restart(f, 1000, false);
	settle(f);
	assert_int_equal(f->record_refused, 1);
	assert_non_null(strstr(f->remedy, "accounts/scanner.refused"));
	token_probe(f->token); /* and goes on without */
	grant(f, "two", 3600);
	settle(f);
	expect_token(f, "two");
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	settle(f);
	fake.broken = true;
	token_probe(f->token);
	grant(f, "one", 3600);
	settle(f);
	assert_int_equal(f->record_refused, 1);
	assert_non_null(strstr(f->why, "No space left"));
	assert_false(status_of(f).stored);
	expect_token(f, "one");
	fake.broken = false;
	pass(f, 1000);
	settle(f);
	assert_true(status_of(f).stored);
}

/* ---- refresh tokens ---- */

static void test_nobody_has_signed_in(void **state)
{
	struct fixture *f = *state;
	settle(f);
	/* Said at the start, and not when the first message meets it. */
	expect_state(f, TOKEN_HELD);
	assert_int_equal(f->failed, 1);
	assert_int_equal(f->failure.class, TOKEN_FAIL_LOGIN);
	assert_string_equal(f->failure.code, "not-signed-in");
	assert_string_equal(f->failure.remedy.text,
			    "sign in: `oauthrelay login scanner` as scanner@contoso.com");
	expect_failure(f, "not-signed-in", 300000);
	assert_false(status_of(f).signed_in);
	pass(f, 2 * 3600000);
	assert_int_equal(net.started, 0);
	expect_state(f, TOKEN_HELD);
	/* Also when the waiter was there first. */
	struct waiter waiter = { 0 };
	restart(f, 1000, false);
	token_get(f->token, on_token, &waiter);
	settle(f);
	assert_int_equal(waiter.times, 1);
	assert_string_equal(waiter.failure.code, "not-signed-in");
}

/* It was not for want of a sign-in: who restores a backup must learn that the key is missing. */
static void test_another_machines_sign_in(void **state)
{
	struct fixture *f = *state;
	begin_signed_in(f);
	seal_free(f->seal);
	f->seal = seal_of('x');
	restart(f, 1000, false);
	settle(f);
	assert_string_equal(f->failure.code, "not-signed-in");
	assert_non_null(strstr(f->failure.text.text, "cannot be opened"));
	assert_non_null(strstr(f->failure.text.text, "another key"));
	assert_non_null(strstr(f->failure.remedy.text, "sign in again"));
	assert_non_null(strstr(f->failure.remedy.text, "the key that sealed it"));
}

/* TOK-11 */
static void test_rotation(void **state)
{
	struct fixture *f = *state;
	begin_signed_in(f);
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh_token=refresh-one"));
	grant_refresh(f, "two", "refresh-two", 3600);
	expect_token(f, "two"); /* at once */
	/* Not durable yet: what is on disk is what is used. */
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh_token=refresh-one"));
	grant_refresh(f, "three", "refresh-three", 3600);
	settle(f);
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh_token=refresh-three"));
	grant(f, "four", 3600); /* without one: the old one stays */
	settle(f);
	restart(f, 1000, true);
	settle(f);
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh_token=refresh-three"));
	grant(f, "five", 3600);
}

/* A crash before the new one is durable costs nothing: the old one is there. */
static void test_crash_during_rotation(void **state)
{
	struct fixture *f = *state;
	begin_signed_in(f);
	token_probe(f->token);
	grant_refresh(f, "two", "refresh-two", 3600);
	restart(f, 1000, true);
	settle(f);
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh_token=refresh-one"));
	grant(f, "three", 3600);
}

static void test_full_disk_during_rotation(void **state)
{
	struct fixture *f = *state;
	begin_signed_in(f);
	fake.broken = true;
	token_probe(f->token);
	grant_refresh(f, "two", "refresh-two", 3600);
	settle(f);
	assert_int_equal(f->record_refused, 1);
	expect_token(f, "two");
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh_token=refresh-one"));
	/* The endpoint has had enough of the old one: then the new one, at once. */
	refuse(f, 400, "{\"error\":\"invalid_grant\",\"error_codes\":[70000]}", -1);
	assert_int_equal(f->failed, 0);
	assert_non_null(strstr(net.body, "refresh_token=refresh-two"));
	grant(f, "three", 3600);
	expect_token(f, "three");
}

static void test_revoked(void **state)
{
	struct fixture *f = *state;
	begin_signed_in(f);
	pass(f, 3000000);
	refuse(f, 400, "{\"error\":\"invalid_grant\",\"error_codes\":[50173]}", -1);
	assert_int_equal(f->failed, 1);
	assert_int_equal(f->failure.class, TOKEN_FAIL_LOGIN);
	expect_state(f, TOKEN_VALID); /* what still lives goes on being used */
	expect_token(f, "one");
	assert_string_equal(status_of(f).last->code, "AADSTS50173");
	pass(f, 570000);
	if (net.open)
		refuse(f, 400, "{\"error\":\"invalid_grant\",\"error_codes\":[50173]}", -1);
	expect_state(f, TOKEN_HELD);
	struct order_end end;
	sign_in(f, "new", "refresh-new", &end);
	settle(f);
	expect_state(f, TOKEN_VALID);
	expect_token(f, "new");
}

/* Nobody prints for weeks; the relay is started again in between. */
static void test_weekly_without_mail(void **state)
{
	struct fixture *f = *state;
	begin_signed_in(f);
	restart(f, 3 * day_ms, false);
	settle(f);
	expect_state(f, TOKEN_EMPTY); /* the access token has ended, and nobody asks */
	pass(f, 4 * day_ms - 3600000);
	assert_int_equal(net.started, 0);
	pass(f, 3600000);
	assert_int_equal(net.started, 1);
	grant_refresh(f, "two", "refresh-two", 3600);
	settle(f);
	/* It was off for longer: at the start. */
	restart(f, 30 * day_ms, false);
	settle(f);
	pass(f, 0);
	assert_int_equal(net.started, 2);
	assert_non_null(strstr(net.body, "refresh-two"));
	grant_refresh(f, "three", "refresh-three", 3600);
}

/* The clock was ahead when it was last used: it is used within a week all the same. */
static void test_weekly_with_a_wrong_clock(void **state)
{
	struct fixture *f = *state;
	begin_signed_in(f);
	restart(f, -300 * day_ms, false);
	settle(f);
	expect_state(f, TOKEN_EMPTY);
	pass(f, 7 * day_ms);
	assert_int_equal(net.started, 1);
	grant(f, "two", 3600);
}

static void test_sign_in_of_another_configuration(void **state)
{
	static char id[] = "2222";
	struct fixture *f = *state;
	begin_signed_in(f);
	assert_true(status_of(f).signed_in);
	f->other.client_id = id;
	token_reconfigure(f->token, NULL, &f->other);
	settle(f);
	expect_state(f, TOKEN_HELD);
	assert_false(status_of(f).signed_in);
	/* A slip, and mended. */
	token_reconfigure(f->token, NULL, &f->account);
	settle(f);
	expect_token(f, "one");
	assert_true(status_of(f).signed_in);
	assert_int_equal(net.started, 0);
}

#define WITH_KEPT(test)	     cmocka_unit_test_setup_teardown(test, setup_kept, teardown_kept)
#define WITH_DELEGATED(test) cmocka_unit_test_setup_teardown(test, setup_delegated, teardown_kept)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KEPT(test_loaded_before_the_first_fetch),
		WITH_KEPT(test_a_restart_costs_no_request),
		WITH_KEPT(test_restart_near_its_end),
		WITH_KEPT(test_not_trusted),
		WITH_KEPT(test_a_rejected_one_does_not_come_back),
		WITH_KEPT(test_another_machines_record),
		WITH_KEPT(test_full_disk),
		WITH_DELEGATED(test_nobody_has_signed_in),
		WITH_DELEGATED(test_another_machines_sign_in),
		WITH_DELEGATED(test_rotation),
		WITH_DELEGATED(test_crash_during_rotation),
		WITH_DELEGATED(test_full_disk_during_rotation),
		WITH_DELEGATED(test_revoked),
		WITH_DELEGATED(test_weekly_without_mail),
		WITH_DELEGATED(test_weekly_with_a_wrong_clock),
		WITH_DELEGATED(test_sign_in_of_another_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
