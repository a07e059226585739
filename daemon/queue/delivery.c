/* SPDX-License-Identifier: MIT */
#include "queue/delivery.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/utf8.h"
#include "message/header.h"

enum {
	CLAIM_MS = 60 * 60 * 1000, /* longer than RFC 5321's time-outs let one attempt last */
	HEADER_ROOM = 16 * 1024,   /* what editing may add to a header */
};

struct delivery {
	struct delivery_params params;
	delivery_cb *cb;
	void *arg;
	struct spool_reader *reader;
	struct strbuf header;
	struct address sender; /* MAIL FROM, when rewritten */
	struct upstream_message message;
	const struct envelope *envelope; /* the reader's */
	struct upstream_recipient *wire_recipients;
	struct progress *marks;
	size_t mark_count;
	struct spool_info info;
	struct delivery_result result;
	bool sending; /* upstream_send() was called: its `finished` will come */
	bool opening; /* a job is under way that will hand over the reader */
	bool mark_asked;
	bool reading;
	bool content_done;
	bool wants_more; /* the connection has room */
	bool finished;	 /* result is complete */
	bool reported;
};

static void destroy(struct delivery *d)
{
	if (d->reader != NULL)
		d->params.spool->ops->close(d->reader);
	for (size_t i = 0; i < d->result.count; i++)
		reply_done(&d->result.replies[i]);
	reply_done(&d->result.reply);
	free(d->result.replies);
	free(d->result.recipients);
	free(d->wire_recipients);
	free(d->marks);
	address_done(&d->sender);
	strbuf_done(&d->header);
	config_unref(d->params.config);
	free(d);
}

static bool mark_pending(const struct delivery *d)
{
	return d->mark_asked && !d->result.marked;
}

/* The report waits for the mark's job, so that no two updates of one file are under way at once;
 * the end of the struct waits for every job that still points at it. */
static void settle(struct delivery *d)
{
	if (!d->finished || mark_pending(d))
		return;
	if (!d->reported) {
		d->reported = true;
		if (d->cb != NULL)
			d->cb(d->arg, &d->result);
	}
	if (!d->opening)
		destroy(d);
}

static void finish(struct delivery *d, enum upstream_stage stage, const struct reply *reply,
		   bool uncertain)
{
	d->result.stage = stage;
	reply_done(&d->result.reply);
	reply_copy(&d->result.reply, reply);
	d->result.uncertain = uncertain;
	d->finished = true;
	settle(d);
}

static void note_gone(struct delivery *d, const struct err *err)
{
	d->result.gone = err->code == ENOENT || err->code == EBADMSG;
}

static void finish_unreadable(struct delivery *d, const struct err *err)
{
	struct reply reply = { 0 };
	note_gone(d, err);
	if (d->sending) {
		/* The transaction reports its end; `gone` is remembered. */
		upstream_abort(d->params.up, err->text);
		return;
	}
	reply_set(&reply, REPLY_LOCAL_MESSAGE, err->text);
	finish(d, STAGE_MAIL, &reply, false);
	reply_done(&reply);
}

/* --- content ------------------------------------------------------------------------------- */

static void try_end(struct delivery *d)
{
	if (d->content_done && d->result.marked && d->wants_more && !d->finished) {
		d->wants_more = false;
		upstream_data_end(d->params.up);
	}
}

static void on_marked(void *arg, const struct err *err)
{
	struct delivery *d = arg;
	d->result.marked = true;
	if (err == NULL && d->cb != NULL)
		d->params.message->generation += (uint32_t)d->mark_count;
	if (err != NULL)
		note_gone(d, err);
	if (d->finished) {
		settle(d);
		return;
	}
	/* Without its mark a crash in the next moments could not be told from one before the dot.
	 */
	if (err != NULL)
		upstream_abort(d->params.up, err->text);
	else
		try_end(d);
}

static void write_mark(struct delivery *d)
{
	struct queued *m = d->params.message;
	bool all = d->result.count == queued_count(m, PROGRESS_PENDING);
	d->mark_count = all ? 1 : d->result.count;
	d->marks = mem_zalloc(d->mark_count * sizeof(*d->marks));
	for (size_t i = 0; i < d->mark_count; i++)
		d->marks[i] = (struct progress){
			.recipient = all ? PROGRESS_MESSAGE : d->result.recipients[i],
			.state = PROGRESS_INFLIGHT,
			.attempts = m->attempts,
		};
	d->mark_asked = true;
	d->params.spool->ops->update(
		d->params.spool, &m->id, m->generation, d->marks, d->mark_count,
		d->params.config->queue.on_uncertain == UNCERTAIN_HOLD, on_marked, d);
}

