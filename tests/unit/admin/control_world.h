/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_CONTROL_WORLD_H
#define OAUTHRELAY_TESTS_CONTROL_WORLD_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/control.h"
#include "admin/routes.h"

/* A control socket and a client, on one loop. The tests define admin_dispatch(). */

static void look(void *ctx, struct admin_view *out)
{
	out->intake.accepted_total = *(uint64_t *)ctx;
}

struct fixture {
	char dir[32];
	struct sockaddr_un address;
	struct event_base *base;
	struct control *control;
	uint64_t accepted;
};

static struct control *open_control(struct fixture *f, struct err *err)
{
	const struct admin_ops ops = { .look = look, .ctx = &f->accepted };
	return control_new(f->base, f->address.sun_path, &ops, err);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err;
	assert_non_null(f);
	strncpy(f->dir, "/tmp/oar-control-XXXXXX", sizeof(f->dir) - 1);
	assert_non_null(mkdtemp(f->dir));
	f->address.sun_family = AF_UNIX;
	snprintf(f->address.sun_path, sizeof(f->address.sun_path), "%s/sock", f->dir);
	f->accepted = 7;
	f->base = event_base_new();
	f->control = open_control(f, &err);
	if (f->control == NULL)
		fail_msg("%s", err.text);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	control_free(f->control);
	event_base_free(f->base);
	assert_int_equal(access(f->address.sun_path, F_OK), -1); /* it cleans up */
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

/* ---- a client on the same loop */

struct client {
	struct event_base *base;
	struct strbuf got;
};

static void on_read(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in);
	strbuf_add(&c->got, evbuffer_pullup(in, -1), n);
	evbuffer_drain(in, n);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		event_base_loopbreak(c->base);
}

/* Sends a request, returns the whole answer (caller frees); the server must close. */
static inline char *ask(struct fixture *f, const char *request, size_t n)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct client c = { .base = f->base };
	strbuf_init(&c.got, 1U << 20);
	struct bufferevent *bev = bufferevent_socket_new(f->base, -1, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, on_read, NULL, on_event, &c);
	assert_int_equal(
		bufferevent_socket_connect(bev, (struct sockaddr *)&f->address, sizeof(f->address)),
		0);
	bufferevent_write(bev, request, n);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	event_base_loopexit(f->base, &limit);
	event_base_dispatch(f->base);
	bufferevent_free(bev);
	return strbuf_steal(&c.got);
}

static inline char *ask_text(struct fixture *f, const char *request)
{
	return ask(f, request, strlen(request));
}

#endif
