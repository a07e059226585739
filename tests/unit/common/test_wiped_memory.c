/* SPDX-License-Identifier: MIT */
/* WRAP: free */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <malloc.h>

#include <cmocka.h>

#include "common/wiped_memory.h"

static const char canary[] = "CANARY-TOKEN-1f2e";
static int freed, unwiped;

void __real_free(void *p);
void __wrap_free(void *p);

/* The blocks of this test begin with the canary, if with anything. */
void __wrap_free(void *p)
{
	freed += p != NULL;
	if (p != NULL && malloc_usable_size(p) >= sizeof(canary) &&
	    memcmp(p, canary, sizeof(canary)) == 0)
		unwiped++;
	__real_free(p);
}

static int reset(void **state)
{
	(void)state;
	freed = unwiped = 0;
	return 0;
}

static void test_what_is_freed_is_wiped(void **state)
{
	(void)state;
	wiped_memory_free(wiped_memory_strdup(canary));
	assert_int_equal(freed, 1);
	assert_int_equal(unwiped, 0);
	wiped_memory_free(NULL);
	assert_int_equal(freed, 1);
	free(wiped_memory_strdup(canary)); /* so the test would have seen it */
	assert_int_equal(unwiped, 1);
}

static void test_what_is_moved_is_wiped(void **state)
{
	(void)state;
	char *text = wiped_memory_strdup(canary);
	char *grown = wiped_memory_realloc(text, 100000);
	assert_int_equal(freed, 1);
	assert_string_equal(grown, canary);
	char *shrunk = wiped_memory_realloc(grown, sizeof(canary));
	assert_string_equal(shrunk, canary);
	assert_int_equal(freed, 2);
	assert_null(wiped_memory_realloc(shrunk, 0));
	assert_int_equal(freed, 3);
	assert_int_equal(unwiped, 0);
}

static void test_the_rest(void **state)
{
	(void)state;
	char *zeros = wiped_memory_zalloc(10, 10);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(zeros[i], 0);
	wiped_memory_free(zeros);
	char *fresh = wiped_memory_realloc(NULL, 10);
	assert_non_null(fresh);
	memset(fresh, 'x', 10);
	wiped_memory_free(fresh);
	wiped_memory_free(wiped_memory_alloc(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_is_freed_is_wiped, reset),
		cmocka_unit_test_setup(test_what_is_moved_is_wiped, reset),
		cmocka_unit_test_setup(test_the_rest, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
