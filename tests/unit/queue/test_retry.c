/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/retry.h"

static void test_backoff_grows_to_its_ceiling(void **state)
{
	static const int64_t expected[] = { 1000, 2000, 4000, 8000, 10000, 10000 };
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		for (int again = 0; again < 100; again++) {
			int64_t ms = retry_backoff_ms(i + 1, 1000, 10000);
			assert_in_range(ms, expected[i] * 8 / 10, expected[i] * 12 / 10);
		}
}

static void test_backoff_is_spread(void **state)
{
	int64_t low = INT64_MAX, high = 0;
	(void)state;
	for (int i = 0; i < 200; i++) {
		int64_t ms = retry_backoff_ms(1, 1000000, 1000000);
		low = ms < low ? ms : low;
		high = ms > high ? ms : high;
	}
	assert_true(high - low > 100000);
}

static void test_many_attempts_do_not_overflow(void **state)
{
	(void)state;
	assert_in_range(retry_backoff_ms(UINT32_MAX, 60000, 3600000), 1, 4400000);
}

static void test_probe_steps(void **state)
{
	(void)state;
	assert_int_equal(retry_probe_ms(0, false), 5 * 60000);
	assert_int_equal(retry_probe_ms(1, false), 15 * 60000);
	assert_int_equal(retry_probe_ms(2, false), 30 * 60000);
	assert_int_equal(retry_probe_ms(3, false), 60 * 60000);
	assert_int_equal(retry_probe_ms(99, false), 60 * 60000);
	assert_int_equal(retry_probe_ms(0, true), 30 * 60000);
	assert_int_equal(retry_probe_ms(1, true), 60 * 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff_grows_to_its_ceiling),
		cmocka_unit_test(test_backoff_is_spread),
		cmocka_unit_test(test_many_attempts_do_not_overflow),
		cmocka_unit_test(test_probe_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
