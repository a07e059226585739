/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/mem.h"
#include "queue/due.h"

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Adds, takes from the middle, and drains: always in order, nobody lost. */
static void test_order(void **state)
{
	enum {
		COUNT = 2000
	};
	static struct queued messages[COUNT];
	struct due due = { 0 };
	uint32_t seed = 7;
	size_t left = COUNT;
	(void)state;
	assert_null(due_first(&due));
	for (size_t i = 0; i < COUNT; i++) {
		messages[i].due_ms = next_random(&seed) % 500;
		due_add(&due, &messages[i]);
	}
	for (size_t i = 0; i < COUNT; i += 3, left--)
		due_remove(&due, &messages[i]);
	assert_int_equal(due.count, left);
	for (int64_t last = 0; left != 0; left--) {
		struct queued *m = due_first(&due);
		assert_non_null(m);
		assert_true((m - messages) % 3 != 0);
		assert_true(m->due_ms >= last);
		last = m->due_ms;
		due_remove(&due, m);
	}
	assert_null(due_first(&due));
	due_done(&due);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
