/* SPDX-License-Identifier: MIT */
/* WRAP: getaddrinfo freeaddrinfo */
#include "tests/unit/common/http_world.h"

/* ---- what goes out and comes back ---- */

static void test_post(void **state)
{
	struct fixture *f = *state;
	struct strbuf url;
	struct err err;
	struct str text;
	strbuf_init(&url, 256);
	strbuf_addf(&url, "https://login.test:%u/echo", server.port);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	char body[] = "client_secret=a%26b";
	params.body = str_of(body);
	params.content_type = "application/x-www-form-urlencoded";
	f->done = false;
	http_start(f->http, &params, on_reply, f);
	memset(body, 'x', sizeof(body)); /* it was copied */
	assert_true(run_loop_until(f->base, &f->done, 20000));
	expect_status(f, 200);
	assert_string_equal(strbuf_cstr(&f->type), "application/json; charset=utf-8");
	assert_int_equal(f->reply.retry_after_ms, -1);
	assert_int_equal(f->reply.date_ms, -1);
	assert_true(f->reply.took_ms >= 0);
	cJSON *request = json_parse(strbuf_str(&f->body), &err);
	assert_non_null(request);
	assert_true(json_get_str(request, "method", &text));
	assert_true(str_eq(text, STR("POST")));
	assert_true(json_get_str(request, "body", &text));
	assert_true(str_eq(text, STR("client_secret=a%26b")));
	assert_true(str_eq(header_of(request, "content-type"),
			   STR("application/x-www-form-urlencoded")));
	assert_true(str_eq(header_of(request, "accept"), STR("application/json")));
	assert_true(str_starts(header_of(request, "user-agent"), STR("oauthrelay/")));
	assert_true(str_eq(header_of(request, "accept-encoding"), STR("(none)")));
	assert_true(str_eq(header_of(request, "expect"), STR("(none)")));
	cJSON_Delete(request);
	strbuf_done(&url);
}

static void test_get(void **state)
{
	struct fixture *f = *state;
	get(f, "/echo");
	expect_status(f, 200);
	assert_non_null(strstr(strbuf_cstr(&f->body), "\"method\": \"GET\""));
	get_from(f, "127.0.0.1", server.port, "/echo",
		 10000); /* its address is in the certificate */
	expect_status(f, 200);
	get_from(f, "login", server.port, "/echo", 10000); /* its first address is dead */
	expect_status(f, 200);
	get(f, "/reply?204||");
	expect_status(f, 204);
	assert_int_equal(f->body.n, 0);
	get(f, "/reply?400|Content-Type:%20text/html|x");
	expect_status(f, 400);
	assert_string_equal(strbuf_cstr(&f->type), "text/html");
	get(f, "/reply?200|X:y|");
	expect_status(f, 200);
	assert_int_equal(f->type.n, 0);
	get(f, "/continue");
	expect_status(f, 200);
	assert_string_equal(strbuf_cstr(&f->body), "{}");
}

struct retry_case {
	const char *target;
	int64_t want;
};

/* threats.md TOK-07 */
static void test_retry_after(void **state)
{
	static const struct retry_case cases[] = {
		{ "/reply?429|Retry-After: 60|", 60000 },
		{ "/reply?429|retry-after:%20%207|", 7000 },
		{ "/reply?429|Retry-After: 0|", 0 },
		{ "/reply?429|Retry-After: -1|", -1 },
		{ "/reply?429|Retry-After: 99999999999|", INT64_C(99999999999000) },
		{ "/reply?429|Retry-After: 99999999999999999999999|", INT64_MAX },
		{ "/reply?429|Retry-After: soon|", -1 },
		{ "/reply?429|Retry-After:|", -1 },
		{ "/reply?429|X: y|", -1 },
		{ "/reply?503|Date: Sun, 22 Nov 2026 12:00:00 GMT|"
		  "Retry-After: Sun, 22 Nov 2026 12:02:00 GMT|",
		  120000 },
		{ "/reply?503|Date: Sun, 22 Nov 2026 12:00:00 GMT|"
		  "Retry-After: Sun, 22 Nov 2026 11:02:00 GMT|",
		  0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf target;
		strbuf_init(&target, 1024);
		for (const char *c = cases[i].target; *c != '\0'; c++)
			strbuf_adds(&target, *c == ' ' ? "%20" : (char[]){ *c, '\0' });
		get(*state, strbuf_cstr(&target));
		struct fixture *f = *state;
		expect(f, HTTP_OK, "");
		if (f->reply.retry_after_ms != cases[i].want)
			fail_msg("%s: %lld", cases[i].target, (long long)f->reply.retry_after_ms);
		strbuf_done(&target);
	}
	assert_int_equal(http_date_ms(STR("Sun, 22 Nov 2026 12:00:00 GMT")),
			 INT64_C(1795348800000));
	assert_int_equal(http_date_ms(STR("x\0y")), -1);
}

/* ---- what must not happen ---- */

static int seen_requests(struct fixture *f)
{
	uint64_t n = 0;
	get(f, "/count");
	expect_status(f, 200);
	assert_true(str_to_u64(strbuf_str(&f->body), 1000000, &n));
	return (int)n;
}

/* threats.md TOK-01 */
static void test_redirects_are_not_followed(void **state)
{
	static const int codes[] = { 301, 302, 303, 307, 308 };
	struct fixture *f = *state;
	struct strbuf target;
	strbuf_init(&target, 1024);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		int before = seen_requests(f);
		strbuf_reset(&target);
		strbuf_addf(&target, "/reply?%d|Location:%%20https://login.test:%u/echo|", codes[i],
			    server.port);
		get(f, strbuf_cstr(&target));
		expect_status(f, codes[i]);
		assert_int_equal(seen_requests(f), before + 1);
	}
	strbuf_done(&target);
}

