/* SPDX-License-Identifier: MIT */
/* WRAP: getaddrinfo freeaddrinfo */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/dial.h"
#include "common/mem.h"
#include "common/resolver.h"
#include "common/strbuf.h"
#include "common/worker.h"
#include "tests/unit/support/run_loop.h"

enum {
	ADDRESSES_MAX = 8,
	FILLERS = 4
};

/* ---- a name service with one name ---- */

static const char *const *addresses; /* NULL-terminated; NULL: no such name */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool silent; /* under lock: questions wait until this is over */

static void set_silent(bool value)
{
	pthread_mutex_lock(&lock);
	silent = value;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void push(struct addrinfo **list, const char *text)
{
	struct strbuf with_port;
	struct err err;
	struct endpoint *endpoint = mem_zalloc(sizeof(*endpoint));
	struct addrinfo *info = mem_zalloc(sizeof(*info));
	strbuf_init(&with_port, 128);
	strbuf_addf(&with_port, strchr(text, ':') != NULL ? "[%s]:1" : "%s:1", text);
	assert_true(endpoint_parse(strbuf_str(&with_port), endpoint, &err));
	strbuf_done(&with_port);
	info->ai_family = endpoint->sa.ss_family;
	info->ai_addr = (struct sockaddr *)endpoint;
	while (*list != NULL)
		list = &(*list)->ai_next;
	*list = info;
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	(void)host;
	(void)service;
	(void)hints;
	*list = NULL;
	pthread_mutex_lock(&lock);
	while (silent)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (addresses == NULL)
		return EAI_NONAME;
	for (size_t i = 0; addresses[i] != NULL; i++)
		push(list, addresses[i]);
	return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *list);

void __wrap_freeaddrinfo(struct addrinfo *list)
{
	while (list != NULL) {
		struct addrinfo *next = list->ai_next;
		free(list->ai_addr);
		free(list);
		list = next;
	}
}

/* ---- servers ---- */

/* A listening socket; port 0 takes any, and is told. -1 where the address does not exist. */
static int listen_at(const char *address, unsigned *port, int backlog)
{
	struct strbuf text;
	struct endpoint endpoint;
	struct err err;
	int one = 1;
	strbuf_init(&text, 128);
	strbuf_addf(&text, strchr(address, ':') != NULL ? "[%s]:%u" : "%s:%u", address, *port);
	assert_true(endpoint_parse(strbuf_str(&text), &endpoint, &err));
	strbuf_done(&text);
	int fd = socket(endpoint.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&endpoint.sa, endpoint.len) != 0 ||
	    listen(fd, backlog) != 0) {
		close(fd);
		return -1;
	}
	endpoint.len = sizeof(endpoint.sa);
	getsockname(fd, (struct sockaddr *)&endpoint.sa, &endpoint.len);
	struct sockaddr_in in;
	memcpy(&in, &endpoint.sa, sizeof(in)); /* the port is at the same place in both */
	*port = ntohs(in.sin_port);
	return fd;
}

/* An address that answers nothing: its accept queue is full, so the kernel drops every SYN. */
struct silence {
	int fds[FILLERS + 1];
};

static bool silence_begin(struct silence *silence, const char *address, unsigned port)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	for (size_t i = 0; i < FILLERS + 1; i++)
		silence->fds[i] = -1;
	silence->fds[0] = listen_at(address, &port, 0);
	if (silence->fds[0] < 0)
		return false;
	getsockname(silence->fds[0], (struct sockaddr *)&sa, &n);
	for (size_t i = 1; i < FILLERS + 1; i++) {
		int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		int connected = connect(fd, (struct sockaddr *)&sa, n);
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		silence->fds[i] = fd;
		if (connected != 0 && poll(&p, 1, 200) == 0)
			return true; /* this one got no answer */
	}
	return false;
}

static void silence_end(struct silence *silence)
{
	for (size_t i = 0; i < FILLERS + 1; i++)
		if (silence->fds[i] >= 0)
			close(silence->fds[i]);
}

/* ---- fixture ---- */

