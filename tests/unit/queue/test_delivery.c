/* SPDX-License-Identifier: MIT */
/* WRAP: upstream_send upstream_data upstream_data_end upstream_abort */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "common/utf8.h"
#include "queue/delivery.h"

/*
 * The spool and the session are fakes that keep what they were asked; the test answers each
 * question when it wants to, in every order that real ones could.
 */
static struct {
	spool_done_cb *claim;
	spool_open_cb *open;
	spool_read_cb *header, *read;
	spool_done_cb *update;
	void *arg;
	struct progress marks[4];
	size_t mark_count;
	bool mark_synced, closed;
	struct upstream_message message;
	struct upstream_transaction_events events;
	bool sent, ended, aborted, data_ok;
	struct strbuf data;
	int reports;
	enum upstream_stage stage;
	unsigned code;
	bool uncertain, gone, marked;
	size_t count;
	uint32_t recipients[4];
} fake;

static void fake_claim(struct spool *spool, const struct msgid *id, int64_t until,
		       spool_done_cb *cb, void *arg)
{
	(void)spool;
	(void)id;
	(void)until;
	fake.claim = cb;
	fake.arg = arg;
}

static void fake_open(struct spool *spool, const struct msgid *id, spool_open_cb *cb, void *arg)
{
	(void)spool;
	(void)id;
	(void)arg;
	fake.open = cb;
}

static void fake_read_header(struct spool_reader *reader, spool_read_cb *cb, void *arg)
{
	(void)reader;
	(void)arg;
	fake.header = cb;
}

static void fake_read(struct spool_reader *reader, spool_read_cb *cb, void *arg)
{
	(void)reader;
	(void)arg;
	assert_null(fake.read); /* one at a time */
	fake.read = cb;
}

static void fake_close(struct spool_reader *reader)
{
	(void)reader;
	fake.closed = true;
}

static void fake_update(struct spool *spool, const struct msgid *id, uint32_t generation,
			const struct progress *records, size_t count, bool sync, spool_done_cb *cb,
			void *arg)
{
	(void)spool;
	(void)id;
	(void)generation;
	(void)arg;
	memcpy(fake.marks, records, count * sizeof(*records));
	fake.mark_count = count;
	fake.mark_synced = sync;
	fake.update = cb;
}

static const struct spool_ops ops = {
	.claim = fake_claim,
	.open = fake_open,
	.read_header = fake_read_header,
	.read = fake_read,
	.close = fake_close,
	.update = fake_update,
};
static struct spool spool = { .ops = &ops };

void __wrap_upstream_send(struct upstream *up, const struct upstream_message *message,
			  const struct upstream_transaction_events *events);
bool __wrap_upstream_data(struct upstream *up, struct str chunk);
void __wrap_upstream_data_end(struct upstream *up);
void __wrap_upstream_abort(struct upstream *up, const char *why);

void __wrap_upstream_send(struct upstream *up, const struct upstream_message *message,
			  const struct upstream_transaction_events *events)
{
	(void)up;
	fake.sent = true;
	fake.message = *message;
	fake.events = *events;
}

bool __wrap_upstream_data(struct upstream *up, struct str chunk)
{
	(void)up;
	strbuf_addstr(&fake.data, chunk);
	return fake.data_ok;
}

void __wrap_upstream_data_end(struct upstream *up)
{
	(void)up;
	fake.ended = true;
}

void __wrap_upstream_abort(struct upstream *up, const char *why)
{
	(void)up;
	(void)why;
	fake.aborted = true;
}

static void on_result(void *arg, const struct delivery_result *result)
{
	(void)arg;
	fake.reports++;
	fake.stage = result->stage;
	fake.code = result->reply.code;
	fake.uncertain = result->uncertain;
	fake.gone = result->gone;
	fake.marked = result->marked;
	fake.count = result->count;
	for (size_t i = 0; i < result->count && i < ARRAY_LEN(fake.recipients); i++)
		fake.recipients[i] = result->recipients[i];
}

/* --- one message, one account -------------------------------------------------------------- */

static char name[] = "scanner", mailbox[] = "m@x.y", host[] = "h", local[] = "a", domain[] = "b.c",
	    scan[] = "scan", printer[] = "printer.local", relay[] = "relay.x.y";

struct fixture {
	struct account_config account;
	struct config config;
	struct queued m;
	struct queued_recipient recipients[3];
	struct delivery *delivery;
};