static void test_only_https(void **state)
{
	static const char *const urls[] = { "http://login.test/", "file:///etc/passwd",
					    "login.test/x",	  "",
					    "https://",		  "ftp://login.test/" };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct http_params params = params_for(f, urls[i]);
		run(f, &params);
		expect(f, HTTP_FAIL_OTHER, "not an https:// URL");
	}
}

/* NULL: takes it away. No other thread looks at the environment then. */
static void set_environment(const char *name, const char *value)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe) */
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

/* Where a libcurl that obeyed SSLKEYLOGFILE would write. */
static struct strbuf key_log;

/* threats.md TOK-10 */
static void test_environment_is_ignored(void **state)
{
	struct fixture *f = *state;

	set_environment("https_proxy", "http://127.0.0.1:9");
	set_environment("HTTPS_PROXY", "http://127.0.0.1:9");
	set_environment("ALL_PROXY", "socks5://127.0.0.1:9");
	get(f, "/echo");
	set_environment("https_proxy", NULL);
	set_environment("HTTPS_PROXY", NULL);
	set_environment("ALL_PROXY", NULL);
	expect_status(f, 200);
	/* main() sets it before libcurl was touched. */
	assert_null(getenv("SSLKEYLOGFILE"));
	assert_int_not_equal(access(strbuf_cstr(&key_log), F_OK), 0);
}

/* threats.md TOK-03 */
static void test_large_replies(void **state)
{
	struct fixture *f = *state;
	get(f, "/size?65536");
	expect_status(f, 200);
	assert_int_equal(f->body.n, 65536);
	get(f, "/size?65537");
	expect(f, HTTP_FAIL_TOO_BIG, "login.test: the reply is larger than 65536 bytes");
	get(f, "/endless");
	expect(f, HTTP_FAIL_TOO_BIG, "");
	get(f, "/flood");
	expect(f, HTTP_FAIL_TOO_BIG, "");
	/* Handed over as it came: a bomb that nobody lights. */
	get(f, "/gzip");
	expect_status(f, 200);
	assert_true(f->body.n > 2 && f->body.n < 20000);
	assert_memory_equal(f->body.p, "\x1f\x8b", 2);
}

static void test_broken_replies(void **state)
{
	struct fixture *f = *state;
	get(f, "/raw?HTTP/1.1%20200%20OK%0d%0aContent-Length:%20500%0d%0a%0d%0a{}");
	expect(f, HTTP_FAIL_OTHER, "login.test: ");
	get(f, "/raw?hello%20there%0d%0a");
	expect(f, HTTP_FAIL_OTHER, "login.test: ");
	get(f, "/raw?");
	expect(f, HTTP_FAIL_OTHER, "login.test: ");
}

static void expect_timeout_of(struct fixture *f, unsigned port, const char *target)
{
	get_from(f, "login.test", port, target, 600);
	expect(f, HTTP_FAIL_TIMEOUT, "login.test: ");
	assert_true(f->reply.took_ms >= 500);
	assert_true(f->reply.took_ms < 3000);
}

static void test_timeouts(void **state)
{
	struct fixture *f = *state;
	expect_timeout_of(f, server.port, "/hang");
	expect_timeout_of(f, server.port, "/half");
	expect_timeout_of(f, server.port, "/drip");
	expect_timeout_of(f, server.silent_port, "/");
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	get_from(f, "none.test", server.port, "/echo", 5000);
	expect(f, HTTP_FAIL_DNS, "none.test: no address: ");
	set_silent(true);
	get_from(f, "stuck.test", server.port, "/echo", 400);
	expect(f, HTTP_FAIL_DNS, "stuck.test: the name servers have not answered within 0 s");
	assert_true(f->reply.took_ms < 3000);
	/* Meanwhile another name's request is served. */
	get(f, "/echo");
	expect_status(f, 200);
}

