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
	assert_ptr_equal(route_account(&config, NULL, NULL), &accounts[0]);
	assert_ptr_equal(route_account(&config, "nas", NULL), &accounts[0]);
	assert_ptr_equal(route_account(&config, "gone", NULL), &accounts[0]);
	config.account_count = 2;
	assert_ptr_equal(route_account(&config, "erp", NULL), &accounts[1]);
	assert_null(route_account(&config, "nas", NULL));
	assert_null(route_account(&config, NULL, NULL));
}

static void test_a_users_account_comes_first(void **state)
{
	static char gone[] = "gone";
	struct account_config accounts[2] = { { .name = one }, { .name = two } };
	struct device_config devices[1] = { { .name = erp, .account = two } };
	struct config config = {
		.accounts = accounts,
		.account_count = 2,
		.devices = devices,
		.device_count = 1,
	};
	const struct user own = { .account = one }, none = { .account = NULL },
			  lost = { .account = gone };
	(void)state;
	assert_ptr_equal(route_account(&config, "erp", &own), &accounts[0]);
	assert_ptr_equal(route_account(&config, NULL, &own), &accounts[0]);
	assert_ptr_equal(route_account(&config, "erp", &none), &accounts[1]);
	assert_null(route_account(&config, NULL, &none));
	/* The configuration has changed, the users not yet. */
	assert_ptr_equal(route_account(&config, "erp", &lost), &accounts[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_and_only_account),
		cmocka_unit_test(test_a_users_account_comes_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
