/* SPDX-License-Identifier: MIT */
#include "upstream/transaction.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "message/xtext.h"
#include "upstream/session.h"
#include "upstream/steps.h"

enum {
	LINE_MAX_BYTES = 2048, /* one command: ADDRESS_MAX, and parameters of 600 at most */
	ADDRESS_MAX = 512,
};

void transaction_drop(struct upstream *up)
{
	strbuf_done(&up->tx.commands);
	reply_done(&up->tx.refusal);
	up->tx = (struct transaction){ 0 };
}

static void finish(struct upstream *up, enum upstream_stage stage, const struct reply *reply,
		   bool uncertain)
{
	const struct upstream_transaction_events events = up->tx.events;
	struct reply told = { 0 };
	reply_copy(&told, reply); /* it may be the one that is dropped */
	transaction_drop(up);
	events.finished(events.arg, stage, &told, uncertain);
	reply_done(&told);
}

/* The transaction is over, the session goes on. */
static void complete(struct upstream *up, enum upstream_stage stage, const struct reply *reply)
{
	enum session_state state = up->state;
	finish(up, stage, reply, false);
	if (up->state == state)
		session_ready(up);
}

void transaction_lost(struct upstream *up, enum upstream_stage stage, const struct reply *reply,
		      bool uncertain)
{
	const struct transaction *tx = &up->tx;
	if (!tx->open)
		return;
	if (tx->refusal.code != 0)
		finish(up, tx->refusal_stage, &tx->refusal, false);
	else
		finish(up, stage, reply, uncertain);
}

static void keep_refusal(struct upstream *up, enum upstream_stage stage, const struct reply *reply)
{
	reply_copy(&up->tx.refusal, reply);
	up->tx.refusal_stage = stage;
}

/* RFC 5321 4.1.1.5: brings the server to the state in which MAIL is allowed again. */
static void reset(struct upstream *up)
{
	session_command(up, "RSET", SESSION_RSET);
}

void transaction_rset(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)reply;
	(void)lines;
	complete(up, up->tx.refusal_stage, &up->tx.refusal);
}

/* --- before anything is sent --------------------------------------------------------------- */

/*
 * "<local@domain>". The address is written from its struct, quoted as it needs; what could end the
 * command, or the path within it, is refused all the same: it would be somebody else's command.
 */
static bool add_path(struct strbuf *out, const struct address *a, bool utf8)
{
	size_t start;
	strbuf_addc(out, '<');
	start = out->n;
	address_append(out, a);
	if (out->overflow || out->n - start > ADDRESS_MAX || strpbrk(a->domain, " <>\"") != NULL)
		return false;
	struct str path = str_skip(strbuf_str(out), start);
	if (!utf8_is_clean(path) || (!utf8 && !utf8_is_ascii(path)))
		return false;
	strbuf_addc(out, '>');
	return !out->overflow;
}

static void add_xtext(struct strbuf *out, const char *parameter, const char *text)
{
	if (text == NULL)
		return;
	strbuf_adds(out, parameter);
	xtext_append(out, str_of(text));
}

static bool add_mail(struct strbuf *out, const struct ehlo *offers,
		     const struct upstream_message *m)
{
	strbuf_adds(out, "MAIL FROM:");
	if (!add_path(out, m->reverse_path, m->smtputf8))
		return false;
	if (offers->size)
		strbuf_addf(out, " SIZE=%" PRIu64, m->size);
	if (m->eight_bit)
		strbuf_adds(out, " BODY=8BITMIME");
	if (m->smtputf8)
		strbuf_adds(out, " SMTPUTF8");
	if (offers->dsn && m->ret != DSN_RET_UNSET)
		strbuf_addf(out, " RET=%s", dsn_ret_name(m->ret));
	if (offers->dsn)
		add_xtext(out, " ENVID=", m->envid);
	strbuf_adds(out, "\r\n");
	return true;
}

static bool add_rcpt(struct strbuf *out, const struct ehlo *offers, bool utf8,
		     const struct upstream_recipient *r)
{
	strbuf_adds(out, "RCPT TO:");
	if (address_is_null(r->address) || !add_path(out, r->address, utf8))
		return false;
	if (offers->dsn && r->dsn != NULL) {
		if (r->dsn->notify != 0) {
			strbuf_adds(out, " NOTIFY=");
			dsn_append_notify(out, r->dsn->notify);
		}
		add_xtext(out, " ORCPT=", r->dsn->orcpt);
	}
	strbuf_adds(out, "\r\n");
	return true;
}

