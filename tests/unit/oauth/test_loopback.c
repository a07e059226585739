/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "oauth/loopback.h"

enum {
	TURNS_MAX = 100000
};

struct fixture {
	struct event_base *base;
	struct loopback *loopback;
	struct strbuf query; /* the last one */
	size_t queries;
	enum loopback_page page;
};

static enum loopback_page on_query(void *arg, struct str query)
{
	struct fixture *f = arg;
	strbuf_reset(&f->query);
	strbuf_addstr(&f->query, query);
	f->queries++;
	return f->page;
}

static int setup(void **state)
{
	static struct fixture f;
	struct err err;
	f = (struct fixture){ .base = event_base_new() };
	strbuf_init(&f.query, 64 * 1024);
	const struct loopback_params params = { .path = "/", .cb = on_query, .arg = &f };
	f.loopback = loopback_new(f.base, &params, &err);
	assert_non_null(f.loopback);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	loopback_free(f->loopback);
	strbuf_done(&f->query);
	event_base_free(f->base);
	return 0;
}

static int dial(const struct fixture *f)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port =
						     htons((uint16_t)loopback_port(f->loopback)),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Until the other end closes; all that came. */
static void read_all(struct fixture *f, int fd, struct strbuf *out)
{
	char bytes[4096];
	for (int i = 0; i < TURNS_MAX; i++) {
		struct pollfd p = { fd, POLLIN, 0 };
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		if (poll(&p, 1, 0) != 1)
			continue;
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		if (n <= 0)
			return;
		strbuf_add(out, bytes, (size_t)n);
	}
	fail_msg("it never closes");
}

/* "{port}" in the request is filled in. */
static void ask(struct fixture *f, const char *request, struct strbuf *reply)
{
	struct strbuf text;
	const char *place = strstr(request, "{port}");
	strbuf_init(&text, 64 * 1024);
	strbuf_init(reply, 64 * 1024);
	if (place != NULL)
		strbuf_addf(&text, "%.*s%u%s", (int)(place - request), request,
			    loopback_port(f->loopback), place + 6);
	else
		strbuf_adds(&text, request);
	int fd = dial(f);
	assert_int_equal(send(fd, text.p, text.n, MSG_NOSIGNAL), (ssize_t)text.n);
	read_all(f, fd, reply);
	close(fd);
	strbuf_done(&text);
}

static void test_answers(void **state)
{
	static const struct {
		enum loopback_page page;
		const char *begins, *has;
	} rows[] = {
		{ LOOPBACK_TAKEN, "HTTP/1.1 200 ", "<h1>Signed in</h1>" },
		{ LOOPBACK_REFUSED, "HTTP/1.1 200 ", "<h1>Not signed in</h1>" },
		{ LOOPBACK_FOREIGN, "HTTP/1.1 400 ", "not the answer" },
	};
	static const char *const hosts[] = { "localhost", "LOCALHOST", "127.0.0.1", "[::1]" };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t h = 0; h < ARRAY_LEN(hosts); h++) {
			struct strbuf reply;
			char request[256];
			f->page = rows[i].page;
			snprintf(request, sizeof(request),
				 "GET /?code=c0de%%3cb&state=x HTTP/1.1\r\nHost: %s:{port}\r\n\r\n",
				 hosts[h]);
			ask(f, request, &reply);
			assert_true(str_starts(strbuf_str(&reply), str_of(rows[i].begins)));
			assert_non_null(strstr(strbuf_cstr(&reply), rows[i].has));
			assert_non_null(strstr(strbuf_cstr(&reply), "default-src 'none'"));
			assert_null(strstr(strbuf_cstr(&reply), "c0de"));
			assert_null(strstr(strbuf_cstr(&reply), "<script"));
			assert_string_equal(strbuf_cstr(&f->query), "code=c0de%3cb&state=x");
			strbuf_done(&reply);
		}
	assert_int_equal(f->queries, ARRAY_LEN(rows) * ARRAY_LEN(hosts));
}

