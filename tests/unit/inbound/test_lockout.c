/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "inbound/lockout.h"

static const struct inbound_limits limits = {
	.lock_after = 3,
	.lock_time = 1000,
	.lock_table = 16,
};

static struct netaddr address(uint8_t n)
{
	return (struct netaddr){ { [15] = n } };
}

/* limits.lock_after, limits.lock_time */
static void an_address_is_locked(void **state)
{
	struct lockout *l = lockout_new();
	const struct netaddr bad = address(1), good = address(2);
	(void)state;
	for (uint64_t i = 1; i <= 2; i++) {
		char name[8];
		snprintf(name, sizeof(name), "u%d", (int)i);
		struct lockout_count c = lockout_failed(l, &limits, &bad, str_of(name), 10);
		assert_int_equal(c.address, i);
		assert_int_equal(c.name, 1);
		assert_false(c.address_locked || c.name_locked);
		assert_int_equal(lockout_address_ms(l, &bad, 10), 0);
	}
	struct lockout_count c = lockout_failed(l, &limits, &bad, STR("u3"), 500);
	assert_true(c.address_locked);
	assert_false(c.name_locked);
	assert_int_equal(c.address, 3);
	assert_int_equal(lockout_address_ms(l, &bad, 500), 1000);
	assert_int_equal(lockout_address_ms(l, &bad, 1499), 1);
	assert_int_equal(lockout_address_ms(l, &bad, 1500), 0);
	assert_int_equal(lockout_address_ms(l, &good, 500), 0);
	assert_int_equal(lockout_name_ms(l, STR("u3"), 500), 0);
	/* One that was under way counts, but is not told twice. */
	assert_false(lockout_failed(l, &limits, &bad, STR("u4"), 600).address_locked);
	/* Afterwards it counts from one. */
	assert_int_equal(lockout_failed(l, &limits, &bad, STR("u3"), 1500).address, 1);
	lockout_free(l);
	lockout_free(NULL);
}

static void a_name_is_locked_from_everywhere(void **state)
{
	struct lockout *l = lockout_new();
	struct lockout_count c = { .name = 0 };
	(void)state;
	for (uint8_t i = 0; i < 3; i++) {
		const struct netaddr from = address(i);
		c = lockout_failed(l, &limits, &from, STR("anna"), 0);
		assert_false(c.address_locked);
	}
	assert_true(c.name_locked);
	assert_int_equal(c.name, 3);
	assert_int_equal(lockout_name_ms(l, STR("anna"), 0), 1000);
	assert_int_equal(lockout_name_ms(l, STR("ann"), 0), 0);
	lockout_free(l);
}

static void old_failures_do_not_count(void **state)
{
	struct lockout *l = lockout_new();
	const struct netaddr from = address(1);
	(void)state;
	lockout_failed(l, &limits, &from, STR("anna"), 0);
	lockout_failed(l, &limits, &from, STR("anna"), 999);
	struct lockout_count c = lockout_failed(l, &limits, &from, STR("anna"), 1000);
	assert_int_equal(c.address, 1);
	assert_int_equal(c.name, 1);
	assert_int_equal(lockout_address_ms(l, &from, 1000), 0);
	lockout_free(l);
}

/* limits.lock_table: whoever tries very many names makes the table forget the oldest, not grow. */
static void the_tables_are_bounded(void **state)
{
	struct lockout *l = lockout_new();
	const struct netaddr victim = address(250);
	(void)state;
	lockout_failed(l, &limits, &victim, STR("anna"), 0);
	lockout_failed(l, &limits, &victim, STR("anna"), 0);
	for (uint8_t i = 0; i < 15; i++) {
		const struct netaddr from = address(i);
		char name[8];
		snprintf(name, sizeof(name), "u%u", i);
		lockout_failed(l, &limits, &from, str_of(name), 0);
	}
	/* Sixteen are remembered, the oldest among them. */
	assert_int_equal(lockout_failed(l, &limits, &victim, STR("anna"), 0).address, 3);
	for (uint8_t i = 0; i < 16; i++) {
		const struct netaddr from = address(i);
		char name[8];
		snprintf(name, sizeof(name), "u%u", i);
		lockout_failed(l, &limits, &from, str_of(name), 0);
	}
	assert_int_equal(lockout_address_ms(l, &victim, 0), 0);
	struct lockout_count c = lockout_failed(l, &limits, &victim, STR("anna"), 0);
	assert_int_equal(c.address, 1);
	assert_int_equal(c.name, 1);
	lockout_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_locked),
		cmocka_unit_test(a_name_is_locked_from_everywhere),
		cmocka_unit_test(old_failures_do_not_count),
		cmocka_unit_test(the_tables_are_bounded),
	};
	return cmocka_run_group_tests_name("inbound/lockout", tests, NULL, NULL);
}
