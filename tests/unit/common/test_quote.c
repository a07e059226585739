/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/quote.h"

static void check(struct str text, size_t max, const char *bare)
{
	struct strbuf out;
	struct strbuf quoted;
	strbuf_init(&out, 10000);
	quote_append_bare(&out, text, max);
	assert_string_equal(strbuf_cstr(&out), bare);
	strbuf_init(&quoted, 10000);
	quote_append(&quoted, text, max);
	assert_int_equal(quoted.n, out.n + 2);
	assert_memory_equal(quoted.p + 1, out.p, out.n);
	assert_int_equal(quoted.p[0], '"');
	assert_int_equal(quoted.p[quoted.n - 1], '"');
	strbuf_done(&out);
	strbuf_done(&quoted);
}

static void foreign_bytes_are_escaped(void **state)
{
	(void)state;
	check(STR("plain text"), 100, "plain text");
	check(STR("a\r\nb\tc"), 100, "a\\r\\nb\\tc");
	check(STR("say \"x\" \\ y"), 100, "say \\\"x\\\" \\\\ y");
	check(STR("\x1b[2J\0\x7f\x80\xff"), 100, "\\x1b[2J\\x00\\x7f\\x80\\xff");
	/* U+202E turns a line round; byte by byte, or the tools complain about this file. */
	static const char turn[] = { '\xe2', '\x80', '\xae' };
	check((struct str){ turn, sizeof(turn) }, 100, "\\xe2\\x80\\xae");
}

static void check_visible(struct str text, size_t max, const char *shown)
{
	struct strbuf out;
	strbuf_init(&out, 10000);
	quote_append_visible(&out, text, max);
	assert_string_equal(strbuf_cstr(&out), shown);
	strbuf_done(&out);
}

static void for_people_quotes_stay(void **state)
{
	(void)state;
	check_visible(STR("set tls = \"auto\""), 100, "set tls = \"auto\"");
	check_visible(STR("a\\x1bb\x1b\r\n"), 100, "a\\x1bb\\x1b\\r\\n");
	check_visible(STR("\"\"\""), 2, "\"\"...");
}

static void check_shell(struct str text, const char *word)
{
	struct strbuf out;
	strbuf_init(&out, 1000);
	quote_append_shell(&out, text);
	assert_string_equal(strbuf_cstr(&out), word);
	strbuf_done(&out);
}

static void for_a_shell_it_is_one_word(void **state)
{
	(void)state;
	check_shell(STR("/var/lib/oauthrelay/a_b-c.key"), "/var/lib/oauthrelay/a_b-c.key");
	check_shell(STR("/my files/x"), "'/my files/x'");
	check_shell(STR("it's $(rm)"), "'it'\\''s $(rm)'");
	check_shell(STR("a\nb\x1b"), "'a?b?'");
	check_shell(STR(""), "''");
}

static void long_text_is_cut_by_input_bytes(void **state)
{
	(void)state;
	check(STR("abcdef"), 6, "abcdef");
	check(STR("abcdef"), 3, "abc...");
	check(STR("\n\n\n"), 2, "\\n\\n...");
	check(STR("abc"), 0, "...");
	check(STR(""), 0, "");
}

/* Only printable ASCII comes out, whatever goes in; and it is one token in quotes. */
static void every_byte_is_safe(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		struct strbuf out;
		strbuf_init(&out, 100);
		quote_append(&out, (struct str){ &c, 1 }, 10);
		for (size_t j = 0; j < out.n; j++)
			assert_in_range((unsigned char)out.p[j], 0x20, 0x7e);
		for (size_t j = 1; j + 1 < out.n; j++)
			assert_true(out.p[j] != '"' || out.p[j - 1] == '\\');
		strbuf_done(&out);
		assert_true(quote_is_plain((struct str){ &c, 1 }) ==
			    (i > 0x20 && i < 0x7f && c != '"' && c != '\\'));
	}
	assert_false(quote_is_plain(STR("")));
	assert_false(quote_is_plain(STR("a b")));
	assert_true(quote_is_plain(STR("key=value")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_bytes_are_escaped),
		cmocka_unit_test(for_people_quotes_stay),
		cmocka_unit_test(for_a_shell_it_is_one_word),
		cmocka_unit_test(long_text_is_cut_by_input_bytes),
		cmocka_unit_test(every_byte_is_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