static void test_refuses(void **state)
{
	static const struct {
		const char *request, *begins;
	} rows[] = {
		{ "GET /favicon.ico HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n", "HTTP/1.1 404 " },
		{ "GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n", "HTTP/1.1 404 " },
		{ "GET /x?code=1 HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n", "HTTP/1.1 404 " },
		{ "GET //?code=1 HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n", "HTTP/1.1 404 " },
		{ "GET http://localhost/?code=1 HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
		  "HTTP/1.1 404 " },
		{ "POST /?code=1 HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n", "HTTP/1.1 405 " },
		{ "HEAD /?code=1 HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n", "HTTP/1.1 405 " },
		{ "GET /?code=1 HTTP/1.1\r\nHost: evil.test:{port}\r\n\r\n", "HTTP/1.1 421 " },
		{ "GET /?code=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 421 " },
		{ "GET /?code=1 HTTP/1.1\r\nHost: localhost:{port}0\r\n\r\n", "HTTP/1.1 421 " },
		{ "GET /?code=1 HTTP/1.1\r\n\r\n", "HTTP/1.1 421 " },
		{ "GET /?code=1 HTTP/1.1\r\nHost: evil.test\r\nHost: localhost:{port}\r\n\r\n",
		  "HTTP/1.1 421 " },
		{ "GET /?code=1\r\nHost: localhost:{port}\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET /?code=1 x HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n", "HTTP/1.1 400 " },
		{ "\x16\x03\x01\n\n", "HTTP/1.1 400 " },
		{ "\n\n", "HTTP/1.1 400 " },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf reply;
		ask(f, rows[i].request, &reply);
		if (!str_starts(strbuf_str(&reply), str_of(rows[i].begins)))
			fail_msg("%s: %s", rows[i].request, strbuf_cstr(&reply));
		strbuf_done(&reply);
	}
	assert_int_equal(f->queries, 0);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	struct strbuf request, reply;
	strbuf_init(&request, 64 * 1024);
	strbuf_adds(&request, "GET /?code=");
	while (request.n < 30000)
		strbuf_addc(&request, 'x');
	ask(f, strbuf_cstr(&request), &reply);
	assert_true(str_starts(strbuf_str(&reply), STR("HTTP/1.1 400 ")));
	assert_int_equal(f->queries, 0);
	strbuf_done(&request);
	strbuf_done(&reply);
}

/* Who opens connections and says nothing does not keep others out. */
static void test_silent_visitors(void **state)
{
	struct fixture *f = *state;
	struct strbuf reply;
	int silent[40];
	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		silent[i] = dial(f);
		for (int turn = 0; turn < 10; turn++)
			event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
	ask(f, "GET /?a HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n", &reply);
	assert_int_equal(f->queries, 1);
	strbuf_done(&reply);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		close(silent[i]);
}

/* In pieces; and one that goes away in the middle. */
static void test_pieces(void **state)
{
	struct fixture *f = *state;
	struct strbuf reply;
	char request[128];
	strbuf_init(&reply, 8192);
	int gone = dial(f);
	assert_int_equal(send(gone, "GET /?x", 7, MSG_NOSIGNAL), 7);
	close(gone);
	int n = snprintf(request, sizeof(request), "GET /?b HTTP/1.1\r\nHost: localhost:%u\r\n\r\n",
			 loopback_port(f->loopback));
	int fd = dial(f);
	for (int i = 0; i < n; i++) {
		assert_int_equal(f->queries, 0);
		assert_int_equal(send(fd, &request[i], 1, MSG_NOSIGNAL), 1);
		for (int turn = 0; i + 1 < n && turn < 3; turn++)
			event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
	read_all(f, fd, &reply);
	assert_int_equal(f->queries, 1);
	assert_string_equal(strbuf_cstr(&f->query), "b");
	strbuf_done(&reply);
	close(fd);
}

/* A port that is taken in one family is not used in the other. */
static void test_port_taken(void **state)
{
	struct fixture *f = *state;
	struct err err;
	const struct loopback_params params = {
		.port = loopback_port(f->loopback), .path = "/", .cb = on_query, .arg = f
	};
	assert_null(loopback_new(f->base, &params, &err));
	assert_non_null(strstr(err.text, "port "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_visitors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_taken, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
