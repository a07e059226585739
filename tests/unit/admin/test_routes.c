/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/routes.h"
#include "common/clock.h"
#include "common/json.h"
#include "tests/unit/support/config_text.h"

/* ---- a queue of our own: the test does not link the real one */

enum {
	MESSAGES = 120
};

struct account {
	struct account_status status;
	const struct account_config *config;
};

static struct queued messages[MESSAGES];
static struct queued_recipient recipients[MESSAGES];
static size_t message_count;
static struct account account;
static int64_t next_try;

void queue_totals(const struct queue *q, struct queue_totals *out)
{
	(void)q;
	*out = (struct queue_totals){ .messages = message_count,
				      .recipients = 7,
				      .bytes = UINT64_C(5) << 30,
				      .oldest_ms = clock_wall_ms() - 61500,
				      .failed = 1,
				      .delivered_total = 17 };
}

const struct queued *queue_first(const struct queue *q)
{
	(void)q;
	return message_count != 0 ? &messages[0] : NULL;
}

const struct queued *queue_next(const struct queued *m)
{
	return m + 1 < messages + message_count ? m + 1 : NULL;
}

const struct queued *queue_get(const struct queue *q, const struct msgid *id)
{
	(void)q;
	for (size_t i = 0; i < message_count; i++)
		if (msgid_equal(&messages[i].id, id))
			return &messages[i];
	return NULL;
}

size_t queue_size(const struct queue *q)
{
	(void)q;
	return message_count;
}

static char held_name[] = "old-erp";
static size_t held_messages;
static char released[64];

bool queue_held_device(const struct queue *q, size_t index, struct queue_held *out)
{
	(void)q;
	*out = (struct queue_held){ held_name, held_messages };
	return held_messages != 0 && index == 0;
}

size_t queue_held_count(const struct queue *q, struct str device)
{
	(void)q;
	return str_eq(device, str_of(held_name)) ? held_messages : 0;
}

bool queue_append_hold(const struct queue *q, const struct queued *m, struct strbuf *out)
{
	(void)q;
	if (m->hold != QUEUED_HELD)
		return false;
	strbuf_adds(out, "held: why");
	return true;
}

static size_t release_device(void *ctx, struct str device)
{
	assert_ptr_equal(ctx, released);
	memcpy(released, device.p, device.n);
	released[device.n] = '\0';
	return 12;
}

int64_t queue_next_try_ms(const struct queued *m)
{
	(void)m;
	return next_try;
}

size_t queue_account_count(const struct queue *q)
{
	(void)q;
	return 1;
}

const struct account *queue_account(const struct queue *q, size_t index)
{
	(void)q;
	(void)index;
	return &account;
}

const char *account_state_name(enum account_state state)
{
	return state == ACCOUNT_HELD ? "held" : "open";
}

const struct account_config *account_config_of(const struct account *a)
{
	return a->config;
}

void account_status(const struct account *a, struct account_status *out)
{
	*out = a->status;
}

/* ---- */

static struct config *config;
static char local[] = "scan";
static char domain[] = "printer.local";
static char reply[] = "432 4.3.2 Concurrent connections limit exceeded";

static int set_up(void **state)
{
	(void)state;
	config = config_must_load(CONFIG_SMALLEST "devices = ( { name = \"xerox-3f\"; "
						  "address = \"10.0.0.1\"; } );");
	held_messages = 0;
	released[0] = '\0';
	message_count = MESSAGES;
	for (size_t i = 0; i < MESSAGES; i++) {
		messages[i] = (struct queued){ .recipients = &recipients[i],
					       .recipient_count = 1,
					       .reverse_path = { local, domain },
					       .accepted_ms = clock_wall_ms() - 5000,
					       .size = 1000 + i,
					       .place = PLACE_DUE };
		recipients[i] =
			(struct queued_recipient){ .address = { local, domain }, .attempts = 2 };
		memset(messages[i].id.b, 0x5a, sizeof(messages[i].id.b));
		messages[i].id.b[0] = (uint8_t)i;
	}
	account = (struct account){ .config = &config->accounts[0],
				    .status = { .name = "scanner",
						.state = ACCOUNT_OPEN,
						.reason = "",
						.remedy = "",
						.next_try_ms = -1,
						.token_state = TOKEN_VALID,
						.token_good_for_ms = 59001,
						.sessions = 2,
						.waiting = 3 } };
	next_try = 61001;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	config_unref(config);
	return 0;
}

