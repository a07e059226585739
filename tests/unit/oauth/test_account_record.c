/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oauth/account_record.h"
#include "oauth/token_response.h"
#include "tests/unit/oauth/record_world.h"
#include "tests/unit/support/seal_of.h"

static struct seal *seal;

static int start(void **state)
{
	(void)state;
	seal = seal_of('k');
	return 0;
}

static int stop(void **state)
{
	(void)state;
	seal_free(seal);
	return 0;
}

static void close_into(const struct account_record *record, struct strbuf *out)
{
	struct err err;
	strbuf_init(out, 512 * 1024);
	if (!account_record_close(record, "scanner", seal, out, &err))
		fail_msg("%s", err.text);
}

/* Fails so, with these words and nothing of the secrets in them, and touches nothing. */
static void expect(const char *account, const struct seal *by, struct str sealed,
		   enum seal_failure failure, const char *words)
{
	struct account_record record = { .signed_in_ms = 42 };
	struct err err = { .text = "" };
	assert_int_equal(account_record_open(&record, account, by, sealed, &err), failure);
	assert_true(record.signed_in_ms == 42);
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
	assert_null(strstr(err.text, "canary"));
}

/* As an oauthrelay might have written it. */
static void close_text(struct str text, struct strbuf *out)
{
	struct err err;
	strbuf_init(out, 512 * 1024);
	assert_true(seal_close(seal, STR("accounts/scanner"), text, out, &err));
}

static void test_there_and_back(void **state)
{
	struct account_record record, opened = { .signed_in_ms = 42 };
	struct strbuf sealed;
	struct err err;
	(void)state;
	record_fill(&record);
	secret_set(&opened.access_token, STR("from before"));
	close_into(&record, &sealed);
	assert_int_equal(account_record_open(&opened, "scanner", seal, strbuf_str(&sealed), &err),
			 SEAL_OK);
	records_same(&record, &opened);
	account_record_done(&record);
	account_record_done(&opened);
	strbuf_done(&sealed);
	/* An empty one. */
	close_into(&record, &sealed);
	assert_int_equal(account_record_open(&opened, "scanner", seal, strbuf_str(&sealed), &err),
			 SEAL_OK);
	records_same(&record, &opened);
	account_record_done(&opened);
	strbuf_done(&sealed);
}

static void test_each_byte_altered(void **state)
{
	struct account_record record;
	struct strbuf sealed;
	(void)state;
	record_fill(&record);
	close_into(&record, &sealed);
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] = (char)((unsigned char)sealed.p[i] ^ 1U);
		bool key_id = i >= 5 && i < 13;
		expect("scanner", seal, strbuf_str(&sealed), key_id ? SEAL_OTHER_KEY : SEAL_DAMAGED,
		       "");
		sealed.p[i] = (char)((unsigned char)sealed.p[i] ^ 1U);
		expect("scanner", seal, str_head(strbuf_str(&sealed), i), SEAL_DAMAGED, "");
	}
	account_record_done(&record);
	strbuf_done(&sealed);
}

static void test_other_key_and_account(void **state)
{
	struct seal *other = seal_of('o');
	struct account_record record;
	struct strbuf sealed;
	(void)state;
	record_fill(&record);
	close_into(&record, &sealed);
	expect("scanner", other, strbuf_str(&sealed), SEAL_OTHER_KEY, "another key");
	expect("other", seal, strbuf_str(&sealed), SEAL_DAMAGED, "another's place");
	account_record_done(&record);
	strbuf_done(&sealed);
	seal_free(other);
}

