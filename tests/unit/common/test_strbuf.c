/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/strbuf.h"

static void bytes_are_appended(void **state)
{
	(void)state;
	struct strbuf b;
	strbuf_init(&b, 1000);
	assert_string_equal(strbuf_cstr(&b), "");
	assert_int_equal(strbuf_str(&b).n, 0);
	assert_non_null(strbuf_str(&b).p);
	strbuf_adds(&b, "ab");
	strbuf_addc(&b, 'c');
	strbuf_addstr(&b, STR("de"));
	strbuf_addf(&b, "%d-%s", 5, "x");
	strbuf_add(&b, "\0z", 2);
	strbuf_add(&b, NULL, 0);
	assert_int_equal(b.n, 10);
	assert_memory_equal(b.p, "abcde5-x\0z", 11); /* with the NUL behind it */
	assert_false(b.overflow);
	strbuf_done(&b);
}

static void it_grows_to_its_ceiling_exactly(void **state)
{
	(void)state;
	struct strbuf b;
	strbuf_init(&b, 1000);
	for (int i = 0; i < 1000; i++)
		strbuf_addc(&b, 'x');
	assert_int_equal(b.n, 1000);
	assert_false(b.overflow);
	strbuf_addc(&b, 'y');
	assert_true(b.overflow);
	assert_int_equal(b.n, 1000);
	assert_int_equal(strlen(b.p), 1000);
	strbuf_done(&b);
}

static void an_overflow_appends_nothing_and_stays(void **state)
{
	(void)state;
	struct strbuf b;
	strbuf_init(&b, 5);
	strbuf_adds(&b, "abc");
	strbuf_adds(&b, "def");
	assert_true(b.overflow);
	assert_string_equal(strbuf_cstr(&b), "abc");
	strbuf_addc(&b, 'd'); /* would fit, but the text is broken already */
	assert_string_equal(strbuf_cstr(&b), "abc");
	strbuf_addf(&b, "%s", "x");
	assert_string_equal(strbuf_cstr(&b), "abc");
	strbuf_reset(&b);
	assert_false(b.overflow);
	strbuf_addf(&b, "%05d", 42);
	assert_string_equal(strbuf_cstr(&b), "00042");
	assert_false(b.overflow);
	strbuf_done(&b);
}

static void huge_sizes_do_not_wrap(void **state)
{
	(void)state;
	struct strbuf b;
	strbuf_init(&b, 100);
	strbuf_adds(&b, "abc");
	strbuf_add(&b, "x", SIZE_MAX);
	assert_true(b.overflow);
	assert_int_equal(b.n, 3);
	strbuf_done(&b);
	strbuf_init(&b, 0);
	strbuf_add(&b, "", 0);
	assert_false(b.overflow);
	strbuf_addc(&b, 'x');
	assert_true(b.overflow);
	strbuf_done(&b);
}

static void bytes_are_handed_over(void **state)
{
	(void)state;
	struct strbuf b;
	strbuf_init(&b, 100);
	char *empty = strbuf_steal(&b);
	assert_string_equal(empty, "");
	strbuf_adds(&b, "abc");
	char *p = strbuf_steal(&b);
	assert_string_equal(p, "abc");
	assert_int_equal(b.n, 0);
	assert_null(b.p);
	strbuf_adds(&b, "again");
	assert_string_equal(strbuf_cstr(&b), "again");
	strbuf_done(&b);
	strbuf_adds(&b, "and again"); /* done leaves it usable */
	assert_int_equal(b.n, 9);
	strbuf_done(&b);
	free(p);
	free(empty);
}

static void text_is_wrapped(void **state)
{
	static const struct {
		const char *text;
		size_t column;
		const char *wrapped;
	} rows[] = {
		{ "", 2, "" },
		{ "one", 2, "one" },
		{ "one two", 2, "one two" },
		{ "one  two ", 3, "one two" },
		{ "one two", 4, "one\n  two" },
		{ "one two", 8, "\n  one two" },
		{ "12345678 1", 2, "12345678\n  1" },
		{ "1 123456789abcdefghi", 2, "1 123456\n  789abcde\n  fghi" },
		{ "123456789", 10, "\n  12345678\n  9" },
		{ "123456789", 20, "\n  12345678\n  9" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf b;
		strbuf_init(&b, 100);
		strbuf_add_wrapped(&b, str_of(rows[i].text), rows[i].column, 2, 10);
		assert_string_equal(strbuf_cstr(&b), rows[i].wrapped);
		strbuf_done(&b);
	}
}

static void reserved_bytes_stay_in_place(void **state)
{
	struct strbuf b;
	(void)state;
	strbuf_init(&b, 100);
	strbuf_reserve(&b, 100);
	const char *p = b.p;
	assert_string_equal(strbuf_cstr(&b), "");
	for (int i = 0; i < 100; i++)
		strbuf_addc(&b, 'x');
	assert_ptr_equal(b.p, p);
	assert_false(b.overflow);
	strbuf_reserve(&b, 1);
	assert_true(b.overflow);
	assert_int_equal(b.n, 100);
	strbuf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_appended),
		cmocka_unit_test(it_grows_to_its_ceiling_exactly),
		cmocka_unit_test(an_overflow_appends_nothing_and_stays),
		cmocka_unit_test(huge_sizes_do_not_wrap),
		cmocka_unit_test(bytes_are_handed_over),
		cmocka_unit_test(text_is_wrapped),
		cmocka_unit_test(reserved_bytes_stay_in_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