static struct fixture *start(enum uncertain_rule rule)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	memset(&fake, 0, sizeof(fake));
	strbuf_init(&fake.data, 4096);
	fake.data_ok = true;
	f->account = (struct account_config){
		.name = name,
		.mailbox = mailbox,
		.host = host,
		.sender = SENDER_REWRITE,
		.limits = { .recipients = 2 },
	};
	f->config = (struct config){ .refs = 1, .hostname = relay, .accounts = &f->account };
	f->config.queue.on_uncertain = rule;
	f->m.recipients = f->recipients;
	f->m.recipient_count = 3;
	f->m.reverse_path = (struct address){ scan, printer };
	for (int i = 0; i < 3; i++)
		f->recipients[i].address = (struct address){ local, domain };
	f->recipients[0].state = PROGRESS_SENT;
	const struct delivery_params params = {
		.spool = &spool,
		.up = (struct upstream *)f, /* never looked into */
		.config = &f->config,
		.account = &f->account,
		.message = &f->m,
	};
	f->delivery = delivery_start(&params, on_result, NULL);
	return f;
}

static void finish(struct fixture *f)
{
	strbuf_done(&fake.data);
	assert_int_equal(f->config.refs, 1);
	free(f);
}

/* The file's; it lives as long as the reader. */
static struct envelope envelope;

static void open_and_send_header(const char *header)
{
	const struct spool_info info = {
		.stats = { .header_size = 20, .size = 50, .eight_bit_header = true },
	};
	fake.claim(fake.arg, NULL);
	fake.open(fake.arg, (struct spool_reader *)&fake, &info, &envelope, NULL);
	fake.header(fake.arg, str_of(header), NULL);
	assert_true(fake.sent);
}

static void open_and_send(void)
{
	open_and_send_header("From: scan@printer.local\r\n\r\n");
}

static void answer_read(struct str chunk)
{
	spool_read_cb *cb = fake.read;
	fake.read = NULL;
	cb(fake.arg, chunk, NULL);
}

static void transaction_finished(enum upstream_stage stage, unsigned code, bool uncertain)
{
	struct reply reply = { 0 };
	reply_set(&reply, code, "text");
	fake.events.finished(fake.arg, stage, &reply, uncertain);
	reply_done(&reply);
}

static void test_good_way(void **state)
{
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	open_and_send();
	/* only who has not got it yet, as the mailbox, with the size of what will be sent */
	assert_int_equal(fake.message.recipient_count, 2);
	assert_string_equal(fake.message.reverse_path->domain, "x.y");
	assert_true(str_starts(fake.message.header, STR("From: m@x.y\r\n")));
	assert_int_equal(fake.message.size, fake.message.header.n + 30);
	fake.events.want_data(fake.arg);
	assert_int_equal(fake.mark_count, 1);
	assert_int_equal(fake.marks[0].recipient, PROGRESS_MESSAGE);
	assert_int_equal(fake.marks[0].state, PROGRESS_INFLIGHT);
	assert_false(fake.mark_synced);
	answer_read(STR("body\r\n"));
	assert_string_equal(strbuf_cstr(&fake.data), "body\r\n");
	fake.events.want_data(fake.arg);
	answer_read(STR(""));
	assert_false(fake.ended); /* not before the mark is written */
	fake.update(fake.arg, NULL);
	assert_true(fake.ended);
	assert_int_equal(f->m.generation, 1);
	transaction_finished(STAGE_DATA, 250, false);
	assert_int_equal(fake.reports, 1);
	assert_int_equal(fake.code, 250);
	assert_true(fake.marked);
	assert_true(fake.closed);
	finish(f);
}

/* What the file says besides addresses goes with those recipients whom it was said about. */
static void test_extensions(void **state)
{
	struct fixture *f = start(UNCERTAIN_RETRY);
	struct dsn_request asked[] = { { DSN_NEVER, NULL }, { DSN_DELAY, NULL } };
	char envid[] = "Q1";
	struct envelope_recipient recipients[] = {
		{ { local, domain }, &asked[0] },
		{ { local, domain }, NULL },
		{ { local, domain }, &asked[1] },
	};
	(void)state;
	envelope = (struct envelope){
		.recipients = recipients,
		.recipient_count = 3,
		.ret = DSN_RET_HDRS,
		.envid = envid,
	};
	open_and_send(); /* recipients 1 and 2 */
	assert_null(fake.message.recipients[0].dsn);
	assert_ptr_equal(fake.message.recipients[1].dsn, &asked[1]);
	assert_int_equal(fake.message.ret, DSN_RET_HDRS);
	assert_string_equal(fake.message.envid, "Q1");
	assert_false(fake.message.smtputf8);
	transaction_finished(STAGE_MAIL, 451, false);
	finish(f);
	envelope = (struct envelope){ 0 };
}

