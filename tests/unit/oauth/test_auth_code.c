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
#include "oauth/auth_code.h"

static char name[] = "scanner", client[] = "1111-22", login[] = "o'neil+x@contoso.com",
	    scope[] = "https://outlook.office.com/SMTP.Send offline_access",
	    endpoint[] = "https://login.test/t/oauth2/v2.0/authorize", nothing[] = "";

static struct account_config account_of(char *where)
{
	return (struct account_config){ .name = name,
					.client_id = client,
					.login = login,
					.mailbox = login,
					.tenant = nothing,
					.host = nothing,
					.scope = scope,
					.authorization_endpoint = where };
}

static void begin(struct auth_code *attempt)
{
	unsigned char entropy[AUTH_CODE_ENTROPY];
	for (size_t i = 0; i < sizeof(entropy); i++)
		entropy[i] = (unsigned char)i;
	auth_code_init(attempt, name, "http://localhost:4711", entropy);
}

/* RFC 7636, appendix B */
static void test_challenge(void **state)
{
	static const unsigned char octets[] = { 116, 24,  223, 180, 151, 153, 224, 37,
						79,  250, 96,  125, 216, 173, 187, 186,
						22,  212, 37,  77,  105, 214, 191, 240,
						91,  88,  5,   88,  83,	 132, 141, 121 };
	unsigned char entropy[AUTH_CODE_ENTROPY] = { 0 };
	struct auth_code attempt;
	(void)state;
	memcpy(entropy, octets, sizeof(octets));
	auth_code_init(&attempt, name, "http://localhost:1", entropy);
	assert_true(str_eq(secret_reveal(&attempt.verifier),
			   STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
	assert_string_equal(attempt.challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
	assert_string_equal(attempt.state, "scanner.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	auth_code_done(&attempt);
	assert_null(attempt.verifier.p);
}

#define OUR_STATE "scanner.ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"

static void test_url(void **state)
{
	struct account_config account = account_of(endpoint);
	struct auth_code attempt;
	struct strbuf url;
	(void)state;
	begin(&attempt);
	strbuf_init(&url, 4096);
	auth_code_url(&attempt, &account, &url);
	assert_string_equal(
		strbuf_cstr(&url),
		"https://login.test/t/oauth2/v2.0/authorize?client_id=1111-22&response_type=code"
		"&redirect_uri=http%3A%2F%2Flocalhost%3A4711&response_mode=query"
		"&scope=https%3A%2F%2Foutlook.office.com%2FSMTP.Send%20offline_access"
		"&state=" OUR_STATE "&code_challenge=6oZqdX5MOLq_qBJ8vppAnT4fk6AP8UiP9zX8-Rev_9A"
		"&code_challenge_method=S256&prompt=select_account"
		"&login_hint=o%27neil%2Bx%40contoso.com");
	strbuf_done(&url);
	auth_code_done(&attempt);
}

/* RFC 6749 3.1: what the endpoint has stays, and wins. */
static void test_url_own_parameters(void **state)
{
	static const struct {
		const char *endpoint;
		const char *begins;
		bool has_prompt;
	} rows[] = {
		{ "https://a.test/auth?access_type=offline&prompt=consent",
		  "https://a.test/auth?access_type=offline&prompt=consent&client_id=1111-22&",
		  false },
		{ "https://a.test/auth?", "https://a.test/auth?client_id=1111-22&", true },
		{ "https://a.test/auth?x=1&", "https://a.test/auth?x=1&&client_id=1111-22&", true },
	};
	struct auth_code attempt;
	struct strbuf url;
	(void)state;
	begin(&attempt);
	strbuf_init(&url, 4096);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *where = str_dup(str_of(rows[i].endpoint));
		struct account_config account = account_of(where);
		auth_code_url(&attempt, &account, &url);
		assert_true(str_starts(strbuf_str(&url), str_of(rows[i].begins)));
		assert_int_equal(strstr(strbuf_cstr(&url), "prompt=select_account") != NULL,
				 rows[i].has_prompt);
		strbuf_reset(&url);
		free(where);
	}
	strbuf_done(&url);
	auth_code_done(&attempt);
}

static const struct {
	const char *line;
	enum auth_code_verdict verdict;
	const char *code; /* that was taken */
	const char *text; /* of the failure: a part of it */
} answers[] = {
	{ "http://localhost:4711/?code=a.b_c~1&state=" OUR_STATE, AUTH_CODE_TAKEN, "a.b_c~1", "" },
	{ "  http://localhost:4711/?code=a%2Fb+c%20d&state=" OUR_STATE "&session_state=9f#\r\n",
	  AUTH_CODE_TAKEN, "a/b c d", "" },
	{ "https://relay.contoso.com/oauth2/callback?code=M.C5%21%2A%24%24&state=" OUR_STATE,
	  AUTH_CODE_TAKEN, "M.C5!*$$", "" },
	{ "https://x.test/cb#code=1&state=" OUR_STATE, AUTH_CODE_TAKEN, "1", "" },
	{ "code=1&state=" OUR_STATE, AUTH_CODE_TAKEN, "1", "" },
	{ "http://localhost:4711/?code=1&state=scanner."
	  "AAEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8",
	  AUTH_CODE_FOREIGN, "", "an earlier one for account scanner" },
	{ "http://localhost:4711/?code=1&state=other."
	  "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8",
	  AUTH_CODE_FOREIGN, "", "for account \"other\"" },
	{ "http://localhost:4711/?code=1&state=x", AUTH_CODE_FOREIGN, "", "another sign-in" },
	{ "http://localhost:4711/?code=1&state=%1b%5b.1%0A.............................."
	  "..........................",
	  AUTH_CODE_FOREIGN, "", "for account \"\\x1b[.1" },
	{ "http://localhost:4711/?code=1&state=" OUR_STATE "x", AUTH_CODE_FOREIGN, "",
	  "another sign-in" },
	{ "http://localhost:4711/?code=1", AUTH_CODE_FOREIGN, "", "no state" },
	{ "http://localhost:4711/?error=access_denied", AUTH_CODE_FOREIGN, "", "no state" },
	{ "http://localhost:4711/", AUTH_CODE_FOREIGN, "", "no code" },
	{ "", AUTH_CODE_FOREIGN, "", "no code" },
	{ "yes", AUTH_CODE_FOREIGN, "", "no code" },
	{ "https://login.test/authorize?client_id=1&state=" OUR_STATE, AUTH_CODE_FOREIGN, "",
	  "no code" },
	{ "http://localhost:4711/?code=1&code=2&state=" OUR_STATE, AUTH_CODE_FOREIGN, "", "twice" },
	{ "http://localhost:4711/?code=1&state=" OUR_STATE "&state=" OUR_STATE, AUTH_CODE_FOREIGN,
	  "", "twice" },
	{ "http://localhost:4711/?code=%0a&state=" OUR_STATE, AUTH_CODE_FOREIGN, "",
	  "cannot be read" },
	{ "http://localhost:4711/?code=%00&state=" OUR_STATE, AUTH_CODE_FOREIGN, "",
	  "cannot be read" },
	{ "http://localhost:4711/?code=%4&state=" OUR_STATE, AUTH_CODE_FOREIGN, "",
	  "cannot be read" },
	{ "http://localhost:4711/?code=1&state=%zz", AUTH_CODE_FOREIGN, "", "cannot be read" },
	{ "http://localhost:4711/?error=access_denied&error_description=no%1b%5b2Jno&state=" OUR_STATE,
	  AUTH_CODE_REFUSED, "", "no\\x1b[2Jno" },
	{ "http://localhost:4711/?error=server_error&code=1&state=" OUR_STATE, AUTH_CODE_REFUSED,
	  "", "server_error" },
};

static void test_answers(void **state)
{
	struct account_config account = account_of(endpoint);
	struct auth_code attempt;
	(void)state;
	begin(&attempt);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct secret code = { 0 };
		struct token_failure failure = { 0 };
		assert_int_equal(auth_code_read_line(&attempt, str_of(answers[i].line), &account,
						     &code, &failure),
				 answers[i].verdict);
		assert_true(str_eq(secret_reveal(&code), str_of(answers[i].code)));
		if (strstr(failure.text.text, answers[i].text) == NULL)
			fail_msg("%s: %s", answers[i].line, failure.text.text);
		if (answers[i].verdict == AUTH_CODE_FOREIGN)
			assert_string_not_equal(failure.remedy.text, "");
		secret_done(&code);
	}
	auth_code_done(&attempt);
}

/* Microsoft's number gives the class and the remedy. */
static void test_refusals(void **state)
{
	struct account_config account = account_of(endpoint);
	struct auth_code attempt;
	struct secret code = { 0 };
	struct token_failure failure;
	(void)state;
	begin(&attempt);
	assert_int_equal(
		auth_code_read(&attempt,
			       STR("error=access_denied&error_description=AADSTS65004%3a+User"
				   "+declined+to+consent&state=" OUR_STATE),
			       &account, &code, &failure),
		AUTH_CODE_REFUSED);
	assert_string_equal(failure.code, "AADSTS65004");
	assert_int_equal(failure.class, TOKEN_FAIL_LOGIN);
	assert_string_not_equal(failure.remedy.text, "");
	assert_int_equal(
		auth_code_read(&attempt,
			       STR("error=invalid_request&error_description=AADSTS50011%3a+The"
				   "+redirect+URI&state=" OUR_STATE),
			       &account, &code, &failure),
		AUTH_CODE_REFUSED);
	assert_int_equal(failure.class, TOKEN_FAIL_CONFIG);
	assert_int_equal(auth_code_read(&attempt, STR("error=odd%20%3c&state=" OUR_STATE), &account,
					&code, &failure),
			 AUTH_CODE_REFUSED);
	assert_string_equal(failure.code, "odd??");
	assert_null(code.p);
	auth_code_done(&attempt);
}

static void test_bounds(void **state)
{
	struct account_config account = account_of(endpoint);
	struct auth_code attempt;
	struct token_failure failure;
	struct strbuf line;
	(void)state;
	begin(&attempt);
	strbuf_init(&line, 64 * 1024);
	for (size_t i = 0; i < 2; i++) {
		struct secret code = { 0 };
		strbuf_reset(&line);
		strbuf_adds(&line, "state=" OUR_STATE "&code=");
		for (size_t n = 0; n < AUTH_CODE_BYTES_MAX + i; n++)
			strbuf_addc(&line, 'x');
		assert_int_equal(
			auth_code_read(&attempt, strbuf_str(&line), &account, &code, &failure),
			i == 0 ? AUTH_CODE_TAKEN : AUTH_CODE_FOREIGN);
		secret_done(&code);
	}
	strbuf_reset(&line);
	while (line.n <= AUTH_CODE_ANSWER_MAX)
		strbuf_adds(&line, "x=1&");
	struct secret code = { 0 };
	strbuf_adds(&line, "code=1&state=" OUR_STATE);
	assert_int_equal(auth_code_read(&attempt, strbuf_str(&line), &account, &code, &failure),
			 AUTH_CODE_FOREIGN);
	assert_null(code.p);
	strbuf_done(&line);
	auth_code_done(&attempt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenge),	   cmocka_unit_test(test_url),
		cmocka_unit_test(test_url_own_parameters), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refusals),	   cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