struct fixture {
	struct event_base *base;
	struct worker *worker;
	struct resolver *resolver;
	struct dialer *dialer;
	int server;
	unsigned port;
	bool done;
	int times;
	enum dial_failure failure;
	int fd;
	struct err err;
	bool free_dialer;
	int64_t took_ms;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	set_silent(false);
	f->base = event_base_new();
	f->worker = worker_new(f->base, worker_default_limits);
	f->resolver = resolver_new(f->worker, f->base);
	f->dialer = dialer_new(f->base, f->resolver);
	f->server = listen_at("127.0.0.1", &f->port, 16);
	f->fd = -1;
	*state = f;
	return f->server < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	set_silent(false);
	if (f->fd >= 0)
		close(f->fd);
	close(f->server);
	dialer_free(f->dialer);
	resolver_free(f->resolver);
	worker_free(f->worker);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void on_dialled(void *arg, enum dial_failure failure, int fd, const struct err *err)
{
	struct fixture *f = arg;
	f->done = true;
	f->times++;
	f->failure = failure;
	f->fd = fd;
	f->err = *err;
	if (f->free_dialer) {
		dialer_free(f->dialer);
		f->dialer = NULL;
	}
}

static void dial(struct fixture *f, const char *const *to, int timeout_ms)
{
	int64_t start = clock_mono_ms();
	addresses = to;
	dial_start(f->dialer, "mail.test", f->port, timeout_ms, on_dialled, f);
	assert_false(f->done);
	assert_true(run_loop_until(f->base, &f->done, 20000));
	assert_int_equal(f->times, 1);
	assert_int_equal(f->fd >= 0, f->failure == DIAL_OK);
	f->took_ms = clock_mono_ms() - start;
}

static void expect_text(const struct fixture *f, const char *text)
{
	if (strstr(f->err.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, f->err.text);
}

/* The connection is there, and both ends hear each other. */
static void expect_connected(struct fixture *f)
{
	char text[64] = "";
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	if (f->failure != DIAL_OK)
		fail_msg("%s", f->err.text);
	int peer = accept(f->server, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(write(peer, "220 hello\r\n", 11), 11);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(f->fd, text, sizeof(text)), 11);
	assert_string_equal(text, "220 hello\r\n");
	assert_int_equal(write(f->fd, "EHLO x\r\n", 8), 8);
	assert_int_equal(read(peer, text, sizeof(text)), 8);
	close(peer);
}

static size_t open_descriptors(void)
{
	size_t n = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
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

/* ---- tests ---- */

static void test_connects(void **state)
{
	static const char *const good[] = { "127.0.0.1", NULL };
	struct fixture *f = *state;
	int nodelay = 0;
	socklen_t n = sizeof(nodelay);
	/* What the environment says of proxies is nothing to us. */
	set_environment("http_proxy", "http://127.0.0.1:9");
	set_environment("all_proxy", "http://127.0.0.1:9");
	dial(f, good, 5000);
	set_environment("http_proxy", NULL);
	set_environment("all_proxy", NULL);
	assert_true((fcntl(f->fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_true((fcntl(f->fd, F_GETFD) & FD_CLOEXEC) != 0);
	getsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &n);
	assert_int_equal(nodelay, 1);
	/* Nothing of the dialer hangs on the descriptor: it stays when the dialer goes. */
	dialer_free(f->dialer);
	f->dialer = NULL;
	expect_connected(f);
}

/* What the server says at once belongs to us, to the last byte. */
static void test_greeting_is_not_eaten(void **state)
{
	static const char *const good[] = { "127.0.0.1", NULL };
	struct fixture *f = *state;
	char text[64];
	for (int i = 0; i < 20; i++) {
		f->done = false;
		f->times = 0;
		addresses = good;
		dial_start(f->dialer, "mail.test", f->port, 5000, on_dialled, f);
		/* The kernel has completed the handshake long before the loop comes to it. */
		struct pollfd incoming = { .fd = f->server, .events = POLLIN };
		while (poll(&incoming, 1, 0) == 0 && !f->done)
			event_base_loop(f->base, EVLOOP_ONCE);
		int peer = accept(f->server, NULL, NULL);
		assert_int_equal(write(peer, "220 hello\r\n", 11), 11);
		assert_true(run_loop_until(f->base, &f->done, 5000));
		assert_int_equal(f->failure, DIAL_OK);
		struct pollfd p = { .fd = f->fd, .events = POLLIN };
		assert_int_equal(poll(&p, 1, 5000), 1);
		assert_int_equal(read(f->fd, text, sizeof(text)), 11);
		close(peer);
		close(f->fd);
		f->fd = -1;
	}
}

static void test_nothing_is_left_open(void **state)
{
	static const char *const some[] = { "127.0.0.9", "127.0.0.1", "127.0.0.8", NULL };
	struct fixture *f = *state;
	size_t before = open_descriptors();
	for (int i = 0; i < 10; i++) {
		f->done = false;
		f->times = 0;
		dial(f, some, 5000);
		expect_connected(f);
		close(f->fd);
		f->fd = -1;
	}
	assert_int_equal(open_descriptors(), before);
}

static void test_refused(void **state)
{
	static const char *const dead[] = { "127.0.0.8", "127.0.0.9", NULL };
	struct fixture *f = *state;
	dial(f, dead, 5000);
	assert_int_equal(f->failure, DIAL_FAIL_CONNECT);
	expect_text(f, "mail.test port ");
	expect_text(f, "127.0.0.8 (Connection refused), 127.0.0.9 (Connection refused)");
	assert_true(f->took_ms < 2000);
}

static void test_refused_then_accepted(void **state)
{
	static const char *const some[] = { "127.0.0.8", "127.0.0.9", "127.0.0.1", NULL };
	struct fixture *f = *state;
	dial(f, some, 5000);
	assert_true(f->took_ms < 2000);
	expect_connected(f);
}

static void test_silent_addresses(void **state)
{
	static const char *const some[] = { "127.0.0.2", "127.0.0.3", "127.0.0.4",
					    "127.0.0.5", "127.0.0.1", NULL };
	struct fixture *f = *state;
	struct silence silences[4];
	bool ok = true;
	for (size_t i = 0; i < 4; i++)
		ok = silence_begin(&silences[i], some[i], f->port) && ok;
	if (ok) {
		dial(f, some, 15000);
		expect_connected(f);
		/* Four times 200 ms; with curl's own race it would be 14 s. */
		assert_true(f->took_ms >= 700);
		assert_true(f->took_ms < 4000);
	}
	for (size_t i = 0; i < 4; i++)
		silence_end(&silences[i]);
	assert_true(ok);
}

static void test_silent_ipv6(void **state)
{
	static const char *const some[] = { "::1", "127.0.0.1", NULL };
	struct fixture *f = *state;
	struct silence silence;
	if (!silence_begin(&silence, "::1", f->port)) {
		silence_end(&silence);
		skip(); /* no IPv6 here */
	}
	dial(f, some, 15000);
	expect_connected(f);
	assert_true(f->took_ms < 3000);
	silence_end(&silence);
}

static void test_ipv6(void **state)
{
	static const char *const some[] = { "::1", NULL };
	struct fixture *f = *state;
	int server = listen_at("::1", &f->port, 16);
	if (server < 0)
		skip(); /* no IPv6 here */
	close(f->server);
	f->server = server;
	dial(f, some, 5000);
	expect_connected(f);
}

static void test_timeout(void **state)
{
	static const char *const some[] = { "127.0.0.2", "127.0.0.9", NULL };
	struct fixture *f = *state;
	struct silence silence;
	bool ok = silence_begin(&silence, some[0], f->port);
	if (ok) {
		dial(f, some, 700);
		assert_int_equal(f->failure, DIAL_FAIL_TIMEOUT);
		expect_text(f, "no connection within 0.7 s: 127.0.0.2 (no answer), "
			       "127.0.0.9 (Connection refused)");
		assert_true(f->took_ms >= 600);
		assert_true(f->took_ms < 3000);
	}
	silence_end(&silence);
	assert_true(ok);
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	dial(f, NULL, 5000);
	assert_int_equal(f->failure, DIAL_FAIL_DNS);
	expect_text(f, "mail.test: no address: ");
	f->done = false;
	f->times = 0;
	set_silent(true);
	dial(f, NULL, 300);
	assert_int_equal(f->failure, DIAL_FAIL_DNS);
	expect_text(f, "mail.test: the name servers have not answered within 0.3 s");
}

static void test_cancel(void **state)
{
	static const char *const some[] = { "127.0.0.2", "127.0.0.1", NULL };
	struct fixture *f = *state;
	struct silence silence;
	size_t before;
	addresses = some;
	assert_true(silence_begin(&silence, some[0], f->port));
	before = open_descriptors();
	dial_cancel(NULL);
	for (int ms = 0; ms < 60; ms += 15) { /* while resolving, then while connecting */
		struct dial *d = dial_start(f->dialer, "mail.test", f->port, 5000, on_dialled, f);
		run_loop_for(f->base, ms);
		dial_cancel(d);
	}
	run_loop_for(f->base, 300);
	assert_false(f->done);
	assert_int_equal(open_descriptors(), before);
	silence_end(&silence);
}

static void test_dialer_may_go_in_the_callback(void **state)
{
	static const char *const good[] = { "127.0.0.1", NULL };
	struct fixture *f = *state;
	f->free_dialer = true;
	dial(f, good, 5000);
	expect_connected(f);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_connects),
		WITH_FIXTURE(test_greeting_is_not_eaten),
		WITH_FIXTURE(test_nothing_is_left_open),
		WITH_FIXTURE(test_refused),
		WITH_FIXTURE(test_refused_then_accepted),
		WITH_FIXTURE(test_silent_addresses),
		WITH_FIXTURE(test_silent_ipv6),
		WITH_FIXTURE(test_ipv6),
		WITH_FIXTURE(test_timeout),
		WITH_FIXTURE(test_names),
		WITH_FIXTURE(test_cancel),
		WITH_FIXTURE(test_dialer_may_go_in_the_callback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
