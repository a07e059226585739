/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/recent.h"

struct entry {
	struct recent_entry recent;
	int value;
};

static struct msgid key(const struct recent *recent, const char *a, const char *b)
{
	const struct str parts[] = { str_of(a), str_of(b) };
	return recent_key(recent, parts, ARRAY_LEN(parts));
}

static void keys_differ(void **state)
{
	struct recent *one = recent_new(sizeof(struct entry));
	struct recent *two = recent_new(sizeof(struct entry));
	(void)state;
	const struct msgid same = key(one, "ab", "c");
	const struct msgid again = key(one, "ab", "c"), moved = key(one, "a", "bc"),
			   shorter = key(one, "ab", ""), other = key(two, "ab", "c");
	assert_true(msgid_equal(&same, &again));
	assert_false(msgid_equal(&same, &moved));
	assert_false(msgid_equal(&same, &shorter));
	/* Each table has a key of its own. */
	assert_false(msgid_equal(&same, &other));
	recent_free(one);
	recent_free(two);
	recent_free(NULL);
}

static void the_oldest_goes(void **state)
{
	struct recent *recent = recent_new(sizeof(struct entry));
	const struct msgid a = key(recent, "a", ""), b = key(recent, "b", ""),
			   c = key(recent, "c", ""), d = key(recent, "d", "");
	(void)state;
	assert_null(recent_get(recent, &a));
	struct entry *first = recent_put(recent, &a, 3);
	assert_int_equal(first->value, 0);
	first->value = 1;
	recent_put(recent, &b, 3);
	recent_put(recent, &c, 3);
	assert_int_equal(recent_count(recent), 3);
	/* Asked for, so b is the oldest now. */
	assert_ptr_equal(recent_get(recent, &a), first);
	recent_put(recent, &d, 3);
	assert_int_equal(recent_count(recent), 3);
	assert_null(recent_get(recent, &b));
	assert_ptr_equal(recent_put(recent, &a, 3), first);
	assert_int_equal(first->value, 1);
	/* A lower limit holds from the next new one on. */
	recent_put(recent, &b, 1);
	assert_int_equal(recent_count(recent), 1);
	assert_null(recent_get(recent, &a));
	recent_remove(recent, recent_get(recent, &b));
	assert_int_equal(recent_count(recent), 0);
	recent_free(recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(the_oldest_goes),
	};
	return cmocka_run_group_tests_name("inbound/recent", tests, NULL, NULL);
}
