/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attr.h"
#include "oauth/clock_skew.h"

enum {
	MINUTE = 60 * 1000
};

static const int64_t noon = INT64_C(1795348800000);

struct skew_case {
	int64_t date, started, ended; /* from noon on */
	int64_t want;		      /* 0: none */
};

static void test_skew(void **state)
{
	static const struct skew_case cases[] = {
		{ 0, 0, 200, 0 },
		{ 0, 10 * MINUTE, 10 * MINUTE + 200, 10 * MINUTE - 999 },
		{ 0, -10 * MINUTE, -10 * MINUTE + 200, -10 * MINUTE + 200 },
		/* the threshold, from both sides */
		{ 0, 5 * MINUTE + 999, 6 * MINUTE, 5 * MINUTE },
		{ 0, 5 * MINUTE + 998, 6 * MINUTE, 0 },
		{ 0, -6 * MINUTE, -5 * MINUTE, -5 * MINUTE },
		{ 0, -6 * MINUTE, -5 * MINUTE + 1, 0 },
		/* a slow reply says little: the server may have looked at its clock at either end
		 */
		{ 0, -MINUTE, 20 * MINUTE, 0 },
		{ 0, -20 * MINUTE, MINUTE, 0 },
		{ 0, 8 * MINUTE, 20 * MINUTE, 8 * MINUTE - 999 },
		/* ours was put back while the request was under way */
		{ 0, 10 * MINUTE, -10 * MINUTE, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct skew_case *c = &cases[i];
		int64_t skew = 0;
		bool found =
			clock_skew_find(noon + c->date, noon + c->started, noon + c->ended, &skew);
		if (skew != c->want || found != (c->want != 0))
			fail_msg("case %zu: %lld", i, (long long)skew);
	}
}

static void test_not_known(void **state)
{
	int64_t skew = 77;
	(void)state;
	assert_false(clock_skew_find(-1, noon, noon + 1, &skew));
	assert_false(clock_skew_find(noon, -1, 0, &skew));
	assert_int_equal(skew, 77);
	/* A machine without a battery wakes up in 1970. */
	assert_true(clock_skew_find(noon, 1000, 2000, &skew));
	assert_int_equal(skew, 2000 - noon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skew),
		cmocka_unit_test(test_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
