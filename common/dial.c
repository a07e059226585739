/* SPDX-License-Identifier: MIT */
#include "common/dial.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/curl_loop.h"
#include "common/mem.h"
#include "common/resolver.h"
#include "common/strbuf.h"
#include "common/timer.h"

/*
 * Each address is an attempt of its own, a handle with the address in its URL, and the attempts are
 * raced here and not by curl: curl races one address of either family, but goes on to a family's
 * next only after half of the time that is left, so that a first address that is silent would cost
 * half of the time-out, and two three quarters.
 */
enum {
	STAGGER_MS = 200 /* RFC 8305 5, Connection Attempt Delay */
};

struct attempt {
	struct dial *dial;
	const struct netaddr *addr;
	CURL *easy; /* NULL: not begun, or over */
	long errnum;
};

struct dialer {
	struct event_base *base;
	struct resolver *resolver;
	struct curl_loop *loop;
};

struct dial {
	struct dialer *dialer;
	char *host;
	unsigned port;
	int64_t timeout_ms;
	int64_t started_at;
	dial_cb *cb;
	void *arg;
	struct resolver_query *query; /* while the name is looked up */
	struct event *deadline;
	struct event *stagger; /* begins the next attempt */
	struct resolved addresses;
	struct attempt attempts[ARRAY_LEN(((struct resolved *)NULL)->addr)];
	size_t begun;
	size_t failed;
};

/* ---- the end ---- */

static void dial_free(struct dial *dial)
{
	resolver_cancel(dial->query);
	for (size_t i = 0; i < dial->begun; i++)
		if (dial->attempts[i].easy != NULL)
			curl_loop_stop(dial->dialer->loop, dial->attempts[i].easy);
	event_free(dial->deadline);
	event_free(dial->stagger);
	free(dial->host);
	free(dial);
}

/* Last in every event: the callback may free whatever it likes. */
static void finish(struct dial *dial, enum dial_failure failure, int fd, const struct err *err)
{
	dial_cb *cb = dial->cb;
	void *arg = dial->arg;
	dial_free(dial);
	cb(arg, failure, fd, err);
}

/* "192.0.2.1 (Connection refused), 2001:db8::1 (no answer)" */
static void append_outcomes(struct strbuf *out, const struct dial *dial)
{
	char words[128];
	for (size_t i = 0; i < dial->begun; i++) {
		const struct attempt *attempt = &dial->attempts[i];
		strbuf_adds(out, i != 0 ? ", " : "");
		netaddr_append(out, attempt->addr);
		strbuf_addf(out, " (%s)",
			    attempt->easy != NULL ? "no answer"
			    : attempt->errnum != 0
				    ? strerror_r((int)attempt->errnum, words, sizeof(words))
				    : "failed");
	}
}

static void fail(struct dial *dial, enum dial_failure failure, const char *what)
{
	struct strbuf text;
	struct err err;
	strbuf_init(&text, 4096);
	append_outcomes(&text, dial);
	err_set(&err, "%s port %u: %s: %s", dial->host, dial->port, what, strbuf_cstr(&text));
	strbuf_done(&text);
	finish(dial, failure, -1, &err);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;
	char text[64];
	(void)fd;
	(void)what;
	snprintf(text, sizeof(text), "no connection within %lld.%lld s",
		 (long long)(dial->timeout_ms / 1000), (long long)(dial->timeout_ms % 1000 / 100));
	fail(dial, DIAL_FAIL_TIMEOUT, text);
}

/* ---- attempts ---- */

/*
 * Takes the connection out of curl's hands: a second descriptor for it is ours, the first goes when
 * curl closes its own, whenever that is. (Keeping the first by CURLOPT_CLOSESOCKETFUNCTION would be
 * a bet on when curl lets go of it: were it later, it would close a number that is another's then.)
 * Curl's close neither shuts the connection down nor reads from it.
 */
static int take_over(CURL *easy, long *errnum)
{
	curl_socket_t theirs = CURL_SOCKET_BAD;
	int one = 1;
	if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &theirs) != CURLE_OK ||
	    theirs == CURL_SOCKET_BAD)
		return -1;
	int fd = fcntl(theirs, F_DUPFD_CLOEXEC, 0);
	if (fd < 0) {
		*errnum = errno;
		return -1;
	}
	evutil_make_socket_nonblocking(fd);
	/* Commands are small and wait for their replies; Nagle's algorithm would delay them. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void begin_next(struct dial *dial);

static void on_attempt_end(void *arg, CURLcode result)
{
	struct attempt *attempt = arg;
	struct dial *dial = attempt->dial;
	int fd = -1;
	if (result == CURLE_OK)
		fd = take_over(attempt->easy, &attempt->errnum);
	else
		curl_easy_getinfo(attempt->easy, CURLINFO_OS_ERRNO, &attempt->errnum);
	curl_loop_stop(dial->dialer->loop, attempt->easy);
	attempt->easy = NULL;
	if (fd >= 0) {
		static const struct err none;
		finish(dial, DIAL_OK, fd, &none);
		return;
	}
	dial->failed++;
	if (dial->begun < dial->addresses.count)
		begin_next(dial); /* no use in waiting then */
	else if (dial->failed == dial->begun)
		fail(dial, DIAL_FAIL_CONNECT, "no connection");
}

