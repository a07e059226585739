/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_UPSTREAM_UPSTREAM_H
#define OAUTHRELAY_UPSTREAM_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"
#include "common/str.h"
#include "message/address.h"
#include "message/dsn.h"
#include "message/reply.h"

struct account_config;
struct dialer;
struct event_base;
struct ssl_ctx_st;

/*
 * The client side of SMTP: one authenticated connection to a submission server, and the
 * transactions made on it one after another (RFC 5321, 3207, 4954; microsoft365.md 1.1 and 5).
 *
 * A session goes  CONNECTING -> GREETING -> EHLO -> STARTTLS -> TLS -> EHLO -> AUTH -> READY
 * and between READY and BUSY for each transaction, until it ends. It never sends a credential, or
 * mail where TLS is configured, without TLS and a verified certificate.
 *
 * Everything that goes wrong is told as a struct reply and the stage it happened in; what follows
 * from it is decided elsewhere (queue/reply_rules.h). Loop's thread. No callback is made from
 * inside a call into this module, and every callback may call upstream_free(). After `ended`, or
 * upstream_free(), no callback is made. SIGPIPE must be ignored by the process.
 *
 * Texts of local failures name the relay and what was awaited; what a server said in them is made
 * printable. No text of any reply holds the token, even where a server repeats it, at whatever
 * stage.
 */
struct upstream;

enum upstream_stage {
	STAGE_CONNECT, /* name, TCP, greeting, EHLO, STARTTLS, certificate */
	STAGE_AUTH,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA, /* from DATA to the reply to the final dot */
	STAGE_IDLE, /* between transactions */
};
const char *upstream_stage_name(enum upstream_stage stage);

struct upstream_events {
	/* TLS is up and verified; relay is "host[address]:port", tls "TLSv1.3" or "none"; took_ms
	 * from upstream_new() to the second EHLO's reply. */
	void (*connected)(void *arg, const char *relay, const char *tls, int64_t took_ms);
	void (*authenticated)(void *arg, const char *relay, int64_t took_ms);
	/* READY for a transaction; after authentication and after each transaction's `finished`. */
	void (*ready)(void *arg);
	/* The connection is over. Not called while a transaction is open: its `finished` comes
	 * first, and if it was the transaction that ended the session, stage and reply are the same
	 * in both. */
	void (*ended)(void *arg, enum upstream_stage stage, const struct reply *reply);
	void *arg;
};

struct upstream_params {
	struct event_base *base;
	struct dialer *dialer;
	struct ssl_ctx_st *tls;		      /* one reference is taken */
	const struct account_config *account; /* used only during upstream_new() */
	const char *ehlo_name;
	struct str token; /* copied, wiped at the end; ignored where auth is none */
};

struct upstream *upstream_new(const struct upstream_params *params,
			      const struct upstream_events *events);
/* Closes at once, without QUIT; an open transaction is dropped without a call. NULL allowed. */
void upstream_free(struct upstream *up);
/* Says QUIT if READY, then ends (events.ended follows, with the reply to QUIT). In another state it
 * closes at once, and an open transaction is finished first. */
void upstream_quit(struct upstream *up);
bool upstream_is_ready(const struct upstream *up);
const char *upstream_relay(const struct upstream *up);

struct upstream_recipient {
	const struct address *address;
	const struct dsn_request *dsn; /* NULL: nothing was asked */
};

/* One message to some of its recipients, at least one. What the pointers lead to must live until
 * `finished`; the struct itself is copied. */
struct upstream_message {
	const struct address *reverse_path;
	const struct upstream_recipient *recipients;
	size_t recipient_count;
	uint64_t size; /* bytes as sent, not counting dot-stuffing: for SIZE= */
	bool eight_bit;
	bool smtputf8; /* an address or the header needs it (RFC 6531) */
	/* What is asked about reports goes to a server that offers DSN, and nowhere else. */
	enum dsn_ret ret;
	const char *envid; /* NULL: none */
	struct str header; /* edited, with its empty line */
};

struct upstream_transaction_events {
	/* Reply to one RCPT. */
	void (*recipient)(void *arg, size_t index, const struct reply *reply);
	/* 354 came and the header is on its way: give content with upstream_data(), then
	 * upstream_data_end(), now or later. Called again when that has drained and more may come,
	 * but not before something was given. A chunk of at most 64 KiB a call keeps the memory of
	 * a session within 100 KiB and the header, however slow the server. */
	void (*want_data)(void *arg);
	/*
	 * The end, exactly once. stage tells what reply is about. At STAGE_DATA a 2yz means that
	 * all recipients accepted at RCPT are delivered. uncertain: the final dot may have reached
	 * the server but its reply was not seen; a 421 or another refusal is a reply. When MAIL,
	 * every RCPT or DATA is refused, the stage is that one and the session becomes READY again
	 * by itself (RSET). The session is not READY yet: `ready` follows, or `ended`.
	 */
	void (*finished)(void *arg, enum upstream_stage stage, const struct reply *reply,
			 bool uncertain);
	void *arg;
};

/*
 * Only when READY. What cannot go this way is finished at STAGE_MAIL before anything is sent, and
 * the session stays READY: REPLY_LOCAL_EXTENSION (8BITMIME or SMTPUTF8 not offered, larger than
 * SIZE; with an enhanced code), REPLY_LOCAL_MESSAGE (an address that is not fit for the wire).
 */
void upstream_send(struct upstream *up, const struct upstream_message *message,
		   const struct upstream_transaction_events *events);
/* Content behind the header, canonical; copied into the output buffer. Only from want_data on.
 * False: the content was not canonical and nothing of it was sent, or the session is at its end;
 * the connection is being dropped (finished follows). */
bool upstream_data(struct upstream *up, struct str chunk) MUST_CHECK;
/* The final dot. The caller has made its mark durable before. */
void upstream_data_end(struct upstream *up);
/* Gives up a transaction before its final dot, by closing the connection (finished follows, with
 * REPLY_LOCAL_MESSAGE and the text `why`). Nothing happens when no transaction is open. */
void upstream_abort(struct upstream *up, const char *why);

#endif
