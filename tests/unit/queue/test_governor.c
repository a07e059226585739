/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/governor.h"

/* Sends whenever it may for ten simulated minutes; then no 60-second window holds too many. */
static void test_no_window_is_exceeded(void **state)
{
	enum {
		LIMIT = 28,
		MAX = 400
	};
	static int64_t sent[MAX];
	struct governor g = { 0 };
	size_t count = 0;
	(void)state;
	governor_set(&g, LIMIT);
	for (int64_t now = 1000000; now < 1600000 && count < MAX; now += 37) {
		if (governor_wait_ms(&g, now) != 0)
			continue;
		governor_sent(&g, now);
		sent[count++] = now;
	}
	assert_in_range(count, 10 * LIMIT - 1, 10 * LIMIT + LIMIT);
	for (size_t i = 0; i + LIMIT < count; i++)
		assert_true(sent[i + LIMIT] - sent[i] >= 60000);
	governor_done(&g);
}

static void test_wait_is_exact(void **state)
{
	struct governor g = { 0 };
	(void)state;
	governor_set(&g, 2);
	governor_sent(&g, 1000);
	governor_sent(&g, 5000);
	assert_int_equal(governor_wait_ms(&g, 6000), 55000);
	assert_int_equal(governor_wait_ms(&g, 61000), 0);
	governor_done(&g);
}

static void test_history_survives_a_new_limit(void **state)
{
	struct governor g = { 0 };
	(void)state;
	governor_set(&g, 3);
	governor_sent(&g, 1000);
	governor_sent(&g, 2000);
	governor_sent(&g, 3000);
	governor_set(&g, 2);
	assert_int_equal(governor_wait_ms(&g, 4000), 58000);
	governor_set(&g, 3);
	assert_int_equal(governor_wait_ms(&g, 4000), 0);
	governor_sent(&g, 4000);
	assert_int_equal(governor_wait_ms(&g, 4000), 58000);
	governor_done(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_window_is_exceeded),
		cmocka_unit_test(test_wait_is_exact),
		cmocka_unit_test(test_history_survives_a_new_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
