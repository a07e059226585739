/* SPDX-License-Identifier: MIT */
/* WRAP: token_status token_add_credential token_forget_added token_cancel_orders */
/* WRAP: token_try_pending own_certificate_start own_certificate_cancel */
#include "tests/unit/admin/account_order_world.h"

static void the_list(void **state)
{
	struct expiry ends[] = {
		{ .what = EXPIRY_SECRET,
		  .label = "client secret",
		  .ends_ms = 1,
		  .days_left = -3,
		  .assumed = true,
		  .remedy = { .text = "make a new one" } },
		{ .what = EXPIRY_SIGN_IN, .label = "sign-in", .ends_ms = 2, .days_left = 88 },
	};
	const struct expiry_list expiries = { ends, ARRAY_LEN(ends) };
	enum account_grant grant = changed->grant;
	(void)state;
	changed->grant = GRANT_DELEGATED;
	status.expiries = &expiries;
	status.signed_in = true;
	status.signed_in_ms = INT64_C(1795305600000);
	status.serving = "client secret";
	shown[0].ends_ms = 1;
	refused[0] = true;
	shown[list.n++] = certificate(true);
	struct admin_answer answer = ask("GET /v1/accounts");
	changed->grant = grant;
	assert_int_equal(answer.status, 200);
	const cJSON *row = cJSON_GetArrayItem(member(answer.body, "accounts"), 0);
	assert_string_equal(text(row, "name"), "scanner");
	assert_string_equal(text(row, "grant"), "delegated");
	assert_string_equal(text(row, "serving"), "client secret");
	assert_string_equal(text(member(row, "token"), "state"), "valid");
	const cJSON *sign_in = member(row, "sign_in");
	assert_true(cJSON_IsTrue(member(sign_in, "signed_in")));
	assert_string_equal(text(sign_in, "since"), "2026-11-22T00:00:00.000Z");
	assert_true(number(sign_in, "ends_in_days") == 88);
	const cJSON *secret = cJSON_GetArrayItem(member(row, "credentials"), 0);
	assert_string_equal(text(secret, "kind"), "secret");
	assert_true(cJSON_IsTrue(member(secret, "refused")));
	assert_true(cJSON_IsTrue(member(secret, "ends_assumed")));
	assert_true(number(secret, "ends_in_days") == -3);
	assert_string_equal(text(secret, "remedy"), "make a new one");
	const cJSON *waiting = cJSON_GetArrayItem(member(row, "credentials"), 1);
	assert_true(cJSON_IsTrue(member(waiting, "pending")));
	assert_false(cJSON_IsTrue(member(waiting, "serving")));
	cJSON_Delete(answer.body);
}

static void one_without_oauth_is_listed_too(void **state)
{
	(void)state;
	account.token = NULL;
	struct admin_answer answer = ask("GET /v1/accounts");
	const cJSON *row = cJSON_GetArrayItem(member(answer.body, "accounts"), 0);
	assert_true(cJSON_IsNull(member(row, "token")));
	assert_true(cJSON_IsNull(member(row, "grant")));
	assert_non_null(strstr(text(row, "no_credentials"), "does not sign in with OAuth2"));
	assert_int_equal(cJSON_GetArraySize(member(row, "credentials")), 0);
	cJSON_Delete(answer.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_list),
		TEST(one_without_oauth_is_listed_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
