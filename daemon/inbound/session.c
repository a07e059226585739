/* SPDX-License-Identifier: MIT */
#include "inbound/session.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timer.h"
#include "common/units.h"
#include "inbound/content.h"
#include "inbound/listener.h"
#include "inbound/sending.h"
#include "inbound/sreply.h"

enum {
	CLOSING_MS = 10 * 1000, /* for our last words to be taken */
	LINGER_MS = 2 * 1000,	/* so that data still on its way does not destroy them */
};

static const char *const mode_names[] = {
	[MODE_FIRST_BYTE] = "first-byte",
	[MODE_COMMAND] = "command",
	[MODE_AUTH] = "auth",
	[MODE_DATA] = "data",
	[MODE_BDAT] = "bdat",
	[MODE_WAIT] = "wait",
	[MODE_DELAY] = "delay",
	[MODE_STARTTLS] = "starttls",
	[MODE_HANDSHAKE] = "handshake",
	[MODE_CLOSING] = "closing",
	[MODE_LINGER] = "linger",
	[MODE_DEAD] = "dead",
};

/* Between chunks NOOP is no progress: a place among the messages coming in is kept for it. */
static int64_t command_time(const struct in_session *s)
{
	int64_t timeout = s->config->limits.command_timeout;
	if (s->phase != PHASE_BDAT)
		return timeout;
	int64_t left = s->progress_ms + timeout - clock_mono_ms();
	return left > 0 ? left : 0;
}

/* -1: none, or whoever sets the mode sets one. */
static int64_t time_limit(const struct in_session *s, enum session_mode mode)
{
	const struct inbound_limits *limits = &s->config->limits;
	switch (mode) {
	case MODE_FIRST_BYTE:
		return limits->auto_wait;
	case MODE_COMMAND:
	case MODE_AUTH:
		return command_time(s);
	case MODE_STARTTLS:
	case MODE_HANDSHAKE: /* the whole of it, however slowly its bytes come */
		return limits->tls_timeout;
	case MODE_CLOSING: /* who reads nothing does not hold up a stop */
		return s->in->draining ? LINGER_MS : CLOSING_MS;
	case MODE_LINGER:
		return LINGER_MS;
	case MODE_DATA:
	case MODE_BDAT:
	case MODE_WAIT:
	case MODE_DELAY:
	case MODE_DEAD:
		return -1;
	}
	return -1;
}

void in_session_set_timer(struct in_session *s, int64_t ms)
{
	timer_start(s->timer, ms);
}

void in_session_set_mode(struct in_session *s, enum session_mode mode)
{
	if (mode != s->mode)
		log_debug("session-mode", lf_str("in", s->id), lf_str("from", mode_names[s->mode]),
			  lf_str("to", mode_names[mode]));
	s->mode = mode;
	event_del(s->timer);
	int64_t limit = time_limit(s, mode);
	if (limit >= 0)
		in_session_set_timer(s, limit);
}

void in_session_wake(struct in_session *s)
{
	/* By a timer, since an event that makes itself active starves the sockets. */
	timer_start(s->wake, 0);
}

static void send_reply(struct in_session *s, unsigned code, struct str text)
{
	struct strbuf out;
	if (s->lost)
		return;
	strbuf_init(&out, 16 * 1024);
	sreply_append(&out, code, text);
	bufferevent_write(s->bev, out.p, out.n);
	in_session_note_reply(s, strbuf_str(&out));
	if (code >= 400) {
		struct str first = str_head(strbuf_str(&out), out.n - 2);
		char *reply = str_dup(first);
		in_session_count_refused(s, reply);
		free(reply);
	}
	if (code >= 500)
		s->errors++;
	strbuf_done(&out);
}

void in_session_reply(struct in_session *s, unsigned code, const char *fmt, ...)
{
	struct strbuf text;
	va_list ap;
	strbuf_init(&text, 1024);
	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	send_reply(s, code, strbuf_str(&text));
	strbuf_done(&text);
}

void in_session_reply_lines(struct in_session *s, unsigned code, struct str lines)
{
	send_reply(s, code, lines);
}

void in_session_refuse(struct in_session *s, const struct inbound_refusal *why)
{
	send_reply(s, why->code, str_of(why->text));
}

void in_session_timed_out(struct in_session *s, const char *what, int64_t limit_ms)
{
	struct strbuf limit;
	strbuf_init(&limit, 64);
	units_append_duration(&limit, limit_ms);
	/* RFC 3463 X.4.2: bad connection */
	in_session_reply(s, 421, "4.4.2 Timeout: %s%s", what, strbuf_cstr(&limit));
	strbuf_done(&limit);
}

void in_session_reset(struct in_session *s)
{
	sending_end(s);
	if (s->tx.counted)
		inbound_message_over(s->in, &s->access.addr);
	tx_reset(&s->tx, &s->in->ops);
	if (s->phase != PHASE_START)
		s->phase = PHASE_HELLO;
}

uint64_t in_session_size_limit(const struct in_session *s)
{
	const struct inbound_ops *ops = &s->in->ops;
	const char *whose;
	uint64_t limit = ops->size_limit(ops->ctx, s->config, s->access.device, s->login, &whose);
	return limit != 0 ? limit : UINT64_MAX;
}

static void end_auth(struct in_session *s)
{
	password_cancel(s->check);
	s->check = NULL;
	if (s->auth != NULL)
		auth_done(s->auth);
	free(s->auth);
	s->auth = NULL;
}