static void test_nobody_listens(void **state)
{
	struct fixture *f = *state;
	get_from(f, "127.0.0.8", server.port, "/echo", 5000);
	expect(f, HTTP_FAIL_CONNECT, "127.0.0.8: ");
}

/* threats.md TOK-08 */
static void test_certificates(void **state)
{
	struct fixture *f = *state;
	struct server late = { 0 };
	int before = seen_requests(f);
	get_from(f, "other.test", server.port, "/echo", 5000);
	expect(f, HTTP_FAIL_TLS, "other.test");
	get_from(f, "login.test", server.old_port, "/echo", 5000);
	expect(f, HTTP_FAIL_TLS, "login.test: ");
	f->ca_file = "";
	get(f, "/echo");
	expect(f, HTTP_FAIL_TLS, "put its CA certificate into ca_file");
	/* Whoever it is that inspects TLS here. */
	expect(f, HTTP_FAIL_TLS, "; it was issued by \"CN=login.test\": if a proxy or firewall");
	f->ca_file = NULL;
	get(f, "/echo");
	expect(f, HTTP_FAIL_TLS, "put its CA certificate into ca_file");
	f->ca_file = "/nonexistent/ca.pem";
	get(f, "/echo");
	expect(f, HTTP_FAIL_TLS, "/nonexistent/ca.pem");
	server_start(&late, true);
	f->ca_file = late.certificate;
	get_from(f, "login.test", late.port, "/echo", 5000);
	server_stop(&late);
	expect(f, HTTP_FAIL_TLS, "expired: is this machine's clock right?");
	f->ca_file = server.certificate;
	assert_int_equal(seen_requests(f), before);
}

/* ---- handles ---- */

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct strbuf url;
	strbuf_init(&url, 256);
	strbuf_addf(&url, "https://login.test:%u/hang", server.port);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	http_cancel(NULL);
	for (int ms = 0; ms < 100; ms += 20) { /* while resolving, connecting, shaking hands */
		struct http_request *request = http_start(f->http, &params, on_reply, f);
		run_loop_for(f->base, ms);
		http_cancel(request);
	}
	params.url = "nonsense";
	http_cancel(http_start(f->http, &params, on_reply, f));
	run_loop_for(f->base, 100);
	assert_false(f->done);
	strbuf_done(&url);
}

static void test_cancel_in_its_own_callback(void **state)
{
	struct fixture *f = *state;
	struct http_params params = params_for(f, "nonsense");
	f->cancelled_inside = http_start(f->http, &params, on_reply, f);
	assert_true(run_loop_until(f->base, &f->done, 5000));
	assert_int_equal(f->times, 1);
}

static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	struct fixture others[10];
	struct strbuf url;
	strbuf_init(&url, 256);
	strbuf_addf(&url, "https://login.test:%u/echo", server.port);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	memset(others, 0, sizeof(others));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		strbuf_init(&others[i].body, 65536);
		strbuf_init(&others[i].type, 4096);
		strbuf_init(&others[i].authenticate, 4096);
		http_start(f->http, &params, on_reply, &others[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_true(run_loop_until(f->base, &others[i].done, 20000));
		expect_status(&others[i], 200);
		strbuf_done(&others[i].body);
		strbuf_done(&others[i].type);
		strbuf_done(&others[i].authenticate);
	}
	strbuf_done(&url);
}

static void test_failure_names(void **state)
{
	(void)state;
	for (int i = HTTP_OK; i <= HTTP_FAIL_OTHER; i++)
		for (int j = HTTP_OK; j < i; j++)
			assert_string_not_equal(http_failure_name((enum http_failure)i),
						http_failure_name((enum http_failure)j));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_post),	   WITH_FIXTURE(test_get),
		WITH_FIXTURE(test_retry_after),	   WITH_FIXTURE(test_redirects_are_not_followed),
		WITH_FIXTURE(test_only_https),	   WITH_FIXTURE(test_environment_is_ignored),
		WITH_FIXTURE(test_large_replies),  WITH_FIXTURE(test_broken_replies),
		WITH_FIXTURE(test_timeouts),	   WITH_FIXTURE(test_names),
		WITH_FIXTURE(test_nobody_listens), WITH_FIXTURE(test_certificates),
		WITH_FIXTURE(test_cancel),	   WITH_FIXTURE(test_cancel_in_its_own_callback),
		WITH_FIXTURE(test_many_at_once),   cmocka_unit_test(test_failure_names),
	};
	strbuf_init(&key_log, 64);
	strbuf_addf(&key_log, "/tmp/test_http.%d.keys", (int)getpid());
	set_environment("SSLKEYLOGFILE", strbuf_cstr(&key_log));
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
