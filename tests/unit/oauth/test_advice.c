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
#include "oauth/advice.h"

static char provider[] = "microsoft365", name[] = "scanner", mailbox[] = "scanner@contoso.com";
static char tenant[] = "contoso.onmicrosoft.com", id[] = "11111111-2222-3333-4444-555555555555";
static char host[] = "smtp.office365.com", scope[] = "https://outlook.office365.com/.default";
static struct account_config account = { .provider = provider,
					 .name = name,
					 .mailbox = mailbox,
					 .tenant = tenant,
					 .client_id = id,
					 .host = host,
					 .scope = scope };

static const char *filled(struct strbuf *text, enum advice advice, bool of_account)
{
	const struct account_config *a = of_account ? &account : NULL;
	strbuf_reset(text);
	remedy_append(text, advice_remedy(advice, a), a);
	return strbuf_cstr(text);
}

static void check(enum advice advice, const char *text)
{
	struct err err;
	size_t n = strlen(text);
	assert_int_equal(n == 0, advice == ADVICE_NONE);
	/* No placeholder is left over, all is printable, nothing will be cut. */
	for (size_t i = 0; i < n; i++)
		if (!ascii_is_print(text[i]) || text[i] == '{' || text[i] == '}')
			fail_msg("advice %d: %s", (int)advice, text);
	if (n >= sizeof(err.text) - 100) /* "look up ..." may come before it */
		fail_msg("advice %d: %zu bytes", (int)advice, n);
	if (n != 0)
		assert_true(text[n - 1] != '.' && text[n - 1] != ' ');
	assert_null(strstr(text, "  "));
}

static void test_all_texts(void **state)
{
	static const enum account_grant grants[] = { GRANT_CLIENT_CREDENTIALS, GRANT_DELEGATED,
						     GRANT_MANAGED_IDENTITY, GRANT_FEDERATED };
	struct strbuf text;
	(void)state;
	strbuf_init(&text, 4096);
	for (enum advice advice = ADVICE_NONE; advice < ADVICE_COUNT; advice++) {
		for (size_t i = 0; i < ARRAY_LEN(grants); i++) {
			account.grant = grants[i];
			check(advice, filled(&text, advice, true));
		}
		check(advice, filled(&text, advice, false));
		assert_true(strlen(advice_fixer(advice)) > 5);
	}
	account.grant = GRANT_CLIENT_CREDENTIALS;
	strbuf_done(&text);
}

static void expect(enum advice advice, enum account_grant grant, const char *part)
{
	struct strbuf text;
	strbuf_init(&text, 4096);
	account.grant = grant;
	if (strstr(filled(&text, advice, true), part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, strbuf_cstr(&text));
	strbuf_done(&text);
}

/* One and the same failure asks for another thing, depending on how the account gets its tokens. */
static void test_by_grant(void **state)
{
	(void)state;
	expect(ADVICE_CONSENT, GRANT_CLIENT_CREDENTIALS,
	       "Application permissions > SMTP.SendAsApp; then Grant admin consent");
	expect(ADVICE_CONSENT, GRANT_FEDERATED, "Application permissions > SMTP.SendAsApp");
	expect(ADVICE_CONSENT, GRANT_DELEGATED, "Delegated permissions > SMTP.Send;");
	expect(ADVICE_CONSENT, GRANT_MANAGED_IDENTITY, "New-MgServicePrincipalAppRoleAssignment");
	expect(ADVICE_NO_CREDENTIAL, GRANT_CLIENT_CREDENTIALS,
	       "`oauthrelay account secret scanner`");
	expect(ADVICE_NO_CREDENTIAL, GRANT_DELEGATED, "Allow public client flows > Yes");
	expect(ADVICE_ASSERTION_TIME, GRANT_CLIENT_CREDENTIALS, "timedatectl set-ntp true");
	expect(ADVICE_ASSERTION_TIME, GRANT_FEDERATED, "assertion_file of account scanner");
	expect(ADVICE_ACCESS_POLICY, GRANT_CLIENT_CREDENTIALS, "Service principal sign-ins");
	expect(ADVICE_ACCESS_POLICY, GRANT_DELEGATED, "exclude scanner@contoso.com");
	account.grant = GRANT_CLIENT_CREDENTIALS;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_texts),
		cmocka_unit_test(test_by_grant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
