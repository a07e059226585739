/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/params.h"

static const struct good_row {
	const char *text;
	uint64_t size;
	enum body_type body;
} good_rows[] = {
	{ "", 0, BODY_7BIT },
	{ "  ", 0, BODY_7BIT },
	{ " SIZE=0", 0, BODY_7BIT },
	{ " size=12", 12, BODY_7BIT },
	{ "\tBODY=8BITMIME\tSIZE=007 ", 7, BODY_8BITMIME },
	{ " body=7bit", 0, BODY_7BIT },
	{ " SIZE=18446744073709551615", UINT64_MAX, BODY_7BIT },
	{ " SIZE=18446744073709551616", UINT64_MAX, BODY_7BIT },
	{ " SIZE=99999999999999999999", UINT64_MAX, BODY_7BIT },
	{ " AUTH=<>", 0, BODY_7BIT },
	{ " AUTH=e+3Dmc2@example.com", 0, BODY_7BIT },
	{ " AUTH=a+2Bb", 0, BODY_7BIT },
};

static const struct bad_row {
	const char *text;
	unsigned code;
} bad_rows[] = {
	{ " SIZE", 501 },
	{ " SIZE=", 501 },
	{ " SIZE=-1", 501 },
	{ " SIZE=+1", 501 },
	{ " SIZE=1x", 501 },
	{ " SIZE=0x10", 501 },
	{ " SIZE=1=2", 501 },
	{ " SIZE=100000000000000000000", 501 },
	{ " SIZE=1 SIZE=1", 501 },
	{ " BODY", 501 },
	{ " BODY=", 501 },
	{ " BODY=FOO", 501 },
	{ " BODY=BINARYMIME", 555 },
	{ " BODY=7BIT BODY=8BITMIME", 501 },
	{ " AUTH", 501 },
	{ " AUTH=", 501 },
	{ " AUTH=a=b", 501 },
	{ " AUTH=+", 501 },
	{ " AUTH=+2", 501 },
	{ " AUTH=+2b", 501 },
	{ " AUTH=+0D+0AX", 501 },
	{ " AUTH=+00", 501 },
	{ " AUTH=\xc3\xbc", 501 },
	{ " SMTPUTF8=", 501 },
	{ " SMTPUTF8=1", 501 },
	{ " SMTPUTF8 SMTPUTF8", 501 },
	{ " RET", 501 },
	{ " RET=", 501 },
	{ " RET=BODY", 501 },
	{ " RET=FULL RET=HDRS", 501 },
	{ " ENVID", 501 },
	{ " ENVID=", 501 },
	{ " ENVID=+00", 501 },
	{ " ENVID=a+0Db", 501 },
	{ " ENVID=a ENVID=b", 501 },
	{ " ENVID=a FOO", 555 },
	{ " ENVID=\"a b\"", 555 },
	{ " NOTIFY=NEVER", 555 },
	{ " ORCPT=rfc822;a@b", 555 },
	{ " =", 555 },
	{ " =\"", 555 },
	{ " SIZEX=1", 555 },
	{ " SIZEN=1", 555 },
	{ " \x1b[2J", 555 },
	{ " %s%n", 555 },
};

static void mail(void **state)
{
	struct inbound_refusal why;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good_rows); i++) {
		struct params p;
		if (!params_parse_mail(str_of(good_rows[i].text), &p, &why))
			fail_msg("%s: %s", good_rows[i].text, why.text);
		assert_int_equal(p.size, good_rows[i].size);
		assert_int_equal(p.body, good_rows[i].body);
		params_done(&p);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
		struct params p = { .size = 42 };
		if (params_parse_mail(str_of(bad_rows[i].text), &p, &why))
			fail_msg("accepted: %s", bad_rows[i].text);
		assert_int_equal(why.code, bad_rows[i].code);
		assert_memory_equal(why.text, "5.5.4 ", 6);
		assert_int_equal(p.size, 42);
		for (const char *c = why.text; *c != '\0'; c++)
			assert_true(ascii_is_print(*c));
	}
}

static void mail_extensions(void **state)
{
	struct inbound_refusal why;
	struct params p;
	(void)state;
	assert_true(params_parse_mail(STR(" size=1"), &p, &why));
	assert_false(p.smtputf8);
	assert_int_equal(p.ret, DSN_RET_UNSET);
	assert_null(p.envid);
	assert_true(params_parse_mail(STR(" smtputf8 ret=hdrs envid=Q+2BQ"), &p, &why));
	assert_true(p.smtputf8);
	assert_int_equal(p.ret, DSN_RET_HDRS);
	assert_string_equal(p.envid, "Q+Q");
	params_done(&p);
	assert_null(p.envid);
}

static void rcpt(void **state)
{
	static const struct bad_row bad[] = {
		{ " NOTIFY", 501 },
		{ " NOTIFY=", 501 },
		{ " NOTIFY=NEVER,DELAY", 501 },
		{ " NOTIFY=DELAY NOTIFY=DELAY", 501 },
		{ " ORCPT", 501 },
		{ " ORCPT=a@b", 501 },
		{ " ORCPT=rfc822;a+0Ab", 501 },
		{ " ORCPT=rfc822;a ORCPT=rfc822;b", 501 },
		{ " ORCPT=rfc822;a X", 555 },
		{ " SIZE=1", 555 },
		{ " SMTPUTF8", 555 },
		{ " RET=FULL", 555 },
	};
	struct inbound_refusal why;
	struct params p;
	(void)state;
	assert_true(params_parse_rcpt(STR(" "), &p, &why));
	assert_int_equal(p.dsn.notify, 0);
	assert_null(p.dsn.orcpt);
	assert_true(params_parse_rcpt(STR(" notify=delay\torcpt=rfc822;a+2Bb@c"), &p, &why));
	assert_int_equal(p.dsn.notify, DSN_DELAY);
	assert_string_equal(p.dsn.orcpt, "rfc822;a+b@c");
	params_done(&p);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (params_parse_rcpt(str_of(bad[i].text), &p, &why))
			fail_msg("accepted: %s", bad[i].text);
		assert_int_equal(why.code, bad[i].code);
		assert_memory_equal(why.text, "5.5.4 ", 6);
	}
	assert_false(params_parse_rcpt(STR(" SIZE=1"), &p, &why));
	assert_string_equal(why.text, "5.5.4 Parameter SIZE is not supported");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail),
		cmocka_unit_test(mail_extensions),
		cmocka_unit_test(rcpt),
	};
	return cmocka_run_group_tests_name("inbound/params", tests, NULL, NULL);
}