static void on_chunk(void *arg, struct str chunk, const struct err *err);

static void read_on(struct delivery *d)
{
	if (d->reading || d->content_done || !d->wants_more)
		return;
	d->reading = true;
	d->params.spool->ops->read(d->reader, on_chunk, d);
}

static void on_chunk(void *arg, struct str chunk, const struct err *err)
{
	struct delivery *d = arg;
	d->reading = false;
	if (d->finished)
		return;
	if (err != NULL) {
		finish_unreadable(d, err);
		return;
	}
	if (chunk.n == 0) {
		d->content_done = true;
		try_end(d);
		return;
	}
	/* The next want_data comes when this has drained; false means that `finished` comes. */
	d->wants_more = false;
	if (!upstream_data(d->params.up, chunk))
		d->content_done = true;
}

static void on_want_data(void *arg)
{
	struct delivery *d = arg;
	d->wants_more = true;
	if (!d->mark_asked)
		write_mark(d);
	read_on(d);
	try_end(d);
}

/* --- transaction --------------------------------------------------------------------------- */

static void on_recipient(void *arg, size_t index, const struct reply *reply)
{
	struct delivery *d = arg;
	reply_done(&d->result.replies[index]);
	reply_copy(&d->result.replies[index], reply);
}

static void on_finished(void *arg, enum upstream_stage stage, const struct reply *reply,
			bool uncertain)
{
	finish(arg, stage, reply, uncertain);
}

/* What the client asked for besides the addresses is in the file alone, and not in the index. */
static void choose_extensions(struct delivery *d)
{
	const struct envelope *e = d->envelope;
	/* As it has been edited: a From may have lost its UTF-8, or one that has it been added. */
	bool header = !utf8_is_ascii(strbuf_str(&d->header));
	bool utf8 = !address_is_ascii(d->message.reverse_path) ||
		    (e->smtputf8 && d->info.stats.eight_bit_header && header);
	for (size_t i = 0; i < d->result.count; i++) {
		uint32_t index = d->result.recipients[i];
		const struct address *a = &d->params.message->recipients[index].address;
		d->wire_recipients[i] = (struct upstream_recipient){
			.address = a,
			.dsn = index < e->recipient_count ? e->recipients[index].dsn : NULL,
		};
		utf8 = utf8 || !address_is_ascii(a);
	}
	d->message.smtputf8 = utf8;
	d->message.eight_bit = d->info.stats.eight_bit || header;
	d->message.ret = e->ret;
	d->message.envid = e->envid;
}

static void send_message(struct delivery *d)
{
	const struct upstream_transaction_events events = {
		.recipient = on_recipient,
		.want_data = on_want_data,
		.finished = on_finished,
		.arg = d,
	};
	choose_extensions(d);
	d->message.recipients = d->wire_recipients;
	d->message.recipient_count = d->result.count;
	d->message.header = strbuf_str(&d->header);
	d->message.size = d->header.n + (d->info.stats.size - d->info.stats.header_size);
	d->sending = true;
	upstream_send(d->params.up, &d->message, &events);
}

static bool may_stay(const void *arg, struct str address)
{
	const struct account_config *account = arg;
	return str_ieq(address, str_of(account->mailbox)) ||
	       config_pattern_matches(&account->send_as, address);
}

static bool choose_sender(struct delivery *d)
{
	const struct account_config *account = d->params.account;
	const struct address *original = &d->params.message->reverse_path;
	struct strbuf text;
	struct err err;
	strbuf_init(&text, 1024);
	address_append(&text, original);
	bool stays = account->sender == SENDER_KEEP ||
		     (text.n != 0 && may_stay(account, strbuf_str(&text)));
	strbuf_done(&text);
	d->message.reverse_path = stays ? original : &d->sender;
	return stays || address_parse(str_of(account->mailbox), &d->sender, &err);
}

