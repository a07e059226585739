/* SPDX-License-Identifier: MIT */
#include "tests/unit/admin/admin_world.h"

static void a_device_is_released(void **state)
{
	static const char *const bodies[] = { NULL, "", "{}", "{\"x\":[1]}" };
	static const char *const wrong[] = { "x", "[]", "\"erp\"", "{", "{}x", "5" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct admin_answer a = ask_with("POST /v1/devices/xerox-3f/release", wrong[i]);
		assert_int_equal(a.status, 400);
		cJSON_Delete(a.body);
	}
	assert_string_equal(released, "");
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct admin_answer a = ask_with("POST /v1/devices/xerox-3f/release", bodies[i]);
		assert_int_equal(a.status, 200);
		assert_string_equal(released, "xerox-3f");
		assert_string_equal(text(a.body, "device"), "xerox-3f");
		assert_true(number(a.body, "released") == 12);
		cJSON_Delete(a.body);
	}
	/* The body of a question says nothing. */
	struct admin_answer a = ask_with("GET /v1/queue?limit=1", "x");
	assert_int_equal(a.status, 200);
	cJSON_Delete(a.body);
}

static void unknown_devices_have_a_near_one(void **state)
{
	(void)state;
	struct admin_answer a = ask("POST /v1/devices/xerox3f/release");
	assert_string_equal(text(a.body, "error"),
			    "there is no device xerox3f; did you mean xerox-3f?");
	cJSON_Delete(a.body);
	a = ask("POST /v1/devices/%22%1b\x01/release");
	assert_string_equal(text(a.body, "error"), "there is no device %22%1b\\x01");
	cJSON_Delete(a.body);
	/* One that is no longer configured, but has mail. */
	held_messages = 3;
	a = ask("POST /v1/devices/olderp/release");
	assert_string_equal(text(a.body, "error"),
			    "there is no device olderp; did you mean old-erp?");
	cJSON_Delete(a.body);
	a = ask("POST /v1/devices/old-erp/release");
	assert_int_equal(a.status, 200);
	assert_string_equal(released, "old-erp");
	cJSON_Delete(a.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_is_released, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_devices_have_a_near_one, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
