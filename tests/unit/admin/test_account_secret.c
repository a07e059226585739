/* SPDX-License-Identifier: MIT */
/* WRAP: token_status token_add_credential token_forget_added token_cancel_orders */
/* WRAP: token_try_pending own_certificate_start own_certificate_cancel */
#include "tests/unit/admin/account_order_world.h"

static void what_no_account_takes(void **state)
{
	(void)state;
	expect_refused("scaner/secret", "{}", 404, "did you mean scanner?");
	expect_refused("scanner/secret", "{}", 400, "\"secret\"");
	expect_refused("scanner/secret", NULL, 400, "\"secret\"");
	expect_refused("scanner/secret", "{\"secret\":7}", 400, "\"secret\"");
	expect_refused("scanner/secret", "{\"secret\":\"\"}", 422, "1 to 2048 bytes");
	expect_refused("scanner/secret", "{\"secret\":\"new~Q.canary-of-a-client-secret x\"}", 422,
		       "no blanks");
	expect_refused("scanner/secret", "{\"secret\":\"0a1b2c3d-1111-2222-3333-444455556666\"}",
		       422, "Secret ID");
	expect_refused("scanner/secret", "{\"secret\":\"x\",\"expires\":\"tomorrow\"}", 400,
		       "2027-05-01");
	expect_refused("scanner/secret", "{\"secret\":\"x\",\"expires\":1}", 400, "2027-05-01");
	expect_refused("scanner/secret", "{\"secret\":\"x\",\"expires\":\"2001-01-01\"}", 422,
		       "has ended already");
}

static void what_this_account_cannot_have(void **state)
{
	static const char *const paths[] = { "scanner/secret", "scanner/certificate" };
	enum account_grant grant = changed->grant;
	size_t count = changed->credential_count;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		changed->grant = GRANT_MANAGED_IDENTITY;
		expect_refused(paths[i], "{\"secret\":\"x\"}", 409, "managed identity");
		changed->grant = GRANT_DELEGATED;
		changed->credential_count = 0;
		expect_refused(paths[i], "{\"secret\":\"x\"}", 409, "oauthrelay login scanner");
		changed->credential_count = count;
		changed->grant = grant;
		account.token = NULL;
		expect_refused(paths[i], "{\"secret\":\"x\"}", 409, "does not sign in with OAuth2");
		account.token = some_token;
	}
}

static void begin_secret(const char *body)
{
	struct admin_answer answer = post("scanner/secret", body);
	assert_int_equal(answer.status, 0);
	assert_null(answer.body);
	assert_false(answered);
}

static void a_secret_is_added(void **state)
{
	(void)state;
	begin_secret("{\"secret\":\"new~Q.canary-of-a-client-secret\",\"expires\":\"2037-05-01\"}");
	assert_string_equal(ordered.what, "add");
	assert_int_equal(ordered.credential.kind, CREDENTIAL_SECRET);
	assert_true(str_eq(secret_reveal(&ordered.credential.secret), str_of(canary)));
	assert_int_equal(strncmp(ordered.credential.label, "secret added 20", 15), 0);
	assert_true(ordered.credential.added_ms != 0);
	/* The day's end, UTC: `date -u -d "2037-05-02" +%s`. */
	assert_true(ordered.credential.ends_ms == INT64_C(2124835200000));
	assert_false(ordered.credential.pending);
	shown[1] = shown[0];
	shown[0] = ordered.credential;
	list.n = 2;
	status.serving = shown[0].label;
	ordered.cb(ordered.arg, NULL);
	assert_true(answered);
	assert_int_equal(late.status, 200);
	const cJSON *credential = member(late.body, "credential");
	assert_string_equal(text(credential, "last_day"), "2037-05-01");
	assert_true(cJSON_IsTrue(member(credential, "serving")));
	assert_true(cJSON_IsNull(member(late.body, "warning")));
	char *all = cJSON_Print(late.body);
	assert_null(strstr(all, canary));
	free(all);
	cJSON_Delete(late.body);
	credential_done(&ordered.credential);
}

static void a_refusal_has_the_remedy(void **state)
{
	static const struct {
		enum token_failure_class class;
		int status;
		const char *name;
	} rows[] = {
		{ TOKEN_FAIL_CONFIG, 422, "configuration" },
		{ TOKEN_FAIL_LOGIN, 422, "sign-in" },
		{ TOKEN_FAIL_TRANSIENT, 503, "transient" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct token_failure failure = { .class = rows[i].class,
						 .code = "AADSTS7000215",
						 .text = { .text = "what it said" },
						 .remedy = { .text = "what to do" } };
		ordered.what = NULL;
		answered = false;
		begin_secret("{\"secret\":\"x\"}");
		assert_true(ordered.credential.ends_ms == 0);
		ordered.cb(ordered.arg, &failure);
		assert_int_equal(late.status, rows[i].status);
		assert_string_equal(text(late.body, "error"), "what it said");
		assert_string_equal(text(late.body, "remedy"), "what to do");
		assert_string_equal(text(late.body, "code"), "AADSTS7000215");
		assert_string_equal(text(late.body, "class"), rows[i].name);
		cJSON_Delete(late.body);
		credential_done(&ordered.credential);
	}
}

/* It is in use; a failure would make people try again. */
static void what_is_not_stored_is_a_warning(void **state)
{
	const struct token_failure failure = { .class = TOKEN_FAIL_TRANSIENT,
					       .code = "not-stored",
					       .text = { .text = "no space" },
					       .remedy = { .text = "make some" } };
	(void)state;
	begin_secret("{\"secret\":\"x\"}");
	ordered.cb(ordered.arg, &failure);
	assert_int_equal(late.status, 200);
	assert_string_equal(text(late.body, "warning"), "no space");
	assert_string_equal(text(late.body, "remedy"), "make some");
	cJSON_Delete(late.body);
	credential_done(&ordered.credential);
}

static void added_ones_are_forgotten(void **state)
{
	(void)state;
	list.n = 3;
	shown[1].added_ms = shown[2].added_ms = 1;
	begin_secret("{\"forget\":true}");
	assert_string_equal(ordered.what, "forget");
	ordered.cb(ordered.arg, NULL);
	assert_int_equal(late.status, 200);
	assert_true(number(late.body, "forgotten") == 2);
	cJSON_Delete(late.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_no_account_takes),
		TEST(what_this_account_cannot_have),
		TEST(a_secret_is_added),
		TEST(a_refusal_has_the_remedy),
		TEST(what_is_not_stored_is_a_warning),
		TEST(added_ones_are_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
