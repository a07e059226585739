/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/world_client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/mem.h"
#include "inbound/server.h"

enum {
	LIMIT_MS = 5000,
	HEARD_MAX = 64 * 1024 * 1024
};

static void on_client_read(struct bufferevent *bev, void *arg)
{
	struct world_client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in);
	strbuf_add(&c->in, evbuffer_pullup(in, -1), n);
	assert_false(c->in.overflow);
	evbuffer_drain(in, n);
}

static void on_client_event(struct bufferevent *bev, short what, void *arg)
{
	struct world_client *c = arg;
	(void)bev;
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		c->secured = true;
		return;
	}
	c->closed = true;
	c->failed = !c->secured;
}

static void set_callbacks(struct world_client *c)
{
	bufferevent_setcb(c->bev, on_client_read, NULL, on_client_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

struct world_client *world_connect(struct inbound_world *w, const char *address)
{
	struct world_client *c = mem_zalloc(sizeof(*c));
	struct netaddr addr;
	struct sockaddr_storage sa = { .ss_family = AF_INET };
	int pair[2];
	assert_true(netaddr_parse(str_of(address), &addr));
	if (netaddr_is_v4(&addr)) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(1025) };
		memcpy(&in.sin_addr, addr.b + 12, 4);
		memcpy(&sa, &in, sizeof(in));
	} else {
		struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(1025) };
		memcpy(&in.sin6_addr, addr.b, 16);
		memcpy(&sa, &in, sizeof(in));
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	c->world = w;
	c->fd = pair[1];
	strbuf_init(&c->in, HEARD_MAX);
	c->bev = bufferevent_socket_new(w->base, c->fd, 0);
	set_callbacks(c);
	inbound_connected(w->in, &w->listener, pair[0], (struct sockaddr *)&sa);
	return c;
}

void client_free(struct world_client *c)
{
	bufferevent_free(c->bev);
	/* So that the descriptor is forgotten by the loop before it is closed. */
	event_base_loop(c->world->base, EVLOOP_NONBLOCK);
	SSL_free(c->ssl);
	close(c->fd);
	event_base_loop(c->world->base, EVLOOP_NONBLOCK);
	strbuf_done(&c->in);
	free(c);
}

static void turn(struct world_client *c)
{
	event_base_loop(c->world->base, EVLOOP_NONBLOCK);
}

/* One turn that waits, but not for ever. */
static bool turn_until(struct world_client *c, int64_t deadline)
{
	const struct timeval tick = { .tv_usec = 20000 };
	event_base_loopexit(c->world->base, &tick);
	event_base_loop(c->world->base, EVLOOP_ONCE);
	return clock_mono_ms() < deadline;
}

void world_settle(struct inbound_world *w)
{
	struct world_client nobody = { .world = w };
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	while (!TAILQ_EMPTY(&w->in->sessions))
		if (!turn_until(&nobody, deadline))
			fail_msg("sessions are left");
}

void client_send(struct world_client *c, struct str bytes, size_t n)
{
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	while (bytes.n != 0 && !c->closed) {
		struct str piece = str_head(bytes, n);
		bytes = str_skip(bytes, piece.n);
		bufferevent_write(c->bev, piece.p, piece.n);
		do {
			turn(c);
		} while (!c->closed && evbuffer_get_length(bufferevent_get_output(c->bev)) != 0 &&
			 clock_mono_ms() < deadline);
	}
	turn(c);
}

void client_say(struct world_client *c, const char *text)
{
	client_send(c, str_of(text), SIZE_MAX);
}

void client_shut(struct world_client *c)
{
	if (!c->closed)
		shutdown(c->fd, SHUT_WR);
}

void client_reset(struct world_client *c)
{
	/* On a socket pair, closing with unread data is a reset; reading has to stop first. */
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	shutdown(c->fd, SHUT_RDWR);
	turn(c);
}

void client_wait(struct world_client *c, const char *text)
{
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	const char *hit;
	while ((hit = strstr(strbuf_cstr(&c->in) + c->seen, text)) == NULL) {
		if (c->closed || !turn_until(c, deadline))
			fail_msg("waited for \"%s\", have \"%s\"%s", text, strbuf_cstr(&c->in),
				 c->closed ? " and a close" : "");
	}
	c->seen = (size_t)(hit - strbuf_cstr(&c->in)) + strlen(text);
}

void client_wait_closed(struct world_client *c)
{
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	while (!c->closed)
		if (!turn_until(c, deadline))
			fail_msg("waited for a close, have \"%s\"", strbuf_cstr(&c->in));
}

void client_vanish(struct world_client *c, bool reset)
{
	if (reset) {
		client_reset(c);
	} else {
		client_shut(c);
		client_wait_closed(c);
	}
	client_free(c);
}

void client_ask(struct world_client *c, const char *command, const char *reply)
{
	client_say(c, command);
	client_wait(c, reply);
}

bool client_handshake(struct world_client *c)
{
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(context);
	SSL_CTX_free(context);
	bufferevent_free(c->bev);
	c->bev = bufferevent_openssl_socket_new(c->world->base, c->fd, c->ssl,
						BUFFEREVENT_SSL_CONNECTING, 0);
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	set_callbacks(c);
	while (!c->secured && !c->closed)
		if (!turn_until(c, deadline))
			fail_msg("the handshake does not end");
	return c->secured;
}

char *client_codes(const struct world_client *c)
{
	struct strbuf codes;
	struct str rest = strbuf_str(&c->in);
	ptrdiff_t end;
	strbuf_init(&codes, HEARD_MAX);
	while ((end = str_chr(rest, '\n')) >= 0) {
		struct str line = str_head(rest, (size_t)end);
		rest = str_skip(rest, (size_t)end + 1);
		assert_true(line.n >= 5 && line.n < 512 && line.p[line.n - 1] == '\r');
		for (size_t i = 0; i + 1 < line.n; i++)
			assert_true(ascii_is_print(line.p[i]));
		if (line.p[3] == '-')
			continue;
		assert_int_equal(line.p[3], ' ');
		strbuf_adds(&codes, codes.n != 0 ? " " : "");
		strbuf_add(&codes, line.p, 3);
	}
	assert_int_equal(rest.n, 0);
	return strbuf_steal(&codes);
}

void world_dialogue(struct inbound_world *w, const char *name, struct str input, const char *codes)
{
	static const size_t pieces[] = { SIZE_MAX, 1 };
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct world_client *c = world_connect(w, "192.168.1.9");
		client_send(c, input, pieces[i]);
		client_shut(c);
		client_wait_closed(c);
		char *got = client_codes(c);
		if (strcmp(got, codes) != 0)
			fail_msg("%s, pieces of %zd: expected %s, got %s:\n%s", name,
				 (ssize_t)pieces[i], codes, got, strbuf_cstr(&c->in));
		free(got);
		client_free(c);
	}
}
