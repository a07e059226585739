/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "common/clock.h"
#include "config/config.h"
#include "oauth/identity_reply.h"

#define VM  IDENTITY_AZURE_VM
#define ARC IDENTITY_AZURE_ARC

static void fill(struct account_config *account, enum identity_host host)
{
	static char name[] = "scanner", empty[] = "", id[] = "7777";
	*account = (struct account_config){ .name = name,
					    .mailbox = empty,
					    .tenant = empty,
					    .host = empty,
					    .client_id = id,
					    .grant = GRANT_MANAGED_IDENTITY,
					    .identity_host = host };
}

static bool judge(enum identity_host host, long status, const char *body, struct token_grant *grant,
		  struct token_failure *failure)
{
	struct account_config account;
	const struct http_reply reply = { .status = status,
					  .body = str_of(body),
					  .content_type = STR("application/json"),
					  .retry_after_ms = -1,
					  .date_ms = clock_wall_ms() };
	fill(&account, host);
	return identity_reply_judge(&reply, &account, grant, failure);
}

/* ---- tokens ---- */

static void expect_life(const char *members, int64_t want_ms)
{
	char body[512];
	struct token_grant grant = { .life_ms = 0 };
	struct token_failure failure;
	snprintf(
		body, sizeof(body),
		"{\"access_token\":\"eyJ0\",\"token_type\":\"Bearer\",\"resource\":\"https://x\",%s}",
		members);
	if (!judge(VM, 200, body, &grant, &failure))
		fail_msg("%s", failure.text.text);
	/* The wall clock goes on between. */
	if (grant.life_ms > want_ms || grant.life_ms < want_ms - 60 * 1000)
		fail_msg("%s: %lld", members, (long long)grant.life_ms);
	token_grant_done(&grant);
}

/* Numbers are strings; expires_in may count from the day the endpoint's own cache got the token. */
static void test_tokens(void **state)
{
	char members[256];
	long long now = clock_wall_ms() / 1000;
	(void)state;
	expect_life("\"expires_in\":\"3599\"", 3599000);
	expect_life("\"expires_in\":3599", 3599000);
	snprintf(members, sizeof(members), "\"expires_in\":\"86399\",\"expires_on\":\"%lld\"",
		 now + 7200);
	expect_life(members, 7200000);
	snprintf(members, sizeof(members), "\"expires_on\":\"%lld\"", now + 5000);
	expect_life(members, 5000000);
	snprintf(members, sizeof(members), "\"expires_in\":\"3600\",\"expires_on\":\"%lld\"",
		 now + 90000);
	expect_life(members, 3600000);
}

/* ---- refusals ---- */

struct refusal_case {
	enum identity_host host;
	long status;
	const char *body;
	enum token_failure_class class;
	const char *remedy;
};

static void test_refusals(void **state)
{
	static const char multiple[] =
		"{\"error\":\"invalid_request\",\"error_description\":\"Multiple user assigned "
		"identities exist, please specify the clientId / resourceId of the identity in the "
		"token request\"}";
	static const char none[] = "{\"error\":\"invalid_request\",\"error_description\":"
				   "\"Identity not found\"}";
	static const char resource[] =
		"{\"error\":\"invalid_resource\",\"error_description\":\"AADSTS500011: The "
		"resource principal named https://x was not found\"}";
	static const char other[] = "{\"error\":\"bad_request\",\"error_description\":\"x\"}";
	static const struct refusal_case cases[] = {
		{ VM, 404, "", TOKEN_FAIL_TRANSIENT, "70 seconds" },
		{ VM, 404, "{\"error\":\"not_found\"}", TOKEN_FAIL_TRANSIENT, "70 seconds" },
		{ VM, 410, "{\"error\":\"gone\"}", TOKEN_FAIL_TRANSIENT, "70 seconds" },
		{ VM, 429, "{\"error\":\"too_many\"}", TOKEN_FAIL_TRANSIENT, "" },
		{ VM, 500, other, TOKEN_FAIL_TRANSIENT, "" },
		{ VM, 503, "", TOKEN_FAIL_TRANSIENT, "" },
		{ VM, 400, multiple, TOKEN_FAIL_CONFIG, "client_id of account scanner" },
		{ VM, 400, none, TOKEN_FAIL_CONFIG, "Azure portal, Virtual machines" },
		{ ARC, 400, none, TOKEN_FAIL_CONFIG, "azcmagent" },
		{ VM, 400, resource, TOKEN_FAIL_CONFIG, "scope of account scanner" },
		{ VM, 400, other, TOKEN_FAIL_CONFIG, "check identity, client_id and scope" },
		{ ARC, 401, "", TOKEN_FAIL_TRANSIENT, "himdsd" },
		{ ARC, 403, "", TOKEN_FAIL_CONFIG, "usermod -a -G himds oauthrelay" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct refusal_case *c = &cases[i];
		struct token_grant grant;
		struct token_failure failure;
		assert_false(judge(c->host, c->status, c->body, &grant, &failure));
		if (failure.class != c->class || strstr(failure.remedy.text, c->remedy) == NULL)
			fail_msg("case %zu: %d, %s", i, (int)failure.class, failure.remedy.text);
		assert_false(failure.credential_refused);
		assert_null(strchr(failure.remedy.text, '{'));
		/* What is throttled or down says when, else five seconds. */
		if (c->status == 429 || c->status >= 500)
			assert_int_equal(failure.retry_in_ms, 5000);
	}
}

static void expect_network(enum identity_host host, enum http_failure kind, int code,
			   enum token_failure_class class, const char *remedy)
{
	struct account_config account;
	struct http_reply reply = { .failure = kind, .retry_after_ms = -1, .date_ms = -1 };
	struct token_grant grant;
	struct token_failure failure;
	fill(&account, host);
	err_set(&reply.err, "what happened");
	reply.err.code = code;
	assert_false(identity_reply_judge(&reply, &account, &grant, &failure));
	assert_int_equal(failure.class, class);
	assert_string_equal(failure.text.text, "what happened");
	if (strstr(failure.remedy.text, remedy) == NULL)
		fail_msg("%s", failure.remedy.text);
}

static void test_nobody_there(void **state)
{
	(void)state;
	expect_network(VM, HTTP_FAIL_CONNECT, 0, TOKEN_FAIL_TRANSIENT, "is this an Azure VM");
	expect_network(VM, HTTP_FAIL_TIMEOUT, 0, TOKEN_FAIL_TRANSIENT, "is this an Azure VM");
	expect_network(ARC, HTTP_FAIL_CONNECT, 0, TOKEN_FAIL_TRANSIENT, "azcmagent show");
	expect_network(ARC, HTTP_FAIL_TIMEOUT, 0, TOKEN_FAIL_TRANSIENT, "azcmagent show");
	/* A file that may not be read waits for an administrator; a full lane does not. */
	expect_network(ARC, HTTP_FAIL_OTHER, EACCES, TOKEN_FAIL_CONFIG, "");
	expect_network(ARC, HTTP_FAIL_OTHER, EAGAIN, TOKEN_FAIL_TRANSIENT, "");
	expect_network(ARC, HTTP_FAIL_OTHER, 0, TOKEN_FAIL_TRANSIENT, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nobody_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
