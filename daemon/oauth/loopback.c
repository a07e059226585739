/* SPDX-License-Identifier: MIT */
#include "oauth/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/strbuf.h"

enum {
	HEAD_MAX = 24 * 1024,
	OPEN_MAX = 16, /* browsers open some ahead, and never use them */
	REQUEST_S = 20,
	BACKLOG = 16,
	PORT_TRIES = 16,
};

struct visit {
	TAILQ_ENTRY(visit) link;
	struct loopback *loopback;
	struct event *event;
	int fd;
	struct strbuf head;
};

TAILQ_HEAD(visit_list, visit);

struct loopback {
	struct event_base *base;
	struct evconnlistener *listeners[2]; /* IPv4, IPv6 */
	unsigned port;
	char *path;
	loopback_cb *cb;
	void *arg;
	struct visit_list visits;
	size_t open;
};

/* ---- pages */

struct page {
	int status;
	const char *reason;
	const char *title;
	const char *text;
};

static const struct page answers[LOOPBACK_PAGE_COUNT] = {
	[LOOPBACK_TAKEN] = { 200, "OK", "Signed in",
			     "The relay has got the answer. You can close this page; the command "
			     "line says how it went on." },
	[LOOPBACK_REFUSED] = { 200, "OK", "Not signed in",
			       "The sign-in was refused. The command line says why, and what to "
			       "do." },
	[LOOPBACK_FOREIGN] = { 400, "Bad Request", "Not the right page",
			       "This is not the answer that the relay is waiting for. Open the "
			       "address that the command line shows." },
};
static const struct page bad_request = { 400, "Bad Request", "Bad request", "" };
static const struct page bad_host = { 421, "Misdirected Request", "Wrong host", "" };
static const struct page bad_method = { 405, "Method Not Allowed", "Wrong method", "" };
static const struct page not_found = { 404, "Not Found", "Not found", "" };