/* "METHOD /path?query", and a body. */
static struct admin_answer ask_with(const char *line, const char *body)
{
	const struct admin_ops ops = { .release_device = release_device, .ctx = released };
	struct str rest = str_of(line);
	struct str method = str_word(&rest);
	struct str path = str_word(&rest);
	struct str query = { NULL, 0 };
	ptrdiff_t mark = str_chr(path, '?');
	if (mark >= 0) {
		query = str_skip(path, (size_t)mark + 1);
		path = str_head(path, (size_t)mark);
	}
	struct admin_view view = { .config = config,
				   .intake = { .accepted_total = 20, .connections_now = 1 },
				   .started_ms = clock_mono_ms() - 5000 };
	const struct admin_call call = { method, path, query, str_of(body) };
	return admin_dispatch(&view, &ops, &call);
}

static struct admin_answer ask(const char *line)
{
	return ask_with(line, NULL);
}

static double number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);
	assert_true(cJSON_IsNumber(item));
	return item->valuedouble;
}

static const char *text(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
	assert_non_null(s);
	return s;
}

static const cJSON *member(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);
	assert_non_null(item);
	return item;
}

static void every_route_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < admin_route_count; i++) {
		const struct admin_route *r = &admin_routes[i];
		assert_true(strcmp(r->method, "GET") == 0 || strcmp(r->method, "POST") == 0);
		assert_int_equal(strncmp(r->path, "/v1/", 4), 0);
		assert_true(strlen(r->help) > 5);
		for (size_t j = 0; j < i; j++)
			assert_true(strcmp(r->path, admin_routes[j].path) != 0 ||
				    strcmp(r->method, admin_routes[j].method) != 0);
		ptrdiff_t star = str_chr(str_of(r->path), '*');
		assert_true(star < 0 || (r->path[star - 1] == '/' && r->path[star + 1] == '/' &&
					 str_chr(str_of(r->path + star + 1), '*') < 0));
	}
}

static void wrong_questions_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int status;
	} rows[] = {
		{ "GET /", 404 },
		{ "GET /v1", 404 },
		{ "GET /v1/statu", 404 },
		{ "GET /v1/status/", 404 },
		{ "GET ", 404 },
		{ "POST /v1/status", 405 },
		{ "DELETE /v1/queue/5a5a", 405 },
		{ "other /v1/queue", 405 },
		{ "POST /v1/nothing", 404 },
		{ "GET /v1/devices/xerox-3f/release", 405 },
		{ "POST /v1/devices//release", 404 },
		{ "POST /v1/devices/xerox-3f/releases", 404 },
		{ "POST /v1/devices/xerox-3f/x/release", 404 },
		{ "POST /v1/devices/xerox-3f", 404 },
		{ "POST /v1/devices/nobody/release", 404 },
		{ "GET /v1/queue?limit=x", 400 },
		{ "GET /v1/queue?limit=201", 400 },
		{ "GET /v1/queue?limit=", 400 },
		{ "GET /v1/queue?offset=-1", 400 },
		{ "GET /v1/queue?offset=99999999999999999999", 400 },
		{ "GET /v1/queue/", 404 },
		{ "GET /v1/queue/5a5", 400 },
		{ "GET /v1/queue/zzzz", 400 },
		{ "GET /v1/queue/5A5A5A", 400 },
		{ "GET /v1/queue/5a5a/x", 400 },
		{ "GET /v1/queue/005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a00", 400 },
		{ "GET /v1/queue/ffff", 404 },
		{ "GET /v1/queue/ff5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a", 404 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct admin_answer a = ask(rows[i].line);
		if (a.status != rows[i].status)
			fail_msg("%s: %d", rows[i].line, a.status);
		assert_true(strlen(text(a.body, "error")) > 5);
		assert_int_equal(a.allow != NULL, a.status == 405);
		cJSON_Delete(a.body);
	}
	assert_string_equal(released, "");
}

static void a_405_says_what_is_allowed(void **state)
{
	(void)state;
	struct admin_answer a = ask("POST /v1/status");
	assert_string_equal(a.allow, "GET");
	cJSON_Delete(a.body);
	a = ask("DELETE /v1/devices/x/release");
	assert_string_equal(a.allow, "POST");
	assert_string_equal(text(a.body, "error"), "this path takes another method: POST");
	cJSON_Delete(a.body);
}

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
	assert_true(number(member(a.body, "intake"), "accepted") == 20);
	cJSON_Delete(a.body);
}

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
		cmocka_unit_test(every_route_is_sound),
		cmocka_unit_test_setup_teardown(wrong_questions_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_405_says_what_is_allowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_device_is_released, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_devices_have_a_near_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_held_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(status_has_its_shape, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_queue_comes_in_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_has_its_shape, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_prefix_must_be_unique, set_up, tear_down),
		cmocka_unit_test_setup_teardown(recipients_have_states, set_up, tear_down),
		cmocka_unit_test_setup_teardown(foreign_bytes_stay_json, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
