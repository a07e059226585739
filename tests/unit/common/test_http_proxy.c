/* SPDX-License-Identifier: MIT */
/* WRAP: getaddrinfo freeaddrinfo free */
#include <malloc.h>

#include "common/http_proxy.h"
#include "tests/unit/common/http_world.h"

/* ---- no block that held a secret is given back as it was ---- */

#define PASSWORD "s3cret-proxy"
#define KEY	 "s3cret-of-the-header"

static const char *const canaries[] = {
	PASSWORD,
	"YW5uYTpzM2NyZXQtcHJveHk=", /* "anna:s3cret-proxy" */
	KEY,
	"s3cret-body",
	"s3cret-reply",
};

static bool watching;
static unsigned unwiped; /* bits, by canary */

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	if (p != NULL && watching)
		for (unsigned i = 0; i < ARRAY_LEN(canaries); i++)
			if (memmem(p, malloc_usable_size(p), canaries[i], strlen(canaries[i])) !=
			    NULL)
				unwiped |= 1U << i;
	__real_free(p);
}

/* ---- what the configuration writes ---- */

struct proxy_case {
	const char *text;
	enum http_proxy_kind kind;
	const char *host;
	unsigned port;
	const char *user;
};

static void test_parse(void **state)
{
	static const struct proxy_case cases[] = {
		{ "", HTTP_PROXY_NONE, "", 0, "" },
		{ "none", HTTP_PROXY_NONE, "", 0, "" },
		{ "http://proxy.test:3128", HTTP_PROXY_CONNECT, "proxy.test", 3128, "" },
		{ "http://proxy.test:80/", HTTP_PROXY_CONNECT, "proxy.test", 80, "" },
		{ "http://anna@192.0.2.1:8080", HTTP_PROXY_CONNECT, "192.0.2.1", 8080, "anna" },
		{ "http://[2001:db8::1]:8080", HTTP_PROXY_CONNECT, "2001:db8::1", 8080, "" },
		{ "http://CONTOSO%5Canna@p.test:1", HTTP_PROXY_CONNECT, "p.test", 1,
		  "CONTOSO\\anna" },
		{ "socks5h://anna@p.test:1080", HTTP_PROXY_SOCKS5, "p.test", 1080, "anna" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct proxy_case *c = &cases[i];
		struct http_proxy proxy = { 0 };
		struct err err;
		if (!http_proxy_parse(str_of(c->text), &proxy, &err))
			fail_msg("%s: %s", c->text, err.text);
		assert_int_equal(proxy.kind, c->kind);
		assert_string_equal(proxy.host, c->host);
		assert_int_equal(proxy.port, c->port);
		assert_string_equal(proxy.user, c->user);
		http_proxy_done(&proxy);
	}
}

struct refused_case {
	const char *text, *why;
};

static void test_parse_refuses(void **state)
{
	static const struct refused_case cases[] = {
		{ "http://anna:" PASSWORD "@p.test:1", "into proxy.password" },
		{ "http://anna:@p.test:1", "into proxy.password" },
		{ "https://p.test:1", "begins with http:// or socks5h://" },
		{ "socks5://p.test:1", "begins with http:// or socks5h://" },
		{ "socks4://p.test:1", "begins with http:// or socks5h://" },
		{ "ftp://p.test:1", "begins with http:// or socks5h://" },
		{ "p.test:3128", "not a proxy as http://" },
		{ "http://p.test", "needs host and port" },
		{ "socks5h://p.test", "needs host and port" },
		{ "http://p.test:0", "needs host and port" },
		{ "http://p.test:1/x", "nothing behind them" },
		{ "http://p.test:1?x", "nothing behind them" },
		{ "http://a%3Ab@p.test:1", "colon" },
		{ "http://a%0Ab@p.test:1", "control character" },
		{ "http://p test:1", "" },
		{ "none ", "" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_proxy proxy = { 0 };
		struct err err = { 0 };
		watching = true;
		bool ok = http_proxy_parse(str_of(cases[i].text), &proxy, &err);
		watching = false;
		if (ok || strstr(err.text, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_null(strstr(err.text, PASSWORD));
		assert_null(proxy.host);
	}
	assert_int_equal(unwiped, 0);
}

/* ---- through a proxy ---- */

/* https://HOST:(the server's port)TARGET through this proxy. */
static void get_by(struct fixture *f, const char *proxy, const char *host, const char *target)
{
	struct strbuf url;
	strbuf_init(&url, 512);
	strbuf_addf(&url, "https://%s:%u%s", host, server.port, target);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	params.proxy = proxy;
	params.proxy_password = STR(PASSWORD);
	run(f, &params);
	strbuf_done(&url);
	assert_null(strstr(f->reply.err.text, PASSWORD));
	if (f->reply.failure == HTTP_FAIL_PROXY)
		assert_non_null(strstr(f->reply.err.text, "proxy"));
}

static const char *url_of(struct strbuf *out, const char *scheme, unsigned port)
{
	strbuf_reset(out);
	strbuf_addf(out, "%sproxy.test:%u", scheme, port);
	return strbuf_cstr(out);
}

/* What the proxies were asked since the last time; a JSON list. */
static cJSON *proxied(struct fixture *f)
{
	struct err err;
	get(f, "/proxied");
	expect_status(f, 200);
	cJSON *list = json_parse(strbuf_str(&f->body), &err);
	assert_true(cJSON_IsArray(list));
	return list;
}

static void test_connect(void **state)
{
	struct fixture *f = *state;
	struct strbuf url;
	struct str text;
	strbuf_init(&url, 256);
	cJSON_Delete(proxied(f));
	get_by(f, url_of(&url, "http://anna@", server.connect_port), "login.test", "/echo");
	expect_status(f, 200);
	assert_non_null(strstr(strbuf_cstr(&f->body), "user-agent"));
	/* What is for the proxy does not reach the endpoint. */
	assert_null(strstr(strbuf_cstr(&f->body), "proxy-authorization"));
	cJSON *list = proxied(f);
	assert_int_equal(cJSON_GetArraySize(list), 1); /* the login came with the first */
	const cJSON *seen = cJSON_GetArrayItem(list, 0);
	assert_true(json_get_str(seen, "method", &text) && str_eq(text, STR("CONNECT")));
	/* By name: it may have another name server than we. */
	assert_true(json_get_str(seen, "target", &text) && str_starts(text, STR("login.test:")));
	const cJSON *headers = cJSON_GetObjectItemCaseSensitive(seen, "headers");
	assert_true(json_get_str(headers, "user-agent", &text));
	assert_true(str_starts(text, STR("oauthrelay/")));
	assert_true(json_get_str(headers, "proxy-authorization", &text));
	cJSON_Delete(list);
	/* Nobody here knows that name, and nobody needs to. */
	get_by(f, url_of(&url, "http://", server.connect_port), "none.test", "/echo");
	expect(f, HTTP_FAIL_TLS, "none.test");
	strbuf_done(&url);
}

static void test_socks(void **state)
{
	struct fixture *f = *state;
	struct strbuf url;
	struct str text;
	strbuf_init(&url, 256);
	cJSON_Delete(proxied(f));
	get_by(f, url_of(&url, "socks5h://anna@", server.socks_port), "login.test", "/echo");
	expect_status(f, 200);
	get_by(f, url_of(&url, "socks5h://", server.socks_port), "login.test", "/echo");
	expect_status(f, 200);
	cJSON *list = proxied(f);
	assert_int_equal(cJSON_GetArraySize(list), 2);
	assert_true(json_get_str(cJSON_GetArrayItem(list, 0), "host", &text));
	assert_true(str_eq(text, STR("login.test")));
	assert_true(cJSON_IsArray(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "login")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "login")));
	cJSON_Delete(list);
	strbuf_done(&url);
}

/* threats.md TOK-10: neither which proxy, nor that there is none. */
static void test_environment_is_ignored(void **state)
{
	static const char *const names[] = { "no_proxy", "NO_PROXY" };
	struct fixture *f = *state;
	struct strbuf url;
	strbuf_init(&url, 256);
	cJSON_Delete(proxied(f));
	/* NOLINTBEGIN(concurrency-mt-unsafe): no other thread looks at it */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		setenv(names[i], "*", 1);
	get_by(f, url_of(&url, "http://", server.connect_port), "login.test", "/echo");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
	/* NOLINTEND(concurrency-mt-unsafe) */
	expect_status(f, 200);
	cJSON *list = proxied(f);
	assert_int_equal(cJSON_GetArraySize(list), 1);
	cJSON_Delete(list);
	strbuf_done(&url);
}

/* ---- refusals ---- */

struct refusal_case {
	const char *scheme, *host, *words;
};

static void test_connect_refusals(void **state)
{
	static const struct refusal_case cases[] = {
		{ "http://", "status-403.test",
		  "it does not allow connections to status-403.test (status 403): have it let this "
		  "machine through to status-403.test" },
		{ "http://", "status-502.test",
		  "it does not reach status-502.test (status 502): " },
		{ "http://", "status-302.test", "it answers CONNECT with status 302: check" },
		{ "http://", "status-999.test", "it answers CONNECT with status 999: check" },
		{ "http://", "private.test",
		  "it wants a login (status 407; it takes Basic): give it one: proxy.tokens = "
		  "\"http://USER@proxy.test:" },
		{ "http://bert@", "private.test",
		  "it refuses the login (status 407; it takes Basic): check user \"bert\" in "
		  "proxy.tokens, and proxy.password" },
		{ "http://anna@", "ntlm.test",
		  "it wants a login (status 407; it takes Negotiate, NTLM): oauthrelay can do Basic "
		  "only" },
		/* One that repeats the login. */
		{ "http://anna@", "echo.test",
		  "it wants a login (status 407; it takes another kind): oauthrelay can do Basic" },
		{ "http://", "rude.test", "check proxy.tokens" },
	};
	struct fixture *f = *state;
	struct strbuf url;
	strbuf_init(&url, 256);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		get_by(f, url_of(&url, cases[i].scheme, server.connect_port), cases[i].host, "/");
		expect(f, HTTP_FAIL_PROXY, cases[i].words);
	}
	/* The right user gets through; and is not named where nobody asked. */
	get_by(f, url_of(&url, "http://anna@", server.connect_port), "private.test", "/");
	expect(f, HTTP_FAIL_TLS, "private.test");
	strbuf_done(&url);
}

static void test_socks_refusals(void **state)
{
	static const struct refusal_case cases[] = {
		{ "socks5h://", "reply-1.test", "it has failed: " },
		{ "socks5h://", "reply-2.test",
		  "it does not allow connections to reply-2.test: have it let this machine" },
		{ "socks5h://", "reply-4.test", "or does not know that name: the fault lies" },
		{ "socks5h://", "reply-5.test", "reply-5.test refuses its connection: " },
		{ "socks5h://", "reply-8.test", "it does not look names up: " },
		{ "socks5h://", "reply-9.test", "check proxy.tokens" },
		{ "socks5h://bert@", "login.test",
		  "it refuses the login: check user \"bert\" in proxy.tokens" },
		{ "socks5h://", "rude.test", "it closed the connection: check proxy.tokens" },
	};
	struct fixture *f = *state;
	struct strbuf url;
	strbuf_init(&url, 256);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		get_by(f, url_of(&url, cases[i].scheme, server.socks_port), cases[i].host, "/");
		expect(f, HTTP_FAIL_PROXY, cases[i].words);
	}
	get_by(f, url_of(&url, "socks5h://", server.private_socks_port), "login.test", "/");
	expect(f, HTTP_FAIL_PROXY,
	       "it wants a login: give it one: proxy.tokens = \"socks5h://USER@proxy.test:");
	strbuf_done(&url);
}

