/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/mem.h"
#include "tests/unit/support/heap_scan.h"

struct text_case {
	const char *text;
	size_t n;
	bool good;
};

#define TEXT(literal, good)                        \
	{                                          \
		literal, sizeof(literal) - 1, good \
	}

static void test_what_is_json(void **state)
{
	static const struct text_case cases[] = {
		TEXT("{}", true),
		TEXT(" {\"a\":1} \r\n\t", true),
		TEXT("[1,\"x\",null,true]", true),
		TEXT("{\"a\":\"\\u0041\\n\\\\u0000\"}", true),
		TEXT("", false),
		TEXT("{", false),
		TEXT("{\"a\":\"b", false),
		TEXT("{} {}", false),
		TEXT("{}x", false),
		TEXT("{}\0", false),
		TEXT("\xef\xbb\xbf{}", false),
		TEXT("{\"a\":\"b\0c\"}", false),
		TEXT("{\"a\":\"b\\u0000c\"}", false),
		TEXT("{\"a\":\"b\nc\"}", false),
		TEXT("{\"a\":\"b\x01\"}", false),
		TEXT("NaN", false),
		TEXT("{\"a\":NaN}", false),
		TEXT("<html>", false),
		TEXT("\"\\", false),
		TEXT("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", true),	   /* 16 */
		TEXT("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", false), /* 17 */
		TEXT("[\"[[[[[[[[[[[[[[[[[[[[[[\"]", true),
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = { .text = "" };
		/* A copy without a NUL behind it, so that a sanitizer sees reading too far. */
		char *copy = mem_alloc(cases[i].n);
		memcpy(copy, cases[i].text, cases[i].n);
		cJSON *value = json_parse((struct str){ copy, cases[i].n }, &err);
		free(copy);
		if ((value != NULL) != cases[i].good)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(value == NULL, err.text[0] != '\0');
		cJSON_Delete(value);
	}
}

static void test_depth_bomb(void **state)
{
	enum {
		DEPTH = 100000
	};
	struct err err;
	char *text = mem_alloc(DEPTH);
	(void)state;
	memset(text, '[', DEPTH);
	assert_null(json_parse((struct str){ text, DEPTH }, &err));
	free(text);
}

static void test_lookups(void **state)
{
	struct err err;
	struct str s;
	cJSON *o = json_parse(STR("{\"s\":\"one\",\"s\":\"two\",\"e\":\"\",\"n\":null,\"o\":{}}"),
			      &err);
	(void)state;
	assert_non_null(o);
	assert_true(json_get_str(o, "s", &s));
	assert_true(str_eq(s, STR("one")));
	assert_true(json_get_str(o, "e", &s));
	assert_int_equal(s.n, 0);
	assert_false(json_get_str(o, "S", &s));
	assert_false(json_get_str(o, "n", &s));
	assert_false(json_get_str(o, "o", &s));
	assert_false(json_get_str(NULL, "o", &s));
	cJSON_Delete(o);
}

struct int_case {
	const char *value;
	bool good;
	int64_t want;
};

static void test_integers(void **state)
{
	static const struct int_case cases[] = {
		{ "3599", true, 3599 },
		{ "\"3599\"", true, 3599 },
		{ "0", true, 0 },
		{ "-1", true, -1 },
		{ "1e3", true, 1000 },
		{ "1e308", true, INT64_MAX },
		{ "-1e308", true, INT64_MIN },
		{ "9223372036854775807", true, INT64_MAX },
		{ "0.5", false, 0 },
		{ "\"\"", false, 0 },
		{ "\"-1\"", false, 0 },
		{ "\"36x\"", false, 0 },
		{ "\"99999999999999999999\"", false, 0 },
		{ "null", false, 0 },
		{ "[]", false, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf text;
		struct err err;
		int64_t got = 42;
		strbuf_init(&text, 256);
		strbuf_addf(&text, "{\"v\":%s}", cases[i].value);
		cJSON *o = json_parse(strbuf_str(&text), &err);
		assert_non_null(o);
		assert_int_equal(json_get_int(o, "v", &got), cases[i].good);
		assert_true(got == (cases[i].good ? cases[i].want : 42));
		cJSON_Delete(o);
		strbuf_done(&text);
	}
}

static void test_writing(void **state)
{
	static const struct text_case values[] = {
		TEXT("plain \"quoted\" \\ /", true),
		TEXT("a\0b", true),
		TEXT("\x1b[2J\r\n\x7f", true),
		TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa0", true),
		TEXT("\xc0\xae", false),	 /* overlong */
		TEXT("\xed\xa0\x80", false),	 /* surrogate */
		TEXT("\xf4\x90\x80\x80", false), /* beyond U+10FFFF */
		TEXT("x\xe2\x82", false),	 /* cut off */
		TEXT("\xff\xfe\x80", false),
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct strbuf out;
		struct err err;
		struct str back;
		cJSON *o = cJSON_CreateObject();
		strbuf_init(&out, 4096);
		json_add_str(o, "v", (struct str){ values[i].text, values[i].n });
		json_append(&out, o);
		cJSON_Delete(o);
		for (size_t j = 0; j < out.n; j++)
			assert_true(ascii_is_print(out.p[j]));
		o = json_parse(strbuf_str(&out), &err);
		assert_non_null(o);
		assert_true(json_get_str(o, "v", &back));
		if (!values[i].good || memchr(values[i].text, '\0', values[i].n) != NULL)
			assert_non_null(strstr(back.p, "\xef\xbf\xbd"));
		else
			assert_memory_equal(back.p, values[i].text, values[i].n);
		cJSON_Delete(o);
		strbuf_done(&out);
	}
}

static void test_wiped(void **state)
{
	static const char canary[] = "canary~Zq8.secret-of-the-account-0123456789";
	static char text[256]; /* not on the heap */
	struct err err;
	(void)state;
	if (!heap_scan_works())
		skip();
	json_delete_wiped(NULL);
	int n = snprintf(text, sizeof(text), "{\"a\":[1,{\"b\":\"%s\"},null],\"c\":\"%s\"}", canary,
			 canary);
	cJSON *o = json_parse((struct str){ text, (size_t)n }, &err);
	assert_non_null(o);
	assert_int_equal(heap_scan_count(canary), 2);
	json_delete_wiped(o);
	assert_int_equal(heap_scan_count(canary), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_json), cmocka_unit_test(test_depth_bomb),
		cmocka_unit_test(test_lookups),	     cmocka_unit_test(test_integers),
		cmocka_unit_test(test_writing),	     cmocka_unit_test(test_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
