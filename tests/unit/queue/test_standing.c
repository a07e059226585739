/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

#include "queue/standing.h"

static void on_changed(void *arg)
{
	(*(int *)arg)++;
}

struct fixture {
	struct event_base *base;
	struct standing s;
	int changed;
};

static int setup(void **state)
{
	static struct fixture f;
	f.changed = 0;
	f.base = event_base_new();
	standing_init(&f.s, f.base, "scanner", on_changed, &f.changed);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	standing_done(&f->s);
	event_base_free(f->base);
	return 0;
}

static void test_waits_get_longer_until_it_works(void **state)
{
	struct fixture *f = *state;
	int64_t expected = 1000;
	for (int i = 0; i < 4; i++, expected *= 2) {
		standing_wait(&f->s, "refused", "", -1);
		assert_int_equal(f->s.state, ACCOUNT_WAITING);
		assert_in_range(standing_next_try_ms(&f->s), expected / 2, expected * 13 / 10);
		standing_wait(&f->s, "again", "",
			      -1); /* the same failure, seen by another session */
		assert_string_equal(f->s.reason, "refused");
		standing_retry(&f->s); /* what the timer does */
		assert_int_equal(f->s.state, ACCOUNT_OPEN);
	}
	standing_open(&f->s); /* a login is not enough */
	standing_wait(&f->s, "refused", "", -1);
	assert_in_range(standing_next_try_ms(&f->s), expected / 2, expected * 13 / 10);
	standing_open(&f->s);
	standing_proved(&f->s);
	standing_wait(&f->s, "refused", "", -1);
	assert_in_range(standing_next_try_ms(&f->s), 500, 1300);
}

static void test_timer_ends_a_wait(void **state)
{
	struct fixture *f = *state;
	standing_wait(&f->s, "throttled", "", 1);
	assert_false(standing_may_send(&f->s));
	event_base_dispatch(f->base); /* returns when no timer is left */
	assert_int_equal(f->s.state, ACCOUNT_OPEN);
	assert_int_equal(f->changed, 1);
}

static void test_hold_is_stronger_than_a_wait(void **state)
{
	struct fixture *f = *state;
	standing_hold(&f->s, "disabled", "switch it on", false);
	standing_wait(&f->s, "refused", "", 1);
	assert_int_equal(f->s.state, ACCOUNT_HELD);
	assert_string_equal(f->s.remedy, "switch it on");
	assert_int_equal(f->changed, 0);
}

static void test_probe_keeps_the_reason_and_ends_the_hold(void **state)
{
	struct fixture *f = *state;
	standing_hold(&f->s, "disabled", "switch it on", false);
	standing_retry(&f->s);
	assert_int_equal(f->s.state, ACCOUNT_PROBING);
	assert_true(standing_may_send(&f->s));
	assert_string_equal(f->s.reason, "disabled");
	assert_int_equal(f->s.resumed_ms, 0);
	standing_open(&f->s);
	assert_int_equal(f->s.state, ACCOUNT_OPEN);
	assert_string_equal(f->s.reason, "");
	assert_true(f->s.resumed_ms > 0);
}

/* A probe that does not get through changes neither what is to be done nor that it is locked. */
static void test_probe_that_does_not_get_through(void **state)
{
	struct fixture *f = *state;
	standing_hold(&f->s, "locked", "wait", true);
	standing_retry(&f->s);
	standing_wait(&f->s, "no connection", "", -1);
	assert_int_equal(f->s.state, ACCOUNT_HELD);
	assert_string_equal(f->s.remedy, "wait");
	assert_in_range(standing_next_try_ms(&f->s), 59 * 60000, 60 * 60000);
	standing_retry(&f->s);
	standing_wait(&f->s, "no name", "see to the name server", -1);
	assert_string_equal(f->s.remedy, "see to the name server");
	standing_open(&f->s);
	standing_proved(&f->s);
	standing_hold(&f->s, "disabled", "switch it on", false);
	standing_retry(&f->s);
	standing_wait(&f->s, "no connection", "", -1);
	assert_in_range(standing_next_try_ms(&f->s), 14 * 60000, 15 * 60000);
}

static void test_hold_for_token_has_no_timer_of_its_own(void **state)
{
	struct fixture *f = *state;
	standing_hold_for_token(&f->s, "no token", "", 300000);
	assert_in_range(standing_next_try_ms(&f->s), 299000, 300000);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(event_base_get_num_events(f->base, EVENT_BASE_COUNT_ADDED), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_waits_get_longer_until_it_works, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_timer_ends_a_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold_is_stronger_than_a_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe_keeps_the_reason_and_ends_the_hold,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe_that_does_not_get_through, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_hold_for_token_has_no_timer_of_its_own, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
