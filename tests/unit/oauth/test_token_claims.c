/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/base64.h"
#include "config/config.h"
#include "oauth/token_claims.h"

#define NOW_MS	 (INT64_C(1800000000) * 1000)
#define TENANT	 "aaaaaaaa-0000-4000-8000-000000000001"
#define RIGHT	 "\"aud\":\"https://outlook.office.com\",\"scp\":\"SMTP.Send\",\"appid\":\"1111-22\","
#define RIGHT_IS "\"tid\":\"" TENANT "\",\"upn\":\"Scan@contoso.com\",\"exp\":1800003600"

static void make(struct strbuf *out, const char *header, const char *payload)
{
	strbuf_init(out, 64 * 1024);
	base64url_encode(out, str_of(header));
	strbuf_addc(out, '.');
	base64url_encode(out, str_of(payload));
	strbuf_adds(out, ".c2ln");
}

static bool read_payload(struct token_claims *claims, const char *payload)
{
	struct strbuf token;
	make(&token, "{\"alg\":\"RS256\"}", payload);
	bool ok = token_claims_read(claims, strbuf_str(&token));
	strbuf_done(&token);
	return ok;
}

static void test_read(void **state)
{
	struct token_claims claims;
	(void)state;
	assert_true(read_payload(&claims,
				 "{\"aud\":\"https://outlook.office.com\","
				 "\"scp\":\"SMTP.Send  Mail.Read\",\"roles\":[\"A.B\",1,\"C\"],"
				 "\"azp\":\"app\",\"oid\":\"o\",\"tid\":\"t\","
				 "\"upn\":\"u@x\",\"preferred_username\":\"p@x\","
				 "\"exp\":1800003600}"));
	assert_string_equal(claims.audience, "https://outlook.office.com");
	assert_string_equal(claims.scopes, "SMTP.Send Mail.Read");
	assert_string_equal(claims.roles, "A.B C");
	assert_string_equal(claims.app_id, "app");
	assert_string_equal(claims.object_id, "o");
	assert_string_equal(claims.tenant_id, "t");
	assert_string_equal(claims.user, "p@x");
	assert_int_equal(claims.ends_s, 1800003600);
	/* Foreign text is printable and bounded, whatever it is. */
	assert_true(read_payload(&claims,
				 "{\"upn\":\"a\\u001b[2Jb\\n\",\"exp\":-1,\"aud\":[\"x\",\"y\"],"
				 "\"scp\":7,\"roles\":\"r\"}"));
	assert_string_equal(claims.user, "a\\x1b[2Jb\\n");
	assert_string_equal(claims.audience, "x y");
	assert_string_equal(claims.scopes, "");
	assert_string_equal(claims.roles, "r");
	assert_int_equal(claims.ends_s, 0);
}

static void test_long_lists(void **state)
{
	struct token_claims claims;
	struct strbuf payload;
	(void)state;
	strbuf_init(&payload, 64 * 1024);
	strbuf_adds(&payload, "{\"scp\":\"");
	while (payload.n < 4000)
		strbuf_adds(&payload, "Some.Permission ");
	strbuf_adds(&payload, "\",\"upn\":\"");
	while (payload.n < 6000)
		strbuf_adds(&payload, "\\u0001");
	strbuf_adds(&payload, "\"}");
	assert_true(read_payload(&claims, strbuf_cstr(&payload)));
	assert_in_range(strlen(claims.scopes), 900, CLAIM_LIST_MAX - 1);
	assert_true(strlen(claims.user) < CLAIM_MAX);
	strbuf_done(&payload);
}

static void test_opaque(void **state)
{
	static const char *const tokens[] = {
		"",	     "EwB-opaque",  ".",	  "..",	       "a.b",
		"e30.e30",   "e30.e30.a.b", "e30..x",	  ".e30.x",    "e30.W10.x",
		"W10.e30.x", "e3.e30.x",    "e30.e30=.x", "e30.eyJ.x",
	};
	struct token_claims claims;
	struct claims_finding findings[CLAIMS_FINDINGS_MAX];
	char provider[] = "outlook";
	const struct account_config account = { .provider = provider };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		memset(&claims, 'x', sizeof(claims));
		assert_false(token_claims_read(&claims, str_of(tokens[i])));
		assert_string_equal(claims.user, "");
	}
	assert_true(token_claims_read(&claims, STR("e30.e30.x")));
	assert_int_equal(token_claims_judge(NULL, &account, NOW_MS, findings), 1);
	assert_int_equal(findings[0].weight, CLAIMS_NOTE);
}

struct judgement {
	const char *payload;
	enum account_grant grant;
	const char *provider;
	const char *login; /* NULL: the mailbox */
	int weight;	   /* -1: nothing is found */
	const char *text;
};

