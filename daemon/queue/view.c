/* SPDX-License-Identifier: MIT */
#include "common/clock.h"
#include "queue/internal.h"
#include "queue/queue.h"

/* The read-only half of queue.h: what the control socket shows. */

static void count_message(const struct queued *m, struct queue_totals *out)
{
	size_t sent = queued_count(m, PROGRESS_SENT);
	out->messages++;
	out->recipients += m->recipient_count - sent;
	out->bytes += m->size;
	out->deferred += m->place == PLACE_DUE;
	out->ready += m->place == PLACE_READY;
	out->active += m->place == PLACE_ACTIVE;
	out->failed += queued_count(m, PROGRESS_FAILED) != 0;
	out->held += m->hold == QUEUED_FREE && queued_count(m, PROGRESS_HELD) != 0;
	out->held_by_rate += m->hold == QUEUED_HELD;
	if (out->oldest_ms == 0 || m->accepted_ms < out->oldest_ms)
		out->oldest_ms = m->accepted_ms;
}

void queue_totals(const struct queue *q, struct queue_totals *out)
{
	const struct queued *m;
	*out = (struct queue_totals){
		.delivered_total = q->delivered_total,
		.failed_total = q->failed_total,
	};
	for (m = TAILQ_FIRST(&q->all); m != NULL; m = TAILQ_NEXT(m, all))
		count_message(m, out);
}

const struct queued *queue_first(const struct queue *q)
{
	return TAILQ_FIRST(&q->all);
}

const struct queued *queue_next(const struct queued *m)
{
	return TAILQ_NEXT(m, all);
}

const struct queued *queue_get(const struct queue *q, const struct msgid *id)
{
	return idmap_get(q->by_id, id);
}

size_t queue_size(const struct queue *q)
{
	return idmap_count(q->by_id);
}

size_t queue_recipients(const struct queue *q)
{
	return q->recipients;
}

int64_t queue_next_try_ms(const struct queued *m)
{
	int64_t left = m->due_ms - clock_mono_ms();
	switch ((enum place)m->place) {
	case PLACE_DUE:
		return left > 0 ? left : 0;
	case PLACE_PARKED:
		return -1;
	case PLACE_NONE:
	case PLACE_READY:
	case PLACE_ACTIVE:
		break;
	}
	return 0;
}

bool queue_held_device(const struct queue *q, size_t index, struct queue_held *out)
{
	return held_device(q->held, index, &out->device, &out->messages);
}

size_t queue_held_count(const struct queue *q, struct str device)
{
	return held_count(q->held, device);
}

bool queue_append_hold(const struct queue *q, const struct queued *m, struct strbuf *out)
{
	const struct device_config *device = config_device_named(q->config, str_of(m->device));
	if (m->hold != QUEUED_HELD)
		return false;
	strbuf_addf(out, "held: %s is above ", m->device);
	/* The rate may have been taken out of the configuration since. */
	if (device != NULL && device->hold_above.count != 0)
		units_append_rate(out, device->hold_above);
	else
		strbuf_adds(out, "its rate");
	strbuf_addf(out, "; oauthrelay device release %s", m->device);
	return true;
}

size_t queue_account_count(const struct queue *q)
{
	return q->config->account_count;
}

const struct account *queue_account(const struct queue *q, size_t index)
{
	return queue_find_account(q, q->config->accounts[index].name);
}
