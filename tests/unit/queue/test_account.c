/* SPDX-License-Identifier: MIT */
/* WRAP: session_new session_free session_is_ready session_is_opening session_is_active */
/* WRAP: session_deliver session_retire session_token_generation session_is_barren */
/* WRAP: token_new token_free token_reconfigure token_reject token_probe token_state_of */
/* WRAP: token_worked token_generation token_end_orders */
/* WRAP: token_good_for_ms */
#include "tests/unit/queue/account_world.h"

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
		cmocka_unit_test(test_barren_sessions_wait_longer),
		cmocka_unit_test(test_reload_ends_what_is_on_its_way),
		cmocka_unit_test(test_no_connection_waits),
		cmocka_unit_test(test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