static void begin_next(struct dial *dial)
{
	struct attempt *attempt = &dial->attempts[dial->begun];
	struct strbuf url;
	attempt->dial = dial;
	attempt->addr = &dial->addresses.addr[dial->begun];
	dial->begun++;
	bool v4 = netaddr_is_v4(attempt->addr);
	strbuf_init(&url, 128);
	strbuf_adds(&url, v4 ? "http://" : "http://[");
	netaddr_append(&url, attempt->addr);
	strbuf_addf(&url, v4 ? ":%u/" : "]:%u/", dial->port);
	attempt->easy = curl_loop_handle();
	curl_easy_setopt(attempt->easy, CURLOPT_URL, strbuf_cstr(&url));
	curl_easy_setopt(attempt->easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(attempt->easy, CURLOPT_CONNECT_ONLY, 1L);
	/* Else curl would close the connection on its completion. Nobody else is given it: curl
	 * closes what CONNECT_ONLY made when its handle goes. */
	curl_easy_setopt(attempt->easy, CURLOPT_FORBID_REUSE, 0L);
	curl_easy_setopt(attempt->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)dial->timeout_ms + 1000);
	strbuf_done(&url);
	curl_loop_start(dial->dialer->loop, attempt->easy, on_attempt_end, attempt);
	if (dial->begun < dial->addresses.count)
		timer_start(dial->stagger, STAGGER_MS);
	else
		timer_stop(dial->stagger);
}

static void on_stagger(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	begin_next(arg);
}

/* RFC 8305 4: the families take turns, beginning with that of the best address. */
static void interleave(const struct resolved *in, struct resolved *out)
{
	bool v4 = netaddr_is_v4(&in->addr[0]);
	size_t next[2] = { 0, 0 };
	out->count = 0;
	while (out->count < in->count) {
		size_t *i = &next[v4];
		while (*i < in->count && netaddr_is_v4(&in->addr[*i]) != v4)
			++*i;
		if (*i < in->count)
			out->addr[out->count++] = in->addr[(*i)++];
		v4 = !v4;
	}
}

static void on_resolved(void *arg, const struct resolved *result, const struct err *err)
{
	struct dial *dial = arg;
	dial->query = NULL;
	if (result == NULL) {
		finish(dial, DIAL_FAIL_DNS, -1, err);
		return;
	}
	int64_t left = dial->timeout_ms - (clock_mono_ms() - dial->started_at);
	timer_start(dial->deadline, left);
	interleave(result, &dial->addresses);
	begin_next(dial);
}

/* ---- the interface ---- */

struct dialer *dialer_new(struct event_base *base, struct resolver *resolver)
{
	struct dialer *dialer = mem_zalloc(sizeof(*dialer));
	dialer->base = base;
	dialer->resolver = resolver;
	dialer->loop = curl_loop_new(base);
	return dialer;
}

void dialer_free(struct dialer *dialer)
{
	if (dialer == NULL)
		return;
	curl_loop_free(dialer->loop);
	free(dialer);
}

struct dial *dial_start(struct dialer *dialer, const char *host, unsigned port, int64_t timeout_ms,
			dial_cb *cb, void *arg)
{
	struct dial *dial = mem_zalloc(sizeof(*dial));
	dial->dialer = dialer;
	dial->host = mem_strdup(host);
	dial->port = port;
	dial->timeout_ms = timeout_ms;
	dial->started_at = clock_mono_ms();
	dial->cb = cb;
	dial->arg = arg;
	dial->deadline = event_new(dialer->base, -1, 0, on_deadline, dial);
	dial->stagger = event_new(dialer->base, -1, 0, on_stagger, dial);
	dial->query = resolver_lookup(dialer->resolver, host, (int)timeout_ms, on_resolved, dial);
	return dial;
}

void dial_cancel(struct dial *dial)
{
	if (dial != NULL)
		dial_free(dial);
}