/* An address needs it, or a header that came with it; a rewritten sender does not. */
static void test_smtputf8(void **state)
{
	static const struct {
		const char *sender, *recipient, *header;
		enum sender_rule rule;
		bool asked, needed;
	} rows[] = {
		{ "a", "b", "From: \xc3\xbc@b.c\r\n\r\n", SENDER_KEEP, false, false },
		{ "a", "b", "From: \xc3\xbc@b.c\r\n\r\n", SENDER_KEEP, true, true },
		{ "a", "b", "From: \xc3\xbc@b.c\r\n\r\n", SENDER_REWRITE, true, false },
		{ "a", "b", "To: \xc3\xbc@b.c\r\n\r\n", SENDER_REWRITE, true, true },
		{ "a", "\xc3\xbc", "\r\n", SENDER_KEEP, false, true },
		{ "\xc3\xbc", "b", "From: a@b.c\r\n\r\n", SENDER_KEEP, false, true },
		{ "\xc3\xbc", "b", "\r\n", SENDER_REWRITE, false, false },
		{ "\xc3\xbc", "\xc3\xbc", "\r\n", SENDER_REWRITE, false, true },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = start(UNCERTAIN_RETRY);
		char sender[8], recipient[8];
		snprintf(sender, sizeof(sender), "%s", rows[i].sender);
		snprintf(recipient, sizeof(recipient), "%s", rows[i].recipient);
		f->account.sender = rows[i].rule;
		f->m.reverse_path = (struct address){ sender, domain };
		f->recipients[2].address = (struct address){ recipient, domain };
		envelope.smtputf8 = rows[i].asked;
		open_and_send_header(rows[i].header);
		assert_int_equal(fake.message.smtputf8, rows[i].needed);
		assert_int_equal(fake.message.eight_bit, !utf8_is_ascii(fake.message.header));
		transaction_finished(STAGE_MAIL, 451, false);
		finish(f);
	}
	envelope.smtputf8 = false;
}

/* More recipients than one transaction takes: only those of this one are marked. */
static void test_mark_of_some(void **state)
{
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	f->recipients[0].state = PROGRESS_PENDING; /* three now, chosen were two */
	open_and_send();
	fake.events.want_data(fake.arg);
	assert_int_equal(fake.mark_count, 2);
	assert_int_equal(fake.marks[0].recipient, 1);
	assert_int_equal(fake.marks[1].recipient, 2);
	fake.update(fake.arg, NULL);
	assert_int_equal(f->m.generation, 2);
	transaction_finished(STAGE_DATA, 250, false);
	finish(f);
}

static void test_mark_is_synced_where_uncertain_is_held(void **state)
{
	struct fixture *f = start(UNCERTAIN_HOLD);
	(void)state;
	open_and_send();
	fake.events.want_data(fake.arg);
	assert_true(fake.mark_synced);
	fake.update(fake.arg, NULL);
	transaction_finished(STAGE_DATA, 451, false);
	finish(f);
}

/* The report waits for the mark: two updates of one file must never be under way at once. */
static void test_end_before_the_mark_is_written(void **state)
{
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	open_and_send();
	fake.events.want_data(fake.arg);
	transaction_finished(STAGE_DATA, REPLY_LOCAL_LOST, false);
	assert_int_equal(fake.reports, 0);
	fake.update(fake.arg, NULL);
	assert_int_equal(fake.reports, 1);
	assert_false(fake.ended);
	finish(f);
}

static void test_no_dot_without_a_mark(void **state)
{
	struct err err;
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	open_and_send();
	fake.events.want_data(fake.arg);
	answer_read(STR(""));
	err_errno(&err, ENOSPC, "update");
	fake.update(fake.arg, &err);
	assert_false(fake.ended);
	assert_true(fake.aborted);
	transaction_finished(STAGE_DATA, REPLY_LOCAL_LOST, false);
	assert_int_equal(fake.reports, 1);
	finish(f);
}

/* The file has gone when the mark is to be written: the message cannot be kept in the queue. */
static void test_mark_without_a_file(void **state)
{
	struct err err;
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	open_and_send();
	fake.events.want_data(fake.arg);
	answer_read(STR(""));
	err_errno(&err, ENOENT, "update");
	fake.update(fake.arg, &err);
	assert_true(fake.aborted);
	transaction_finished(STAGE_DATA, REPLY_LOCAL_MESSAGE, false);
	assert_true(fake.gone);
	finish(f);
}

/* Whom a delivery that is begun now would send to: fake.recipients. */
static void choose_anew(struct fixture *f)
{
	struct err err;
	const struct delivery_params params = {
		.spool = &spool,
		.up = (struct upstream *)f,
		.config = &f->config,
		.account = &f->account,
		.message = &f->m,
	};
	f->delivery = delivery_start(&params, on_result, NULL);
	fake.claim(fake.arg, NULL);
	err_errno(&err, EIO, "open");
	fake.open(fake.arg, NULL, NULL, NULL, &err);
}

