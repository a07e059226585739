/* SPDX-License-Identifier: MIT */
/* WRAP: arc4random_uniform */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/attr.h"
#include "oauth/token_times.h"

static enum {
	LOWEST,
	HIGHEST
} dice;

uint32_t __wrap_arc4random_uniform(uint32_t bound);

uint32_t __wrap_arc4random_uniform(uint32_t bound)
{
	assert_true(bound != 0);
	return dice == LOWEST ? 0 : bound - 1;
}

struct renewal_case {
	int64_t life_s, latest_s;
};

static void test_renewal(void **state)
{
	static const struct renewal_case cases[] = {
		{ 60, 30 },		      /* half */
		{ 300, 150 },	{ 660, 330 }, /* the last for which half is taken */
		{ 661, 61 },		      /* ten minutes before */
		{ 900, 300 },	{ 3599, 2999 },	  { 4215, 3615 },
		{ 6000, 5400 }, { 86400, 77760 }, /* a tenth before */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t life_ms = cases[i].life_s * 1000;
		dice = LOWEST;
		int64_t latest = token_times_renewal_ms(life_ms);
		dice = HIGHEST;
		int64_t earliest = token_times_renewal_ms(life_ms);
		assert_int_equal(latest, cases[i].latest_s * 1000);
		assert_true(earliest < latest);
		assert_true(latest - earliest <= 60000);
		assert_true(earliest >= 27000);
		assert_true(latest < token_times_end_ms(life_ms));
		if (life_ms > 660000)
			assert_true(life_ms - latest >= 600000);
	}
}

static void test_end(void **state)
{
	(void)state;
	assert_int_equal(token_times_end_ms(60000), 54000);
	assert_int_equal(token_times_end_ms(3600000), 3570000);
}

static void test_backoff(void **state)
{
	static const int64_t seconds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 };
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(seconds); i++) {
		dice = LOWEST;
		assert_int_equal(token_times_backoff_ms(i + 1, 0), seconds[i] * 1000);
		dice = HIGHEST;
		assert_int_equal(token_times_backoff_ms(i + 1, 0), seconds[i] * 1100);
	}
	dice = LOWEST;
	assert_int_equal(token_times_backoff_ms(1000000, 0), 300000);
	assert_int_equal(token_times_backoff_ms(0, 0), 1000);
	assert_int_equal(token_times_backoff_ms(1, 60000), 60000);
	assert_int_equal(token_times_backoff_ms(9, 60000), 256000);
	dice = HIGHEST;
	assert_int_equal(token_times_backoff_ms(1, 3600000), 3630000);
}

static void test_probes(void **state)
{
	static const int64_t minutes[] = { 5, 15, 30, 60, 60, 60 };
	(void)state;
	dice = LOWEST;
	for (unsigned i = 0; i < ARRAY_LEN(minutes); i++)
		assert_int_equal(token_times_probe_ms(i + 1, 0), minutes[i] * 60000);
	/* A locked account. */
	assert_int_equal(token_times_probe_ms(1, 1800000), 1800000);
	assert_int_equal(token_times_probe_ms(2, 1800000), 1800000);
	assert_int_equal(token_times_probe_ms(4, 1800000), 3600000);
	dice = HIGHEST;
	assert_int_equal(token_times_probe_ms(1, 0), 330000);
}

static void test_pending(void **state)
{
	static const int64_t minutes[] = { 1, 2, 5, 10, 20, 30, 60, 60 };
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(minutes); i++) {
		dice = LOWEST;
		assert_int_equal(token_times_pending_ms(i + 1), minutes[i] * 60000);
		dice = HIGHEST;
		assert_int_equal(token_times_pending_ms(i + 1), minutes[i] * 60000 + 10000);
	}
}

static void test_margin(void **state)
{
	(void)state;
	assert_int_equal(token_times_usable_ms(3600000, 0), 3600000);
	assert_int_equal(token_times_usable_ms(3600000, 600000), 3000000);
	assert_int_equal(token_times_usable_ms(600000, 600000), 300000);
	assert_int_equal(token_times_usable_ms(60000, 600000), 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_renewal), cmocka_unit_test(test_end),
		cmocka_unit_test(test_backoff), cmocka_unit_test(test_probes),
		cmocka_unit_test(test_pending), cmocka_unit_test(test_margin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