void in_session_finish(struct in_session *s, const char *reason)
{
	if (s->mode == MODE_DEAD)
		return;
	s->reason = reason;
	end_auth(s);
	in_session_reset(s);
	in_session_set_mode(s, MODE_CLOSING);
	in_session_wake(s);
}

void in_session_close(struct in_session *s, const char *reason)
{
	struct inbound *in = s->in;
	if (s->mode == MODE_DEAD)
		return;
	if (s->reason == NULL)
		s->reason = reason;
	end_auth(s);
	in_session_reset(s);
	session_tls_release(s);
	in_session_set_mode(s, MODE_DEAD);
	event_del(s->wake);
	bufferevent_setcb(s->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	log_debug("disconnect", lf_str("in", s->id), lf_str("peer", s->peer),
		  lf_str("reason", s->reason));
	in_session_leave(s);
	in->counters.connections_now--;
	TAILQ_REMOVE(&in->sessions, s, link);
	TAILQ_INSERT_TAIL(&in->dead, s, link);
	event_active(in->reaper, EV_TIMEOUT, 0);
}

bool in_session_reads_content(const struct in_session *s)
{
	return s->mode == MODE_DATA || s->mode == MODE_BDAT;
}

void in_session_too_slow(struct in_session *s)
{
	in_session_reply(s, 421, "4.4.2 Timeout: data comes too slowly");
	in_session_finish(s, "data too slow");
}

void in_session_shut_down(struct in_session *s)
{
	/* RFC 3463 X.3.2: system not accepting network messages */
	in_session_reply(s, 421, "4.3.2 %s is shutting down", s->config->hostname);
	in_session_finish(s, "shutting down");
}

void in_session_drain(struct in_session *s)
{
	switch (s->mode) {
	case MODE_FIRST_BYTE:
	case MODE_STARTTLS:
	case MODE_HANDSHAKE:
		/* No word of ours would be understood now. */
		session_tls_release(s);
		in_session_finish(s, "shutting down");
		break;
	case MODE_COMMAND:
	case MODE_AUTH:
	case MODE_DELAY:
		/* Before content there is nothing to lose, and between chunks the client will send
		 * it again; waiting for a silent client would hold up the stop. */
		in_session_shut_down(s);
		break;
	case MODE_DATA:
	case MODE_BDAT:
		content_timer(s);
		break;
	case MODE_CLOSING:
		in_session_set_mode(s, MODE_CLOSING);
		break;
	case MODE_WAIT:
	case MODE_LINGER:
	case MODE_DEAD:
		break;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct in_session *s = arg;
	(void)fd;
	(void)what;
	switch (s->mode) {
	case MODE_FIRST_BYTE:
		session_tls_silent(s);
		break;
	case MODE_COMMAND:
	case MODE_AUTH:
		/* RFC 5321 4.5.3.2.7 */
		in_session_timed_out(s, "no complete command within ",
				     s->config->limits.command_timeout);
		in_session_finish(s, "command timeout");
		break;
	case MODE_DATA:
	case MODE_BDAT:
		content_timer(s);
		break;
	case MODE_DELAY:
		auth_delay_over(s);
		break;
	case MODE_STARTTLS:
	case MODE_HANDSHAKE:
		in_session_log_refused(s, "(TLS handshake not finished in time)");
		in_session_close(s, "TLS handshake timeout");
		break;
	case MODE_CLOSING:
	case MODE_LINGER:
		in_session_close(s, "closed");
		break;
	case MODE_WAIT:
	case MODE_DEAD:
		break;
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	in_session_process(arg);
}

struct in_session *in_session_new(struct inbound *in, struct listener *listener, evutil_socket_t fd,
				  const struct netaddr *addr, const char *peer)
{
	struct in_session *s = mem_zalloc(sizeof(*s));
	s->in = in;
	s->started_ms = clock_mono_ms();
	s->config = config_ref(in->config);
	s->files = inbound_files_ref(in->files);
	s->fd = fd;
	s->timer = event_new(in->base, -1, 0, on_timer, s);
	s->wake = event_new(in->base, -1, 0, on_wake, s);
	snprintf(s->id, sizeof(s->id), "%08x", (unsigned)in->next_session++);
	s->peer = mem_strdup(peer);
	s->access = access_decide(s->config, addr, listener->auth);
	if (listener->tls != LISTENER_TLS_NONE)
		s->tls_context =
			inbound_files_context(s->files, listener->index, s->access.tls_profile);
	tx_init(&s->tx);
	s->listener = listener;
	listener->connections++;
	s->seen = roster_connected(in->roster, addr, s->access.admitted, listener->address);
	if (s->access.device != NULL)
		tally_add(in->devices, s->access.device);
	in->counters.connections_now++;
	TAILQ_INSERT_TAIL(&in->sessions, s, link);
	log_debug("connect", lf_str("in", s->id), lf_str("peer", s->peer),
		  lf_str("device", s->access.device != NULL ? s->access.device : "-"));
	in_session_attach(s, bufferevent_socket_new(in->base, fd, 0));
	session_tls_open(s, listener->tls);
	return s;
}

void in_session_free(struct in_session *s)
{
	event_free(s->timer);
	event_free(s->wake);
	bufferevent_free(s->bev);
	SSL_free(s->ssl);
	evutil_closesocket(s->fd);
	free(s->peer);
	free(s->helo);
	config_unref(s->config);
	inbound_files_free(s->files);
	free(s);
}