/* Two at a time, of three that are pending: who was put off does not keep the third out. */
static void test_recipients_take_turns(void **state)
{
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	delivery_free(f->delivery);
	fake.claim(fake.arg, NULL); /* what is under way finds it finished */
	f->recipients[0].state = PROGRESS_PENDING;
	f->recipients[0].attempts = f->recipients[1].attempts = f->m.attempts = 1;
	choose_anew(f);
	assert_int_equal(fake.count, 2);
	assert_int_equal(fake.recipients[0], 2);
	assert_int_equal(fake.recipients[1], 0);
	finish(f);
}

/* Recipients who need SMTPUTF8 do not share a transaction with those who do not. */
static void test_utf8_recipients_go_apart(void **state)
{
	struct fixture *f = start(UNCERTAIN_RETRY);
	char utf8[] = "\xc3\xbc";
	(void)state;
	delivery_free(f->delivery);
	fake.claim(fake.arg, NULL);
	f->account.limits.recipients = 3;
	f->recipients[0].state = PROGRESS_PENDING;
	f->recipients[1].address.local = utf8;
	choose_anew(f);
	assert_int_equal(fake.count, 2);
	assert_int_equal(fake.recipients[0], 0);
	assert_int_equal(fake.recipients[1], 2);
	/* Those two were put off; now it is the other's turn. */
	f->recipients[0].attempts = f->recipients[2].attempts = f->m.attempts = 1;
	choose_anew(f);
	assert_int_equal(fake.count, 1);
	assert_int_equal(fake.recipients[0], 1);
	finish(f);
}

static void test_damaged_content_is_never_ended(void **state)
{
	struct err err;
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	open_and_send();
	fake.events.want_data(fake.arg);
	fake.update(fake.arg, NULL);
	err_errno(&err, EBADMSG, "checksum");
	spool_read_cb *cb = fake.read;
	fake.read = NULL;
	cb(fake.arg, STR(""), &err);
	assert_true(fake.aborted);
	assert_false(fake.ended);
	transaction_finished(STAGE_DATA, REPLY_LOCAL_LOST, false);
	assert_true(fake.gone);
	finish(f);
}

static void test_missing_file(void **state)
{
	struct err err;
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	fake.claim(fake.arg, NULL);
	err_errno(&err, ENOENT, "open");
	fake.open(fake.arg, NULL, NULL, NULL, &err);
	assert_int_equal(fake.reports, 1);
	assert_int_equal(fake.code, REPLY_LOCAL_MESSAGE);
	assert_true(fake.gone);
	assert_false(fake.sent);
	finish(f);
}

/* The session dies while the file is being opened: told at once, and the open job still ends well.
 */
static void test_session_lost_while_opening(void **state)
{
	const struct spool_info info = { .stats = { .size = 1 } };
	struct reply reply = { 0 };
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	fake.claim(fake.arg, NULL);
	reply_set(&reply, REPLY_LOCAL_LOST, "lost");
	delivery_session_lost(f->delivery, &reply);
	reply_done(&reply);
	assert_int_equal(fake.reports, 1);
	assert_int_equal(fake.stage, STAGE_MAIL);
	fake.open(fake.arg, (struct spool_reader *)&fake, &info, &envelope, NULL);
	assert_true(fake.closed);
	assert_false(fake.sent);
	assert_int_equal(fake.reports, 1);
	finish(f);
}

static void test_freed_while_the_mark_is_written(void **state)
{
	struct fixture *f = start(UNCERTAIN_RETRY);
	(void)state;
	open_and_send();
	fake.events.want_data(fake.arg);
	delivery_free(f->delivery);
	fake.update(fake.arg, NULL);
	assert_int_equal(fake.reports, 0);
	assert_true(fake.closed);
	finish(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_way),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_smtputf8),
		cmocka_unit_test(test_mark_of_some),
		cmocka_unit_test(test_mark_is_synced_where_uncertain_is_held),
		cmocka_unit_test(test_end_before_the_mark_is_written),
		cmocka_unit_test(test_no_dot_without_a_mark),
		cmocka_unit_test(test_mark_without_a_file),
		cmocka_unit_test(test_recipients_take_turns),
		cmocka_unit_test(test_utf8_recipients_go_apart),
		cmocka_unit_test(test_damaged_content_is_never_ended),
		cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_session_lost_while_opening),
		cmocka_unit_test(test_freed_while_the_mark_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
