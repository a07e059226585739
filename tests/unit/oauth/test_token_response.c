/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/mem.h"
#include "config/config.h"
#include "oauth/token_response.h"
#include "tests/unit/support/account_secret.h"

#define JSON_TYPE "application/json; charset=utf-8"
#define IDS                                                      \
	"\"trace_id\":\"0a1b2c3d-0000-1111-2222-333344445555\"," \
	"\"correlation_id\":\"99887766-0000-1111-2222-333344445555\""
#define IDS_TEXT                                          \
	" Trace ID: 0a1b2c3d-0000-1111-2222-333344445555" \
	" Correlation ID: 99887766-0000-1111-2222-333344445555"

static struct account_config account;

/* What the request held. */
static struct str shown[5];

static int setup(void **state)
{
	static char name[] = "scanner", mailbox[] = "scanner@contoso.com", host[] = "smtp.test";
	static char tenant[] = "contoso.onmicrosoft.com", id[] = "11111111-2222";
	(void)state;
	account.name = name;
	account.mailbox = mailbox;
	account.tenant = tenant;
	account.client_id = id;
	account.host = host;
	account_secret_set(&account, STR("canary~secret+="));
	shown[0] = STR("other");
	shown[1] = STR("canary~secret+=");
	shown[2] = STR("canary~refresh/");
	shown[3] = STR("");
	shown[4] = STR("long-assertion.of-a-canary.and.more");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	account_secret_done(&account);
	return 0;
}

static struct http_reply reply_of(long status, const char *type, struct str body)
{
	return (struct http_reply){ .status = status,
				    .content_type = str_of(type),
				    .body = body,
				    .retry_after_ms = -1,
				    .date_ms = -1 };
}

static struct token_failure refuse(const struct http_reply *reply)
{
	struct token_grant grant = { 0 };
	struct token_failure failure;
	/* A copy, so that a sanitizer sees whoever reads beyond its end. */
	struct http_reply copy = *reply;
	char *body = mem_alloc(reply->body.n);
	if (reply->body.n != 0)
		memcpy(body, reply->body.p, reply->body.n);
	copy.body.p = body;
	if (token_response_judge(&copy, &account, shown, ARRAY_LEN(shown), &grant, &failure))
		fail_msg("taken for a token: %.200s", reply->body.p);
	free(body);
	for (const char *c = failure.code; *c != '\0'; c++)
		assert_true(*c > ' ' && *c <= '~');
	for (const char *c = failure.text.text; *c != '\0'; c++)
		assert_true(ascii_is_print(*c));
	assert_true(failure.code[0] != '\0');
	assert_true(failure.text.text[0] != '\0');
	assert_null(strstr(failure.text.text, "canary"));
	assert_null(strstr(failure.code, "canary"));
	return failure;
}

