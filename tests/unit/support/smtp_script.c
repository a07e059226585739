/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/smtp_script.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/dial.h"
#include "common/str.h"

enum {
	BEV_OPTIONS = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS
};

struct smtp_script {
	struct event_base *base;
	const char *const *steps;
	size_t step;
	SSL_CTX *context;
	SSL *ssl;
	struct bufferevent *bev;
	struct evbuffer *content;
	struct event *again;
	size_t searched; /* of the input, for the end of content */
	int client;
	bool drip;
	size_t dripped; /* bytes of the current step that are out */
	bool eof;
	bool clean; /* the end came with TLS's farewell, or without TLS */
	bool stopped;
	char verdict[512];
};

/* --- sockets ---------------------------------------------------------------------------------- */

static void must(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

static void tcp_pair(int fds[2])
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *any = (struct sockaddr *)&sa;
	socklen_t len = sizeof(sa);
	int one = 1, room = 4096;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(listener >= 0, "socket");
	/* Little room, so that a reader that stops is felt soon. */
	must(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) == 0, "SO_RCVBUF");
	must(bind(listener, any, len) == 0 && listen(listener, 1) == 0, "listen");
	must(getsockname(listener, any, &len) == 0, "getsockname");
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fds[0] >= 0 && connect(fds[0], any, len) == 0, "connect");
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(fds[1] >= 0, "accept");
	close(listener);
	for (int i = 0; i < 2; i++) {
		must(evutil_make_socket_nonblocking(fds[i]) == 0, "nonblocking");
		must(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0,
		     "TCP_NODELAY");
	}
}

/* --- steps ------------------------------------------------------------------------------------ */

static void wrong(struct smtp_script *s, const char *what, const char *got)
{
	s->stopped = true;
	snprintf(s->verdict, sizeof(s->verdict), "step %zu \"%s\": %s \"%.200s\"", s->step,
		 s->steps[s->step], what, got);
}

static void on_event(struct bufferevent *bev, short what, void *arg);
static void on_change(struct bufferevent *bev, void *arg);

static void adopt(struct smtp_script *s, struct bufferevent *bev)
{
	must(bev != NULL, "bufferevent");
	s->bev = bev;
	bufferevent_setcb(bev, on_change, on_change, on_event, s);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void start_tls(struct smtp_script *s)
{
	int fd = bufferevent_getfd(s->bev);
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	bufferevent_setfd(s->bev, -1);
	bufferevent_free(s->bev);
	s->ssl = SSL_new(s->context);
	must(s->ssl != NULL, "SSL_new");
	adopt(s, bufferevent_openssl_socket_new(s->base, fd, s->ssl, BUFFEREVENT_SSL_ACCEPTING,
						BEV_OPTIONS));
}

void smtp_script_inject(struct smtp_script *s, const char *text)
{
	ssize_t n = send(bufferevent_getfd(s->bev), text, strlen(text), MSG_NOSIGNAL);
	must(n == (ssize_t)strlen(text), "send");
}

void smtp_script_cut(struct smtp_script *s)
{
	if (s->bev == NULL)
		return;
	shutdown(bufferevent_getfd(s->bev), SHUT_RDWR);
	bufferevent_free(s->bev);
	s->bev = NULL;
	s->ssl = NULL;
}

static void reset(struct smtp_script *s)
{
	struct linger linger = { .l_onoff = 1 };
	int fd = bufferevent_getfd(s->bev);
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	/* libevent closes it on its next turn. */
	bufferevent_free(s->bev);
	s->bev = NULL;
	s->ssl = NULL;
}

/* True when everything that was to be sent is out. */
static bool send_step(struct smtp_script *s, const char *text, size_t n)
{
	struct evbuffer *out = bufferevent_get_output(s->bev);
	if (evbuffer_get_length(out) != 0)
		return false;
	if (s->dripped < n) {
		size_t now = s->drip ? 1 : n - s->dripped;
		bufferevent_write(s->bev, text + s->dripped, now);
		s->dripped += now;
		return false;
	}
	s->dripped = 0;
	return true;
}

static bool send_text(struct smtp_script *s, const char *step)
{
	char *text = NULL;
	int n = asprintf(&text, "%s%s", step + 2, step[0] == 'S' ? "\r\n" : "");
	must(n >= 0, "asprintf");
	bool out = send_step(s, text, (size_t)n);
	free(text);
	return out;
}

static bool expect_line(struct smtp_script *s, const char *step)
{
	char *line = evbuffer_readln(bufferevent_get_input(s->bev), NULL, EVBUFFER_EOL_CRLF_STRICT);
	if (line == NULL) {
		if (s->eof)
			wrong(s, "the client closed", "");
		return false;
	}
	struct str got = str_of(line), want = str_of(step + 2);
	bool same = step[0] == 'C' ? str_eq(got, want) : str_starts(got, want);
	if (!same)
		wrong(s, "got", line);
	free(line);
	return same;
}

static bool expect_content(struct smtp_script *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	struct evbuffer_ptr end = { .pos = 0 };
	struct evbuffer_ptr from, dot;
	if (evbuffer_get_length(in) >= 3 && memcmp(evbuffer_pullup(in, 3), ".\r\n", 3) == 0) {
		end.pos = 3;
	} else {
		/* From where the last search ended: contents may be large. */
		evbuffer_ptr_set(in, &from, s->searched, EVBUFFER_PTR_SET);
		dot = evbuffer_search(in, "\r\n.\r\n", 5, &from);
		if (dot.pos < 0) {
			size_t n = evbuffer_get_length(in);
			s->searched = n > 4 ? n - 4 : 0;
			if (s->eof)
				wrong(s, "the client closed", "");
			return false;
		}
		end.pos = dot.pos + 5;
	}
	s->searched = 0;
	evbuffer_drain(s->content, evbuffer_get_length(s->content));
	evbuffer_remove_buffer(in, s->content, (size_t)end.pos);
	return true;
}

static bool read_bytes(struct smtp_script *s, size_t n)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	if (evbuffer_get_length(in) < n)
		return false;
	evbuffer_drain(in, n);
	return true;
}

