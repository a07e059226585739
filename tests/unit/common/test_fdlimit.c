/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "common/fdlimit.h"

static void raises_the_soft_limit(void **state)
{
	struct rlimit limit;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	limit.rlim_max = limit.rlim_max < 256 ? limit.rlim_max : 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(fdlimit_get(), 64);
	assert_int_equal(fdlimit_raise(), limit.rlim_max);
	assert_int_equal(fdlimit_get(), limit.rlim_max);
	assert_int_equal(fdlimit_raise(), limit.rlim_max);
}

static void keeps_some_for_ourselves(void **state)
{
	(void)state;
	assert_int_equal(fdlimit_reserve(64), 16);
	assert_int_equal(fdlimit_reserve(1024), 256);
	assert_int_equal(fdlimit_reserve(65536), 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_some_for_ourselves),
		cmocka_unit_test(raises_the_soft_limit),
	};
	return cmocka_run_group_tests_name("common/fdlimit", tests, NULL, NULL);
}
