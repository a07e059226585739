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
#include "oauth/token_request.h"
#include "tests/unit/support/account_secret.h"

static void fill(struct account_config *account, char *id, char *scope, struct str secret)
{
	static char endpoint[] = "https://login.test/t/oauth2/v2.0/token", empty[] = "";
	memset(account, 0, sizeof(*account));
	account->token_endpoint = endpoint;
	account->ca_file = empty;
	account->client_id = id;
	account->scope = scope;
	account_secret_set(account, secret);
}

static void test_form(void **state)
{
	char id[] = "1111-22", scope[] = "https://outlook.office365.com/.default";
	struct account_config account;
	struct secret body = { 0 };
	(void)state;
	fill(&account, id, scope, STR("aZ9-._~ +&=%/\xc3\xa9\""));
	token_request_body(&account, &body);
	assert_true(str_eq(secret_reveal(&body),
			   STR("grant_type=client_credentials&client_id=1111-22"
			       "&scope=https%3A%2F%2Foutlook.office365.com%2F.default"
			       "&client_secret=aZ9-._~%20%2B%26%3D%25%2F%C3%A9%22")));
	/* A second time into the same place. */
	token_request_body(&account, &body);
	assert_int_equal(strlen(body.p), body.n);
	secret_done(&body);
	account_secret_done(&account);
}

static void test_same(void **state)
{
	char id[] = "a", other_id[] = "b", scope[] = "s", other_scope[] = "t";
	char other_place[] = "https://other.test/", ca[] = "/ca.pem";
	struct account_config a, b[6];
	(void)state;
	fill(&a, id, scope, STR("secret"));
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		fill(&b[i], id, scope, STR("secret"));
	assert_true(token_request_same(&a, &b[0]));
	b[1].client_id = other_id;
	b[2].scope = other_scope;
	b[3].token_endpoint = other_place;
	b[4].ca_file = ca;
	account_secret_set(&b[5], STR("Secret"));
	for (size_t i = 1; i < ARRAY_LEN(b); i++)
		assert_false(token_request_same(&a, &b[i]));
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		account_secret_done(&b[i]);
	account_secret_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
