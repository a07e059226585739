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
#include "tests/unit/support/config_text.h"

#define CLIENT "client_id = \"11111111-2222-3333-4444-555555555555\";"
#define SECRET "client_secret = \"file:@DIR@/secret\";"
#define LOGIN  "https://login.microsoftonline.com/"

/* One account whose keys are these; freed with config_unref(). */
static struct config *account_with(const char *keys)
{
	struct strbuf text;
	strbuf_init(&text, 65536);
	strbuf_addf(&text,
		    CONFIG_TOP "accounts = ( { name = \"a\"; mailbox = \"a@b.c\"; %s %s } );",
		    CLIENT, keys);
	struct config *c = config_must_load(strbuf_cstr(&text));
	strbuf_done(&text);
	return c;
}

static void endpoints_and_scope_follow_from_the_grant(void **state)
{
	(void)state;
	static const struct {
		const char *keys;
		const char *tenant;
		const char *token;
		const char *authorization;
		const char *device;
		const char *scope;
	} rows[] = {
		{ "provider = \"microsoft365\"; tenant = \"b.c\";" SECRET, "b.c",
		  LOGIN "b.c/oauth2/v2.0/token", LOGIN "b.c/oauth2/v2.0/authorize",
		  LOGIN "b.c/oauth2/v2.0/devicecode", "https://outlook.office365.com/.default" },
		{ "provider = \"microsoft365\"; grant = \"delegated\";", "organizations",
		  LOGIN "organizations/oauth2/v2.0/token",
		  LOGIN "organizations/oauth2/v2.0/authorize",
		  LOGIN "organizations/oauth2/v2.0/devicecode",
		  "https://outlook.office.com/SMTP.Send offline_access" },
		{ "provider = \"microsoft365\"; grant = \"delegated\"; tenant = \"b.c\"; scope = "
		  "\"https://outlook.office.com/Mail.Send offline_access\";",
		  "b.c", LOGIN "b.c/oauth2/v2.0/token", LOGIN "b.c/oauth2/v2.0/authorize",
		  LOGIN "b.c/oauth2/v2.0/devicecode",
		  "https://outlook.office.com/Mail.Send offline_access" },
		{ "provider = \"outlook\";", "consumers", LOGIN "consumers/oauth2/v2.0/token",
		  LOGIN "consumers/oauth2/v2.0/authorize", LOGIN "consumers/oauth2/v2.0/devicecode",
		  "https://outlook.office.com/SMTP.Send offline_access" },
		{ "provider = \"gmail\";", "", "https://oauth2.googleapis.com/token",
		  "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline"
		  "&prompt=consent%20select_account",
		  "", "https://mail.google.com/" },
		{ "provider = \"gmail\"; authority = \"https://127.0.0.1:1/\"; tenant = \"b.c\";",
		  "b.c", "https://127.0.0.1:1/b.c/oauth2/v2.0/token",
		  "https://127.0.0.1:1/b.c/oauth2/v2.0/authorize",
		  "https://127.0.0.1:1/b.c/oauth2/v2.0/devicecode", "https://mail.google.com/" },
		{ "provider = \"microsoft365\"; tenant = \"b.c\"; token_endpoint = "
		  "\"https://h/t\";" SECRET,
		  "b.c", "https://h/t", LOGIN "b.c/oauth2/v2.0/authorize",
		  LOGIN "b.c/oauth2/v2.0/devicecode", "https://outlook.office365.com/.default" },
		{ "provider = \"microsoft365-china\"; tenant = \"b.cn\";" SECRET, "b.cn",
		  "https://login.partner.microsoftonline.cn/b.cn/oauth2/v2.0/token",
		  "https://login.partner.microsoftonline.cn/b.cn/oauth2/v2.0/authorize",
		  "https://login.partner.microsoftonline.cn/b.cn/oauth2/v2.0/devicecode",
		  "https://partner.outlook.cn/.default" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *c = account_with(rows[i].keys);
		const struct account_config *a = &c->accounts[0];
		assert_string_equal(a->tenant, rows[i].tenant);
		assert_string_equal(a->token_endpoint, rows[i].token);
		assert_string_equal(a->authorization_endpoint, rows[i].authorization);
		assert_string_equal(a->device_endpoint, rows[i].device);
		assert_string_equal(a->scope, rows[i].scope);
		config_unref(c);
	}
}

static void times_come_from_the_provider(void **state)
{
	(void)state;
	static const int64_t day = 86400000;
	struct config *c =
		account_with("provider = \"microsoft365-hve\"; tenant = \"b.c\";" SECRET);
	assert_int_equal(c->accounts[0].token_margin, 600000);
	assert_int_equal(c->accounts[0].sign_in_lifetime, 90 * day);
	assert_int_equal(c->accounts[0].secret_lifetime, 180 * day);
	config_unref(c);
	c = account_with("provider = \"gmail\"; sign_in_lifetime = \"7d\"; token_margin = \"1m\";");
	assert_int_equal(c->accounts[0].token_margin, 60000);
	assert_int_equal(c->accounts[0].sign_in_lifetime, 7 * day);
	config_unref(c);
	c = account_with("provider = \"gmail\";");
	assert_int_equal(c->accounts[0].token_margin, 0);
	assert_int_equal(c->accounts[0].sign_in_lifetime, 0);
	assert_int_equal(c->accounts[0].grant, GRANT_DELEGATED);
	config_unref(c);
}

static void client_secret_is_one_credential(void **state)
{
	(void)state;
	struct config *c = account_with("provider = \"microsoft365\"; tenant = \"b.c\";" SECRET);
	const struct account_config *a = &c->accounts[0];
	assert_int_equal(a->credential_count, 1);
	assert_true(str_eq(secret_reveal(&a->credentials[0].secret), STR(CONFIG_SECRET)));
	assert_string_equal(a->credentials[0].secret_ref, a->client_secret_ref);
	assert_string_equal(a->credentials[0].certificate, "");
	assert_string_equal(a->credentials[0].key_ref, "");
	assert_string_equal(a->credentials[0].certificate_pem, "");
	assert_string_equal(a->credentials[0].expires, "");
	assert_int_equal(a->credentials[0].expires_ms, 0);
	config_unref(c);
}

static void credentials_are_kept_in_order(void **state)
{
	(void)state;
	struct config *c =
		account_with("provider = \"microsoft365\"; tenant = \"b.c\"; credentials = ("
			     "{ secret = \"file:@DIR@/secret\"; expires = \"2127-05-01\"; }, "
			     "{ secret = \"env:OAR_TEST_SECOND\"; } );");
	const struct account_config *a = &c->accounts[0];
	assert_int_equal(a->credential_count, 2);
	assert_true(str_eq(secret_reveal(&a->credentials[0].secret), STR(CONFIG_SECRET)));
	assert_true(str_eq(secret_reveal(&a->credentials[1].secret), STR("the second")));
	assert_int_equal(a->credentials[0].expires_ms, INT64_C(4964889600000));
	assert_string_equal(a->credentials[1].certificate_pem, "");
	assert_int_equal(a->credentials[1].algorithm, ASSERTION_PS256);
	config_unref(c);
}

static void a_machine_knows_where_its_identity_is(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "identity = \"azure-vm\";",
		  "http://169.254.169.254/metadata/identity/oauth2/token" },
		{ "identity = \"azure-arc\";",
		  "http://localhost:40342/metadata/identity/oauth2/token" },
		{ "identity_endpoint = \"http://127.0.0.1:9/x\";", "http://127.0.0.1:9/x" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_report report;
		struct strbuf text;
		strbuf_init(&text, 65536);
		strbuf_addf(&text,
			    CONFIG_TOP "accounts = ( { name = \"a\"; mailbox = \"a@b.c\"; provider "
				       "= \"microsoft365\"; grant = \"managed_identity\"; %s } );",
			    rows[i][0]);
		struct config *c = config_from_text(strbuf_cstr(&text), &report);
		assert_string_equal(strbuf_cstr(&report.errors), "");
		assert_string_equal(c->accounts[0].identity_endpoint, rows[i][1]);
		assert_int_equal(c->accounts[0].credential_count, 0);
		config_unref(c);
		config_report_done(&report);
		strbuf_done(&text);
	}
}