static void test_wrong_places(void **state)
{
	struct fixture *f = *state;
	struct strbuf url;
	strbuf_init(&url, 256);
	get_by(f, "http://none.test:3128", "login.test", "/");
	expect(f, HTTP_FAIL_PROXY, "proxy none.test: no address: ");
	assert_non_null(strstr(f->reply.err.text, "check proxy.tokens"));
	strbuf_addf(&url, "http://127.0.0.8:%u", server.connect_port);
	get_by(f, strbuf_cstr(&url), "login.test", "/");
	expect(f, HTTP_FAIL_PROXY, "proxy 127.0.0.8:");
	assert_non_null(strstr(f->reply.err.text, ": check proxy.tokens, and that it runs"));
	/* Each taken for the other, and a web server for either. */
	get_by(f, url_of(&url, "socks5h://", server.connect_port), "login.test", "/");
	expect(f, HTTP_FAIL_PROXY, "check proxy.tokens");
	get_by(f, url_of(&url, "http://", server.socks_port), "login.test", "/");
	expect(f, HTTP_FAIL_PROXY, "check proxy.tokens");
	get_by(f, url_of(&url, "http://", server.port), "login.test", "/");
	expect(f, HTTP_FAIL_PROXY, "check proxy.tokens");
	f->ca_file = "/nonexistent/ca.pem"; /* not the proxy's fault */
	get_by(f, url_of(&url, "http://", server.connect_port), "login.test", "/");
	expect(f, HTTP_FAIL_TLS, "/nonexistent/ca.pem");
	get_by(f, "http://anna:" PASSWORD "@p.test:1", "login.test", "/");
	expect(f, HTTP_FAIL_PROXY, "into proxy.password");
	strbuf_done(&url);
}

