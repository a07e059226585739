/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "inbound/command.h"
#include "inbound/received.h"
#include "inbound/session.h"
#include "inbound/sreply.h"

/*
 * DATA (RFC 5321 4.1.1.4): from the command to the reply to its content. The content goes slice by
 * slice through message/body_in to the other side and is never kept here, save for what one read
 * brought while the other side asks for a pause.
 *
 * Content that will be refused is read to its end all the same, so that the reply comes where the
 * client expects it; but not more than twice the limit.
 */

enum {
	SLICE_MAX = 32 * 1024,
	RECEIVED_MAX = 50, /* RFC 5321 6.3 asks for 100 at least; real paths have under 15 */
	/* A client must bring this much in every data_timeout, in bytes a second. At the default of
	 * five minutes that is 15 kB: a tenth of what the slowest modem did. */
	RATE_MIN = 50,
};

/* Nothing of this message is wanted any more. */
static void refuse_content(struct in_session *s)
{
	struct tx *tx = &s->tx;
	if (tx->message != NULL)
		s->in->ops.abandon(tx->message);
	tx->message = NULL;
	tx->paused = false;
	strbuf_done(&tx->pending);
}

static void emit(void *arg, struct str bytes)
{
	struct in_session *s = arg;
	struct tx *tx = &s->tx;
	if (tx->message == NULL)
		return;
	if (tx->paused)
		strbuf_addstr(&tx->pending, bytes);
	else
		tx->paused = !s->in->ops.write(tx->message, bytes);
}

static void start_clocks(struct in_session *s)
{
	s->progress_ms = clock_mono_ms();
	s->window_ms = s->progress_ms;
	s->window_bytes = s->tx.wire_bytes;
	in_session_set_timer(s, s->config->limits.data_timeout);
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
	if (s->mode == MODE_DATA)
		start_clocks(s);
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

void verb_data(struct in_session *s, struct str args)
{
	const struct inbound_ops *ops = &s->in->ops;
	struct envelope *e = &s->tx.envelope;
	struct inbound_refusal why = { 451, "4.3.0 The message cannot be taken now" };
	(void)args;
	e->accepted_ms = clock_wall_ms();
	mem_replace_str(&e->peer, s->peer);
	mem_replace_str(&e->helo, s->helo);
	mem_replace_str(&e->device, s->access.device);
	mem_replace_str(&e->user, s->user);
	s->tx.limit = in_session_size_limit(s);
	s->tx.message = ops->begin(ops->ctx, s->config, e, &why);
	if (s->tx.message == NULL) {
		in_session_refuse(s, &why);
		in_session_reset(s);
		return;
	}
	ops->on_resume(s->tx.message, on_resume, s);
	body_in_init(&s->tx.body, emit, s);
	prepend_received(s);
	s->tx.own_size = s->tx.body.stats.size;
	in_session_set_mode(s, MODE_DATA);
	start_clocks(s);
	in_session_reply(s, 354, "End data with <CR><LF>.<CR><LF>");
}

/* --- the content --------------------------------------------------------------------------- */

/* False when it is not wanted; the reply comes at its end. */
static bool check_content(const struct in_session *s, struct inbound_refusal *why)
{
	const struct body_in *body = &s->tx.body;
	const struct body_stats *stats = &body->stats;
	uint64_t header_max = s->config->limits.header_size;
	if (body->nul)
		return refusal_set(why, 554, "5.6.0 The message contains a NUL byte");
	if (stats->received_count > RECEIVED_MAX + 1) /* and our own */
		return refusal_set(why, 554, "5.4.6 Mail loop: more than %d Received fields",
				   RECEIVED_MAX);
	if (stats->header_size > header_max)
		return refusal_set(why, 552, "5.3.4 The header is larger than %llu bytes",
				   (unsigned long long)header_max);
	if (stats->size - s->tx.own_size > s->tx.limit)
		return refusal_set(why, 552,
				   "5.3.4 The message is larger than the limit of %llu bytes",
				   (unsigned long long)s->tx.limit);
	if (s->tx.pending.overflow)
		return refusal_set(why, 451, "4.3.0 The message could not be stored");
	return true;
}

static bool beyond_patience(const struct tx *tx)
{
	uint64_t most = tx->limit <= UINT64_MAX / 2 ? tx->limit * 2 : UINT64_MAX;
	return tx->refusal.code != 0 && tx->wire_bytes > most;
}

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
		log_accepted(s, id, took_ms);
		s->in->counters.accepted_total++;
		roster_accepted(s->in->roster, s->seen);
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

/* The end of data has come, and all content is handed on. */
static void end_of_data(struct in_session *s)
{
	struct tx *tx = &s->tx;
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

bool data_input(struct in_session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	struct tx *tx = &s->tx;
	if (tx->paused)
		return false;
	if (!tx->ended) {
		struct evbuffer_iovec v = line_extent(in);
		struct str slice = str_head((struct str){ v.iov_base, v.iov_len }, SLICE_MAX);
		size_t had = slice.n;
		if (had == 0)
			return false;
		tx->ended = body_in_feed(&tx->body, &slice);
		evbuffer_drain(in, had - slice.n);
		tx->wire_bytes += had - slice.n;
		s->progress_ms = clock_mono_ms();
		if (tx->refusal.code == 0 && !check_content(s, &tx->refusal))
			refuse_content(s);
	}
	if (tx->paused)
		return false;
	if (tx->ended) {
		end_of_data(s);
	} else if (beyond_patience(tx)) {
		in_session_refuse(s, &tx->refusal);
		in_session_finish(s, "message beyond all limits");
	}
	return true;
}

void data_timer(struct in_session *s)
{
	int64_t timeout = s->config->limits.data_timeout, now = clock_mono_ms();
	uint64_t window = s->tx.wire_bytes - s->window_bytes;
	if (s->tx.paused) {
		in_session_set_timer(s, timeout);
		return;
	}
	/* RFC 5321 4.5.3.2.5 */
	if (now - s->progress_ms >= timeout) {
		in_session_timed_out(s, "no data for ", timeout);
		in_session_finish(s, "data timeout");
		return;
	}
	if (now - s->window_ms >= timeout) {
		if (window < (uint64_t)timeout * RATE_MIN / 1000) {
			in_session_reply(s, 421, "4.4.2 Timeout: data comes too slowly");
			in_session_finish(s, "data too slow");
			return;
		}
		s->window_ms = now;
		s->window_bytes = s->tx.wire_bytes;
	}
	int64_t idle_end = s->progress_ms + timeout, window_end = s->window_ms + timeout;
	in_session_set_timer(s, (idle_end < window_end ? idle_end : window_end) - now);
}
