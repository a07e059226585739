/* SPDX-License-Identifier: MIT */
#include "upstream/chat.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "common/timer.h"
#include "common/tls.h"

/* Deferred, so that libevent is never in the midst of a read when a callback takes the bufferevent
 * away (its OpenSSL side goes on using the SSL object after a callback returns). */
enum {
	BEV_OPTIONS = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS
};

struct chat {
	struct event_base *base;
	struct chat_events events;
	struct bufferevent *bev;
	SSL *ssl; /* the bufferevent's */
	struct event *timer;
	struct event *wake; /* looks at the input again */
	struct reply_parser parser;
	size_t asked; /* replies still to come */
	bool blocked; /* a command was not sent because of stray input */
	bool paused;
	bool handshaking;
	bool over;  /* no more callbacks */
	bool freed; /* by the owner, during a callback */
	unsigned depth;
};

static void release(struct chat *chat)
{
	reply_parser_done(&chat->parser);
	free(chat);
}

static void enter(struct chat *chat)
{
	chat->depth++;
}

static void leave(struct chat *chat)
{
	if (--chat->depth == 0 && chat->freed)
		release(chat);
}

/* --- input --------------------------------------------------------------------------------- */

static void garbled(struct chat *chat, const char *why, struct str line)
{
	if (chat->over)
		return;
	chat->over = true;
	chat->events.garbled(chat->events.arg, why, line);
}

static bool has_stray_bytes(const struct chat *chat)
{
	return chat->parser.bytes != 0 ||
	       evbuffer_get_length(bufferevent_get_input(chat->bev)) != 0;
}

static void deliver(struct chat *chat, struct reply *reply)
{
	bool asked = chat->asked != 0;
	if (asked)
		chat->asked--;
	/* The parser is made ready first: the owner's next command asks it for stray bytes. */
	size_t n = chat->parser.lines.n;
	char *lines = strbuf_steal(&chat->parser.lines);
	reply_parser_reset(&chat->parser);
	chat->events.reply(chat->events.arg, reply, (struct str){ lines, n }, asked);
	free(lines);
	reply_done(reply);
}

static void read_replies(struct chat *chat)
{
	while (!chat->over && !chat->paused) {
		struct evbuffer *in = bufferevent_get_input(chat->bev);
		size_t n = evbuffer_get_contiguous_space(in);
		if (n == 0)
			break;
		struct str bytes = { (const char *)evbuffer_pullup(in, (ev_ssize_t)n), n };
		struct reply reply = { 0 };
		const char *why = "";
		enum reply_parse parsed = reply_parser_feed(&chat->parser, &bytes, &reply, &why);
		evbuffer_drain(in, n - bytes.n);
		switch (parsed) {
		case REPLY_PARSE_MORE:
			break;
		case REPLY_PARSE_DONE:
			deliver(chat, &reply);
			break;
		case REPLY_PARSE_BAD:
			garbled(chat, why, strbuf_str(&chat->parser.line));
			break;
		}
	}
	if (chat->blocked && !chat->over && !chat->paused)
		garbled(chat, "bytes that no command has asked for",
			strbuf_str(&chat->parser.line));
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct chat *chat = arg;
	(void)bev;
	enter(chat);
	read_replies(chat);
	leave(chat);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	on_read(NULL, arg);
}

/* --- events -------------------------------------------------------------------------------- */

static void on_write(struct bufferevent *bev, void *arg)
{
	struct chat *chat = arg;
	(void)bev;
	enter(chat);
	if (!chat->over)
		chat->events.drained(chat->events.arg);
	leave(chat);
}

static const char *cause(const struct chat *chat, short what)
{
	if ((what & BEV_EVENT_EOF) != 0)
		return "";
	unsigned long code = chat->ssl != NULL ? bufferevent_get_openssl_error(chat->bev) : 0;
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	if (reason != NULL)
		return reason;
	int errnum = EVUTIL_SOCKET_ERROR();
	return errnum != 0 ? evutil_socket_error_to_string(errnum) : "";
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct chat *chat = arg;
	struct err err;
	enter(chat);
	if (chat->over) {
		leave(chat);
		return;
	}
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		chat->handshaking = false;
		chat->events.secured(chat->events.arg);
	} else if (chat->handshaking) {
		chat->over = true;
		tls_explain(bev, chat->ssl, what, &err);
		chat->events.insecure(chat->events.arg, &err);
	} else {
		const char *why = cause(chat, what);
		chat->over = true;
		chat->events.lost(chat->events.arg, why);
	}
	leave(chat);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct chat *chat = arg;
	(void)fd;
	(void)what;
	enter(chat);
	if (!chat->over)
		chat->events.silent(chat->events.arg);
	leave(chat);
}

/* --- life ---------------------------------------------------------------------------------- */