static bool expect_quiet(struct smtp_script *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	size_t n = evbuffer_get_length(in);
	if (n == 0)
		return true;
	wrong(s, "got", n > 3 ? (const char *)evbuffer_pullup(in, 4) : "");
	return false;
}

static bool expect_without(struct smtp_script *s, const char *text)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	struct evbuffer_ptr found = evbuffer_search(in, text, strlen(text), NULL);
	if (found.pos >= 0)
		wrong(s, "got", text);
	return found.pos < 0;
}

/* True when the step is done and the next one may begin. */
static bool do_step(struct smtp_script *s, const char *step)
{
	if (strncmp(step, "S:", 2) == 0 || strncmp(step, "s:", 2) == 0)
		return send_text(s, step);
	if (strncmp(step, "C:", 2) == 0 || strncmp(step, "c:", 2) == 0)
		return expect_line(s, step);
	if (strcmp(step, "QUIET") == 0)
		return expect_quiet(s);
	if (strcmp(step, "DATA") == 0)
		return expect_content(s);
	if (strncmp(step, "READ:", 5) == 0)
		return read_bytes(s, strtoul(step + 5, NULL, 10));
	if (strncmp(step, "NO:", 3) == 0)
		return expect_without(s, step + 3);
	if (strcmp(step, "EOF") == 0)
		return s->eof;
	if (strcmp(step, "CLEAN") == 0)
		return s->clean;
	if (strcmp(step, "TLS") == 0)
		start_tls(s);
	else if (strncmp(step, "FAST:", 5) == 0)
		fake_time_divide(strtol(step + 5, NULL, 10));
	else if (strcmp(step, "NOTIFY") == 0)
		SSL_shutdown(s->ssl);
	else if (strcmp(step, "FIN") == 0)
		smtp_script_cut(s);
	else if (strcmp(step, "RST") == 0)
		reset(s);
	else if (strcmp(step, "HALF") == 0)
		shutdown(bufferevent_getfd(s->bev), SHUT_WR);
	else if (strcmp(step, "DEAF") == 0)
		bufferevent_disable(s->bev, EV_READ);
	else
		wrong(s, "no such step", step);
	return true;
}

static void advance(struct smtp_script *s)
{
	while (!s->stopped && s->steps[s->step] != NULL) {
		if (s->bev == NULL) {
			wrong(s, "already closed", "");
			return;
		}
		if (!do_step(s, s->steps[s->step]))
			return;
		s->step++;
	}
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	advance(arg);
}

