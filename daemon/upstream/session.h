/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_UPSTREAM_SESSION_H
#define OAUTHRELAY_UPSTREAM_SESSION_H

#include <openssl/ssl.h>

#include "common/attr.h"
#include "common/secret.h"
#include "config/config.h"
#include "message/body_out.h"
#include "upstream/chat.h"
#include "upstream/ehlo.h"
#include "upstream/upstream.h"

struct dial;
struct event;

/*
 * What the parts of upstream/ share, and nobody else sees: the session's struct, its states, and
 * the functions that change them. session.c owns both, and is the only one that calls the owner's
 * callbacks of `events`. steps.c has the table of states and brings each reply to its step;
 * connect.c has the steps from the dialled descriptor to READY, transaction.c those from READY
 * through a message and back.
 *
 * A callback of the owner may free the session, or give it up. So after each the state is looked
 * at again; the struct itself stays until the outermost frame is left.
 */
enum session_state {
	SESSION_CONNECTING,
	SESSION_GREETING,
	SESSION_EHLO,
	SESSION_STARTTLS,
	SESSION_HANDSHAKE,
	SESSION_EHLO_TLS,
	SESSION_AUTH,
	SESSION_AUTH_TOKEN,
	SESSION_AUTH_REFUSED, /* the reply to the empty line behind a challenge */
	SESSION_READY,
	SESSION_UNSENT, /* upstream_send() was refused by ourselves; to be told on the next turn */
	SESSION_MAIL,
	SESSION_RCPT,
	SESSION_SKIP, /* MAIL was refused: replies to the RCPTs behind it */
	SESSION_RSET,
	SESSION_DATA,
	SESSION_CONTENT,
	SESSION_FINAL,
	SESSION_QUIT,
	SESSION_ENDED,
	SESSION_STATE_COUNT
};

/* What is to be done on the loop's next turn. */
enum session_task {
	SESSION_TASK_TLS = 1 << 0,
	SESSION_TASK_UNSENT = 1 << 1,
	SESSION_TASK_PUMP = 1 << 2,
	SESSION_TASK_READY = 1 << 3,
	SESSION_TASK_TELL = 1 << 4,
};

struct transaction {
	bool open;
	struct upstream_message message;
	struct upstream_transaction_events events;
	struct strbuf commands; /* MAIL and the RCPTs, a line each */
	struct str unsent;	/* of commands */
	size_t next;		/* whose reply comes next */
	size_t accepted;
	struct reply refusal; /* code 0: none yet; goes with refusal_stage */
	enum upstream_stage refusal_stage;
	struct body_out body;
	bool wanted; /* want_data was called and nothing has been given since */
	bool early;  /* bytes had come before the final dot was sent */
};

struct upstream {
	struct event_base *base;
	struct upstream_events events;
	enum session_state state;
	struct event *defer;
	unsigned tasks;
	struct dial *dial;
	struct chat *chat; /* NULL while connecting and after the end */

	char *host;
	unsigned port;
	char *login;
	char *ehlo_name;
	char *relay;
	enum upstream_tls tls;
	enum upstream_auth auth;
	SSL_CTX *context;
	struct secret token; /* until the end, as is sasl: replies are compared with both */
	struct secret sasl;
	struct reply challenge; /* 334 behind the token: a mechanism's own error text */

	struct ehlo offers;
	int64_t started_ms;
	int64_t auth_started_ms;
	struct transaction tx;

	struct reply end;
	enum upstream_stage end_stage;
	bool end_uncertain;
	bool freed;
	unsigned depth;
};

/* The only function that changes the state. It sets the state's time-out. */
void session_enter(struct upstream *up, enum session_state state);
void session_defer(struct upstream *up, enum session_task task);
/* Ends the session with this reply: from the loop, told at once. */
void session_end(struct upstream *up, const struct reply *reply);
/* The same with a local failure; "RELAY: " is put in front. */
void session_fail(struct upstream *up, enum reply_local code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The same from inside a call of the owner: told on the next turn. */
void session_give_up(struct upstream *up, enum reply_local code, const char *why);
/* Each may leave the session freed, or in another state. */
void session_tell_connected(struct upstream *up);
void session_tell_authenticated(struct upstream *up);
/* READY, and told so. */
void session_ready(struct upstream *up);
/* Sends one command line without its CR LF, asks for one reply and enters the state. */
void session_command(struct upstream *up, const char *line, enum session_state state);
/* Around everything that libevent calls: the struct stays until the outermost frame is left. */
void session_frame_enter(struct upstream *up);
void session_frame_leave(struct upstream *up);
/* Replaces the text of a reply that repeats the token, or what was made of it. */
void session_withhold(const struct upstream *up, struct reply *reply);

#endif
