/* SPDX-License-Identifier: MIT */
#include "queue/message.h"

#include <stdlib.h>

#include "common/mem.h"

_Static_assert(sizeof(struct queued) <= 300, "the memory promise of design.md section 3");

const char *place_name(enum place place)
{
	static const char *const names[] = {
		[PLACE_NONE] = "none",	   [PLACE_DUE] = "due",	      [PLACE_READY] = "ready",
		[PLACE_ACTIVE] = "active", [PLACE_PARKED] = "parked",
	};
	return names[place];
}

static void copy_address(struct address *to, const struct address *from)
{
	to->local = mem_strdup(from->local);
	to->domain = mem_strdup(from->domain);
}

/* Its fate is not sealed. */
static bool is_open(const struct queued_recipient *r)
{
	return r->state == PROGRESS_PENDING || r->state == PROGRESS_INFLIGHT;
}

static void apply_record(struct queued *m, const struct progress *record, size_t index)
{
	struct queued_recipient *rcpt = &m->recipients[index];
	rcpt->state = (uint8_t)record->state;
	rcpt->recorded = rcpt->state;
	rcpt->attempts = record->attempts;
	if (record->reply.n != 0) {
		free(rcpt->reply);
		rcpt->reply = str_dup(record->reply);
	}
	if (record->attempts > m->attempts)
		m->attempts = record->attempts;
	if (record->state == PROGRESS_PENDING)
		m->due_ms = record->next_ms; /* wall clock still; the queue turns it */
}

/* A crash between the mark and the reply: nobody knows whether the server has the message. */
static size_t settle_inflight(struct queued *m, bool hold)
{
	size_t count = 0;
	for (uint32_t i = 0; i < m->recipient_count; i++) {
		if (m->recipients[i].state != PROGRESS_INFLIGHT)
			continue;
		m->recipients[i].state = hold ? PROGRESS_HELD : PROGRESS_PENDING;
		count++;
	}
	return count;
}

/* What the file says of its recipients is still that they are pending. */
static void hold_by_rate(struct queued *m)
{
	m->hold = QUEUED_HELD;
	for (uint32_t i = 0; i < m->recipient_count; i++)
		m->recipients[i].state = PROGRESS_HELD;
}

struct queued *queued_new(const struct spool_info *info, const struct envelope *envelope,
			  const struct progress *progress, size_t progress_count,
			  bool hold_uncertain, size_t *uncertain)
{
	struct queued *m = mem_zalloc(sizeof(*m));
	m->id = info->id;
	m->size = info->stats.size;
	m->generation = info->generation;
	m->accepted_ms = envelope->accepted_ms;
	mem_replace_str(&m->device, envelope->device);
	mem_replace_str(&m->user, envelope->user);
	copy_address(&m->reverse_path, &envelope->reverse_path);
	m->recipient_count = (uint32_t)envelope->recipient_count;
	m->recipients = mem_zalloc(envelope->recipient_count * sizeof(*m->recipients));
	for (size_t i = 0; i < envelope->recipient_count; i++)
		copy_address(&m->recipients[i].address, &envelope->recipients[i]);
	for (size_t i = 0; i < progress_count; i++) {
		if (progress[i].recipient < m->recipient_count)
			apply_record(m, &progress[i], progress[i].recipient);
		else if (progress[i].recipient == PROGRESS_MESSAGE)
			for (uint32_t r = 0; r < m->recipient_count; r++)
				if (is_open(&m->recipients[r]))
					apply_record(m, &progress[i], r);
	}
	*uncertain = settle_inflight(m, hold_uncertain);
	if (envelope->hold != ENVELOPE_HOLD_NONE && progress_count != 0)
		m->free_ms = progress[0].next_ms;
	else if (envelope->hold != ENVELOPE_HOLD_NONE && m->device != NULL)
		hold_by_rate(m);
	return m;
}

void queued_free(struct queued *m)
{
	if (m == NULL)
		return;
	for (uint32_t i = 0; i < m->recipient_count; i++) {
		address_done(&m->recipients[i].address);
		free(m->recipients[i].reply);
	}
	free(m->recipients);
	address_done(&m->reverse_path);
	free(m->device);
	free(m->user);
	free(m);
}

size_t queued_count(const struct queued *m, enum progress_state state)
{
	size_t count = 0;
	for (uint32_t i = 0; i < m->recipient_count; i++)
		count += m->recipients[i].state == state;
	return count;
}

/* Would one record for all that the file has as open say the same as one for each? */
static bool all_alike(const struct queued *m, const struct queued_recipient **first)
{
	*first = NULL;
	for (uint32_t i = 0; i < m->recipient_count; i++) {
		const struct queued_recipient *r = &m->recipients[i];
		if (r->recorded != PROGRESS_PENDING && r->recorded != PROGRESS_INFLIGHT)
			continue;
		if (*first == NULL)
			*first = r;
		else if (r->state != (*first)->state || r->attempts != (*first)->attempts ||
			 !str_eq(str_of(r->reply), str_of((*first)->reply)))
			return false;
	}
	return *first != NULL;
}

static struct progress make_record(const struct queued_recipient *r, uint32_t index,
				   int64_t next_ms)
{
	return (struct progress){
		.recipient = index,
		.state = (enum progress_state)r->state,
		.attempts = r->attempts,
		.next_ms = r->state == PROGRESS_PENDING ? next_ms : 0,
		.reply = str_of(r->reply),
	};
}

size_t queued_records(const struct queued *m, int64_t next_ms, struct progress *out)
{
	const struct queued_recipient *first;
	size_t count = 0;
	if (all_alike(m, &first)) {
		out[0] = make_record(first, PROGRESS_MESSAGE, next_ms);
		return 1;
	}
	for (uint32_t i = 0; i < m->recipient_count; i++) {
		const struct queued_recipient *r = &m->recipients[i];
		if (r->state != r->recorded || is_open(r))
			out[count++] = make_record(r, i, next_ms);
	}
	return count;
}

void queued_recorded(struct queued *m)
{
	for (uint32_t i = 0; i < m->recipient_count; i++)
		m->recipients[i].recorded = m->recipients[i].state;
}

bool queued_is_done(const struct queued *m)
{
	return queued_count(m, PROGRESS_SENT) == m->recipient_count;
}
