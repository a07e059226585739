/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "inbound/tally.h"

enum {
	MANY = 1000 /* more than there are buckets */
};

static const char *name_of(unsigned i)
{
	static char name[32];
	snprintf(name, sizeof(name), "device-%u", i);
	return name;
}

static void counts(void **state)
{
	struct tally *tally = tally_new();
	(void)state;
	tally_remove(tally, "nobody");
	for (unsigned i = 0; i < MANY; i++)
		for (unsigned k = 0; k <= i % 3; k++)
			tally_add(tally, name_of(i));
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(tally_count(tally, name_of(i)), i % 3 + 1);
		tally_remove(tally, name_of(i));
		assert_int_equal(tally_count(tally, name_of(i)), i % 3);
	}
	for (unsigned i = 0; i < MANY; i++)
		for (unsigned k = 0; k < i % 3; k++)
			tally_remove(tally, name_of(i));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(tally_count(tally, name_of(i)), 0);
	tally_add(tally, "left over");
	tally_free(tally);
	tally_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counts) };
	return cmocka_run_group_tests_name("inbound/tally", tests, NULL, NULL);
}
