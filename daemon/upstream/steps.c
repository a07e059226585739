/* SPDX-License-Identifier: MIT */
#include "upstream/steps.h"

#include "common/quote.h"
#include "upstream/connect.h"
#include "upstream/transaction.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	TEXT_MAX = 2048,
	SHOWN_MAX = 200, /* bytes of a peer's text inside one of ours */
};

static void quit_done(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)lines;
	session_end(up, reply);
}

/*
 * Time-outs: RFC 5321 4.5.3.2. Where a person's mail waits behind a connection that is not yet
 * one, ours are shorter: greeting, EHLO and AUTH a minute instead of five. From MAIL on they are
 * the RFC's, since a server that is slow there may already have the message.
 *
 * Columns: what is awaited, time-out, the stage a failure belongs to; the first and last code that
 * leads on and another one; where such a reply goes, where a refusal goes (NULL: it ends the
 * session).
 */
static const struct session_row rows[SESSION_STATE_COUNT] = {
	/* clang-format off */
	[SESSION_CONNECTING] = {"a connection", 30 * SECOND, STAGE_CONNECT, 0, 0, 0, NULL, NULL},
	[SESSION_GREETING] = {"the greeting", 60 * SECOND, STAGE_CONNECT,
		220, 220, 0, connect_greeted, NULL},
	[SESSION_EHLO] = {"the reply to EHLO", 60 * SECOND, STAGE_CONNECT,
		250, 250, 0, connect_ehlo, NULL},
	[SESSION_STARTTLS] = {"the reply to STARTTLS", 30 * SECOND, STAGE_CONNECT,
		220, 220, 0, connect_starttls, connect_starttls_refused},
	[SESSION_HANDSHAKE] = {"the TLS handshake", 30 * SECOND, STAGE_CONNECT, 0, 0, 0, NULL, NULL},
	[SESSION_EHLO_TLS] = {"the reply to EHLO", 60 * SECOND, STAGE_CONNECT,
		250, 250, 0, connect_ehlo_tls, NULL},
	[SESSION_AUTH] = {"the reply to AUTH", 60 * SECOND, STAGE_AUTH,
		334, 334, 0, connect_auth, NULL},
	[SESSION_AUTH_TOKEN] = {"the reply to the token", 60 * SECOND, STAGE_AUTH,
		235, 235, 334, connect_auth_token, NULL},
	[SESSION_AUTH_REFUSED] = {"the reply to AUTH", 60 * SECOND, STAGE_AUTH,
		0, 0, 0, NULL, connect_auth_refused},
	[SESSION_READY] = {"the next message", 0, STAGE_IDLE, 0, 0, 0, NULL, NULL},
	[SESSION_UNSENT] = {"the next message", 0, STAGE_IDLE, 0, 0, 0, NULL, NULL},
	[SESSION_MAIL] = {"the reply to MAIL", 5 * MINUTE, STAGE_MAIL,
		250, 259, 0, transaction_mail, transaction_mail_refused},
	[SESSION_RCPT] = {"the reply to RCPT", 5 * MINUTE, STAGE_RCPT,
		250, 259, 0, transaction_rcpt, transaction_rcpt_refused},
	[SESSION_SKIP] = {"the reply to RCPT", 5 * MINUTE, STAGE_IDLE,
		250, 259, 0, transaction_skip, transaction_skip_refused},
	[SESSION_RSET] = {"the reply to RSET", 60 * SECOND, STAGE_IDLE,
		250, 259, 0, transaction_rset, NULL},
	[SESSION_DATA] = {"the reply to DATA", 2 * MINUTE, STAGE_DATA,
		354, 354, 0, transaction_data, transaction_data_refused},
	[SESSION_CONTENT] = {"the server to take the message", 3 * MINUTE, STAGE_DATA,
		0, 0, 0, NULL, NULL},
	[SESSION_FINAL] = {"the reply to the message", 10 * MINUTE, STAGE_DATA,
		250, 259, 0, transaction_final, transaction_final_refused},
	[SESSION_QUIT] = {"the reply to QUIT", 5 * SECOND, STAGE_IDLE,
		221, 221, 0, quit_done, NULL},
	[SESSION_ENDED] = {"nothing", 0, STAGE_IDLE, 0, 0, 0, NULL, NULL},
	/* clang-format on */
};

const struct session_row *session_row(enum session_state state)
{
	return &rows[state];
}