static void an_account_has_its_own_way_out_or_the_relays(void **state)
{
	(void)state;
	static const struct {
		const char *keys;
		const char *tokens;
		const char *password;
	} rows[] = {
		{ "", "http://me@relay.example:1", CONFIG_SECRET },
		{ "proxy = { tokens = \"none\"; };", "none", "" },
		{ "proxy = { tokens = \"socks5h://own.example:2\"; };", "socks5h://own.example:2",
		  "" },
		{ "proxy = { tokens = \"http://i@own.example:2\"; password = "
		  "\"env:OAR_TEST_SECOND\"; };",
		  "http://i@own.example:2", "the second" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf text;
		strbuf_init(&text, 65536);
		strbuf_addf(&text,
			    CONFIG_TOP
			    "proxy = { tokens = \"http://me@relay.example:1\"; password = "
			    "\"file:@DIR@/secret\"; }; accounts = ( { " CONFIG_ACCOUNT "%s } );",
			    rows[i].keys);
		struct config *c = config_must_load(strbuf_cstr(&text));
		const struct proxy_config *proxy = &c->accounts[0].proxy;
		assert_string_equal(proxy->tokens, rows[i].tokens);
		assert_true(str_eq(secret_reveal(&proxy->password), str_of(rows[i].password)));
		config_unref(c);
		strbuf_done(&text);
	}
}

/* A command line sees no credentials: config_load() is the service, where that is an error. */
static void credentials_of_systemd_are_the_services(void **state)
{
	(void)state;
	static const char *const keys[] = {
		"client_secret = \"credential:x\";",
		"credentials = ( { secret = \"credential:x\"; } );",
		"credentials = ( { certificate = \"@DIR@/secret\"; key = \"credential:x\"; } );",
	};
	unsetenv("CREDENTIALS_DIRECTORY"); /* NOLINT(concurrency-mt-unsafe) */
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct config_report report;
		struct strbuf text;
		strbuf_init(&text, 65536);
		strbuf_addf(&text,
			    CONFIG_TOP "seal_key = \"credential:x\"; proxy = { tokens = "
				       "\"http://me@h.example:1\"; password = \"credential:x\"; };"
				       "accounts = ( { name = \"a\"; provider = \"microsoft365\";"
				       "mailbox = \"a@b.c\"; tenant = \"b.c\";" CLIENT "%s } );",
			    keys[i]);
		struct config *c = config_by_hand_from_text(strbuf_cstr(&text), &report);
		assert_string_equal(strbuf_cstr(&report.errors), "");
		assert_int_equal(report.warning_count, 3);
		assert_non_null(strstr(strbuf_cstr(&report.warnings),
				       "is a systemd credential, which only the service sees"));
		config_unref(c);
		config_report_done(&report);
		assert_null(config_from_text(strbuf_cstr(&text), &report));
		assert_true(report.error_count >= 3);
		assert_non_null(
			strstr(strbuf_cstr(&report.errors), "unit needs LoadCredential=x:/PATH"));
		config_report_done(&report);
		strbuf_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_and_scope_follow_from_the_grant),
		cmocka_unit_test(times_come_from_the_provider),
		cmocka_unit_test(client_secret_is_one_credential),
		cmocka_unit_test(credentials_are_kept_in_order),
		cmocka_unit_test(a_machine_knows_where_its_identity_is),
		cmocka_unit_test(an_account_has_its_own_way_out_or_the_relays),
		cmocka_unit_test(credentials_of_systemd_are_the_services),
	};
	setenv("OAR_TEST_SECOND", "the second", 1); /* NOLINT(concurrency-mt-unsafe) */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
