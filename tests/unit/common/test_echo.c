/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/base64.h"
#include "common/echo.h"

static const char secret[] = "Abc~1/def+2GHI-jkl_345\"mno\\678pqr9stu";

static void check(const char *text, bool repeats)
{
	if (echo_repeats(str_of(text), str_of(secret)) != repeats)
		fail_msg("%s: %s", repeats ? "not found" : "found", text);
}

static void test_ways_to_write_it(void **state)
{
	static const char *const texts[] = {
		secret,
		"what is Abc~1/def+2GHI-jkl_345\"mno?", /* the head, */
		"what is GHI-jkl_345\"mno\\678?",	/* a part, */
		"what is l_345\"mno\\678pqr9stu?",	/* the end */
		"ABC~1/DEF+2GHI-JKL_345",
		"secret=Abc~1%2Fdef%2B2GHI-jkl&a=b",
		"secret=Abc~1%2fdef%2b2GHI-jkl&a=b",
		"\"Abc~1\\/def+2GHI\"",
		"jkl_345\\\"mno\\\\678pqr",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check(texts[i], true);
}

/* Whatever stands before it and behind it. */
static void test_base64(void **state)
{
	static const char *const before[] = { "", "u", "us", "anna:" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		struct strbuf plain, text;
		strbuf_init(&plain, 256);
		strbuf_init(&text, 1024);
		strbuf_addf(&plain, "%s%s", before[i], secret);
		strbuf_adds(&text, "Basic ");
		base64_encode(&text, strbuf_str(&plain));
		check(strbuf_cstr(&text), true);
		strbuf_reset(&text);
		base64url_encode(&text, strbuf_str(&plain));
		check(strbuf_cstr(&text), true);
		strbuf_done(&plain);
		strbuf_done(&text);
	}
}

static void test_what_is_none_of_it(void **state)
{
	static const char *const texts[] = {
		"",
		"AADSTS7000215: Invalid client secret provided.",
		"Abc~1/d", /* less than a block */
		"%",
		"%4",
		"\\", /* cut escapes */
		"Trace ID: 6e5d9f1c-2f5a-4a55-9c7a-1b2c3d4e5f60",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check(texts[i], false);
	assert_false(echo_repeats(STR("anything"), STR("")));
}

static void test_short_secrets_count_whole(void **state)
{
	(void)state;
	assert_true(echo_repeats(STR("is pass word:1 right?"), STR("pass word:1")));
	assert_true(echo_repeats(STR("is pass%20word%3a1 right?"), STR("pass word:1")));
	assert_true(echo_repeats(STR("Basic YW5uYTpwYXNzIHdvcmQ6MQ=="), STR("pass word:1")));
	assert_false(echo_repeats(STR("a word: pass"), STR("pass word:1")));
	assert_false(echo_repeats(STR("abc"), STR("abcd")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways_to_write_it),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_what_is_none_of_it),
		cmocka_unit_test(test_short_secrets_count_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