static void test_what_is_no_record(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} rows[] = {
		{ "", "cannot be read" },
		{ "canary", "cannot be read" },
		{ "{\"canary", "cannot be read" },
		{ "[1]", "cannot be read" },
		{ "{}", "cannot be read" },
		{ "{\"version\":\"x\"}", "cannot be read" },
		{ "{\"version\":2,\"access_token\":\"canary\"}",
		  "newer oauthrelay: version 2, and this one knows 1" },
		{ "{\"version\":1,\"signed_in\":-1}", "not an account's" },
		{ "{\"version\":1,\"signed_in\":{}}", "not an account's" },
		{ "{\"version\":1,\"binding\":\"xyz\"}", "not an account's" },
		{ "{\"version\":1,\"binding\":7}", "not an account's" },
		{ "{\"version\":1,\"access_token\":[]}", "not an account's" },
		{ "{\"version\":1,\"added\":7}", "not an account's" },
		{ "{\"version\":1,\"added\":[7]}", "not an account's" },
		{ "{\"version\":1,\"added\":[{\"kind\":\"federated\"}]}", "not an account's" },
		{ "{\"version\":1,\"added\":[{\"kind\":\"secret\"}]}", "not an account's" },
		{ "{\"version\":1,\"added\":[{\"kind\":\"secret\",\"secret\":\"canary\","
		  "\"pending\":1}]}",
		  "not an account's" },
		{ "{\"version\":1,\"added\":[{\"kind\":\"certificate\",\"key\":\"canary\","
		  "\"certificate\":\"x\",\"algorithm\":\"none\",\"thumbprint\":\"sha1\"}]}",
		  "not an account's" },
		{ "{\"version\":1,\"added\":[{\"kind\":\"certificate\",\"key\":\"canary\","
		  "\"certificate\":\"x\",\"algorithm\":\"RS256\"}]}",
		  "not an account's" },
		{ "{\"version\":1,\"added\":[{\"kind\":\"certificate\",\"certificate\":\"x\","
		  "\"algorithm\":\"RS256\",\"thumbprint\":\"sha1\"}]}",
		  "not an account's" },
		{ "{\"version\":1,\"seen\":{\"a\":1}}", "not an account's" },
		{ "{\"version\":1,\"seen\":[{\"digest\":\"00\"}]}", "not an account's" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf sealed;
		close_text(str_of(rows[i].text), &sealed);
		expect("scanner", seal, strbuf_str(&sealed), SEAL_DAMAGED, rows[i].words);
		strbuf_done(&sealed);
	}
}

/* A later oauthrelay may add members that need no new version. */
static void test_more_members(void **state)
{
	struct account_record record = { 0 };
	struct strbuf sealed;
	struct err err;
	(void)state;
	close_text(STR("{\"version\":1,\"new\":[{}],\"signed_in\":7}"), &sealed);
	assert_int_equal(account_record_open(&record, "scanner", seal, strbuf_str(&sealed), &err),
			 SEAL_OK);
	assert_true(record.signed_in_ms == 7);
	account_record_done(&record);
	strbuf_done(&sealed);
}

/* A JSON text that says more than a record may hold. */
static void expect_too_much(const char *before, const char *piece, size_t count, const char *after)
{
	struct strbuf text, sealed;
	strbuf_init(&text, SEAL_PLAIN_MAX);
	strbuf_adds(&text, before);
	for (size_t i = 0; i < count; i++)
		strbuf_adds(&text, piece);
	strbuf_adds(&text, after);
	assert_false(text.overflow);
	close_text(strbuf_str(&text), &sealed);
	expect("scanner", seal, strbuf_str(&sealed), SEAL_DAMAGED, "not an account's");
	strbuf_done(&text);
	strbuf_done(&sealed);
}

