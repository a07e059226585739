/* SPDX-License-Identifier: MIT */
#include "tests/unit/admin/admin_world.h"

static char reply[] = "432 4.3.2 Concurrent connections limit exceeded";

static void the_queue_comes_in_pages(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int count;
		int first;
	} rows[] = {
		{ "GET /v1/queue", 50, 0 },
		{ "GET /v1/queue?limit=200", MESSAGES, 0 },
		{ "GET /v1/queue?limit=10&offset=115", 5, 115 },
		{ "GET /v1/queue?offset=100&limit=10", 10, 100 },
		{ "GET /v1/queue?offset=120", 0, 0 },
		{ "GET /v1/queue?limit=0", 0, 0 },
		{ "GET /v1/queue?unknown=5&limit=1", 1, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct admin_answer a = ask(rows[i].line);
		assert_int_equal(a.status, 200);
		const cJSON *list = member(a.body, "messages");
		assert_true(number(a.body, "total") == MESSAGES);
		assert_int_equal(cJSON_GetArraySize(list), rows[i].count);
		if (rows[i].count != 0)
			assert_true(number(cJSON_GetArrayItem(list, 0), "size") ==
				    1000 + rows[i].first);
		cJSON_Delete(a.body);
	}
	message_count = 0;
	struct admin_answer a = ask("GET /v1/queue");
	assert_true(number(a.body, "total") == 0);
	assert_int_equal(cJSON_GetArraySize(member(a.body, "messages")), 0);
	cJSON_Delete(a.body);
}

static void a_message_has_its_shape(void **state)
{
	(void)state;
	char device[] = "xerox-3f";
	messages[3].device = device;
	messages[3].account = &account;
	recipients[3].reply = reply;
	struct admin_answer a = ask("GET /v1/queue/035a5a");
	assert_int_equal(a.status, 200);
	assert_string_equal(text(a.body, "id"), "035a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
	assert_string_equal(text(a.body, "from"), "scan@printer.local");
	assert_string_equal(text(a.body, "device"), "xerox-3f");
	assert_true(cJSON_IsNull(member(a.body, "user")));
	assert_string_equal(text(a.body, "account"), "scanner");
	assert_true(cJSON_IsNull(member(a.body, "blocked")));
	assert_in_range(number(a.body, "age_s"), 5, 60);
	const cJSON *to = cJSON_GetArrayItem(member(a.body, "recipients"), 0);
	assert_string_equal(text(to, "to"), "scan@printer.local");
	assert_string_equal(text(to, "state"), "deferred");
	assert_true(number(to, "attempts") == 2);
	assert_true(number(to, "next_s") == 62); /* rounded up */
	assert_string_equal(text(to, "reply"), reply);
	cJSON_Delete(a.body);

	account.status.state = ACCOUNT_HELD;
	account.status.reason = "AADSTS7000215";
	a = ask("GET /v1/queue/035a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
	assert_int_equal(a.status, 200);
	assert_string_equal(text(a.body, "blocked"), "AADSTS7000215");
	cJSON_Delete(a.body);

	/* What waits for its account is tried when the account is. */
	messages[3].place = PLACE_READY;
	account.status.next_try_ms = 299000;
	a = ask("GET /v1/queue/035a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
	assert_true(number(a.body, "next_s") == 299);
	cJSON_Delete(a.body);
}

static void a_prefix_must_be_unique(void **state)
{
	(void)state;
	messages[4].id = messages[3].id;
	messages[4].id.b[15] = 0;
	struct admin_answer a = ask("GET /v1/queue/035a");
	assert_int_equal(a.status, 409);
	cJSON_Delete(a.body);
	a = ask("GET /v1/queue/035a5a5a5a5a5a5a5a5a5a5a5a5a5a00");
	assert_int_equal(a.status, 200);
	cJSON_Delete(a.body);
}

static void recipients_have_states(void **state)
{
	(void)state;
	static const struct {
		enum place place;
		enum progress_state progress;
		const char *state;
		bool has_next;
	} rows[] = {
		{ PLACE_NONE, PROGRESS_PENDING, "new", true },
		{ PLACE_DUE, PROGRESS_PENDING, "deferred", true },
		{ PLACE_READY, PROGRESS_PENDING, "queued", true },
		{ PLACE_ACTIVE, PROGRESS_INFLIGHT, "sending", true },
		{ PLACE_DUE, PROGRESS_SENT, "sent", false },
		{ PLACE_PARKED, PROGRESS_FAILED, "failed", false },
		{ PLACE_PARKED, PROGRESS_HELD, "held", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		messages[0].place = (uint8_t)rows[i].place;
		recipients[0].state = (uint8_t)rows[i].progress;
		struct admin_answer a = ask("GET /v1/queue?limit=1");
		const cJSON *message = cJSON_GetArrayItem(member(a.body, "messages"), 0);
		const cJSON *to = cJSON_GetArrayItem(member(message, "recipients"), 0);
		assert_string_equal(text(to, "state"), rows[i].state);
		assert_true(cJSON_IsNumber(member(to, "next_s")) == rows[i].has_next);
		cJSON_Delete(a.body);
	}
}

/* Names from outside: bytes that are no UTF-8 must not break the JSON. */
static void foreign_bytes_stay_json(void **state)
{
	(void)state;
	char bad[] = "\xff\x01\"";
	struct strbuf out;
	struct err err;
	messages[0].device = bad;
	recipients[0].reply = bad;
	struct admin_answer a = ask("GET /v1/queue?limit=1");
	strbuf_init(&out, 1U << 20);
	json_append(&out, a.body);
	cJSON *again = json_parse(strbuf_str(&out), &err);
	assert_non_null(again);
	cJSON_Delete(again);
	cJSON_Delete(a.body);
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_queue_comes_in_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_has_its_shape, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_prefix_must_be_unique, set_up, tear_down),
		cmocka_unit_test_setup_teardown(recipients_have_states, set_up, tear_down),
		cmocka_unit_test_setup_teardown(foreign_bytes_stay_json, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
