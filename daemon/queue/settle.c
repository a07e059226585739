/* SPDX-License-Identifier: MIT */
#include "queue/settle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/quote.h"
#include "config/remedy.h"
#include "queue/internal.h"

/* What waits for its records to be durable. */
struct settlement {
	struct queue *q;
	struct queued *m;
	struct progress *records;
	size_t count;
};

static void finish_settlement(struct settlement *s)
{
	free(s->records);
	free(s);
}

/* --- after the disk ------------------------------------------------------------------------ */

static void on_removed(void *arg, const struct err *err)
{
	struct settlement *s = arg;
	struct queue *q = s->q;
	const struct msgid_text id = msgid_text(&s->m->id);
	/* A file that stays behind says itself that everybody has it: the next scan removes it. */
	if (err != NULL)
		log_warning("remove-failed", lf_str("msg", id.hex), lf_str("error", err->text));
	else
		log_info("removed", lf_str("msg", id.hex));
	queue_drop(q, s->m);
	finish_settlement(s);
	queue_note_idle(q);
}

static void place_by_state(struct queue *q, struct queued *m)
{
	bool anew = m->anew;
	m->anew = false;
	if (queued_count(m, PROGRESS_PENDING) == 0)
		queue_place(q, m, PLACE_PARKED);
	else if (m->due_ms == 0 || anew)
		queue_make_ready(q, m);
	else
		queue_place(q, m, PLACE_DUE);
	queue_note_idle(q);
}

/* The file is no longer there, or was moved to corrupt/: nothing can be sent or written. */
static void drop_unreadable(struct queue *q, struct queued *m, const char *why)
{
	log_error("message-unreadable", lf_str("msg", msgid_text(&m->id).hex),
		  lf_str("error", why));
	queue_drop(q, m);
	queue_note_idle(q);
}

static void on_recorded(void *arg, const struct err *err)
{
	struct settlement *s = arg;
	struct queue *q = s->q;
	struct queued *m = s->m;
	if (err != NULL && (err->code == ENOENT || err->code == EBADMSG)) {
		drop_unreadable(q, m, err->text);
		finish_settlement(s);
		return;
	}
	if (err != NULL) {
		log_error("record-failed", lf_str("msg", msgid_text(&m->id).hex),
			  lf_str("error", err->text),
			  lf_str("remedy", "make room, or mend the disk: until then this message "
					   "is not sent again"));
		m->unrecorded = true;
		m->due_ms = clock_mono_ms() + RECORD_RETRY_MS;
		queue_place(q, m, PLACE_DUE);
		finish_settlement(s);
		queue_note_idle(q);
		return;
	}
	m->generation += (uint32_t)s->count;
	queued_recorded(m);
	m->unrecorded = false;
	if (queued_is_done(m)) {
		q->spool->ops->remove(q->spool, &m->id, on_removed, s);
		return;
	}
	finish_settlement(s);
	place_by_state(q, m);
}

static void record(struct queue *q, struct queued *m)
{
	struct settlement *s = mem_zalloc(sizeof(*s));
	/* Of a release the time is kept: it is over, so the message's turn is still now. */
	int64_t next =
		m->due_ms != 0 ? clock_wall_ms() + (m->due_ms - clock_mono_ms()) : m->free_ms;
	s->q = q;
	s->m = m;
	s->records = mem_zalloc(m->recipient_count * sizeof(*s->records));
	s->count = queued_records(m, next, s->records);
	q->spool->ops->update(q->spool, &m->id, m->generation, s->records, s->count, true,
			      on_recorded, s);
}

void settle_record_again(struct queue *q, struct queued *m)
{
	queue_place(q, m, PLACE_ACTIVE);
	m->due_ms = 0;
	record(q, m);
}

/* --- before the disk ----------------------------------------------------------------------- */

