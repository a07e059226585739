/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "config/config.h"
#include "config/remedy.h"
#include "oauth/aadsts.h"

/* microsoft365.md 4.12, row by row: what is there must be known, and nothing else is claimed. */
static const uint32_t config_codes[] = {
	7000215, 7000222, 70002,  700016, 700011, 7000112, 70001,   90002,   900023,  90038,
	900439,	 900382,  900432, 90051,  50049,  700027,  700024,  700030,  50012,   50027,
	50013,	 500133,  50048,  900384, 90014,  900144,  90023,   9002313, 90100,   90013,
	901002,	 70021,	  700211, 700212, 700213, 7002137, 7002138, 700025,  7000218, 70011,
	28002,	 28003,	  700022, 700023, 70003,  70005,   1002012, 500011,  50001,   650054,
	650053,	 65001,	  90094,  90095,  90008,  65005,   650056,  650052,  650057,  9001023,
	50194,	 50059,	  50128,  90124,  90130,  90019,   9002332, 50011,   50105,   50034,
	50020,	 50057,	  53000,  53001,  530003, 50097,   50155,   53003,   53002,   53004,
	53010,	 53011,	  530032, 530034, 530035, 530036,  50131,   50005,   700084,  501481,
	500021,	 500022,  50002,
};
static const uint32_t login_codes[] = {
	65004, 50126, 50053,  50055,  50144, 50056,  50058, 50072, 50074, 50076, 50079,
	50078, 50158, 50173,  70000,  70008, 700082, 70043, 50089, 50132, 50133, 50135,
	50139, 50085, 700005, 700020, 54005, 70018,  70019, 90119, 90120, 50134,
};
static const uint32_t transient_codes[] = {
	70016, 50196, 50033, 50087, 50088, 50166, 90006, 90012, 90024, 90033,
	90055, 90090, 90091, 40010, 70012, 80001, 80002, 80005, 80014,
};

static void expect(const uint32_t *codes, size_t count, enum token_failure_class class)
{
	for (size_t i = 0; i < count; i++) {
		const struct aadsts_row *row = aadsts_find(codes[i]);
		if (row == NULL) {
			fail_msg("%u is missing", codes[i]);
			return;
		}
		assert_int_equal(row->code, codes[i]);
		assert_int_equal(row->class, class);
	}
}

static void test_all_known_codes(void **state)
{
	size_t count;
	(void)state;
	expect(config_codes, ARRAY_LEN(config_codes), TOKEN_FAIL_CONFIG);
	expect(login_codes, ARRAY_LEN(login_codes), TOKEN_FAIL_LOGIN);
	expect(transient_codes, ARRAY_LEN(transient_codes), TOKEN_FAIL_TRANSIENT);
	aadsts_rows(&count);
	assert_int_equal(count, ARRAY_LEN(config_codes) + ARRAY_LEN(login_codes) +
					ARRAY_LEN(transient_codes));
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
		if (i != 0)
			assert_true(rows[i - 1].code < rows[i].code);
		assert_ptr_equal(aadsts_find(rows[i].code), &rows[i]);
		assert_true(rows[i].wait_ms >= 0);
		/* Whoever has to do something is told what. */
		assert_int_equal(rows[i].remedy[0] != '\0', rows[i].class != TOKEN_FAIL_TRANSIENT);
	}
	assert_int_equal(aadsts_find(50053)->wait_ms, 30 * 60 * 1000);
	assert_int_equal(aadsts_find(50196)->wait_ms, 5 * 60 * 1000);
}

static void test_the_remedies(void **state)
{
	char name[] = "scanner", mailbox[] = "scanner@contoso.com", empty[] = "";
	char tenant[] = "contoso.onmicrosoft.com", id[] = "11111111-2222-3333-4444-555555555555";
	struct account_config account = {
		.name = name,
		.mailbox = mailbox,
		.tenant = tenant,
		.client_id = id,
		.host = empty,
	};
	size_t count;
	const struct aadsts_row *rows = aadsts_rows(&count);
	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct strbuf text;
		struct err err;
		strbuf_init(&text, 4096);
		remedy_append(&text, rows[i].remedy, &account);
		/* No placeholder is left over, all is printable, nothing will be cut. */
		for (size_t j = 0; j < text.n; j++)
			assert_true(ascii_is_print(text.p[j]) && text.p[j] != '{' &&
				    text.p[j] != '}');
		assert_true(text.n < sizeof(err.text));
		if (text.n != 0)
			assert_true(text.p[text.n - 1] != '.' && text.p[text.n - 1] != ' ');
		strbuf_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_known_codes),
		cmocka_unit_test(test_unknown_codes),
		cmocka_unit_test(test_the_table),
		cmocka_unit_test(test_the_remedies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
