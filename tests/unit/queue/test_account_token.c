/* SPDX-License-Identifier: MIT */
/* WRAP: session_new session_free session_is_ready session_is_opening session_is_active */
/* WRAP: session_deliver session_retire session_token_generation session_is_barren */
/* WRAP: token_new token_free token_reconfigure token_reject token_probe token_state_of */
/* WRAP: token_worked token_generation token_end_orders */
/* WRAP: token_good_for_ms */
#include "tests/unit/queue/account_world.h"

/* What becomes of an account whose token is refused, or cannot be had. */

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

/* The new token works, so that its own end is not taken for "the second time"; what an old session
 * can still do does not count. */
static void test_new_token_works(void **state)
{
	struct fixture *f = make(4, 3, 1000);
	(void)state;
	log_in(f, 0);
	assert_int_equal(fake.worked, 1);
	fake.worked = 0;
	end(f, 1, STAGE_AUTH, 535, "Authentication unsuccessful");
	log_in(f, 2);
	delivered(f, 0);
	assert_int_equal(fake.worked, 0);
	fake.sessions[3]->generation = 2;
	log_in(f, 3);
	assert_int_equal(fake.worked, 2);
	destroy(f);
}

/* The account was taken out of the configuration and has come back, with another token. */
static void test_generations_outlive_the_token(void **state)
{
	struct fixture *f = make(1, 1, 1000);
	(void)state;
	end(f, 0, STAGE_AUTH, 535, "Authentication unsuccessful");
	assert_int_equal(fake.rejected, 1);
	account_stop(f->account);
	assert_true(fake.token_freed);
	account_configure(f->account, &f->config, &f->ac, NULL);
	assert_int_equal(fake.first_generation, 2);
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
	account_retry(f->account);
	assert_int_equal(fake.probes, 1);
	fake.token_events.fetched(fake.token_events.arg, 3600000, 5, "client secret");
	turn(f);
	assert_int_equal(status(f).state, ACCOUNT_OPEN);
	assert_int_equal(fake.alive, 1);
	destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_token),
		cmocka_unit_test(test_new_token_works),
		cmocka_unit_test(test_generations_outlive_the_token),
		cmocka_unit_test(test_old_token_refused_again),
		cmocka_unit_test(test_refused_again_after_a_retry),
		cmocka_unit_test(test_storm_of_refusals),
		cmocka_unit_test(test_token_refused_in_transactions),
		cmocka_unit_test(test_token_failure_holds_until_one_is_fetched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
