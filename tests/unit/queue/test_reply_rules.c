/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/attr.h"
#include "queue/reply_rules.h"

/* Real replies (microsoft365.md section 6), each with what must follow from it. */
static void test_replies(void **state)
{
	static const struct row {
		enum upstream_stage stage;
		const char *reply;
		enum verdict verdict;
		enum scope scope;
	} rows[] = {
#include "tests/unit/queue/replies.inc"
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply_parser parser;
		struct reply reply;
		struct strbuf wire;
		const char *why;
		strbuf_init(&wire, 8192);
		strbuf_addf(&wire, "%s\r\n", rows[i].reply);
		struct str in = strbuf_str(&wire);
		reply_parser_init(&parser);
		assert_int_equal(reply_parser_feed(&parser, &in, &reply, &why), REPLY_PARSE_DONE);
		const struct reply_rule *rule = reply_rule_for(rows[i].stage, &reply);
		print_message("%s: %s\n", rows[i].reply, verdict_name(rule->verdict));
		assert_int_equal(rule->verdict, rows[i].verdict);
		assert_int_equal(rule->scope, rows[i].scope);
		reply_done(&reply);
		reply_parser_done(&parser);
		strbuf_done(&wire);
	}
}

static void test_local_failures(void **state)
{
	static const struct row {
		enum upstream_stage stage;
		unsigned code;
		enum verdict verdict;
		enum scope scope;
	} rows[] = {
		{ STAGE_CONNECT, REPLY_LOCAL_DNS, VERDICT_RETRY, SCOPE_ACCOUNT },
		{ STAGE_CONNECT, REPLY_LOCAL_CONNECT, VERDICT_RETRY, SCOPE_ACCOUNT },
		{ STAGE_CONNECT, REPLY_LOCAL_TLS, VERDICT_RETRY, SCOPE_ACCOUNT },
		{ STAGE_AUTH, REPLY_LOCAL_TIMEOUT, VERDICT_RETRY, SCOPE_ACCOUNT },
		{ STAGE_AUTH, REPLY_LOCAL_NO_XOAUTH2, VERDICT_RETRY, SCOPE_ACCOUNT },
		{ STAGE_MAIL, REPLY_LOCAL_LOST, VERDICT_RECONNECT, SCOPE_MESSAGE },
		{ STAGE_DATA, REPLY_LOCAL_LOST, VERDICT_RETRY, SCOPE_MESSAGE },
		{ STAGE_DATA, REPLY_LOCAL_TIMEOUT, VERDICT_RETRY, SCOPE_MESSAGE },
		{ STAGE_DATA, REPLY_LOCAL_PROTOCOL, VERDICT_RETRY, SCOPE_MESSAGE },
		{ STAGE_MAIL, REPLY_LOCAL_EXTENSION, VERDICT_FAIL, SCOPE_MESSAGE },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reply reply = { 0 };
		reply_set(&reply, rows[i].code, "some text");
		const struct reply_rule *rule = reply_rule_for(rows[i].stage, &reply);
		assert_int_equal(rule->verdict, rows[i].verdict);
		assert_int_equal(rule->scope, rows[i].scope);
		reply_done(&reply);
	}
}

/* Rows with a text stand before rows with an enhanced code, those before rows with a code only;
 * no row hides behind an identical one. */
static void test_table_is_ordered(void **state)
{
	size_t count;
	const struct reply_rule *rules = reply_rules(&count);
	int last = 0;
	(void)state;
	assert_true(count > 30);
	for (size_t i = 0; i < count; i++) {
		int rank = rules[i].enhanced[0] != 0 ? 1 : rules[i].needle != NULL ? 0 : 2;
		assert_true(rank >= last);
		last = rank;
		assert_true(rules[i].verdict < VERDICT_COUNT);
		for (size_t j = 0; j < i; j++)
			assert_false(rules[i].stages == rules[j].stages &&
				     rules[i].code == rules[j].code &&
				     memcmp(rules[i].enhanced, rules[j].enhanced,
					    sizeof(rules[i].enhanced)) == 0 &&
				     rules[i].needle == rules[j].needle);
	}
}

/* Nobody is held without a word on what to do. */
static void test_holds_have_a_remedy(void **state)
{
	size_t count;
	const struct reply_rule *rules = reply_rules(&count);
	struct reply reply = { 0 };
	(void)state;
	for (size_t i = 0; i < count; i++)
		if (rules[i].verdict == VERDICT_HOLD || rules[i].verdict == VERDICT_REFRESH) {
			print_message("%zu\n", i);
			assert_non_null(rules[i].remedy);
		}
	reply_set(&reply, 501, "some text");
	const struct reply_rule *rule = reply_rule_for(STAGE_AUTH, &reply);
	assert_int_equal(rule->verdict, VERDICT_HOLD);
	assert_non_null(rule->remedy);
	reply_done(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_local_failures),
		cmocka_unit_test(test_table_is_ordered),
		cmocka_unit_test(test_holds_have_a_remedy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
