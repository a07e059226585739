/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/floodgate.h"

static void so_many_in_an_interval(void **state)
{
	struct floodgate g = { 0 };
	int64_t now = 5000;
	(void)state;
	for (unsigned round = 0; round < 3; round++, now += 1000) {
		for (unsigned i = 0; i < 10; i++)
			assert_int_equal(floodgate_pass(&g, now + i, 4, 1000), i < 4);
		assert_int_equal(floodgate_take(&g), 6);
		assert_int_equal(floodgate_take(&g), 0);
	}
}

/* The interval begins with what passes first, not with the clock's second. */
static void an_interval_is_whole(void **state)
{
	struct floodgate g = { 0 };
	(void)state;
	assert_true(floodgate_pass(&g, 999, 1, 1000));
	assert_false(floodgate_pass(&g, 1001, 1, 1000));
	assert_false(floodgate_pass(&g, 1998, 1, 1000));
	assert_true(floodgate_pass(&g, 1999, 1, 1000));
	/* What was held back is told later too. */
	assert_int_equal(floodgate_take(&g), 2);
}

/* The first ever passes, whatever the time is. */
static void a_new_one_is_open(void **state)
{
	struct floodgate g = { 0 };
	(void)state;
	assert_true(floodgate_pass(&g, 0, 1, 1000));
	assert_false(floodgate_pass(&g, 0, 1, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_in_an_interval),
		cmocka_unit_test(an_interval_is_whole),
		cmocka_unit_test(a_new_one_is_open),
	};
	return cmocka_run_group_tests_name("common/floodgate", tests, NULL, NULL);
}
