/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "oauth/token_failure.h"

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(token_failure_class_name(TOKEN_FAIL_TRANSIENT), "transient");
	assert_string_equal(token_failure_class_name(TOKEN_FAIL_CONFIG), "configuration");
	assert_string_equal(token_failure_class_name(TOKEN_FAIL_LOGIN), "sign-in");
	assert_string_equal(token_failure_class_name(TOKEN_FAIL_POLL), "pending");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
