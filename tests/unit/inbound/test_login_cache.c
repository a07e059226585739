/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "inbound/login_cache.h"

static char anna[] = "anna", bert[] = "bert", hash[] = "$5$one", hash2[] = "$5$two";

static const struct inbound_limits limits = { .login_cache = 3, .login_cache_time = 1000 };
static const struct netaddr here = { { 1 } }, there = { { 2 } };
static const struct user user = { .name = anna, .hash = hash };

static struct login login(const char *password)
{
	return (struct login){ &user, str_of(password), &here };
}

static void only_the_same_login_is_found(void **state)
{
	struct login_cache *cache = login_cache_new();
	const struct user changed = { .name = anna, .hash = hash2 };
	const struct user other = { .name = bert, .hash = hash };
	const struct login right = login("secret");
	struct login l = right;
	(void)state;
	assert_false(login_cache_has(cache, &limits, &right, 0));
	login_cache_add(cache, &limits, &right, 0);
	assert_true(login_cache_has(cache, &limits, &right, 0));
	l.user = &changed;
	assert_false(login_cache_has(cache, &limits, &l, 0));
	l.user = &other;
	assert_false(login_cache_has(cache, &limits, &l, 0));
	l.user = NULL;
	assert_false(login_cache_has(cache, &limits, &l, 0));
	l = right;
	l.addr = &there;
	assert_false(login_cache_has(cache, &limits, &l, 0));
	l = login("secre");
	assert_false(login_cache_has(cache, &limits, &l, 0));
	l = login("");
	assert_false(login_cache_has(cache, &limits, &l, 0));
	assert_true(login_cache_has(cache, &limits, &right, 0));
	login_cache_free(cache);
}

/* limits.login_cache_time */
static void it_ends_some_time_after_the_last_use(void **state)
{
	struct login_cache *cache = login_cache_new();
	const struct login l = login("secret");
	(void)state;
	login_cache_add(cache, &limits, &l, 0);
	assert_true(login_cache_has(cache, &limits, &l, 999));
	assert_true(login_cache_has(cache, &limits, &l, 1998));
	assert_false(login_cache_has(cache, &limits, &l, 2998));
	assert_int_equal(login_cache_count(cache), 0);
	assert_false(login_cache_has(cache, &limits, &l, 2998));
	login_cache_free(cache);
}

/* limits.login_cache */
static void there_are_no_more_than_the_limit(void **state)
{
	struct login_cache *cache = login_cache_new();
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		char password[16];
		snprintf(password, sizeof(password), "word%u", i);
		const struct login l = login(password);
		login_cache_add(cache, &limits, &l, 0);
		assert_int_equal(login_cache_count(cache), i < 3 ? i + 1 : 3);
	}
	const struct login oldest = login("word97"), gone = login("word96");
	assert_true(login_cache_has(cache, &limits, &oldest, 0));
	assert_false(login_cache_has(cache, &limits, &gone, 0));
	login_cache_free(cache);
}

static void none_may_be_kept(void **state)
{
	static const struct inbound_limits none = { .login_cache = 0, .login_cache_time = 1000 };
	static const struct inbound_limits no_time = { .login_cache = 3 };
	struct login_cache *cache = login_cache_new();
	const struct login l = login("secret");
	(void)state;
	login_cache_add(cache, &none, &l, 0);
	login_cache_add(cache, &no_time, &l, 0);
	assert_int_equal(login_cache_count(cache), 0);
	login_cache_add(cache, &limits, &l, 0);
	/* A reload has switched it off. */
	assert_false(login_cache_has(cache, &none, &l, 0));
	login_cache_free(cache);
	login_cache_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_same_login_is_found),
		cmocka_unit_test(it_ends_some_time_after_the_last_use),
		cmocka_unit_test(there_are_no_more_than_the_limit),
		cmocka_unit_test(none_may_be_kept),
	};
	return cmocka_run_group_tests_name("inbound/login_cache", tests, NULL, NULL);
}
