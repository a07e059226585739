/* SPDX-License-Identifier: MIT */
#include "tests/unit/admin/admin_world.h"

static void every_route_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < admin_route_count; i++) {
		const struct admin_route *r = &admin_routes[i];
		assert_true(strcmp(r->method, "GET") == 0 || strcmp(r->method, "POST") == 0);
		/* Where Prometheus looks by default, and ours. */
		assert_true(strcmp(r->path, "/metrics") == 0 || strncmp(r->path, "/v1/", 4) == 0);
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
		{ "GET /v1/devices?limit=201", 400 },
		{ "GET /v1/devices/", 404 },
		{ "GET /v1/devices/x", 404 },
		{ "GET /v1/devices/transcript", 404 },
		{ "GET /v1/devices//transcript", 404 },
		{ "GET /v1/devices/nobody/transcript", 404 },
		{ "POST /v1/devices/x/transcript", 405 },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_sound),
		cmocka_unit_test_setup_teardown(wrong_questions_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_405_says_what_is_allowed, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