static void unexpected(struct upstream *up, const struct reply *reply, bool asked)
{
	struct strbuf said, shown;
	strbuf_init(&said, REPLY_TEXT_MAX + 64);
	strbuf_init(&shown, TEXT_MAX);
	reply_append(&said, reply);
	quote_append(&shown, strbuf_str(&said), SHOWN_MAX);
	if (asked)
		session_fail(up, REPLY_LOCAL_PROTOCOL, "sent %s as %s", strbuf_cstr(&shown),
			     rows[up->state].awaited);
	else if (up->state == SESSION_CONTENT)
		session_fail(up, REPLY_LOCAL_PROTOCOL, "sent %s before the message was complete",
			     strbuf_cstr(&shown));
	else
		session_fail(up, REPLY_LOCAL_PROTOCOL, "sent %s without having been asked",
			     strbuf_cstr(&shown));
	strbuf_done(&said);
	strbuf_done(&shown);
}

static void dispatch(struct upstream *up, const struct reply *reply, struct str lines, bool asked)
{
	const struct session_row *row = &rows[up->state];
	bool leads_on =
		row->accepted != NULL && ((reply->code >= row->first && reply->code <= row->last) ||
					  reply->code == row->also);
	bool refusal = reply_class(reply) == 4 || reply_class(reply) == 5;

	/* RFC 5321 3.8: 421 may come at any time, asked for or not. And a server that will have no
	 * more of a message may say so in its midst. */
	bool due = asked || reply->code == 421 || (up->state == SESSION_CONTENT && refusal);

	if (due && leads_on)
		row->accepted(up, reply, lines);
	else if (due && refusal && row->refused != NULL && reply->code != 421)
		row->refused(up, reply);
	else if (due && refusal)
		session_end(up, reply);
	else
		unexpected(up, reply, asked);
}

static void on_reply(void *arg, const struct reply *reply, struct str lines, bool asked)
{
	struct upstream *up = arg;
	struct reply told = { 0 };
	session_frame_enter(up);
	reply_copy(&told, reply);
	/* Those outside of a transaction are told only with the session's end, which looks itself.
	 */
	if (up->tx.open)
		session_withhold(up, &told);
	dispatch(up, &told, lines, asked);
	reply_done(&told);
	session_frame_leave(up);
}

static void on_garbled(void *arg, const char *why, struct str line)
{
	struct upstream *up = arg;
	struct strbuf shown;
	session_frame_enter(up);
	strbuf_init(&shown, TEXT_MAX);
	quote_append(&shown, line, SHOWN_MAX);
	session_fail(up, REPLY_LOCAL_PROTOCOL, "sent %s: %s", why, strbuf_cstr(&shown));
	strbuf_done(&shown);
	session_frame_leave(up);
}

static void on_lost(void *arg, const char *why)
{
	struct upstream *up = arg;
	session_frame_enter(up);
	if (why[0] == '\0')
		session_fail(up, REPLY_LOCAL_LOST,
			     "the server closed the connection while we waited for %s",
			     rows[up->state].awaited);
	else
		session_fail(up, REPLY_LOCAL_LOST,
			     "the connection was lost while we waited for %s: %s",
			     rows[up->state].awaited, why);
	session_frame_leave(up);
}

static void on_silent(void *arg)
{
	struct upstream *up = arg;
	session_frame_enter(up);
	session_fail(up, REPLY_LOCAL_TIMEOUT, "waited %d s in vain for %s",
		     (int)(rows[up->state].timeout_ms / SECOND), rows[up->state].awaited);
	session_frame_leave(up);
}

static void on_drained(void *arg)
{
	struct upstream *up = arg;
	session_frame_enter(up);
	transaction_pump(up);
	session_frame_leave(up);
}

static void on_secured(void *arg)
{
	struct upstream *up = arg;
	session_frame_enter(up);
	connect_secured(up);
	session_frame_leave(up);
}

static void on_insecure(void *arg, const struct err *err)
{
	struct upstream *up = arg;
	session_frame_enter(up);
	session_fail(up, REPLY_LOCAL_TLS, "%s", err->text);
	session_frame_leave(up);
}

struct chat_events steps_chat_events(struct upstream *up)
{
	return (struct chat_events){
		.reply = on_reply,
		.garbled = on_garbled,
		.lost = on_lost,
		.silent = on_silent,
		.drained = on_drained,
		.secured = on_secured,
		.insecure = on_insecure,
		.arg = up,
	};
}