static void on_change(struct bufferevent *bev, void *arg)
{
	(void)bev;
	advance(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct smtp_script *s = arg;
	(void)bev;
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
		s->eof = true;
	if ((what & BEV_EVENT_EOF) != 0)
		s->clean = true;
	advance(s);
}

/* --- life ------------------------------------------------------------------------------------- */

struct smtp_script *smtp_script_new(struct event_base *base, const char *const *steps,
				    SSL_CTX *context)
{
	struct smtp_script *s = calloc(1, sizeof(*s));
	int fds[2];
	must(s != NULL, "calloc");
	tcp_pair(fds);
	s->base = base;
	s->steps = steps;
	s->context = context;
	s->client = fds[0];
	s->content = evbuffer_new();
	s->again = event_new(base, -1, 0, on_again, s);
	must(s->content != NULL && s->again != NULL, "libevent");
	adopt(s, bufferevent_socket_new(base, fds[1], BEV_OPTIONS));
	event_active(s->again, EV_TIMEOUT, 0);
	return s;
}

void smtp_script_free(struct smtp_script *s)
{
	if (s == NULL)
		return;
	if (s->bev != NULL)
		bufferevent_free(s->bev);
	if (s->client >= 0)
		close(s->client);
	event_free(s->again);
	evbuffer_free(s->content);
	free(s);
}

void smtp_script_drip(struct smtp_script *s)
{
	s->drip = true;
}

int smtp_script_client(const struct smtp_script *s)
{
	return s->client;
}

bool smtp_script_is_done(const struct smtp_script *s)
{
	return s->stopped || s->steps[s->step] == NULL;
}

const char *smtp_script_step(const struct smtp_script *s)
{
	return s->steps[s->step] != NULL ? s->steps[s->step] : "";
}

const char *smtp_script_verdict(struct smtp_script *s)
{
	if (s->verdict[0] == '\0' && s->steps[s->step] != NULL)
		wrong(s, "never came to its end", "");
	return s->verdict[0] != '\0' ? s->verdict : NULL;
}

const char *smtp_script_content(const struct smtp_script *s, size_t *n)
{
	*n = evbuffer_get_length(s->content);
	return *n != 0 ? (const char *)evbuffer_pullup(s->content, -1) : "";
}

/* --- dial ------------------------------------------------------------------------------------- */

struct dial *__wrap_dial_start(struct dialer *dialer, const char *host, unsigned port,
			       int64_t timeout_ms, dial_cb *cb, void *arg);
void __wrap_dial_cancel(struct dial *dial);

struct dial {
	dial_cb *cb;
	void *arg;
	struct smtp_script *script;
	enum dial_failure failure;
	struct err err;
	struct event *event;
};

static struct dial prepared;
static unsigned cancelled;

void fake_dial_prepare(struct smtp_script *s, int failure, const char *text)
{
	prepared = (struct dial){ .script = s, .failure = (enum dial_failure)failure };
	snprintf(prepared.err.text, sizeof(prepared.err.text), "%s", text);
	cancelled = 0;
}

unsigned fake_dial_cancelled(void)
{
	return cancelled;
}

static void release_dial(struct dial *dial)
{
	event_free(dial->event);
	free(dial);
}

static void on_dialled(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;
	int connected = -1;
	(void)fd;
	(void)what;
	if (dial->script != NULL) {
		connected = dial->script->client;
		dial->script->client = -1;
	}
	dial->cb(dial->arg, dial->failure, connected, &dial->err);
	release_dial(dial);
}

/* The dialer is the event base: the fake needs no other. */
struct dial *__wrap_dial_start(struct dialer *dialer, const char *host, unsigned port,
			       int64_t timeout_ms, dial_cb *cb, void *arg)
{
	struct dial *dial = malloc(sizeof(*dial));
	must(dial != NULL && host != NULL && port != 0 && timeout_ms == 30000, "dial_start");
	*dial = prepared;
	dial->cb = cb;
	dial->arg = arg;
	dial->event = event_new((struct event_base *)dialer, -1, 0, on_dialled, dial);
	must(dial->event != NULL, "event_new");
	event_active(dial->event, EV_TIMEOUT, 0);
	return dial;
}

void __wrap_dial_cancel(struct dial *dial)
{
	if (dial == NULL)
		return;
	cancelled++;
	release_dial(dial);
}

/* --- time ------------------------------------------------------------------------------------- */

int __wrap_event_add(struct event *event, const struct timeval *tv);
/* Weak: most programs that this file is linked into do not wrap event_add(). */
extern int __real_event_add(struct event *event, const struct timeval *tv) __attribute__((weak));

static int64_t divisor = 1;
static int64_t longest_ms;

void fake_time_divide(int64_t by)
{
	divisor = by;
}

int64_t fake_time_longest_ms(void)
{
	int64_t ms = longest_ms;
	longest_ms = 0;
	return ms;
}

int __wrap_event_add(struct event *event, const struct timeval *tv)
{
	if (tv == NULL)
		return __real_event_add(event, tv);
	int64_t us = (int64_t)tv->tv_sec * 1000000 + tv->tv_usec;
	if (us / 1000 > longest_ms)
		longest_ms = us / 1000;
	us /= divisor;
	struct timeval faster = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
	return __real_event_add(event, &faster);
}
