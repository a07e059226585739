/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/str.h"

static struct str s(const char *text)
{
	return str_of(text);
}

static void slices_compare(void **state)
{
	(void)state;
	static const char with_nul[] = "a\0b";
	assert_int_equal(str_of(NULL).n, 0);
	assert_true(str_eq(str_of(NULL), s("")));
	assert_true(str_eq(s("abc"), STR("abc")));
	assert_false(str_eq(s("abc"), s("abd")));
	assert_false(str_eq(s("abc"), s("ab")));
	assert_true(str_eq((struct str){ with_nul, 3 }, STR("a\0b")));
	assert_false(str_eq((struct str){ with_nul, 3 }, STR("a\0c")));
	assert_true(str_ieq(s("STARTtls"), s("startTLS")));
	assert_false(str_ieq(s("@"), s("`"))); /* differ by 0x20, but are no letters */
	assert_false(str_ieq(s("\xc4"), s("\xe4")));
}

static void prefixes_and_suffixes(void **state)
{
	(void)state;
	assert_true(str_starts(s("file:/x"), STR("file:")));
	assert_true(str_starts(s("x"), STR("")));
	assert_false(str_starts(s("File:/x"), STR("file:")));
	assert_false(str_starts(s("fil"), STR("file:")));
	assert_true(str_istarts(s("mail FROM:<>"), STR("MAIL from:")));
	assert_false(str_istarts(s(""), STR("x")));
	assert_true(str_iends(s("a@Contoso.COM"), STR("@contoso.com")));
	assert_true(str_iends(s("x"), STR("")));
	assert_false(str_iends(s("com"), STR(".com")));
}

static void positions(void **state)
{
	(void)state;
	assert_int_equal(str_chr(s("a:b:c"), ':'), 1);
	assert_int_equal(str_chr(s("abc"), ':'), -1);
	assert_int_equal(str_chr(str_of(NULL), ':'), -1);
	assert_int_equal(str_chr(STR("a\0b"), '\0'), 1);
	assert_int_equal(str_icontains(s("Error: AADSTS7000215 x"), STR("aadsts")), 7);
	assert_int_equal(str_icontains(s("abc"), STR("abcd")), -1);
	assert_int_equal(str_icontains(s("abc"), STR("")), 0);
	assert_int_equal(str_icontains(s("aab"), STR("AB")), 1);
}

static void parts(void **state)
{
	(void)state;
	assert_true(str_eq(str_skip(s("abc"), 1), s("bc")));
	assert_true(str_eq(str_skip(s("abc"), 9), s("")));
	assert_int_equal(str_skip(str_of(NULL), 5).n, 0);
	assert_true(str_eq(str_head(s("abc"), 2), s("ab")));
	assert_true(str_eq(str_head(s("abc"), 9), s("abc")));
	assert_true(str_eq(str_trim(s(" \t a b\t ")), s("a b")));
	assert_true(str_eq(str_trim(s(" \t ")), s("")));
	assert_true(str_eq(str_trim(s("\r\na")), s("\r\na"))); /* line ends are no blanks */
}

static void words(void **state)
{
	(void)state;
	struct str rest = s("  one\ttwo   three");
	assert_true(str_eq(str_word(&rest), s("one")));
	assert_true(str_eq(str_word(&rest), s("two")));
	assert_true(str_eq(str_word(&rest), s("three")));
	assert_int_equal(str_word(&rest).n, 0);
	assert_int_equal(str_word(&rest).n, 0);
}

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t value;
	} rows[] = {
		{ "0", 0, true, 0 },
		{ "007", 10, true, 7 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999", UINT64_MAX, false, 0 },
		{ "65536", 65535, false, 0 },
		{ "", 10, false, 0 },
		{ "-1", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "1a", 10, false, 0 },
		{ "0x1", 10, false, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 12345;
		bool ok = str_to_u64(s(rows[i].text), rows[i].max, &value);
		if (ok != rows[i].ok || value != (ok ? rows[i].value : 12345))
			fail_msg("%s", rows[i].text);
	}
}

static void copies(void **state)
{
	(void)state;
	char *a = str_dup(str_head(s("abcdef"), 3));
	char *b = str_dup(str_of(NULL));
	assert_string_equal(a, "abc");
	assert_string_equal(b, "");
	free(a);
	free(b);
}

static void characters(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		bool upper = i >= 'A' && i <= 'Z';
		bool lower = i >= 'a' && i <= 'z';
		bool digit = i >= '0' && i <= '9';
		assert_true(ascii_is_alpha(c) == (upper || lower));
		assert_true(ascii_is_digit(c) == digit);
		assert_true(ascii_is_alnum(c) == (upper || lower || digit));
		assert_true(ascii_is_print(c) == (i >= 0x20 && i <= 0x7e));
		assert_int_equal(ascii_lower(c), upper ? (char)(i + 32) : c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_compare), cmocka_unit_test(prefixes_and_suffixes),
		cmocka_unit_test(positions),	  cmocka_unit_test(parts),
		cmocka_unit_test(words),	  cmocka_unit_test(numbers),
		cmocka_unit_test(copies),	  cmocka_unit_test(characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
