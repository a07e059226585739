/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/provider.h"
#include "config/schema.h"
#include "config/syntax.h"

static void within(const char *key, uint64_t value)
{
	const struct schema_key *row = schema_key("accounts.limits", str_of(key));
	assert_non_null(row);
	assert_in_range(value, row->min, row->max);
}

static void every_provider_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < provider_count; i++) {
		const struct provider *p = &providers[i];
		assert_ptr_equal(provider_find(str_of(p->name)), p); /* unique */
		assert_true(strlen(p->help) > 5);
		assert_in_range(p->port, 1, 65535);
		within("connections", p->limits.connections);
		within("per_minute", p->limits.per_minute);
		within("recipients", p->limits.recipients);
		within("message_size", p->limits.message_size);
		if (p->auth != UPSTREAM_AUTH_NONE) {
			assert_int_equal(p->tls, UPSTREAM_TLS_STARTTLS);
			assert_true(syntax_is_https_url(str_of(p->authority)) ||
				    syntax_is_https_url(str_of(p->token_endpoint)));
			assert_true((p->scope[0] == '\0') == p->by_sign_in_only);
			assert_true(p->delegated_scope[0] != '\0');
		}
		if (!p->microsoft || p->by_sign_in_only)
			continue;
		/* Microsoft never has to throttle us. */
		assert_true(syntax_is_fqdn(str_of(p->host)));
		assert_int_equal(p->sender, SENDER_REWRITE);
		assert_true(p->limits.connections < p->allowed.connections);
		assert_true(p->allowed.per_minute == 0 ||
			    p->limits.per_minute < p->allowed.per_minute);
		assert_true(p->limits.recipients <= p->allowed.recipients);
		assert_true(p->limits.message_size <= p->allowed.message_size);
		assert_true(str_iends(str_of(p->scope), STR("/.default")));
		assert_true(str_iends(str_of(p->delegated_scope), STR(" offline_access")));
		assert_true(p->sign_in_tenant[0] != '\0');
	}
}

/* microsoft365.md section 3, row by row. */
static void each_cloud_has_its_own(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		const char *authority;
		const char *host;
		const char *delegated;
		const char *app;
	} rows[] = {
		{ "microsoft365", "https://login.microsoftonline.com", "smtp.office365.com",
		  "https://outlook.office.com/SMTP.Send offline_access",
		  "https://outlook.office365.com/.default" },
		{ "microsoft365-gcch", "https://login.microsoftonline.us", "smtp.office365.us",
		  "https://outlook.office365.us/SMTP.Send offline_access",
		  "https://outlook.office365.us/.default" },
		{ "microsoft365-dod", "https://login.microsoftonline.us",
		  "outlook-dod.office365.us",
		  "https://outlook.office365.us/SMTP.Send offline_access",
		  "https://outlook.office365.us/.default" },
		{ "microsoft365-china", "https://login.partner.microsoftonline.cn",
		  "smtp.partner.outlook.cn", "https://partner.outlook.cn/SMTP.Send offline_access",
		  "https://partner.outlook.cn/.default" },
		{ "microsoft365-hve", "https://login.microsoftonline.com", "smtp.hve.mx.microsoft",
		  "https://outlook.office365.com/.default offline_access",
		  "https://outlook.office365.com/.default" },
		{ "outlook", "https://login.microsoftonline.com", "smtp-mail.outlook.com",
		  "https://outlook.office.com/SMTP.Send offline_access", "" },
		{ "gmail", "", "smtp.gmail.com", "https://mail.google.com/", "" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct provider *p = provider_find(str_of(rows[i].name));
		assert_non_null(p);
		assert_string_equal(p->authority, rows[i].authority);
		assert_string_equal(p->host, rows[i].host);
		assert_string_equal(p->delegated_scope, rows[i].delegated);
		assert_string_equal(p->scope, rows[i].app);
	}
}

/* Whoever asks `config keys` finds them all. */
static void every_provider_is_documented(void **state)
{
	(void)state;
	const struct schema_key *key = schema_key("accounts", STR("provider"));
	for (size_t i = 0; i < provider_count; i++)
		if (strstr(key->help, providers[i].name) == NULL)
			fail_msg("%s", providers[i].name);
}

static void unknown_providers_are_not_found(void **state)
{
	(void)state;
	assert_null(provider_find(STR("")));
	assert_null(provider_find(STR("Microsoft365")));
	assert_null(provider_find(STR("microsoft365 ")));
}

static void a_preset_fills_an_account(void **state)
{
	(void)state;
	struct account_config a = { 0 };
	schema_set_defaults("accounts", &a);
	schema_set_defaults("accounts.limits", &a);
	provider_apply(provider_find(STR("microsoft365-hve")), &a);
	assert_string_equal(a.provider, "microsoft365-hve");
	assert_string_equal(a.host, "smtp.hve.mx.microsoft");
	assert_int_equal(a.limits.recipients, 50);
	assert_int_equal(a.limits.message_size, 10 << 20);
	provider_apply(provider_find(STR("smtp")), &a);
	assert_string_equal(a.host, "");
	assert_int_equal(a.auth, UPSTREAM_AUTH_NONE);
	assert_int_equal(a.sender, SENDER_KEEP);
	schema_free("accounts", &a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_provider_is_sound),
		cmocka_unit_test(each_cloud_has_its_own),
		cmocka_unit_test(every_provider_is_documented),
		cmocka_unit_test(unknown_providers_are_not_found),
		cmocka_unit_test(a_preset_fills_an_account),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
