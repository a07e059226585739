/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/mem.h"
#include "oauth/token_grant.h"

static const char *try_take(struct str body, int64_t now_ms, struct token_grant *grant)
{
	struct err err;
	cJSON *object = json_parse(body, &err);
	assert_non_null(object);
	const char *fault = token_grant_take(object, now_ms, grant);
	cJSON_Delete(object);
	return fault;
}

static struct token_grant take(struct str body, int64_t now_ms)
{
	struct token_grant grant;
	const char *fault = try_take(body, now_ms, &grant);
	if (fault != NULL)
		fail_msg("%s", fault);
	return grant;
}

struct good_case {
	const char *body;
	const char *token;
	int64_t life_s;
};

static void test_tokens(void **state)
{
	static const struct good_case cases[] = {
		{ "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,"
		  "\"access_token\":\"eyJ0.e-Y_.~+/==\"}",
		  "eyJ0.e-Y_.~+/==", 3599 },
		{ "{\"token_type\":\"bearer\",\"expires_in\":\"4215\",\"access_token\":\"a\"}", "a",
		  4215 },
		/* threats.md TOK-05 */
		{ "{\"token_type\":\"BEARER\",\"access_token\":\"a\"}", "a", 3600 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":0}", "a", 60 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":-1}", "a", 60 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":0.5}", "a",
		  60 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":90.9}", "a",
		  90 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":1e308}", "a",
		  86400 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":-1e308}", "a",
		  60 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\","
		  "\"expires_in\":9223372036854775807}",
		  "a", 86400 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":\"soon\"}", "a",
		  3600 },
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"expires_in\":null}", "a",
		  3600 },
		/* the empty error is none */
		{ "{\"token_type\":\"Bearer\",\"access_token\":\"a\",\"error\":\"\"}", "a", 3600 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct token_grant grant = take(str_of(cases[i].body), 0);
		assert_true(str_eq(secret_reveal(&grant.token), str_of(cases[i].token)));
		assert_int_equal(grant.life_ms, cases[i].life_s * 1000);
		token_grant_done(&grant);
	}
}

/* microsoft365.md 4.7: managed identity endpoints. */
static void test_end_by_date(void **state)
{
	static const struct {
		const char *members;
		int64_t now_s;
		int64_t life_s;
	} cases[] = {
		{ "\"expires_on\":\"2000\"", 1100, 900 },
		{ "\"expires_on\":2000", 1100, 900 },
		{ "\"expires_on\":\"2000\",\"expires_in\":\"300\"", 1100, 300 },
		{ "\"expires_on\":\"2000\"", 2000, 3600 }, /* senseless */
		{ "\"expires_on\":\"1700000000\"", 1800000000, 3600 },
		{ "\"expires_on\":\"99999999999\"", 1100, 86400 },
		{ "\"expires_on\":\"1/2/2026 3:04:05 PM +00:00\"", 1100, 3600 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char body[256];
		snprintf(body, sizeof(body),
			 "{\"token_type\":\"Bearer\",\"access_token\":\"a\",%s}", cases[i].members);
		struct token_grant grant = take(str_of(body), cases[i].now_s * 1000);
		assert_int_equal(grant.life_ms, cases[i].life_s * 1000);
		token_grant_done(&grant);
	}
}

#define WITH(members) "{\"token_type\":\"Bearer\",\"access_token\":\"a\"" members "}"

static void test_refresh_token_and_scope(void **state)
{
	static const struct {
		const char *body, *refresh_token, *scope;
	} cases[] = {
		{ WITH(",\"refresh_token\":\"0.AX-r_~!$ b\",\"scope\":\"https://x/SMTP.Send y\""),
		  "0.AX-r_~!$ b", "https://x/SMTP.Send y" },
		{ WITH(""), "", "" },
		{ WITH(",\"refresh_token\":\"\",\"scope\":7"), "", "" },
		{ WITH(",\"refresh_token\":null"), "", "" },
		{ WITH(",\"refresh_token\":\"a\\r\\nb\""), "", "" },
		{ WITH(",\"scope\":\"a\\u001b[0m\""), "", "a\\x1b[0m" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct token_grant grant = take(str_of(cases[i].body), 0);
		assert_true(str_eq(secret_reveal(&grant.refresh_token),
				   str_of(cases[i].refresh_token)));
		assert_string_equal(grant.scope, cases[i].scope);
		token_grant_done(&grant);
		assert_null(grant.refresh_token.p);
	}
}

static void test_length_of_refresh_tokens_and_scopes(void **state)
{
	static const size_t lengths[] = { TOKEN_SCOPE_BYTES, TOKEN_BYTES_MAX, TOKEN_BYTES_MAX + 1 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct strbuf body;
		char *text = mem_zalloc(lengths[i] + 1);
		memset(text, 'a', lengths[i]);
		strbuf_init(&body, 65536);
		strbuf_addf(&body, WITH(",\"refresh_token\":\"%s\",\"scope\":\"%s\""), text, text);
		struct token_grant grant = take(strbuf_str(&body), 0);
		assert_int_equal(grant.refresh_token.n,
				 lengths[i] > TOKEN_BYTES_MAX ? 0 : lengths[i]);
		assert_true(strlen(grant.scope) < TOKEN_SCOPE_BYTES);
		assert_true(str_starts(str_of(grant.scope), STR("aaaa")));
		token_grant_done(&grant);
		strbuf_done(&body);
		free(text);
	}
}

static void test_length_of_tokens(void **state)
{
	(void)state;
	for (size_t n = TOKEN_BYTES_MAX; n <= TOKEN_BYTES_MAX + 1; n++) {
		struct strbuf body;
		struct token_grant grant;
		strbuf_init(&body, 65536);
		strbuf_adds(&body, "{\"token_type\":\"Bearer\",\"access_token\":\"");
		for (size_t i = 0; i < n; i++)
			strbuf_addc(&body, 'a');
		strbuf_adds(&body, "\"}");
		bool ok = try_take(strbuf_str(&body), 0, &grant) == NULL;
		assert_int_equal(ok, n == TOKEN_BYTES_MAX);
		if (ok)
			token_grant_done(&grant);
		strbuf_done(&body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_end_by_date),
		cmocka_unit_test(test_refresh_token_and_scope),
		cmocka_unit_test(test_length_of_refresh_tokens_and_scopes),
		cmocka_unit_test(test_length_of_tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