static struct event *make_event(struct chat *chat, event_callback_fn cb)
{
	struct event *event = event_new(chat->base, -1, 0, cb, chat);
	if (event == NULL)
		abort();
	return event;
}

static void adopt(struct chat *chat, struct bufferevent *bev)
{
	if (bev == NULL)
		abort();
	chat->bev = bev;
	bufferevent_setcb(bev, on_read, on_write, on_event, chat);
	bufferevent_setwatermark(bev, EV_WRITE, CHAT_LOW, 0);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

struct chat *chat_new(struct event_base *base, int fd, const struct chat_events *events)
{
	struct chat *chat = mem_zalloc(sizeof(*chat));
	chat->base = base;
	chat->events = *events;
	chat->asked = 1;
	chat->timer = make_event(chat, on_timer);
	chat->wake = make_event(chat, on_wake);
	reply_parser_init(&chat->parser);
	adopt(chat, bufferevent_socket_new(base, fd, BEV_OPTIONS));
	return chat;
}

void chat_free(struct chat *chat)
{
	if (chat == NULL || chat->freed)
		return;
	chat->freed = true;
	chat->over = true;
	event_free(chat->timer);
	event_free(chat->wake);
	/* libevent closes the descriptor on its next turn; the peer hears of it now. */
	shutdown(bufferevent_getfd(chat->bev), SHUT_RDWR);
	bufferevent_disable(chat->bev, EV_READ | EV_WRITE);
	bufferevent_free(chat->bev);
	chat->bev = NULL;
	chat->ssl = NULL;
	if (chat->depth == 0)
		release(chat);
}

/* --- output -------------------------------------------------------------------------------- */

struct evbuffer *chat_output(struct chat *chat)
{
	return bufferevent_get_output(chat->bev);
}

size_t chat_unsent(const struct chat *chat)
{
	return evbuffer_get_length(bufferevent_get_output(chat->bev));
}

bool chat_has_input(const struct chat *chat)
{
	char byte;
	return has_stray_bytes(chat) ||
	       (chat->ssl == NULL &&
		recv(bufferevent_getfd(chat->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
}

/* False when bytes have come that an answer to this command cannot be. */
static bool may_send(struct chat *chat)
{
	if (chat->over || chat->blocked)
		return false;
	if (chat->asked != 0 || !chat_has_input(chat))
		return true;
	chat->blocked = true;
	/* What is still in the socket wakes us by itself. */
	if (has_stray_bytes(chat))
		event_active(chat->wake, EV_TIMEOUT, 0);
	return false;
}

void chat_send(struct chat *chat, struct str bytes, size_t replies)
{
	if (!may_send(chat))
		return;
	chat->asked += replies;
	if (evbuffer_add(chat_output(chat), bytes.p, bytes.n) != 0)
		abort();
}

static void wipe_and_free(const void *data, size_t n, void *arg)
{
	(void)data;
	secret_wipe(arg, n);
	free(arg);
}

void chat_send_secret(struct chat *chat, const struct secret *line)
{
	struct str s = secret_reveal(line);
	if (!may_send(chat))
		return;
	char *copy = mem_alloc(s.n + 2);
	memcpy(copy, s.p, s.n);
	memcpy(copy + s.n, "\r\n", 2);
	chat->asked++;
	if (evbuffer_add_reference(chat_output(chat), copy, s.n + 2, wipe_and_free, copy) != 0)
		abort();
}

void chat_ask(struct chat *chat)
{
	chat->asked++;
}

/* --- time ---------------------------------------------------------------------------------- */

void chat_set_timeout(struct chat *chat, int64_t ms)
{
	timer_stop(chat->timer);
	if (ms != 0)
		timer_start(chat->timer, ms);
}

bool chat_timeout_runs(const struct chat *chat)
{
	return event_pending(chat->timer, EV_TIMEOUT, NULL) != 0;
}

/* --- TLS ----------------------------------------------------------------------------------- */

void chat_pause(struct chat *chat)
{
	chat->paused = true;
	bufferevent_disable(chat->bev, EV_READ);
}

void chat_start_tls(struct chat *chat, SSL *ssl)
{
	int fd = bufferevent_getfd(chat->bev);
	bufferevent_disable(chat->bev, EV_READ | EV_WRITE);
	bufferevent_setfd(chat->bev, -1);
	bufferevent_free(chat->bev);
	chat->ssl = ssl;
	chat->handshaking = true;
	chat->paused = false;
	adopt(chat, bufferevent_openssl_socket_new(chat->base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
						   BEV_OPTIONS));
}

SSL *chat_ssl(const struct chat *chat)
{
	return chat->ssl;
}

void chat_close_notify(struct chat *chat)
{
	if (chat->ssl == NULL || chat->handshaking || chat->over)
		return;
	SSL_shutdown(chat->ssl);
	ERR_clear_error();
}