static const struct judgement judgements[] = {
	{ "{" RIGHT RIGHT_IS "}", GRANT_DELEGATED, "microsoft365", NULL, -1, "" },
	{ "{}", GRANT_DELEGATED, "smtp", NULL, -1, "" },
	{ "{\"aud\":\"https://outlook.office365.com/\",\"roles\":[\"SMTP.SendAsApp\"]}",
	  GRANT_CLIENT_CREDENTIALS, "microsoft365", NULL, -1, "" },
	{ "{\"aud\":\"00000002-0000-0ff1-ce00-000000000000\",\"scp\":\"Mail.Send\"}",
	  GRANT_DELEGATED, "microsoft365-hve", NULL, -1, "" },
	{ "{\"aud\":\"https://graph.microsoft.com\",\"scp\":\"SMTP.Send\"}", GRANT_DELEGATED,
	  "microsoft365", NULL, CLAIMS_WARNING, "Microsoft Graph" },
	{ "{\"aud\":\"00000003-0000-0000-c000-000000000000\",\"scp\":\"SMTP.Send\"}",
	  GRANT_DELEGATED, "microsoft365", NULL, CLAIMS_WARNING, "Microsoft Graph" },
	{ "{\"aud\":\"https://vault.azure.net\",\"scp\":\"SMTP.Send\"}", GRANT_DELEGATED,
	  "microsoft365", NULL, CLAIMS_WARNING, "vault.azure.net, not for Exchange" },
	{ "{\"aud\":\"https://asked.test/\",\"scp\":\"SMTP.Send\"}", GRANT_DELEGATED,
	  "microsoft365", NULL, -1, "" },
	{ "{\"scp\":\"Mail.Send SMTP.SendX\"}", GRANT_DELEGATED, "microsoft365", NULL,
	  CLAIMS_WARNING, "lacks the permission SMTP.Send; it has Mail.Send SMTP.SendX" },
	{ "{\"roles\":[\"Mail.Send\"]}", GRANT_CLIENT_CREDENTIALS, "microsoft365", NULL,
	  CLAIMS_NOTE, "lacks the role SMTP.SendAsApp" },
	{ "{\"scp\":\"SMTP.Send\"}", GRANT_DELEGATED, "microsoft365-hve", NULL, CLAIMS_WARNING,
	  "lacks the permission Mail.Send" },
	{ "{\"roles\":[\"SMTP.SendAsApp\"]}", GRANT_CLIENT_CREDENTIALS, "microsoft365-hve", NULL,
	  CLAIMS_WARNING, "lacks the role Mail.Send" },
	{ "{\"scp\":\"SMTP.Send\",\"appid\":\"other\"}", GRANT_DELEGATED, "microsoft365", NULL,
	  CLAIMS_WARNING, "application other" },
	{ "{\"scp\":\"SMTP.Send\",\"upn\":\"anna@contoso.com\"}", GRANT_DELEGATED, "microsoft365",
	  NULL, CLAIMS_NOTE, "is for the mailbox scan@contoso.com" },
	{ "{\"scp\":\"SMTP.Send\",\"upn\":\"anna@contoso.com\"}", GRANT_DELEGATED, "microsoft365",
	  "ANNA@contoso.com", -1, "" },
	{ "{\"scp\":\"SMTP.Send\",\"upn\":\"scan@contoso.com\"}", GRANT_DELEGATED, "microsoft365",
	  "anna@contoso.com", CLAIMS_WARNING, "logs in as anna@contoso.com" },
	{ "{\"scp\":\"SMTP.Send\",\"tid\":\"aaaaaaaa-0000-4000-8000-000000000002\"}",
	  GRANT_DELEGATED, "microsoft365", NULL, CLAIMS_WARNING, "is from tenant" },
	{ "{\"scp\":\"SMTP.Send\",\"tid\":\"contoso.com\"}", GRANT_DELEGATED, "microsoft365", NULL,
	  -1, "" },
	{ "{\"scp\":\"SMTP.Send\",\"exp\":1800000000}", GRANT_DELEGATED, "microsoft365", NULL,
	  CLAIMS_WARNING, "expired" },
};

static void test_judge(void **state)
{
	char name[] = "scanner", client[] = "1111-22", mailbox[] = "scan@contoso.com",
	     tenant[] = "AAAAAAAA-0000-4000-8000-000000000001",
	     scope[] = "https://asked.test/SMTP.Send offline_access";
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(judgements); i++) {
		const struct judgement *j = &judgements[i];
		struct token_claims claims;
		struct claims_finding findings[CLAIMS_FINDINGS_MAX];
		char *provider = str_dup(str_of(j->provider));
		char *login = str_dup(j->login != NULL ? str_of(j->login) : str_of(mailbox));
		const struct account_config account = { .name = name,
							.provider = provider,
							.client_id = client,
							.mailbox = mailbox,
							.login = login,
							.tenant = tenant,
							.scope = scope,
							.grant = j->grant };
		assert_true(read_payload(&claims, j->payload));
		size_t n = token_claims_judge(&claims, &account, NOW_MS, findings);
		assert_int_equal(n, j->weight < 0 ? 0 : 1);
		if (n == 1) {
			assert_int_equal(findings[0].weight, j->weight);
			if (strstr(findings[0].text.text, j->text) == NULL)
				fail_msg("%s: %s", j->payload, findings[0].text.text);
			assert_string_not_equal(findings[0].remedy.text, "");
		}
		free(provider);
		free(login);
	}
}

/* Everything wrong at once fits. */
static void test_all_at_once(void **state)
{
	char name[] = "a", provider[] = "microsoft365", client[] = "c", mailbox[] = "m@x",
	     tenant[] = TENANT, scope[] = "s";
	const struct account_config account = { .name = name,
						.provider = provider,
						.client_id = client,
						.mailbox = mailbox,
						.login = mailbox,
						.tenant = tenant,
						.scope = scope,
						.grant = GRANT_DELEGATED };
	struct token_claims claims;
	struct claims_finding findings[CLAIMS_FINDINGS_MAX];
	(void)state;
	assert_true(read_payload(&claims, "{\"aud\":\"x\",\"appid\":\"x\",\"upn\":\"x\",\"exp\":1,"
					  "\"tid\":\"bbbbbbbb-0000-4000-8000-000000000001\"}"));
	assert_int_equal(token_claims_judge(&claims, &account, NOW_MS, findings), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),	    cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_opaque),	    cmocka_unit_test(test_judge),
		cmocka_unit_test(test_all_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