static bool edit_header(struct delivery *d, struct str header)
{
	const struct account_config *account = d->params.account;
	const struct msgid_text id = msgid_text(&d->params.message->id);
	struct strbuf from;
	strbuf_init(&from, 1024);
	address_append(&from, &d->params.message->reverse_path);
	const struct header_edit edit = {
		.mailbox = account->sender == SENDER_REWRITE ? account->mailbox : NULL,
		.from = strbuf_cstr(&from),
		.may_stay = may_stay,
		.arg = account,
		.id = id.hex,
		.hostname = d->params.config->hostname,
		.accepted_ms = d->params.message->accepted_ms,
	};
	strbuf_init(&d->header, header.n + HEADER_ROOM);
	bool edited = header_edit(header, &edit, &d->header);
	strbuf_done(&from);
	return edited;
}

static void on_header(void *arg, struct str header, const struct err *err)
{
	struct delivery *d = arg;
	struct err own;
	if (err != NULL) {
		finish_unreadable(d, err);
		return;
	}
	if (!choose_sender(d) || !edit_header(d, header)) {
		err_set(&own, "the message's header cannot be rewritten for account %s",
			d->params.account->name);
		finish_unreadable(d, &own);
		return;
	}
	send_message(d);
}

static void on_open(void *arg, struct spool_reader *reader, const struct spool_info *info,
		    const struct envelope *envelope, const struct err *err)
{
	struct delivery *d = arg;
	d->opening = false;
	d->reader = reader;
	if (d->finished) {
		settle(d);
		return;
	}
	if (err != NULL) {
		finish_unreadable(d, err);
		return;
	}
	d->info = *info;
	d->envelope = envelope;
	d->params.spool->ops->read_header(reader, on_header, d);
}

static void on_claimed(void *arg, const struct err *err)
{
	struct delivery *d = arg;
	d->opening = false;
	if (d->finished) {
		settle(d);
		return;
	}
	if (err != NULL) {
		finish_unreadable(d, err);
		return;
	}
	d->opening = true;
	d->params.spool->ops->open(d->params.spool, &d->params.message->id, on_open, d);
}

/* Addresses that need SMTPUTF8 go apart from those that do not: a server without it takes nothing
 * of a transaction with both. */
static bool goes_along(const struct delivery *d, const struct address *a)
{
	const struct queued_recipient *all = d->params.message->recipients;
	return d->result.count == 0 ||
	       address_is_ascii(a) == address_is_ascii(&all[d->result.recipients[0]].address);
}

/* Those whose turn it is, or the others. */
static void add_recipients(struct delivery *d, bool turn, size_t count)
{
	const struct queued *m = d->params.message;
	for (uint32_t i = 0; i < m->recipient_count && d->result.count < count; i++) {
		const struct queued_recipient *r = &m->recipients[i];
		if (r->state == PROGRESS_PENDING && (r->attempts < m->attempts) == turn &&
		    goes_along(d, &r->address))
			d->result.recipients[d->result.count++] = i;
	}
}

static void choose_recipients(struct delivery *d)
{
	const struct queued *m = d->params.message;
	size_t max = (size_t)d->params.account->limits.recipients;
	size_t count = queued_count(m, PROGRESS_PENDING);
	if (count > max)
		count = max;
	d->result.recipients = mem_zalloc(count * sizeof(*d->result.recipients));
	d->result.replies = mem_zalloc(count * sizeof(*d->result.replies));
	d->wire_recipients = mem_zalloc(count * sizeof(*d->wire_recipients));
	/* Where one transaction cannot take all, those who are put off again and again must not
	 * keep the others out. */
	add_recipients(d, true, count);
	add_recipients(d, false, count);
}

struct delivery *delivery_start(const struct delivery_params *params, delivery_cb *cb, void *arg)
{
	struct delivery *d = mem_zalloc(sizeof(*d));
	d->params = *params;
	d->params.config = config_ref(params->config);
	d->cb = cb;
	d->arg = arg;
	choose_recipients(d);
	d->opening = true;
	params->spool->ops->claim(params->spool, &params->message->id, clock_wall_ms() + CLAIM_MS,
				  on_claimed, d);
	return d;
}

void delivery_session_lost(struct delivery *d, const struct reply *reply)
{
	/* Once sending, the transaction itself reports how it ended. */
	if (!d->sending)
		finish(d, STAGE_MAIL, reply, false);
}

void delivery_free(struct delivery *d)
{
	d->cb = NULL;
	d->finished = true;
	settle(d);
}
