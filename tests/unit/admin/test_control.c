/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>

#include "tests/unit/admin/control_world.h"

/* The routes have a test of their own; here the answer only shows what arrived. */
struct admin_answer admin_dispatch(const struct admin_view *view, const struct admin_ops *ops,
				   const struct admin_call *call)
{
	struct strbuf text;
	strbuf_init(&text, 1U << 20);
	strbuf_addstr(&text, call->method);
	strbuf_addc(&text, ' ');
	strbuf_addstr(&text, call->path);
	strbuf_addc(&text, '?');
	strbuf_addstr(&text, call->query);
	strbuf_addf(&text, " %llu", (unsigned long long)view->intake.accepted_total);
	strbuf_addstr(&text, call->body);
	assert_ptr_equal(ops->look, look);
	cJSON *body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "saw", strbuf_cstr(&text));
	strbuf_done(&text);
	bool get = str_eq(call->method, STR("GET"));
	struct admin_answer answer = { .status = get ? 200 : 405,
				       .body = body,
				       .allow = get ? NULL : "GET, PUT" };
	if (str_eq(call->path, STR("/metrics"))) {
		cJSON_Delete(body);
		answer.body = NULL;
		answer.text = str_dup(STR("# numbers\na 1\n"));
	}
	return answer;
}

static void a_question_is_answered(void **state)
{
	char *got = ask_text(*state, "GET /v1/queue/abc?limit=5 HTTP/1.1\r\nHost: x\r\n"
				     "Connection: close\r\n\r\n");
	assert_int_equal(strncmp(got, "HTTP/1.1 200 ", 13), 0);
	assert_non_null(strstr(got, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(got, "\r\n\r\n{\"saw\":\"GET /v1/queue/abc?limit=5 7\"}\n"));
	free(got);
}

static void text_is_sent_as_it_is(void **state)
{
	char *got = ask_text(*state, "GET /metrics HTTP/1.1\r\nHost: x\r\n"
				     "Connection: close\r\n\r\n");
	assert_int_equal(strncmp(got, "HTTP/1.1 200 ", 13), 0);
	assert_non_null(strstr(got, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(got, "\r\n\r\n# numbers\na 1\n"));
	free(got);
}

static void other_methods_get_our_answer(void **state)
{
	char *got = ask_text(*state, "POST /v1/status HTTP/1.1\r\nHost: x\r\n"
				     "Content-Length: 2\r\nConnection: close\r\n\r\n{}");
	assert_int_equal(strncmp(got, "HTTP/1.1 405 ", 13), 0);
	assert_non_null(strstr(got, "Allow: GET, PUT\r\n"));
	assert_non_null(strstr(got, "{\"saw\":\"POST /v1/status? 7{}\"}"));
	free(got);
}

static void too_large_requests_are_refused(void **state)
{
	struct strbuf request;
	strbuf_init(&request, 1U << 20);
	strbuf_adds(&request, "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < 20000; i++)
		strbuf_addc(&request, 'x');
	strbuf_adds(&request, "\r\nConnection: close\r\n\r\n");
	char *got = ask(*state, request.p, request.n);
	assert_null(strstr(got, "saw"));
	free(got);
	got = ask_text(*state, "POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n"
			       "Connection: close\r\n\r\n");
	assert_int_equal(strncmp(got, "HTTP/1.1 413 ", 13), 0);
	free(got);
	strbuf_done(&request);
}

static void garbage_is_survived(void **state)
{
	static const char *const garbage[] = { "\r\n\r\n\r\n", "GET\r\n\r\n",
					       "\x16\x03\x01\x02 not http \xff\r\n\r\n",
					       "GET http://[::1 HTTP/1.1\r\n\r\n" };
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++)
		free(ask_text(*state, garbage[i]));
	a_question_is_answered(state);
}

static void the_socket_is_for_owner_and_group(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	assert_int_equal(lstat(f->address.sun_path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void a_second_relay_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err;
	assert_null(open_control(f, &err));
	assert_non_null(strstr(err.text, "another oauthrelay answers there"));
	assert_int_equal(access(f->address.sun_path, F_OK), 0);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct err err;
	control_free(f->control);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	close(fd); /* as a killed process leaves it */
	f->control = open_control(f, &err);
	assert_non_null(f->control);
	a_question_is_answered(state);
}

static void other_files_are_left_alone(void **state)
{
	struct fixture *f = *state;
	struct err err;
	control_free(f->control);
	FILE *file = fopen(f->address.sun_path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	f->control = open_control(f, &err);
	assert_null(f->control);
	assert_non_null(strstr(err.text, "something else has that name"));
	assert_int_equal(access(f->address.sun_path, F_OK), 0);
	unlink(f->address.sun_path);
}

static void bad_paths_are_named(void **state)
{
	struct fixture *f = *state;
	struct err err;
	char long_path[200];
	const struct admin_ops ops = { .look = look, .ctx = &f->accepted };
	assert_null(control_new(f->base, "/nonexistent/sock", &ops, &err));
	assert_non_null(strstr(err.text, "/nonexistent/sock: its folder does not exist"));
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_null(control_new(f->base, long_path, &ops, &err));
	assert_non_null(strstr(err.text, "is too long: at most 107 bytes"));
}

static void freeing_closes_open_connections(void **state)
{
	struct fixture *f = *state;
	const struct timeval soon = { .tv_usec = 50000 };
	struct err err;
	char byte;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	event_base_loopexit(f->base, &soon);
	event_base_dispatch(f->base); /* accepted */
	control_free(f->control);
	assert_true(read(fd, &byte, 1) <= 0);
	close(fd);
	f->control = open_control(f, &err);
	assert_non_null(f->control);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_is_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_is_sent_as_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_methods_get_our_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_large_requests_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(garbage_is_survived, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_socket_is_for_owner_and_group, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_second_relay_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stale_socket_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_files_are_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_paths_are_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(freeing_closes_open_connections, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
