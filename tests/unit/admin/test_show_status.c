/* SPDX-License-Identifier: MIT */
#include "tests/unit/admin/admin_world.h"

static void what_is_held_is_told(void **state)
{
	(void)state;
	held_messages = 3;
	struct admin_answer a = ask("GET /v1/status");
	const cJSON *device = cJSON_GetArrayItem(member(a.body, "held_devices"), 0);
	assert_string_equal(text(device, "device"), "old-erp");
	assert_true(number(device, "messages") == 3);
	assert_string_equal(text(device, "rate"), "");
	cJSON_Delete(a.body);
	messages[0].hold = QUEUED_HELD;
	messages[0].place = PLACE_PARKED;
	recipients[0].state = PROGRESS_HELD;
	a = ask("GET /v1/queue?limit=1");
	const cJSON *message = cJSON_GetArrayItem(member(a.body, "messages"), 0);
	const cJSON *to = cJSON_GetArrayItem(member(message, "recipients"), 0);
	assert_string_equal(text(to, "state"), "held");
	assert_string_equal(text(to, "reply"), "held: why");
	cJSON_Delete(a.body);
}

static void status_has_its_shape(void **state)
{
	(void)state;
	account.status.state = ACCOUNT_HELD;
	account.status.reason = "AADSTS7000215";
	account.status.next_try_ms = 300000;
	struct admin_answer a = ask("GET /v1/status");
	assert_int_equal(a.status, 200);
	assert_true(strlen(text(a.body, "version")) > 2);
	assert_true(number(a.body, "pid") > 0);
	assert_in_range(number(a.body, "uptime_s"), 5, 60);
	const cJSON *queue = member(a.body, "queue");
	assert_true(number(queue, "messages") == MESSAGES);
	assert_true(number(queue, "bytes") == 5368709120.0);
	assert_in_range(number(queue, "oldest_age_s"), 61, 120);
	assert_true(number(queue, "failed") == 1);
	const cJSON *first = cJSON_GetArrayItem(member(a.body, "accounts"), 0);
	assert_string_equal(text(first, "name"), "scanner");
	assert_string_equal(text(first, "state"), "held");
	assert_string_equal(text(first, "reason"), "AADSTS7000215");
	assert_string_equal(text(first, "mailbox"), "scanner@contoso.com");
	assert_true(number(first, "next_try_s") == 300);
	assert_true(number(member(first, "token"), "good_for_s") == 60); /* rounded up */
	const cJSON *listener = cJSON_GetArrayItem(member(a.body, "listeners"), 0);
	assert_string_equal(text(listener, "address"), "127.0.0.1:2525");
	assert_string_equal(text(listener, "tls"), "starttls");
	assert_string_equal(text(listener, "auth"), "none");
	assert_true(number(listener, "connections") == 0);
	assert_true(number(listener, "connections_total") == 0);
	assert_true(number(member(a.body, "intake"), "accepted") == 20);
	cJSON_Delete(a.body);
}

static void the_token_is_told(void **state)
{
	static struct credential list[] = {
		{ .kind = CREDENTIAL_SECRET, .label = "secret added 2026-11-22" },
		{ .kind = CREDENTIAL_SECRET, .label = "client secret" },
	};
	static struct expiry ends = { .what = EXPIRY_SECRET,
				      .label = "secret added 2026-11-22",
				      .days_left = 5,
				      .remedy = { .text = "make another" } };
	(void)state;
	token_credentials = (struct credential_list){ list, ARRAY_LEN(list) };
	token_expiries = (struct expiry_list){ &ends, 1 };
	token_now.serving = list[0].label;
	token_now.skew_ms = -600000;
	token_refused[1] = true;
	struct admin_answer a = ask("GET /v1/status");
	const cJSON *first = cJSON_GetArrayItem(member(a.body, "accounts"), 0);
	assert_string_equal(text(first, "serving"), list[0].label);
	assert_true(number(member(first, "token"), "clock_skew_s") == -600);
	const cJSON *credential = cJSON_GetArrayItem(member(first, "credentials"), 0);
	assert_true(cJSON_IsTrue(member(credential, "serving")));
	assert_true(number(credential, "ends_in_days") == 5);
	assert_string_equal(text(credential, "remedy"), "make another");
	credential = cJSON_GetArrayItem(member(first, "credentials"), 1);
	assert_true(cJSON_IsTrue(member(credential, "refused")));
	assert_true(cJSON_IsNull(member(credential, "ends")));
	cJSON_Delete(a.body);
	has_token = false;
	a = ask("GET /v1/status");
	first = cJSON_GetArrayItem(member(a.body, "accounts"), 0);
	assert_true(cJSON_IsNull(member(first, "token")));
	assert_int_equal(cJSON_GetArraySize(member(first, "credentials")), 0);
	cJSON_Delete(a.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_held_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(status_has_its_shape, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_token_is_told, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
