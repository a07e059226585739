/* SPDX-License-Identifier: MIT */
#include "inbound/content.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/units.h"
#include "inbound/received.h"
#include "inbound/sending.h"
#include "inbound/sreply.h"

enum {
	SLICE_MAX = 32 * 1024,
	STOPPING_MS = 2 * 1000, /* silence, when the relay is to stop */
};

static void emit(void *arg, struct str bytes)
{
	struct in_session *s = arg;
	struct tx *tx = &s->tx;
	if (tx->message == NULL)
		return;
	sending_content(s, bytes);
	if (tx->paused)
		strbuf_addstr(&tx->pending, bytes);
	else
		tx->paused = !s->in->ops.write(tx->message, bytes);
}

static void on_resume(void *arg)
{
	struct in_session *s = arg;
	struct tx *tx = &s->tx;
	if (!tx->paused || tx->message == NULL)
		return;
	tx->paused = false;
	if (tx->pending.n != 0) {
		tx->paused = !s->in->ops.write(tx->message, strbuf_str(&tx->pending));
		strbuf_done(&tx->pending);
	}
	if (tx->paused)
		return;
	/* The time we took is not the client's. */
	if (in_session_reads_content(s))
		content_start_clocks(s);
	in_session_wake(s);
}

static void prepend_received(struct in_session *s)
{
	const struct received_facts facts = {
		.hostname = s->config->hostname,
		.addr = s->access.addr,
		.esmtp = s->esmtp,
		.tls = s->tls,
		.logged_in = s->logged_in,
		.wall_ms = s->tx.envelope.accepted_ms,
	};
	struct strbuf lines;
	strbuf_init(&lines, 4096);
	received_append(&lines, &s->tx.envelope, &facts);
	body_in_prepend(&s->tx.body, strbuf_str(&lines));
	strbuf_done(&lines);
}

bool content_begin(struct in_session *s, enum body_in_mode mode, struct inbound_refusal *why)
{
	const struct inbound_ops *ops = &s->in->ops;
	struct tx *tx = &s->tx;
	struct envelope *e = &tx->envelope;
	if (!inbound_may_begin_message(s->in, &s->access.addr, why))
		return false;
	e->accepted_ms = clock_wall_ms();
	mem_replace_str(&e->peer, s->peer);
	mem_replace_str(&e->helo, s->helo);
	mem_replace_str(&e->device, s->access.device);
	mem_replace_str(&e->user, s->login != NULL ? s->login->name : NULL);
	sending_begin(s);
	refusal_set(why, 451, "4.3.0 The message cannot be taken now");
	tx->message = ops->begin(ops->ctx, s->config, s->login, e, why);
	if (tx->message == NULL)
		return false;
	inbound_message_begun(s->in, &s->access.addr);
	tx->counted = true;
	tx->limit = in_session_size_limit(s);
	tx->wire_bytes = 0;
	ops->on_resume(tx->message, on_resume, s);
	body_in_init(&tx->body, mode, emit, s);
	prepend_received(s);
	tx->own_size = tx->body.stats.size;
	return true;
}

/* --- what it is ---------------------------------------------------------------------------- */

bool content_refuse_size(const struct in_session *s, const char *what, struct inbound_refusal *why)
{
	const struct inbound_ops *ops = &s->in->ops;
	const char *account;
	uint64_t limit = ops->size_limit(ops->ctx, s->config, s->access.device, s->login, &account);
	struct strbuf size;
	strbuf_init(&size, 32);
	units_append_size(&size, limit);
	/* RFC 1870 section 6.1 */
	refusal_set(why, 552, "5.3.4 %s is larger than the limit of %s%s, %s", what,
		    account != NULL ? "account " : "this relay", account != NULL ? account : "",
		    strbuf_cstr(&size));
	strbuf_done(&size);
	return false;
}

/* False when it is not wanted; the reply comes at its end. */
static bool check(const struct in_session *s, struct inbound_refusal *why)
{
	const struct inbound_limits *limits = &s->config->limits;
	const struct body_in *body = &s->tx.body;
	const struct body_stats *stats = &body->stats;
	if (body->nul)
		return refusal_set(why, 554, "5.6.0 The message contains a NUL byte");
	if (stats->received_count > limits->received + 1) /* and our own */
		return refusal_set(why, 554, "5.4.6 Mail loop: more than %llu Received fields",
				   (unsigned long long)limits->received);
	if (stats->header_size > limits->header_size)
		return refusal_set(why, 552, "5.3.4 The header is larger than %llu bytes",
				   (unsigned long long)limits->header_size);
	if (stats->size - s->tx.own_size > s->tx.limit)
		return content_refuse_size(s, "The message", why);
	if (s->tx.pending.overflow)
		return refusal_set(why, 451, "4.3.0 The message could not be stored");
	return true;
}

void content_refuse(struct in_session *s, const struct inbound_refusal *why)
{
	struct tx *tx = &s->tx;
	tx->refusal = *why;
	if (tx->message != NULL)
		s->in->ops.abandon(tx->message);
	tx->message = NULL;
	tx->paused = false;
	strbuf_done(&tx->pending);
}

static void check_so_far(struct in_session *s)
{
	struct inbound_refusal why;
	if (s->tx.refusal.code == 0 && !check(s, &why))
		content_refuse(s, &why);
}