static void expect_slow(struct fixture *f, const char *proxy, const char *host,
			enum http_failure failure, const char *words)
{
	struct strbuf url;
	strbuf_init(&url, 256);
	strbuf_addf(&url, "https://%s:%u/", host, server.port);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	params.proxy = proxy;
	params.timeout_ms = 400;
	run(f, &params);
	expect(f, failure, words);
	strbuf_done(&url);
}

static void test_silence(void **state)
{
	struct fixture *f = *state;
	struct strbuf url;
	strbuf_init(&url, 256);
	url_of(&url, "http://", server.connect_port);
	expect_slow(f, strbuf_cstr(&url), "silent.test", HTTP_FAIL_PROXY,
		    ": it does not answer in time: check proxy.tokens");
	set_silent(true);
	expect_slow(f, "http://stuck.test:3128", "login.test", HTTP_FAIL_PROXY,
		    "stuck.test: the name servers have not answered");
	set_silent(false);
	strbuf_done(&url);
}

static void test_plain_http_is_not_shown_to_a_proxy(void **state)
{
	struct fixture *f = *state;
	struct strbuf url, proxy;
	strbuf_init(&url, 256);
	strbuf_init(&proxy, 256);
	strbuf_addf(&url, "http://127.0.0.1:%u/echo", server.plain_port);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	params.local_http = true;
	params.proxy = url_of(&proxy, "http://", server.connect_port);
	run(f, &params);
	expect(f, HTTP_FAIL_OTHER, "127.0.0.1: http:// does not go through a proxy");
	strbuf_done(&url);
	strbuf_done(&proxy);
}

