/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attr.h"
#include "message/from_field.h"

static void test_parse(void **state)
{
	static const struct row {
		const char *value;
		bool single;
		const char *address;
		const char *display;
	} rows[] = {
		{ " scan@printer.local\r\n", true, "scan@printer.local", "" },
		{ " Scanner 3F <scan@printer.local>\r\n", true, "scan@printer.local",
		  "Scanner 3F" },
		{ "<scan@printer.local>\r\n", true, "scan@printer.local", "" },
		{ " \"Scan, 3F\" <scan@p.local>\r\n", true, "scan@p.local", "\"Scan, 3F\"" },
		{ " scan@p.local (Scanner <3F>)\r\n", true, "scan@p.local", "" },
		{ " Scan\r\n ner <scan@p.local>\r\n", true, "scan@p.local", "Scan\r\n ner" },
		{ " =?utf-8?B?44K544Kt44Oj44OK?= <a@b.c>\r\n", true, "a@b.c",
		  "=?utf-8?B?44K544Kt44Oj44OK?=" },
		{ " \"a b\"@p.local\r\n", true, "\"a b\"@p.local", "" },
		{ " a@b.c, d@e.f\r\n", false, NULL, NULL },
		{ " Team: a@b.c, d@e.f;\r\n", false, NULL, NULL },
		{ " A <a@b.c> <d@e.f>\r\n", false, NULL, NULL },
		{ " <a@b.c> d@e.f\r\n", false, NULL, NULL },
		{ " scanner\r\n", false, NULL, NULL },
		{ " a@b@c\r\n", false, NULL, NULL },
		/* Read as a group as soon as the angle brackets are gone. */
		{ " A <team:a@b.c>\r\n", false, NULL, NULL },
		{ " <a@b.c:25>\r\n", false, NULL, NULL },
		{ " <a@[IPv6:::1]>\r\n", true, "a@[IPv6:::1]", "" },
		{ " \r\n", false, NULL, NULL },
		{ " A <a@b.c\r\n", false, NULL, NULL },
		{ " \"unclosed <a@b.c>\r\n", false, NULL, NULL },
		{ " (((((( a@b.c\r\n", false, NULL, NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct from_field from;
		from_field_parse(str_of(rows[i].value), &from);
		print_message("%s", rows[i].value);
		assert_int_equal(from.single, rows[i].single);
		if (rows[i].single) {
			assert_string_equal(strbuf_cstr(&from.address), rows[i].address);
			assert_true(str_eq(from.display, str_of(rows[i].display)));
		}
		from_field_done(&from);
	}
}

static void test_plain(void **state)
{
	static const struct row {
		const char *value;
		bool plain;
	} rows[] = {
		{ "a@b.c", true },
		{ "Scan 3F <a@b.c>", true },
		{ "\"ceo@x.y\" <a@b.c>", true },
		{ "a@b.c (3F, left \\( \"hall\")", true },
		{ "(3F (left)) <a@b.c> (hall)", true },
		{ "ceo@x.y <a@b.c>", false },
		{ "a@b.c (<ceo@x.y>)", false },
		{ "<a@b.c> (ceo@x.y)", false },
		{ "(ceo@x.y) a@b.c", false },
		{ "a@b.c (<ceo@x.y>", false },
		{ "a@b.c (unclosed", false },
		{ "a@b.c ((unclosed)", false },
		{ "a@b.c (\\)", false },
		{ "=?utf-8?q?ceo=40x.y?=@b.c", false },
		{ "<\"=?utf-8?q?ceo=40x.y?=\"@b.c>", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct from_field from;
		from_field_parse(str_of(rows[i].value), &from);
		print_message("%s\n", rows[i].value);
		assert_true(from.single);
		assert_int_equal(from.plain, rows[i].plain);
		from_field_done(&from);
	}
}

static void test_append(void **state)
{
	static const struct row {
		const char *display;
		const char *expected;
	} rows[] = {
		{ "", "m@x.y" },
		{ "Scanner 3F", "Scanner 3F <m@x.y>" },
		{ "scan@3f", "\"scan@3f\" <m@x.y>" },
		{ "\"Scan, 3F\"", "\"Scan, 3F\" <m@x.y>" },
		{ "Scan, 3F", "\"Scan, 3F\" <m@x.y>" },
		{ ". 3F", "\". 3F\" <m@x.y>" },
		{ "broken \" quote", "\"broken \\\" quote\" <m@x.y>" },
		{ "Scan\xc3\xa9", "m@x.y" },
		{ "a\x01"
		  "b",
		  "m@x.y" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out;
		strbuf_init(&out, 1024);
		from_field_append(&out, str_of(rows[i].display), "m@x.y");
		assert_string_equal(strbuf_cstr(&out), rows[i].expected);
		strbuf_done(&out);
	}
}

static void test_lists(void **state)
{
	static const struct row {
		const char *list;
		const char *parts; /* with | between */
	} rows[] = {
		{ "", "" },
		{ "a@b.c", "a@b.c" },
		{ "a, b,c", "a| b|c" },
		{ "a,", "a|" },
		{ "\"a,b\" <c>, (x, (y,)) d", "\"a,b\" <c>| (x, (y,)) d" },
		{ "\"a\\\",b\" <@x,@y:c>,d", "\"a\\\",b\" <@x,@y:c>|d" },
		{ "\"open, a", "\"open, a" },
		{ "(open, a", "(open, a" },
		{ "<open, a", "<open, a" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out;
		struct str list = str_of(rows[i].list);
		strbuf_init(&out, 1024);
		strbuf_addstr(&out, from_field_next(&list));
		while (list.p != NULL) {
			strbuf_addc(&out, '|');
			strbuf_addstr(&out, from_field_next(&list));
		}
		assert_string_equal(strbuf_cstr(&out), rows[i].parts);
		strbuf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
