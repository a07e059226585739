/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/remedy.h"

static char microsoft[] = "microsoft365", hve[] = "microsoft365-hve", other[] = "smtp",
	    empty[] = "";
static char name[] = "scanner", mailbox[] = "scanner@contoso.com", scope[] = "mail";
static char anybody[] = "organizations";
static char tenant[] = "bad\nname", id[] = "11111111", host[] = "smtp.office365.com";
static struct account_config account = { .provider = microsoft,
					 .name = name,
					 .mailbox = mailbox,
					 .tenant = tenant,
					 .client_id = id,
					 .host = host,
					 .scope = scope };

static void expect(const char *text, const struct account_config *of, const char *expected)
{
	struct strbuf out;
	strbuf_init(&out, 4096);
	remedy_append(&out, text, of);
	assert_string_equal(strbuf_cstr(&out), expected);
	strbuf_done(&out);
}

static void test_an_account_s_own_names(void **state)
{
	(void)state;
	expect("", &account, "");
	expect("do it", &account, "do it");
	expect("{account} {mailbox} {client_id} {host}", &account,
	       "scanner scanner@contoso.com 11111111 smtp.office365.com");
	expect("<{tenant}>", &account, "<bad\\nname>");
	expect("{other} {", &account, "{other} {");
}

static void test_permissions(void **state)
{
	(void)state;
	expect("{permission}", &account, "SMTP.SendAsApp");
	account.grant = GRANT_DELEGATED;
	expect("{permission}", &account, "SMTP.Send");
	account.provider = hve;
	expect("{permission}", &account, "Mail.Send");
	account.provider = other;
	expect("{permission}", &account, "mail");
	account.provider = microsoft;
	account.grant = GRANT_CLIENT_CREDENTIALS;
}

/* Who has signed in is no service principal. */
static void test_rights(void **state)
{
	(void)state;
	expect("{rights}", &account,
	       "New-ServicePrincipal -AppId 11111111 -ObjectId <object id of the ENTERPRISE "
	       "application>; Add-MailboxPermission -Identity scanner@contoso.com -User <that id> "
	       "-AccessRights FullAccess");
	account.grant = GRANT_DELEGATED;
	expect("a {rights} b", &account,
	       "a Add-MailboxPermission -Identity scanner@contoso.com -User <who has signed in> "
	       "-AccessRights FullAccess, if that is another one (if it is the wrong one: "
	       "`oauthrelay login scanner`) b");
	account.grant = GRANT_CLIENT_CREDENTIALS;
}

static void test_words_for_what_is_not_known(void **state)
{
	(void)state;
	expect("{account}, {tenant}", NULL, "<name of the account>, <your tenant id>");
	expect("{client_id} {mailbox}", NULL, "<your client id> <address of the mailbox>");
	account.tenant = empty;
	expect("{account}, {tenant}", &account, "scanner, <your tenant id>");
	account.tenant = anybody; /* whom no PowerShell takes for a tenant */
	expect("-Organization {tenant}", &account, "-Organization <your tenant id>");
	account.tenant = tenant;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_account_s_own_names),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_words_for_what_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