/* ---- secrets ---- */

static void test_secrets_are_wiped(void **state)
{
	static const char *const schemes[] = { "http://anna@", "socks5h://anna@" };
	struct fixture *f = *state;
	const struct http_header header = { "Authorization", STR("Basic " KEY) };
	struct strbuf url, proxy;
	strbuf_init(&url, 256);
	strbuf_init(&proxy, 256);
	strbuf_addf(&url, "https://login.test:%u/secret", server.port);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		struct http_params params = params_for(f, strbuf_cstr(&url));
		params.proxy = url_of(&proxy, schemes[i],
				      i == 0 ? server.connect_port : server.socks_port);
		params.proxy_password = STR(PASSWORD);
		params.headers = &header;
		params.header_count = 1;
		params.body = STR("client_secret=s3cret-body");
		params.content_type = "text/plain";
		unwiped = 0;
		watching = true;
		run(f, &params);
		watching = false;
		expect_status(f, 200);
		assert_string_equal(strbuf_cstr(&f->body), "s3cret-reply");
		assert_int_equal(unwiped, 0);
	}
	strbuf_done(&url);
	strbuf_done(&proxy);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		WITH_FIXTURE(test_connect),
		WITH_FIXTURE(test_socks),
		WITH_FIXTURE(test_environment_is_ignored),
		WITH_FIXTURE(test_connect_refusals),
		WITH_FIXTURE(test_socks_refusals),
		WITH_FIXTURE(test_wrong_places),
		WITH_FIXTURE(test_silence),
		WITH_FIXTURE(test_plain_http_is_not_shown_to_a_proxy),
		WITH_FIXTURE(test_secrets_are_wiped),
	};
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
