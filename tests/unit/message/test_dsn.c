/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "message/dsn.h"

static void ret(void **state)
{
	static const char *const bad[] = { "", "FULLX", "BODY", "FULL,HDRS", "FUL" };
	enum dsn_ret got = DSN_RET_UNSET;
	(void)state;
	assert_true(dsn_parse_ret(STR("full"), &got));
	assert_int_equal(got, DSN_RET_FULL);
	assert_string_equal(dsn_ret_name(got), "FULL");
	assert_true(dsn_parse_ret(STR("HDRS"), &got));
	assert_int_equal(got, DSN_RET_HDRS);
	assert_string_equal(dsn_ret_name(got), "HDRS");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(dsn_parse_ret(str_of(bad[i]), &got));
	assert_int_equal(got, DSN_RET_HDRS);
}

static const struct notify_row {
	const char *text;
	unsigned notify; /* 0: refused */
	const char *again;
} notify_rows[] = {
	{ "NEVER", DSN_NEVER, "NEVER" },
	{ "never", DSN_NEVER, "NEVER" },
	{ "SUCCESS", DSN_SUCCESS, "SUCCESS" },
	{ "delay,FAILURE", DSN_FAILURE | DSN_DELAY, "FAILURE,DELAY" },
	{ "SUCCESS,FAILURE,DELAY", DSN_SUCCESS | DSN_FAILURE | DSN_DELAY, "SUCCESS,FAILURE,DELAY" },
	{ "", 0, NULL },
	{ ",", 0, NULL },
	{ "SUCCESS,", 0, NULL },
	{ ",SUCCESS", 0, NULL },
	{ "SUCCESS,,DELAY", 0, NULL },
	{ "SUCCESS,SUCCESS", 0, NULL },
	{ "NEVER,DELAY", 0, NULL },
	{ "SUCCESS,NEVER", 0, NULL },
	{ "ALWAYS", 0, NULL },
	{ "SUCCESS;DELAY", 0, NULL },
};

static void notify(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(notify_rows); i++) {
		const struct notify_row *row = &notify_rows[i];
		struct strbuf again;
		unsigned got = 0;
		if (dsn_parse_notify(str_of(row->text), &got) != (row->notify != 0))
			fail_msg("%s", row->text);
		assert_int_equal(got, row->notify);
		if (got == 0)
			continue;
		strbuf_init(&again, 64);
		dsn_append_notify(&again, got);
		assert_string_equal(strbuf_cstr(&again), row->again);
		strbuf_done(&again);
	}
}

static void envid(void **state)
{
	static const char *const bad[] = { "", "+00", "a+0Db", "a b", "a=b", "\xc3\xbc" };
	char text[102];
	char *got = NULL;
	(void)state;
	assert_true(dsn_parse_envid(STR("QQ+2B314"), &got));
	assert_string_equal(got, "QQ+314");
	free(got);
	got = NULL;
	memset(text, 'x', sizeof(text));
	assert_false(dsn_parse_envid((struct str){ text, 101 }, &got));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(dsn_parse_envid(str_of(bad[i]), &got));
	assert_null(got);
	assert_true(dsn_parse_envid((struct str){ text, 100 }, &got));
	free(got);
}

static void orcpt(void **state)
{
	static const char *const good[][2] = {
		{ "rfc822;a+2Bb@c.d", "rfc822;a+b@c.d" },
		{ "RFC822;\"a+20b\"@c", "RFC822;\"a b\"@c" },
		{ "utf-8;\\x{FC}@x", "utf-8;\\x{FC}@x" },
		{ "x400;a;b", "x400;a;b" },
	};
	static const char *const bad[] = {
		"",	      "a@b",	      ";a@b",	      "rfc822;",
		"rfc 822;a",  "rf+63822;a",   "rfc822;a+0Ab", "rfc822;+00",
		"rfc822;a=b", "rfc822;a+C3b", "rfc822;a\nb",  "utf-8;\xc3\xbc@x"
	};
	char text[501] = "rfc822;";
	char *got = NULL;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(dsn_parse_orcpt(str_of(good[i][0]), &got));
		assert_string_equal(got, good[i][1]);
		free(got);
		got = NULL;
	}
	memset(text + 7, 'x', sizeof(text) - 7);
	assert_false(dsn_parse_orcpt((struct str){ text, 501 }, &got));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (dsn_parse_orcpt(str_of(bad[i]), &got))
			fail_msg("accepted: %s", bad[i]);
	assert_null(got);
	assert_true(dsn_parse_orcpt((struct str){ text, 500 }, &got));
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ret),
		cmocka_unit_test(notify),
		cmocka_unit_test(envid),
		cmocka_unit_test(orcpt),
	};
	return cmocka_run_group_tests_name("message/dsn", tests, NULL, NULL);
}