static void test_limits_on_opening(void **state)
{
	(void)state;
	expect_too_much("{\"version\":1,\"access_token\":\"", "x", TOKEN_BYTES_MAX + 1, "\"}");
	expect_too_much("{\"version\":1,\"refresh_token\":\"", "x", TOKEN_BYTES_MAX + 1, "\"}");
	expect_too_much("{\"version\":1,\"binding\":\"", "a", 65, "\"}");
	expect_too_much("{\"version\":1,\"added\":[", "{\"kind\":\"secret\",\"secret\":\"x\"},",
			RECORD_ADDED_MAX, "{\"kind\":\"secret\",\"secret\":\"x\"}]}");
	expect_too_much("{\"version\":1,\"added\":[{\"kind\":\"secret\",\"secret\":\"", "x",
			SECRET_MAX + 1, "\"}]}");
	expect_too_much("{\"version\":1,\"added\":[{\"kind\":\"secret\",\"secret\":\"x\","
			"\"label\":\"",
			"x", 64, "\"}]}");
	expect_too_much("{\"version\":1,\"added\":[{\"kind\":\"certificate\",\"key\":\"x\","
			"\"algorithm\":\"RS256\",\"thumbprint\":\"sha1\",\"certificate\":\"",
			"x", SECRET_MAX + 1, "\"}]}");
	char seen[128];
	snprintf(seen, sizeof(seen), "{\"digest\":\"%064d\"},", 0);
	expect_too_much("{\"version\":1,\"seen\":[", seen, RECORD_SEEN_MAX + 1, "{}]}");
}

static void expect_not_closed(const struct account_record *record, const char *words)
{
	struct strbuf out;
	struct err err = { .text = "" };
	strbuf_init(&out, 512 * 1024);
	assert_false(account_record_close(record, "scanner", seal, &out, &err));
	assert_int_equal(out.n, 0);
	assert_non_null(strstr(err.text, "account \"scanner\""));
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
	assert_null(strstr(err.text, "canary"));
	strbuf_done(&out);
}

static void test_limits_on_closing(void **state)
{
	struct account_record record;
	struct seal *none = seal_new();
	struct strbuf out;
	struct err err;
	char *big = mem_alloc(TOKEN_BYTES_MAX + 1);
	(void)state;
	memset(big, 1, TOKEN_BYTES_MAX + 1); /* six characters each, as JSON */
	record_fill(&record);
	secret_set(&record.access_token, (struct str){ big, TOKEN_BYTES_MAX + 1 });
	expect_not_closed(&record, "access_token is too long");
	secret_set(&record.access_token, STR("canary\0"));
	expect_not_closed(&record, "access_token is too long, or no text");
	/* Each within its limit, all together not. */
	for (size_t i = 0; i < 2; i++) {
		struct credential added = { .kind = CREDENTIAL_SECRET };
		secret_set(&added.secret, (struct str){ big, SECRET_MAX });
		credential_list_insert(&record.added, 0, &added);
	}
	secret_set(&record.access_token, (struct str){ big, TOKEN_BYTES_MAX });
	expect_not_closed(&record, "larger than 262144 bytes");
	secret_set(&record.access_token, STR("x"));
	close_into(&record, &out);
	strbuf_done(&out);
	struct credential fifth = { .kind = CREDENTIAL_NONE };
	credential_list_insert(&record.added, 0, &fifth);
	expect_not_closed(&record, "more than it may");
	account_record_done(&record);
	credential_list_insert(&record.added, 0, &fifth);
	expect_not_closed(&record, "only a secret or a certificate");
	account_record_done(&record);
	strbuf_init(&out, 1024);
	assert_false(account_record_close(&record, "scanner", none, &out, &err));
	strbuf_done(&out);
	seal_free(none);
	free(big);
}

/* The largest that may be: longest tokens, most secrets. */
static void test_largest(void **state)
{
	struct account_record record = { .seen_count = RECORD_SEEN_MAX }, opened = { 0 };
	struct strbuf sealed;
	struct err err;
	char *big = mem_alloc(SECRET_MAX);
	(void)state;
	memset(big, 'x', SECRET_MAX);
	secret_set(&record.access_token, (struct str){ big, TOKEN_BYTES_MAX });
	secret_set(&record.refresh_token, (struct str){ big, TOKEN_BYTES_MAX });
	for (size_t i = 0; i < RECORD_ADDED_MAX; i++) {
		struct credential added = { .kind = CREDENTIAL_SECRET };
		secret_set(&added.secret, (struct str){ big, SECRET_MAX });
		credential_list_insert(&record.added, 0, &added);
	}
	close_into(&record, &sealed);
	assert_int_equal(account_record_open(&opened, "scanner", seal, strbuf_str(&sealed), &err),
			 SEAL_OK);
	records_same(&record, &opened);
	account_record_done(&record);
	account_record_done(&opened);
	strbuf_done(&sealed);
	free(big);
}

