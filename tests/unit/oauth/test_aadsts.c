/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/str.h"
#include "oauth/aadsts.h"

/* What is there must be known, and nothing else is claimed. */
static const struct fixture {
	uint32_t code;
	char class;
} fixtures[] = {
#include "tests/unit/oauth/aadsts.inc"
};

static enum token_failure_class class_of(char letter)
{
	switch (letter) {
	case 'C':
	case 'A': /* it does not come right by itself either */
		return TOKEN_FAIL_CONFIG;
	case 'L':
		return TOKEN_FAIL_LOGIN;
	case 'P':
		return TOKEN_FAIL_POLL;
	default:
		assert_int_equal(letter, 'T');
		return TOKEN_FAIL_TRANSIENT;
	}
}

static void test_all_known_codes(void **state)
{
	size_t count;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
		const struct aadsts_row *row = aadsts_find(fixtures[i].code);
		if (row == NULL) {
			fail_msg("%u is missing", fixtures[i].code);
			return;
		}
		assert_int_equal(row->code, fixtures[i].code);
		if (row->class != class_of(fixtures[i].class))
			fail_msg("%u has another class", row->code);
	}
	aadsts_rows(&count);
	assert_int_equal(count, ARRAY_LEN(fixtures));
}

static void test_unknown_codes(void **state)
{
	(void)state;
	assert_null(aadsts_find(0));
	assert_null(aadsts_find(1));
	assert_null(aadsts_find(7000216));
	assert_null(aadsts_find(UINT32_MAX));
}

static void test_the_table(void **state)
{
	size_t count;
	const struct aadsts_row *rows = aadsts_rows(&count);
	(void)state;
	for (size_t i = 0; i < count; i++) {
		bool passing =
			rows[i].class == TOKEN_FAIL_TRANSIENT || rows[i].class == TOKEN_FAIL_POLL;
		if (i != 0)
			assert_true(rows[i - 1].code < rows[i].code);
		assert_ptr_equal(aadsts_find(rows[i].code), &rows[i]);
		assert_true(rows[i].wait_ms >= 0);
		/* Whoever has to do something is told what. */
		if ((rows[i].advice == ADVICE_NONE) != passing)
			fail_msg("%u: something to do or nothing?", rows[i].code);
		struct str meaning = str_of(rows[i].meaning);
		assert_true(meaning.n > 10 && meaning.p[meaning.n - 1] != '.');
	}
	assert_int_equal(aadsts_find(50053)->wait_ms, 30 * 60 * 1000);
	assert_int_equal(aadsts_find(50196)->wait_ms, 5 * 60 * 1000);
}

/* Another secret or certificate is worth a try with these, and with no others. */
static void test_credentials_at_fault(void **state)
{
	static const uint32_t codes[] = {
		50012,	50013,	50027,	50048,	70002,	70021,	 500133,  700024,  700027,
		700030, 700211, 700212, 700213, 900384, 7000215, 7000222, 7002137, 7002138,
	};
	size_t count, found = 0;
	const struct aadsts_row *rows = aadsts_rows(&count);
	(void)state;
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].credential)
			continue;
		assert_true(found < ARRAY_LEN(codes));
		assert_int_equal(rows[i].code, codes[found]);
		assert_int_equal(rows[i].class, TOKEN_FAIL_CONFIG);
		found++;
	}
	assert_int_equal(found, ARRAY_LEN(codes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_known_codes),
		cmocka_unit_test(test_unknown_codes),
		cmocka_unit_test(test_the_table),
		cmocka_unit_test(test_credentials_at_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
