/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/http.h"
#include "oauth/oauth_error.h"

/* microsoft365.md 4.11 and 4.5, RFC 6749 5.2, RFC 8628 3.5, OpenID Connect Core 3.1.2.6 */
static const struct {
	const char *error;
	enum token_failure_class class;
	bool credential;
} known[] = {
	{ "invalid_client", TOKEN_FAIL_CONFIG, true },
	{ "unauthorized_client", TOKEN_FAIL_CONFIG, false },
	{ "invalid_scope", TOKEN_FAIL_CONFIG, false },
	{ "invalid_resource", TOKEN_FAIL_CONFIG, false },
	{ "invalid_request", TOKEN_FAIL_CONFIG, false },
	{ "unsupported_grant_type", TOKEN_FAIL_CONFIG, false },
	{ "invalid_grant", TOKEN_FAIL_LOGIN, false },
	{ "interaction_required", TOKEN_FAIL_LOGIN, false },
	{ "consent_required", TOKEN_FAIL_LOGIN, false },
	{ "login_required", TOKEN_FAIL_LOGIN, false },
	{ "access_denied", TOKEN_FAIL_LOGIN, false },
	{ "authorization_declined", TOKEN_FAIL_LOGIN, false },
	{ "expired_token", TOKEN_FAIL_LOGIN, false },
	{ "bad_verification_code", TOKEN_FAIL_LOGIN, false },
	{ "authorization_pending", TOKEN_FAIL_POLL, false },
	{ "slow_down", TOKEN_FAIL_POLL, false },
	{ "temporarily_unavailable", TOKEN_FAIL_TRANSIENT, false },
	{ "server_error", TOKEN_FAIL_TRANSIENT, false },
};

static void test_known_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const struct oauth_error_row *row = oauth_error_find(str_of(known[i].error));
		if (row == NULL) {
			fail_msg("%s is missing", known[i].error);
			return;
		}
		assert_string_equal(row->error, known[i].error);
		assert_int_equal(row->class, known[i].class);
		assert_int_equal(row->credential, known[i].credential);
	}
	assert_null(oauth_error_find(STR("")));
	assert_null(oauth_error_find(STR("INVALID_CLIENT")));
	assert_null(oauth_error_find(STR("invalid_client ")));
	assert_null(oauth_error_find(STR("timeout"))); /* ours, not an endpoint's */
}

static void check_rows(const struct oauth_error_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str meaning = str_of(rows[i].meaning);
		assert_true(meaning.n > 10 && meaning.p[meaning.n - 1] != '.');
		/* Whoever has to do something is told what. */
		if (rows[i].class == TOKEN_FAIL_CONFIG || rows[i].class == TOKEN_FAIL_LOGIN)
			assert_int_not_equal(rows[i].advice, ADVICE_NONE);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(rows[i].error, rows[j].error);
	}
}

static void test_the_tables(void **state)
{
	size_t count;
	const struct oauth_error_row *rows = oauth_error_rows(&count);
	(void)state;
	check_rows(rows, count);
	rows = oauth_trouble_rows(&count);
	check_rows(rows, count);
}

static void test_troubles(void **state)
{
	static const struct {
		const char *code;
		const char *row; /* NULL: none */
	} cases[] = {
		{ "http-429", "http-429" },
		{ "http-408", "http-408" },
		{ "http-404", "http-4xx" },
		{ "http-503", "http-5xx" },
		{ "http-302", "http-3xx" },
		{ "bad-reply", "bad-reply" },
		{ "http-204", "http-2xx" },
		{ "http-", NULL },
		{ "http-50", NULL },
		{ "http-5034", NULL },
		{ "http-999", NULL },
		{ "http-099", NULL },
		{ "http-4ab", NULL },
		{ "http", NULL },
		{ "", NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct oauth_error_row *row = oauth_trouble_find(str_of(cases[i].code));
		if ((row == NULL) != (cases[i].row == NULL))
			fail_msg("%s", cases[i].code);
		if (row != NULL)
			assert_string_equal(row->error, cases[i].row);
	}
	/* Whatever a request can fail of has a row. */
	for (enum http_failure failure = HTTP_FAIL_DNS; failure <= HTTP_FAIL_OTHER; failure++)
		assert_non_null(oauth_trouble_find(str_of(http_failure_name(failure))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_words),
		cmocka_unit_test(test_the_tables),
		cmocka_unit_test(test_troubles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