size_t content_take(struct in_session *s, uint64_t max)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	struct tx *tx = &s->tx;
	struct evbuffer_iovec v = line_extent(in);
	size_t most = max < SLICE_MAX ? (size_t)max : SLICE_MAX;
	struct str slice = str_head((struct str){ v.iov_base, v.iov_len }, most), rest = slice;
	if (slice.n == 0)
		return 0;
	/* Unwanted DATA is looked through all the same: it has to be found where it ends. */
	if (s->mode == MODE_DATA || tx->refusal.code == 0)
		tx->ended = body_in_feed(&tx->body, &rest);
	else
		rest = str_skip(slice, slice.n);
	size_t taken = slice.n - rest.n;
	s->cr |= memchr(slice.p, '\r', taken) != NULL;
	evbuffer_drain(in, taken);
	tx->wire_bytes += taken;
	s->progress_ms = clock_mono_ms();
	check_so_far(s);
	return taken;
}

void content_finish(struct in_session *s)
{
	s->tx.ended = true;
	if (s->tx.refusal.code != 0)
		return;
	body_in_finish(&s->tx.body);
	check_so_far(s);
}

bool content_is_endless(const struct in_session *s, uint64_t announced)
{
	const struct tx *tx = &s->tx;
	uint64_t most = tx->limit <= UINT64_MAX / 2 ? tx->limit * 2 : UINT64_MAX;
	return tx->refusal.code != 0 &&
	       (tx->wire_bytes > most || announced > most - tx->wire_bytes);
}

/* --- what becomes of it -------------------------------------------------------------------- */

static void log_accepted(const struct in_session *s, const struct msgid *id, int64_t took_ms)
{
	const struct envelope *e = &s->tx.envelope;
	struct msgid_text text = msgid_text(id);
	struct strbuf from;
	strbuf_init(&from, 1024);
	address_append(&from, &e->reverse_path);
	if (from.n == 0)
		strbuf_adds(&from, "<>");
	log_info("accepted", lf_str("in", s->id), lf_str("peer", s->peer),
		 lf_str("device", s->access.device != NULL ? s->access.device : "-"),
		 lf_str("msg", text.hex), lf_slice("from", strbuf_str(&from)),
		 lf_int("nrcpt", (int64_t)e->recipient_count),
		 lf_int("size", (int64_t)s->tx.body.stats.size), lf_int("took_ms", took_ms));
	strbuf_done(&from);
}

static void on_accepted(void *arg, const struct msgid *id, int64_t took_ms,
			const struct inbound_refusal *refusal)
{
	struct in_session *s = arg;
	s->tx.message = NULL; /* the other side's again */
	if (refusal != NULL) {
		in_session_refuse(s, refusal);
	} else {
		struct msgid_text text = msgid_text(id);
		sending_accepted(s);
		log_accepted(s, id, took_ms);
		s->in->counters.accepted_total++;
		s->errors = 0;
		in_session_reply(s, 250, "2.0.0 OK queued as %s", text.hex);
	}
	if (s->lost) {
		in_session_close(s, "connection lost");
		return;
	}
	in_session_reset(s);
	in_session_set_mode(s, MODE_COMMAND);
	in_session_wake(s);
}

void content_reply(struct in_session *s)
{
	struct tx *tx = &s->tx;
	struct inbound_refusal why;
	if (tx->refusal.code == 0 && !sending_check(s, &why))
		content_refuse(s, &why);
	if (tx->refusal.code != 0) {
		in_session_refuse(s, &tx->refusal);
		in_session_reset(s);
		in_session_set_mode(s, MODE_COMMAND);
		return;
	}
	/* What is pipelined behind waits (RFC 2920 3.1 lets DATA's end be followed by commands). */
	in_session_set_mode(s, MODE_WAIT);
	s->in->ops.finish(tx->message, &tx->body.stats, on_accepted, s);
}

/* --- time ---------------------------------------------------------------------------------- */

static int64_t silence_allowed(const struct in_session *s)
{
	int64_t timeout = s->config->limits.data_timeout;
	return s->in->draining && timeout > STOPPING_MS ? STOPPING_MS : timeout;
}

static void set_timer(struct in_session *s)
{
	int64_t idle_end = s->progress_ms + silence_allowed(s);
	int64_t window_end = s->window_ms + s->config->limits.data_timeout;
	int64_t left = (idle_end < window_end ? idle_end : window_end) - clock_mono_ms();
	in_session_set_timer(s, left > 0 ? left : 0);
}

void content_continue_clocks(struct in_session *s)
{
	s->progress_ms = clock_mono_ms();
	set_timer(s);
}

void content_start_clocks(struct in_session *s)
{
	s->window_ms = clock_mono_ms();
	s->window_bytes = s->tx.wire_bytes;
	content_continue_clocks(s);
}

bool content_is_slow(struct in_session *s)
{
	const struct inbound_limits *limits = &s->config->limits;
	int64_t now = clock_mono_ms();
	uint64_t bytes = s->tx.wire_bytes - s->window_bytes;
	if (now - s->window_ms < limits->data_timeout)
		return false;
	s->window_ms = now;
	s->window_bytes = s->tx.wire_bytes;
	return bytes < (uint64_t)limits->data_timeout * limits->data_rate / 1000;
}

void content_timer(struct in_session *s)
{
	int64_t timeout = s->config->limits.data_timeout;
	if (s->tx.paused) {
		in_session_set_timer(s, timeout);
	} else if (clock_mono_ms() - s->progress_ms < silence_allowed(s)) {
		if (content_is_slow(s))
			in_session_too_slow(s);
		else
			set_timer(s);
	} else if (s->in->draining) {
		in_session_shut_down(s);
	} else {
		/* RFC 5321 4.5.3.2.5 */
		in_session_timed_out(s, "no data for ", timeout);
		in_session_finish(s, "data timeout");
	}
}