static bool build_commands(struct upstream *up)
{
	struct transaction *tx = &up->tx;
	const struct upstream_message *m = &tx->message;
	struct strbuf *out = &tx->commands;
	strbuf_init(out, (m->recipient_count + 1) * LINE_MAX_BYTES);
	if (!add_mail(out, &up->offers, m))
		return false;
	for (size_t i = 0; i < m->recipient_count; i++)
		if (!add_rcpt(out, &up->offers, m->smtputf8, &m->recipients[i]))
			return false;
	tx->unsent = strbuf_str(out);
	return m->recipient_count != 0 && !out->overflow;
}

/* 5.x.y of RFC 3463 and RFC 6531 */
static bool refuse(struct upstream *up, unsigned subject, unsigned detail, const char *why)
{
	struct reply *refusal = &up->tx.refusal;
	struct strbuf text;
	strbuf_init(&text, 2048);
	strbuf_addf(&text, "%s: %s", up->relay, why);
	reply_set(refusal, REPLY_LOCAL_EXTENSION, strbuf_cstr(&text));
	memcpy(refusal->enhanced, (const unsigned[]){ 5, subject, detail }, sizeof(unsigned[3]));
	strbuf_done(&text);
	return false;
}

/* False when this message cannot go this way; the refusal says why. */
static bool admit(struct upstream *up)
{
	struct transaction *tx = &up->tx;
	const struct upstream_message *m = &tx->message;
	char text[160];
	tx->refusal_stage = STAGE_MAIL;
	if (!build_commands(up)) {
		reply_set(&tx->refusal, REPLY_LOCAL_MESSAGE,
			  "an address of the message is not fit to be sent");
		return false;
	}
	/* Conversion required but not supported. */
	if (m->eight_bit && !up->offers.eight_bit)
		return refuse(up, 6, 3, "offers no 8BITMIME, which this message needs");
	/* Non-ASCII addresses not permitted: the code that says most, even if it is the header. */
	if (m->smtputf8 && !up->offers.smtputf8)
		return refuse(up, 6, 7, "offers no SMTPUTF8, which this message needs");
	if (up->offers.size_max != 0 && m->size > up->offers.size_max) {
		snprintf(text, sizeof(text),
			 "552 5.3.4 the message has %" PRIu64 " bytes, more than the %" PRIu64
			 " that this server takes",
			 m->size, up->offers.size_max);
		/* RFC 1870 6.1: message too big for system. */
		return refuse(up, 3, 4, text);
	}
	return true;
}

void transaction_unsent(struct upstream *up)
{
	if (up->state == SESSION_UNSENT)
		complete(up, up->tx.refusal_stage, &up->tx.refusal);
}

/* --- MAIL and RCPT ------------------------------------------------------------------------- */

static void send_line(struct upstream *up)
{
	struct transaction *tx = &up->tx;
	ptrdiff_t end = str_chr(tx->unsent, '\n');
	struct str line = str_head(tx->unsent, (size_t)(end + 1));
	tx->unsent = str_skip(tx->unsent, line.n);
	chat_send(up->chat, line, 1);
}

void upstream_send(struct upstream *up, const struct upstream_message *message,
		   const struct upstream_transaction_events *events)
{
	struct transaction *tx = &up->tx;
	assert(up->state == SESSION_READY && !tx->open);
	*tx = (struct transaction){ .open = true, .message = *message, .events = *events };
	if (!admit(up)) {
		session_enter(up, SESSION_UNSENT);
		session_defer(up, SESSION_TASK_UNSENT);
		return;
	}
	session_enter(up, SESSION_MAIL);
	/* RFC 2920 3.1: MAIL and RCPT may go out together; DATA waits, since it must not be sent
	 * when nobody was accepted. */
	if (up->offers.pipelining)
		chat_send(up->chat, tx->unsent, message->recipient_count + 1);
	else
		send_line(up);
}

void transaction_mail(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)reply;
	(void)lines;
	session_enter(up, SESSION_RCPT);
	if (!up->offers.pipelining)
		send_line(up);
}

void transaction_mail_refused(struct upstream *up, const struct reply *reply)
{
	keep_refusal(up, STAGE_MAIL, reply);
	if (up->offers.pipelining)
		session_enter(up, SESSION_SKIP);
	else
		reset(up);
}

void transaction_skip(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)lines;
	transaction_skip_refused(up, reply);
}