typedef void binding_fn(const struct account_config *account, char out[65]);

static void expect_bindings(binding_fn *function, const struct account_config *a,
			    const struct account_config *b, bool same)
{
	char one[65], two[65];
	function(a, one);
	function(b, two);
	assert_int_equal(strlen(one), 64);
	assert_int_equal(strlen(two), 64);
	assert_int_equal(strcmp(one, two) == 0, same);
}

enum {
	ENDPOINT,
	CLIENT_ID,
	SCOPE,
	LOGIN,
	MAILBOX,
	IDENTITY_ENDPOINT,
	IDENTITY_HOST,
	MEMBERS
};

static void change(struct account_config *account, int member)
{
	static char other[] = "other";
	char **const places[] = {
		[ENDPOINT] = &account->token_endpoint,
		[CLIENT_ID] = &account->client_id,
		[SCOPE] = &account->scope,
		[LOGIN] = &account->login,
		[MAILBOX] = &account->mailbox,
		[IDENTITY_ENDPOINT] = &account->identity_endpoint,
	};
	if (member == IDENTITY_HOST)
		account->identity_host = IDENTITY_AZURE_ARC;
	else
		*places[member] = other;
}

/* What the tokens are for: each part of it, and no other, changes the binding. */
static void test_bindings(void **state)
{
	static const struct {
		enum account_grant grant;
		unsigned members; /* that count */
	} rows[] = {
		{ GRANT_CLIENT_CREDENTIALS, 1 << ENDPOINT | 1 << CLIENT_ID | 1 << SCOPE },
		{ GRANT_FEDERATED, 1 << ENDPOINT | 1 << CLIENT_ID | 1 << SCOPE },
		{ GRANT_DELEGATED, 1 << ENDPOINT | 1 << CLIENT_ID | 1 << SCOPE | 1 << LOGIN },
		{ GRANT_MANAGED_IDENTITY, 1 << ENDPOINT | 1 << CLIENT_ID | 1 << SCOPE |
						  1 << IDENTITY_ENDPOINT | 1 << IDENTITY_HOST },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct account_config plain = { .grant = rows[i].grant }, changed;
		for (int member = 0; member < MEMBERS; member++) {
			bool same = (rows[i].members & 1U << member) == 0;
			changed = plain;
			change(&changed, member);
			expect_bindings(account_record_binding, &plain, &changed, same);
			same = member != ENDPOINT && member != CLIENT_ID;
			expect_bindings(account_record_added_binding, &plain, &changed, same);
		}
		changed = plain;
		changed.grant = rows[(i + 1) % ARRAY_LEN(rows)].grant;
		expect_bindings(account_record_binding, &plain, &changed, false);
		expect_bindings(account_record_added_binding, &plain, &changed, true);
	}
}

static void test_name(void **state)
{
	struct strbuf name;
	(void)state;
	strbuf_init(&name, 64);
	account_record_name(&name, "scanner");
	assert_string_equal(strbuf_cstr(&name), "accounts/scanner");
	strbuf_done(&name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, start, stop),
		cmocka_unit_test_setup_teardown(test_each_byte_altered, start, stop),
		cmocka_unit_test_setup_teardown(test_other_key_and_account, start, stop),
		cmocka_unit_test_setup_teardown(test_what_is_no_record, start, stop),
		cmocka_unit_test_setup_teardown(test_more_members, start, stop),
		cmocka_unit_test_setup_teardown(test_limits_on_opening, start, stop),
		cmocka_unit_test_setup_teardown(test_limits_on_closing, start, stop),
		cmocka_unit_test_setup_teardown(test_largest, start, stop),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
