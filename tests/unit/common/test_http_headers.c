/* SPDX-License-Identifier: MIT */
/* WRAP: getaddrinfo freeaddrinfo */
#include "tests/unit/common/http_world.h"

/* common/http.c: headers of our own, and plain http. */

static void test_headers(void **state)
{
	struct fixture *f = *state;
	struct strbuf url;
	struct err err;
	char key[] = "Basic abc";
	const struct http_header headers[] = {
		{ "Metadata", STR("true") },
		{ "Authorization", { key, strlen(key) } },
		{ "X-Empty", STR("") }, /* not sent: curl's way to take a header away */
	};
	strbuf_init(&url, 256);
	strbuf_addf(&url, "https://login.test:%u/echo", server.port);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	params.headers = headers;
	params.header_count = ARRAY_LEN(headers);
	f->done = false;
	http_start(f->http, &params, on_reply, f);
	memset(key, 'x', sizeof(key)); /* it was copied */
	assert_true(run_loop_until(f->base, &f->done, 20000));
	expect_status(f, 200);
	cJSON *request = json_parse(strbuf_str(&f->body), &err);
	assert_true(str_eq(header_of(request, "metadata"), STR("true")));
	assert_true(str_eq(header_of(request, "authorization"), STR("Basic abc")));
	assert_true(str_eq(header_of(request, "x-empty"), STR("(none)")));
	cJSON_Delete(request);
	strbuf_done(&url);
	get(f, "/reply?401|WWW-Authenticate:%20Basic%20realm=/var/x.key|");
	expect_status(f, 401);
	assert_string_equal(strbuf_cstr(&f->authenticate), "Basic realm=/var/x.key");
	get(f, "/reply?401|X:y|");
	expect_status(f, 401);
	assert_int_equal(f->authenticate.n, 0);
}

static void test_headers_cannot_be_added_by_a_value(void **state)
{
	static const char *const values[] = { "a\r\nX: y", "a\n", "a\x7f", "a\x01" };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		const struct http_header header = { "Authorization", str_of(values[i]) };
		struct http_params params = params_for(f, "https://login.test/");
		params.headers = &header;
		params.header_count = 1;
		run(f, &params);
		expect(f, HTTP_FAIL_OTHER, "the value of Authorization has a control character");
		assert_null(strchr(f->reply.err.text, 'X'));
	}
}

static void get_plain(struct fixture *f, const char *host, bool local_http)
{
	struct strbuf url;
	strbuf_init(&url, 256);
	strbuf_addf(&url, "http://%s:%u/echo", host, server.plain_port);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	params.local_http = local_http;
	run(f, &params);
	strbuf_done(&url);
}

/* For a managed identity's endpoint, which is on this machine. */
static void test_plain_http_stays_here(void **state)
{
	struct fixture *f = *state;
	get_plain(f, "127.0.0.1", true);
	expect_status(f, 200);
	get_plain(f, "login.test", true);
	expect_status(f, 200);
	get_plain(f, "127.0.0.1", false);
	expect(f, HTTP_FAIL_OTHER, "not an https:// URL");
	get_plain(f, "192.0.2.1", true);
	expect(f, HTTP_FAIL_OTHER, "192.0.2.1: http:// is for this machine only");
	get_plain(f, "mixed.test", true); /* a name that nobody may turn elsewhere */
	expect(f, HTTP_FAIL_OTHER,
	       "mixed.test: http:// is for this machine only, and 192.0.2.1 is another");
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_headers),
		WITH_FIXTURE(test_headers_cannot_be_added_by_a_value),
		WITH_FIXTURE(test_plain_http_stays_here),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
