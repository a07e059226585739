/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/table.h"

static const struct table_column columns[] = {
	{ .title = "ID" },
	{ .title = "SIZE", .right = true },
	{ .title = "FROM", .flexible = true },
	{ .title = "REASON", .flexible = true },
};

static char *render(struct table *t, size_t width, bool colour)
{
	struct strbuf out;
	strbuf_init(&out, 1U << 20);
	table_append(&out, t, width, colour);
	table_done(t);
	return strbuf_steal(&out);
}

static void columns_are_as_wide_as_their_cells(void **state)
{
	(void)state;
	struct table t;
	table_init(&t, columns, ARRAY_LEN(columns));
	table_row(&t, (const char *[]){ "a1", "12K", "x@contoso.com", "" });
	table_row(&t, (const char *[]){ "b22", "5.2M", NULL, "why" });
	char *text = render(&t, 80, false);
	assert_string_equal(text, "ID   SIZE  FROM           REASON\n"
				  "a1    12K  x@contoso.com\n"
				  "b22  5.2M                 why\n");
	free(text);
}

static void no_line_is_longer_than_the_width(void **state)
{
	(void)state;
	static const char long_text[] = "0123456789012345678901234567890123456789";
	for (size_t width = 40; width < 120; width++) {
		struct table t;
		table_init(&t, columns, ARRAY_LEN(columns));
		table_row(&t, (const char *[]){ "a", "1", long_text, long_text });
		char *text = render(&t, width, false);
		for (char *line = text; *line != '\0';) {
			char *end = strchr(line, '\n');
			assert_non_null(end);
			assert_true((size_t)(end - line) <= width);
			line = end + 1;
		}
		assert_true((strstr(text, "..") != NULL) == (width < 2 * 40 + 2 + 4 + 3 * 2));
		free(text);
	}
}

/* Nothing of them is left out: what to do about an error stands at its end. */
static void long_notes_take_more_lines(void **state)
{
	(void)state;
	struct table t;
	table_init(&t, columns, ARRAY_LEN(columns));
	table_row(&t, (const char *[]){ "a", "1", "", "" });
	table_note(&t, "set tls_profile = \"legacy\" for it");
	table_note(&t, "0123456789abcdef");
	table_note(&t, "");
	char *text = render(&t, 21, false);
	assert_non_null(strstr(text, "\n          set\n"
				     "          tls_profile\n"));
	assert_non_null(strstr(text, "\n          = \"legacy\"\n"
				     "          for it\n"));
	assert_non_null(strstr(text, "\n          0123456789a\n"
				     "          bcdef\n"));
	free(text);
}

static void notes_go_across(void **state)
{
	(void)state;
	struct table t;
	table_init(&t, columns, ARRAY_LEN(columns));
	table_row(&t, (const char *[]){ "a1", "12K", "x@contoso.com", "" });
	table_note(&t, "a note that is longer than any of the columns\n");
	table_row(&t, (const char *[]){ "b2", "1", "", "" });
	char *text = render(&t, 40, false);
	assert_string_equal(text, "ID  SIZE  FROM           REASON\n"
				  "a1   12K  x@contoso.com\n"
				  "          a note that is longer than any\n"
				  "          of the columns\\n\n"
				  "b2     1\n");
	free(text);
}

static void foreign_text_cannot_address_the_terminal(void **state)
{
	(void)state;
	struct table t;
	table_init(&t, columns, ARRAY_LEN(columns));
	table_row(&t, (const char *[]){ "a", "1", "x\x1b[2J\r\n@y", "\xff" });
	char *text = render(&t, 200, false);
	assert_non_null(strstr(text, "x\\x1b[2J\\r\\n@y"));
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\r'));
	free(text);
}

static void only_the_titles_are_coloured(void **state)
{
	(void)state;
	struct table t;
	table_init(&t, columns, 1);
	table_row(&t, (const char *[]){ "a" });
	char *text = render(&t, 80, true);
	assert_string_equal(text, "\x1b[1mID\x1b[0m\na\n");
	free(text);
}

static void short_words(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *text;
	} ages[] = {
		{ -5, "0s" },	   { 0, "0s" },	     { 119, "119s" },
		{ 120, "2m" },	   { 7199, "119m" }, { 7200, "2h" },
		{ 172799, "47h" }, { 172800, "2d" }, { 8640000, "100d" },
	};
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1.0K" },
		{ 1024, "1.0K" },
		{ 5 * 1024 + 512, "5.5K" },
		{ 12 * 1024, "12K" },
		{ 999 * 1024, "999K" },
		{ 1000 * 1024, "1.0M" },
		{ UINT64_C(150) << 20, "150M" },
		{ UINT64_C(3) << 40, "3.0T" },
		{ UINT64_C(3000) << 40, "3000T" },
	};
	struct strbuf out;
	strbuf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
		strbuf_reset(&out);
		table_short_age(&out, ages[i].seconds);
		assert_string_equal(strbuf_cstr(&out), ages[i].text);
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		strbuf_reset(&out);
		table_short_size(&out, sizes[i].bytes);
		assert_string_equal(strbuf_cstr(&out), sizes[i].text);
	}
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_cells),
		cmocka_unit_test(no_line_is_longer_than_the_width),
		cmocka_unit_test(notes_go_across),
		cmocka_unit_test(long_notes_take_more_lines),
		cmocka_unit_test(foreign_text_cannot_address_the_terminal),
		cmocka_unit_test(only_the_titles_are_coloured),
		cmocka_unit_test(short_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