void transaction_skip_refused(struct upstream *up, const struct reply *reply)
{
	(void)reply;
	if (++up->tx.next < up->tx.message.recipient_count)
		session_enter(up, SESSION_SKIP);
	else
		reset(up);
}

static void take_rcpt_reply(struct upstream *up, const struct reply *reply, bool accepted)
{
	struct transaction *tx = &up->tx;
	size_t index = tx->next++;
	if (accepted)
		tx->accepted++;
	session_enter(up, SESSION_RCPT);
	tx->events.recipient(tx->events.arg, index, reply);
	if (up->state != SESSION_RCPT)
		return;
	if (tx->next < tx->message.recipient_count) {
		if (!up->offers.pipelining)
			send_line(up);
	} else if (tx->accepted != 0) {
		session_command(up, "DATA", SESSION_DATA);
	} else {
		keep_refusal(up, STAGE_RCPT, reply);
		reset(up);
	}
}

void transaction_rcpt(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)lines;
	take_rcpt_reply(up, reply, true);
}

void transaction_rcpt_refused(struct upstream *up, const struct reply *reply)
{
	take_rcpt_reply(up, reply, false);
}

/* --- DATA ---------------------------------------------------------------------------------- */

void transaction_data_refused(struct upstream *up, const struct reply *reply)
{
	keep_refusal(up, STAGE_DATA, reply);
	reset(up);
}

void transaction_data(struct upstream *up, const struct reply *reply, struct str lines)
{
	struct transaction *tx = &up->tx;
	(void)reply;
	(void)lines;
	session_enter(up, SESSION_CONTENT);
	body_out_init(&tx->body);
	if (!body_out_add(&tx->body, tx->message.header, chat_output(up->chat))) {
		session_fail(up, REPLY_LOCAL_MESSAGE,
			     "not sent: the message's header has a bare CR, LF or NUL");
		return;
	}
	transaction_pump(up);
}

/*
 * The time-out is about the server's taking a block of data. So it runs from when there is one
 * until it is gone, and not while the owner reads the next one from its disk.
 */
void transaction_pump(struct upstream *up)
{
	struct transaction *tx = &up->tx;
	if (up->state != SESSION_CONTENT || tx->wanted || chat_unsent(up->chat) > CHAT_LOW)
		return;
	chat_set_timeout(up->chat, 0);
	tx->wanted = true;
	tx->events.want_data(tx->events.arg);
}

bool upstream_data(struct upstream *up, struct str chunk)
{
	struct transaction *tx = &up->tx;
	if (up->state != SESSION_CONTENT)
		return false;
	if (!body_out_add(&tx->body, chunk, chat_output(up->chat))) {
		session_give_up(up, REPLY_LOCAL_MESSAGE,
				"not sent: the message has a bare CR, LF or NUL");
		return false;
	}
	tx->wanted = false;
	if (!chat_timeout_runs(up->chat))
		chat_set_timeout(up->chat, session_row(SESSION_CONTENT)->timeout_ms);
	/* With more than that unsent, the connection itself tells when it has drained. */
	if (chat_unsent(up->chat) <= CHAT_LOW)
		session_defer(up, SESSION_TASK_PUMP);
	return true;
}

void upstream_data_end(struct upstream *up)
{
	struct transaction *tx = &up->tx;
	if (up->state != SESSION_CONTENT)
		return;
	if (body_out_is_torn(&tx->body)) {
		session_give_up(up, REPLY_LOCAL_MESSAGE, "not sent: the message ends in a bare CR");
		return;
	}
	tx->early = chat_has_input(up->chat);
	body_out_end(&tx->body, chat_output(up->chat));
	chat_ask(up->chat);
	session_enter(up, SESSION_FINAL);
}

/* A reply to a dot that the server cannot have seen yet. */
static bool is_early(const struct upstream *up)
{
	return up->tx.early || chat_unsent(up->chat) != 0;
}

void transaction_final(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)lines;
	if (is_early(up))
		session_fail(up, REPLY_LOCAL_PROTOCOL, "took the message before it was complete");
	else
		complete(up, STAGE_DATA, reply);
}

void transaction_final_refused(struct upstream *up, const struct reply *reply)
{
	/* A refusal in the midst of the message counts, but what we still had to send would be
	 * taken for commands: the connection is of no more use. */
	if (is_early(up))
		session_end(up, reply);
	else
		complete(up, STAGE_DATA, reply);
}

void upstream_abort(struct upstream *up, const char *why)
{
	if (up->tx.open)
		session_give_up(up, REPLY_LOCAL_MESSAGE, why);
}