static void log_recipient(const struct queued *m, const struct account_config *account,
			  const struct delivery_result *result, const struct recipient_outcome *r)
{
	struct strbuf to, reply, dsn, remedy;
	strbuf_init(&to, 1024);
	strbuf_init(&reply, 4096);
	strbuf_init(&dsn, 32);
	strbuf_init(&remedy, 4096);
	address_append(&to, &m->recipients[r->recipient].address);
	reply_append(&reply, r->reply);
	reply_append_dsn(&dsn, r->reply);
	if (r->rule->remedy != NULL)
		remedy_append(&remedy, r->rule->remedy, account);
	else if (r->expired)
		strbuf_adds(&remedy, "queue.lifetime has passed; the mail is kept as failed");
	const char *status = outcome_status(r, result->uncertain);
	const struct log_field fields[] = {
		lf_str("msg", msgid_text(&m->id).hex),
		lf_slice("to", strbuf_str(&to)),
		lf_str("relay", account->host),
		lf_str("account", account->name),
		lf_int("attempts", m->recipients[r->recipient].attempts),
		lf_int("delay", (clock_wall_ms() - m->accepted_ms) / 1000),
		lf_slice("dsn", strbuf_str(&dsn)),
		lf_str("status", status),
		lf_slice("reply", strbuf_str(&reply)),
		lf_slice("remedy", strbuf_str(&remedy)),
	};
	bool bad = r->state == PROGRESS_FAILED || strcmp(status, "held") == 0;
	log_event(bad ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "delivery", fields,
		  ARRAY_LEN(fields) - (remedy.n == 0 ? 1 : 0));
	strbuf_done(&to);
	strbuf_done(&reply);
	strbuf_done(&dsn);
	strbuf_done(&remedy);
}

void settle_log_uncertain(const struct queued *m, const struct queued_recipient *r, const char *why)
{
	struct strbuf to, reason;
	strbuf_init(&to, 1024);
	strbuf_init(&reason, 256);
	address_append(&to, &r->address);
	strbuf_addf(&reason, "%s; %s", why,
		    r->state == PROGRESS_HELD ? "kept, because the mail may have arrived"
					      : "sent again, so the mail may arrive twice");
	log_warning("uncertain", lf_str("msg", msgid_text(&m->id).hex),
		    lf_slice("to", strbuf_str(&to)), lf_slice("reason", strbuf_str(&reason)));
	strbuf_done(&to);
	strbuf_done(&reason);
}

static void set_reply(struct queued_recipient *to, const struct reply *reply)
{
	struct strbuf raw, safe;
	strbuf_init(&raw, REPLY_TEXT_MAX + 64);
	strbuf_init(&safe, 4096);
	reply_append(&raw, reply);
	quote_append_bare(&safe, strbuf_str(&raw), 512);
	mem_replace_str(&to->reply, strbuf_cstr(&safe));
	strbuf_done(&raw);
	strbuf_done(&safe);
}

static void apply(struct queue *q, struct queued *m, const struct account_config *account,
		  const struct delivery_result *result, const struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->count; i++) {
		const struct recipient_outcome *r = &outcome->recipients[i];
		struct queued_recipient *to = &m->recipients[r->recipient];
		to->state = (uint8_t)r->state;
		to->attempts = m->attempts;
		set_reply(to, r->reply);
		q->delivered_total += r->state == PROGRESS_SENT;
		q->failed_total += r->state == PROGRESS_FAILED;
		log_recipient(m, account, result, r);
		if (result->uncertain && r->rule->verdict != VERDICT_FAIL)
			settle_log_uncertain(
				m, to, "the connection ended before the reply to the final dot");
	}
}

void settle(struct queue *q, struct queued *m, const struct account *account,
	    const struct delivery_result *result, const struct outcome *outcome)
{
	if (outcome->next == NEXT_DROP) {
		drop_unreadable(q, m, result->reply.text);
		return;
	}
	if (outcome->counted)
		m->attempts++;
	m->reconnected = outcome->reconnected && !outcome->counted;
	apply(q, m, account_config_of(account), result, outcome);
	m->due_ms = outcome->next == NEXT_AT
			    ? clock_mono_ms() + (outcome->next_ms - clock_wall_ms())
			    : 0;
	/* An attempt that changed nothing that a crash must not forget needs no record. */
	if (!outcome->counted && !result->marked)
		place_by_state(q, m);
	else
		record(q, m);
}