static void expect_text(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* ---- tokens ---- */

static void test_a_token(void **state)
{
	struct http_reply reply = reply_of(200, JSON_TYPE,
					   STR("{\"token_type\":\"Bearer\",\"expires_on\":\"2000\","
					       "\"access_token\":\"a\",\"refresh_token\":\"b\"}"));
	struct token_grant grant;
	struct token_failure failure;
	(void)state;
	reply.date_ms = 1100 * 1000; /* the endpoint's clock, not ours */
	assert_true(
		token_response_judge(&reply, &account, shown, ARRAY_LEN(shown), &grant, &failure));
	assert_int_equal(grant.life_ms, 900 * 1000);
	assert_true(str_eq(secret_reveal(&grant.refresh_token), STR("b")));
	token_grant_done(&grant);
}

struct bad_case {
	long status;
	const char *type;
	const char *body;
	const char *code;
};

/* threats.md TOK-01, TOK-02, TOK-04 */
static void test_no_tokens(void **state)
{
	static const struct bad_case cases[] = {
#define WITH_TOKEN(value) "{\"token_type\":\"Bearer\",\"access_token\":" value "}"
		{ 200, JSON_TYPE, WITH_TOKEN("null"), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("\"a\",\"access_token\":\"b\""), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("7"), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("{}"), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("[]"), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("\"\""), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("\"a\\u0000b\""), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("\"a\\u0001b\""), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("\"a\\r\\nb\""), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("\"a b\""), "bad-reply" },
		{ 200, JSON_TYPE, WITH_TOKEN("\"a\xc3\xa9\""), "bad-reply" },
		{ 200, JSON_TYPE,
		  WITH_TOKEN("\"a\""
			     "} x"),
		  "bad-reply" },
		{ 200, JSON_TYPE, "{\"access_token\":\"a\"}", "bad-reply" },
		{ 200, JSON_TYPE, "{\"access_token\":\"a\",\"token_type\":\"mac\"}", "bad-reply" },
		{ 200, JSON_TYPE, "{\"access_token\":\"a\",\"token_type\":7}", "bad-reply" },
		{ 200, JSON_TYPE, "{\"token_type\":\"Bearer\"}", "bad-reply" },
		{ 200, JSON_TYPE, "{\"token_type\":\"Bearer\",\"access_token\":\"a\"",
		  "bad-reply" },
		{ 200, JSON_TYPE, "\xef\xbb\xbf{\"token_type\":\"Bearer\"}", "bad-reply" },
		{ 200, JSON_TYPE, "", "bad-reply" },
		{ 200, JSON_TYPE, "[]", "bad-reply" },
		{ 200, JSON_TYPE, "null", "bad-reply" },
		{ 200, JSON_TYPE, "\"a\"", "bad-reply" },
		{ 200, "", "hello", "bad-reply" },
		{ 200, "text/html", WITH_TOKEN("\"a\""), "bad-reply" },
		{ 200, "Text/HTML; charset=x", "<html>Welcome to our Wi-Fi", "bad-reply" },
		{ 204, "", "", "http-204" },
		{ 206, JSON_TYPE, WITH_TOKEN("\"a\""), "http-206" },
		{ 201, JSON_TYPE, WITH_TOKEN("\"a\""), "http-201" },
		{ 302, "text/html", "<a href=x>", "http-302" },
		{ 307, "", "", "http-307" },
		{ 403, "text/html", "<html>", "http-403" },
		{ 404, "", "404", "http-404" },
		{ 407, "text/html", "<html>", "http-407" },
		{ 400, JSON_TYPE, "{}", "http-400" },
		{ 400, JSON_TYPE, "{\"error\":{}}", "http-400" },
		{ 500, "text/html", "<html>", "http-500" },
		{ 503, JSON_TYPE, "{}", "http-503" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_reply reply =
			reply_of(cases[i].status, cases[i].type, str_of(cases[i].body));
		struct token_failure failure = refuse(&reply);
		assert_string_equal(failure.code, cases[i].code);
		assert_int_equal(failure.class, TOKEN_FAIL_TRANSIENT);
		/* The page of a proxy is not for the log. */
		assert_null(strchr(failure.text.text, '<'));
		if (cases[i].status < 500)
			expect_text(failure.remedy.text, "in its place");
		else
			assert_string_equal(failure.remedy.text, "");
	}
}

/* TOK-02: no token endpoint says 200 to an error, so whoever does is not believed. */
static void test_error_with_200(void **state)
{
	struct http_reply reply =
		reply_of(200, JSON_TYPE,
			 STR("{\"error\":\"invalid_client\",\"error_description\":"
			     "\"AADSTS7000222: expired\"}"));
	(void)state;
	struct token_failure failure = refuse(&reply);
	assert_int_equal(failure.class, TOKEN_FAIL_TRANSIENT);
	assert_false(failure.credential_refused);
	reply.status = 400;
	failure = refuse(&reply);
	assert_int_equal(failure.class, TOKEN_FAIL_CONFIG);
	assert_true(failure.credential_refused);
}

static void test_deep_json(void **state)
{
	char deep[100000];
	(void)state;
	memset(deep, '[', sizeof(deep));
	struct http_reply reply = reply_of(200, JSON_TYPE, (struct str){ deep, sizeof(deep) });
	assert_string_equal(refuse(&reply).code, "bad-reply");
}

/* ---- errors ---- */

struct error_case {
	long status;
	const char *body;
	enum token_failure_class class;
	const char *code;
	const char *text;
	const char *remedy;
};

/* threats.md TOK-06, microsoft365.md 4.11 and 4.12 */
static const struct error_case error_cases[] = {
	{ 401,
	  "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid "
	  "client secret provided.\\r\\nTrace ID: x\\r\\nCorrelation ID: "
	  "y\\r\\nTimestamp: 2026-11-22 12:00:00Z\",\"error_codes\":[7000215]," IDS "}",
	  TOKEN_FAIL_CONFIG, "AADSTS7000215",
	  "AADSTS7000215: Invalid client secret provided." IDS_TEXT,
	  "All applications > 11111111-2222 >" },
	{ 401, "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}", TOKEN_FAIL_CONFIG,
	  "AADSTS7000222", "invalid_client", "has ended" },
	/* no error_codes: the number in the text */
	{ 400,
	  "{\"error\":\"invalid_request\",\"error_description\":\"AADSTS90002: Tenant "
	  "'x' not found.\"}",
	  TOKEN_FAIL_CONFIG, "AADSTS90002", "AADSTS90002: Tenant 'x' not found.",
	  "no tenant contoso.onmicrosoft.com" },
	/* several: the one we know */
	{ 400, "{\"error\":\"invalid_grant\",\"error_codes\":[123456,53003,70043]}",
	  TOKEN_FAIL_CONFIG, "AADSTS53003", "invalid_grant", "Conditional Access" },
	{ 400, "{\"error\":\"invalid_grant\",\"error_codes\":[70043]}", TOKEN_FAIL_LOGIN,
	  "AADSTS70043", "invalid_grant", "`oauthrelay login scanner`" },
	{ 400, "{\"error\":\"invalid_grant\",\"error_codes\":[\"50076\",{},-1,1e99,50076]}",
	  TOKEN_FAIL_LOGIN, "AADSTS50076", "invalid_grant", "second factor" },
	/* a number that Microsoft invented since: `error` decides */
	{ 400, "{\"error\":\"invalid_grant\",\"error_codes\":[123456]}", TOKEN_FAIL_LOGIN,
	  "AADSTS123456", "invalid_grant",
	  "look up https://login.microsoftonline.com/error?code=123456" },
	{ 400, "{\"error\":\"temporarily_unavailable\",\"error_codes\":[123456]}",
	  TOKEN_FAIL_TRANSIENT, "AADSTS123456", "temporarily_unavailable", "look up" },
	/* no number at all: other providers */
	{ 401, "{\"error\":\"invalid_client\"}", TOKEN_FAIL_CONFIG, "invalid_client",
	  "invalid_client", "`oauthrelay account secret scanner`" },
	{ 400, "{\"error\":\"invalid_scope\",\"error_description\":\"no\"}", TOKEN_FAIL_CONFIG,
	  "invalid_scope", "no", "scope" },
	{ 400, "{\"error\":\"unauthorized_client\"}", TOKEN_FAIL_CONFIG, "unauthorized_client", "",
	  "" },
	{ 400, "{\"error\":\"unsupported_grant_type\"}", TOKEN_FAIL_CONFIG,
	  "unsupported_grant_type", "", "" },
	{ 400, "{\"error\":\"invalid_request\"}", TOKEN_FAIL_CONFIG, "invalid_request", "", "" },
	{ 400, "{\"error\":\"invalid_resource\"}", TOKEN_FAIL_CONFIG, "invalid_resource", "", "" },
	{ 400, "{\"error\":\"interaction_required\"}", TOKEN_FAIL_LOGIN, "interaction_required", "",
	  "sign in" },
	{ 400, "{\"error\":\"consent_required\"}", TOKEN_FAIL_LOGIN, "consent_required", "", "" },
	{ 400, "{\"error\":\"login_required\"}", TOKEN_FAIL_LOGIN, "login_required", "", "" },
	{ 400, "{\"error\":\"server_error\"}", TOKEN_FAIL_TRANSIENT, "server_error", "", "" },
	{ 400, "{\"error\":\"never heard of\"}", TOKEN_FAIL_CONFIG, "never?heard?of",
	  "never heard of", "check tenant" },
	/* an error is an error, whatever the status; an outage is one, whatever the text */
	{ 200,
	  "{\"error\":\"invalid_client\",\"access_token\":\"a\",\"token_type\":"
	  "\"Bearer\"}",
	  TOKEN_FAIL_TRANSIENT, "invalid_client", "", "" },
	{ 503, "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}", TOKEN_FAIL_TRANSIENT,
	  "AADSTS7000215", "", "" },
	{ 429, "{\"error\":\"invalid_request\",\"error_codes\":[90055]}", TOKEN_FAIL_TRANSIENT,
	  "AADSTS90055", "", "" },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(error_cases); i++) {
		struct http_reply reply =
			reply_of(error_cases[i].status, JSON_TYPE, str_of(error_cases[i].body));
		struct token_failure failure = refuse(&reply);
		assert_string_equal(failure.code, error_cases[i].code);
		if (failure.class != error_cases[i].class)
			fail_msg("%s: class %d", error_cases[i].body, (int)failure.class);
		expect_text(failure.text.text, error_cases[i].text);
		expect_text(failure.remedy.text, error_cases[i].remedy);
	}
}

/* Another one may do: then, and only then. */
static void test_refused_credentials(void **state)
{
	static const struct {
		long status;
		const char *body;
		bool refused;
	} cases[] = {
		{ 401, "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}", true },
		{ 401, "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}", true },
		{ 400, "{\"error\":\"invalid_client\",\"error_codes\":[700027]}", true },
		{ 400, "{\"error\":\"invalid_request\",\"error_codes\":[70021]}", true },
		{ 401, "{\"error\":\"invalid_client\"}", true },
		{ 401, "{\"error\":\"invalid_client\",\"error_codes\":[123456]}", true },
		{ 400, "{\"error\":\"unauthorized_client\",\"error_codes\":[700016]}", false },
		{ 401, "{\"error\":\"invalid_client\",\"error_codes\":[7000112]}", false },
		{ 400, "{\"error\":\"invalid_grant\",\"error_codes\":[70043]}", false },
		{ 400, "{\"error\":\"invalid_scope\"}", false },
		{ 503, "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}", false },
		{ 401, "{}", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_reply reply =
			reply_of(cases[i].status, JSON_TYPE, str_of(cases[i].body));
		if (refuse(&reply).credential_refused != cases[i].refused)
			fail_msg("%s", cases[i].body);
	}
}

/* threats.md TOK-13 */
static void test_hostile_descriptions(void **state)
{
	struct strbuf body;
	(void)state;
	strbuf_init(&body, 65536);
	strbuf_adds(&body, "{\"error\":\"invalid_client\",\"error_description\":\"\\u001b]0;pwn"
			   "\\u0007\\r\\nX-Inj: 1 %s%n \\u202e ");
	for (int i = 0; i < 8192; i++)
		strbuf_addc(&body, 'A');
	strbuf_adds(&body, "\"," IDS "}");
	struct http_reply reply = reply_of(401, JSON_TYPE, strbuf_str(&body));
	struct token_failure failure = refuse(&reply);
	expect_text(failure.text.text, "\\x1b]0;pwn\\x07 X-Inj: 1 %s%n ");
	expect_text(failure.text.text, "..." IDS_TEXT); /* cut, but not the ids */
	strbuf_reset(&body);
	strbuf_adds(&body, "{\"error\":\"");
	for (int i = 0; i < 500; i++)
		strbuf_adds(&body, "\\n");
	strbuf_adds(&body, "\"}");
	reply = reply_of(401, JSON_TYPE, strbuf_str(&body));
	failure = refuse(&reply);
	assert_true(strlen(failure.code) < sizeof(failure.code));
	strbuf_done(&body);
}

static void test_secret_is_not_repeated(void **state)
{
	static const char *const bodies[] = {
		"{\"error\":\"x\",\"error_description\":\"client_secret=canary~secret%2B%3D&a=b\"}",
		"{\"error\":\"invalid_client\",\"error_description\":\"what is canary~secret+=?\"}",
		"{\"error\":\"canary~secret+=\"}",
		"{\"error\":\"x\",\"trace_id\":\"canary~secret+=\"}",
		"{\"error\":\"invalid_grant\",\"error_description\":\"no canary~refresh/\"}",
		"{\"error\":\"invalid_grant\",\"error_description\":\"canary~refresh%2F\"}",
		/* in lower case, in base64, in part */
		"{\"error\":\"invalid_grant\",\"error_description\":\"canary~refresh%2f\"}",
		"{\"error\":\"invalid_client\",\"error_description\":\"Y2FuYXJ5fnNlY3JldCs9\"}",
		"{\"error\":\"invalid_client\",\"error_description\":\"assertion.of-a-cana...\"}",
		"{\"error\":\"assertion.of-a-cana\"}",
		"{\"error\":\"x\",\"correlation_id\":\"of-a-canary.and.more\"}",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct http_reply reply = reply_of(401, JSON_TYPE, str_of(bodies[i]));
		struct token_failure failure = refuse(&reply); /* looks for the canary */
		expect_text(failure.text.text, "repeats a secret");
	}
}

/* ---- waiting ---- */

struct wait_case {
	long status;
	int64_t retry_after_ms;
	int64_t want_ms;
};

/* threats.md TOK-07 */
static void test_waits(void **state)
{
	static const struct wait_case cases[] = {
		{ 429, 60000, 60000 }, { 429, 0, 1000 },  { 429, INT64_MAX, 3600000 },
		{ 429, -1, 5000 },     { 503, -1, 5000 }, { 500, 20000, 20000 },
		{ 408, -1, 5000 },     { 404, -1, 0 },	  { 200, -1, 0 },
		{ 404, 7000, 7000 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_reply reply = reply_of(cases[i].status, "", STR(""));
		reply.retry_after_ms = cases[i].retry_after_ms;
		assert_int_equal(refuse(&reply).retry_in_ms, cases[i].want_ms);
	}
	/* Said by what it is, not by the page that came with it. */
	struct http_reply reply = reply_of(429, "text/html", STR("<html>"));
	assert_non_null(
		strstr(refuse(&reply).text.text, "status 429: the endpoint is asked too often"));
	reply = reply_of(400, JSON_TYPE,
			 STR("{\"error\":\"invalid_grant\",\"error_codes\":[50053]}"));
	assert_int_equal(refuse(&reply).retry_in_ms, 30 * 60 * 1000);
	reply = reply_of(400, JSON_TYPE,
			 STR("{\"error\":\"invalid_grant\",\"error_codes\":[50196]}"));
	assert_int_equal(refuse(&reply).retry_in_ms, 5 * 60 * 1000);
	assert_int_equal(refuse(&reply).class, TOKEN_FAIL_TRANSIENT);
}

/* threats.md TOK-08: none of it is an administrator's fault for certain, so none is a hold. */
static void test_network(void **state)
{
	(void)state;
	for (int i = HTTP_FAIL_DNS; i <= HTTP_FAIL_OTHER; i++) {
		struct http_reply reply = { .failure = (enum http_failure)i, .retry_after_ms = -1 };
		err_set(&reply.err, "login.test: it happened");
		struct token_failure failure = refuse(&reply);
		assert_int_equal(failure.class, TOKEN_FAIL_TRANSIENT);
		assert_string_equal(failure.code, http_failure_name((enum http_failure)i));
		assert_string_equal(failure.text.text, "login.test: it happened");
		assert_int_equal(failure.retry_in_ms, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_token),
		cmocka_unit_test(test_no_tokens),
		cmocka_unit_test(test_error_with_200),
		cmocka_unit_test(test_deep_json),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_refused_credentials),
		cmocka_unit_test(test_hostile_descriptions),
		cmocka_unit_test(test_secret_is_not_repeated),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_network),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
