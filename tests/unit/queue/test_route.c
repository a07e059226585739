/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/route.h"

static char one[] = "one", two[] = "two", erp[] = "erp", nas[] = "nas";

static void test_device_and_only_account(void **state)
{
	struct account_config accounts[2] = { { .name = one }, { .name = two } };
	struct device_config devices[2] = { { .name = erp, .account = two }, { .name = nas } };
	struct config config = {
		.accounts = accounts,
		.account_count = 1,
		.devices = devices,
		.device_count = 2,
	};
	(void)state;
	assert_ptr_equal(route_account(&config, NULL), &accounts[0]);
	assert_ptr_equal(route_account(&config, "nas"), &accounts[0]);
	assert_ptr_equal(route_account(&config, "gone"), &accounts[0]);
	config.account_count = 2;
	assert_ptr_equal(route_account(&config, "erp"), &accounts[1]);
	assert_null(route_account(&config, "nas"));
	assert_null(route_account(&config, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_and_only_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