/* It fits any socket's buffer, so one write does it; a browser that has gone is no loss. */
static void send_page(int fd, const struct page *page)
{
	struct strbuf body, all;
	strbuf_init(&body, 4096);
	strbuf_init(&all, 8192);
	strbuf_addf(&body,
		    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		    "<title>oauthrelay: %s</title></head>\n<body><h1>%s</h1><p>%s</p></body>"
		    "</html>\n",
		    page->title, page->title, page->text);
	strbuf_addf(&all,
		    "HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\n"
		    "Content-Length: %zu\r\nConnection: close\r\nCache-Control: no-store\r\n"
		    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
		    "Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n%s\r\n",
		    page->status, page->reason, body.n,
		    page->status == 405 ? "Allow: GET\r\n" : "");
	strbuf_addstr(&all, strbuf_str(&body));
	(void)!send(fd, all.p, all.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	strbuf_done(&body);
	strbuf_done(&all);
}

/* ---- one request */

static struct str take_line(struct str *rest)
{
	ptrdiff_t end = str_chr(*rest, '\n');
	struct str line = end >= 0 ? str_head(*rest, (size_t)end) : *rest;
	*rest = str_skip(*rest, line.n + 1);
	if (line.n != 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool is_our_host(const struct loopback *l, struct str host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
	char ours[32];
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(ours, sizeof(ours), "%s:%u", names[i], l->port);
		if (str_ieq(host, str_of(ours)))
			return true;
	}
	return false;
}

/* Exactly one, and ours (RFC 9112 3.2). */
static bool has_our_host(const struct loopback *l, struct str fields)
{
	static const struct str name = { "Host:", 5 };
	size_t hosts = 0;
	bool ours = false;
	while (fields.n != 0) {
		struct str line = take_line(&fields);
		if (!str_istarts(line, name))
			continue;
		hosts++;
		ours = is_our_host(l, str_trim(str_skip(line, name.n)));
	}
	return hosts == 1 && ours;
}

static const struct page *answer(struct loopback *l, struct str head)
{
	struct str fields = head;
	struct str line = take_line(&fields);
	struct str method = str_word(&line), target = str_word(&line), version = str_word(&line);
	if (!str_starts(version, STR("HTTP/1.")) || line.n != 0 || target.n == 0)
		return &bad_request;
	if (!has_our_host(l, fields))
		return &bad_host;
	if (!str_eq(method, STR("GET")))
		return &bad_method;
	ptrdiff_t mark = str_chr(target, '?');
	struct str path = mark >= 0 ? str_head(target, (size_t)mark) : target;
	if (!str_eq(path, str_of(l->path)) || mark < 0)
		return &not_found;
	return &answers[l->cb(l->arg, str_skip(target, (size_t)mark + 1))];
}

/* The end of the head, an empty line; 0: not yet. Bare LF will do: nothing comes behind it. */
static bool is_whole(struct str text)
{
	for (size_t i = 0; i + 1 < text.n; i++)
		if (text.p[i] == '\n' &&
		    (text.p[i + 1] == '\n' ||
		     (text.p[i + 1] == '\r' && i + 2 < text.n && text.p[i + 2] == '\n')))
			return true;
	return false;
}

static void visit_free(struct visit *visit)
{
	TAILQ_REMOVE(&visit->loopback->visits, visit, link);
	visit->loopback->open--;
	event_free(visit->event);
	close(visit->fd);
	/* A code may be in it. */
	if (visit->head.p != NULL)
		secret_wipe(visit->head.p, visit->head.n);
	strbuf_done(&visit->head);
	free(visit);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct visit *visit = arg;
	char bytes[4096];
	ssize_t n = what & EV_READ ? recv(fd, bytes, sizeof(bytes), 0) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		strbuf_add(&visit->head, bytes, (size_t)n);
	secret_wipe(bytes, sizeof(bytes));
	bool whole = n > 0 && is_whole(strbuf_str(&visit->head));
	if (n > 0 && !whole && !visit->head.overflow)
		return;
	if (n > 0)
		send_page(visit->fd, visit->head.overflow
					     ? &bad_request
					     : answer(visit->loopback, strbuf_str(&visit->head)));
	visit_free(visit);
}

static void on_visitor(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
		       int peer_length, void *arg)
{
	static const struct timeval limit = { .tv_sec = REQUEST_S };
	struct loopback *l = arg;
	(void)listener;
	(void)peer;
	(void)peer_length;
	/* The oldest makes room: who does not speak must not keep out who does. */
	if (l->open == OPEN_MAX)
		visit_free(TAILQ_FIRST(&l->visits));
	struct visit *visit = mem_zalloc(sizeof(*visit));
	visit->loopback = l;
	visit->fd = fd;
	strbuf_init(&visit->head, HEAD_MAX);
	visit->event = event_new(l->base, fd, EV_READ | EV_PERSIST, on_readable, visit);
	event_add(visit->event, &limit);
	TAILQ_INSERT_TAIL(&l->visits, visit, link);
	l->open++;
}

/* ---- listening */

/* -1 with errno. */
static int open_socket(const struct sockaddr *address, socklen_t length)
{
	const int on = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	bool ok = address->sa_family != AF_INET6 ||
		  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
	if (ok && bind(fd, address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int code = errno;
	close(fd);
	errno = code;
	return -1;
}

static int open_v4(unsigned *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)*port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = open_socket((const struct sockaddr *)&address, length);
	if (fd >= 0 && getsockname(fd, (struct sockaddr *)&address, &length) == 0)
		*port = ntohs(address.sin_port);
	return fd;
}

static int open_v6(unsigned port)
{
	const struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					      .sin6_port = htons((uint16_t)port),
					      .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	return open_socket((const struct sockaddr *)&address, sizeof(address));
}

static void start(struct loopback *l, size_t at, int fd)
{
	l->listeners[at] = evconnlistener_new(l->base, on_visitor, l,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (l->listeners[at] == NULL)
		close(fd);
}

/* The same port in both families: a browser takes "localhost" for either, and what answers at the
 * other one must not be somebody else. */
static bool listen_both(struct loopback *l, unsigned wanted, struct err *err)
{
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		unsigned port = wanted;
		int fd = open_v4(&port);
		if (fd < 0)
			return err_errno(err, errno, "port %u of 127.0.0.1", wanted);
		int other = open_v6(port);
		if (other < 0 && errno == EADDRINUSE) {
			close(fd);
			if (wanted == 0)
				continue;
			return err_errno(err, EADDRINUSE, "port %u of ::1", wanted);
		}
		l->port = port;
		start(l, 0, fd);
		if (other >= 0)
			start(l, 1, other);
		return l->listeners[0] != NULL || err_set(err, "libevent cannot listen");
	}
	return err_set(err, "no port is free on both 127.0.0.1 and ::1");
}

struct loopback *loopback_new(struct event_base *base, const struct loopback_params *params,
			      struct err *err)
{
	struct loopback *l = mem_zalloc(sizeof(*l));
	l->base = base;
	l->path = mem_strdup(params->path);
	l->cb = params->cb;
	l->arg = params->arg;
	TAILQ_INIT(&l->visits);
	if (!listen_both(l, params->port, err)) {
		loopback_free(l);
		return NULL;
	}
	return l;
}

unsigned loopback_port(const struct loopback *loopback)
{
	return loopback->port;
}

void loopback_free(struct loopback *loopback)
{
	struct visit *visit, *next;
	if (loopback == NULL)
		return;
	for (visit = TAILQ_FIRST(&loopback->visits); visit != NULL; visit = next) {
		next = TAILQ_NEXT(visit, link);
		visit_free(visit);
	}
	for (size_t i = 0; i < ARRAY_LEN(loopback->listeners); i++)
		if (loopback->listeners[i] != NULL)
			evconnlistener_free(loopback->listeners[i]);
	free(loopback->path);
	free(loopback);
}
