/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_UPSTREAM_CHAT_H
#define OAUTHRELAY_UPSTREAM_CHAT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/secret.h"
#include "common/str.h"
#include "message/reply.h"

struct evbuffer;
struct event_base;

/*
 * A conversation with an SMTP server over one connected descriptor: commands out, replies in and
 * counted, one time-out, the change to TLS. Knows the syntax of replies, but no command's meaning.
 *
 * Replies are counted: each that a command asks for is `asked`. What comes when nothing is asked
 * means that the server and we disagree about where we are (or that it lies, threats.md UPS-04):
 * such a reply is handed over with asked = false, and a command that is about to be sent while such
 * bytes wait is not sent but told as `garbled`.
 *
 * Loop's thread. Callbacks come from the loop, never from inside a call; after garbled, lost,
 * insecure or chat_free() none comes. chat_free() is allowed in any of them.
 */
struct chat;

struct chat_events {
	/* lines as in struct reply_parser; both valid during the call, even after chat_free(). */
	void (*reply)(void *arg, const struct reply *reply, struct str lines, bool asked);
	/* What came is not SMTP, or nobody asked for it; line is the offending one, or empty. */
	void (*garbled)(void *arg, const char *why, struct str line);
	/* Closed, reset, half closed, truncated; why is "" or the cause in words. */
	void (*lost)(void *arg, const char *why);
	void (*silent)(void *arg);			    /* the time-out has passed */
	void (*drained)(void *arg);			    /* at most CHAT_LOW bytes are unsent */
	void (*secured)(void *arg);			    /* TLS is up */
	void (*insecure)(void *arg, const struct err *err); /* TLS failed */
	void *arg;
};

enum {
	CHAT_LOW = 32768
};

/* Owns fd from here on. Reading begins at once, with one reply (the greeting) asked for. */
struct chat *chat_new(struct event_base *base, int fd, const struct chat_events *events);
void chat_free(struct chat *chat); /* closes at once; NULL allowed */
/* As one write; ends in CR LF. `replies` are asked for by it. */
void chat_send(struct chat *chat, struct str bytes, size_t replies);
/* line and CR LF; the bytes in memory are wiped when they are sent or dropped. One reply. */
void chat_send_secret(struct chat *chat, const struct secret *line);
/* For content: bytes are added here, without asking for replies. */
struct evbuffer *chat_output(struct chat *chat);
size_t chat_unsent(const struct chat *chat);
/* The content is complete: one reply is asked for. */
void chat_ask(struct chat *chat);
/* Bytes have come that are no whole reply yet, or that follow the last one. Also looks into the
 * socket while the conversation is in clear text. */
bool chat_has_input(const struct chat *chat);
/* From now on `silent` comes after that time; 0: never. Each call starts anew. */
void chat_set_timeout(struct chat *chat, int64_t ms);
bool chat_timeout_runs(const struct chat *chat);
/* Stops reading: what follows belongs to TLS. Then, not from inside `reply`: */
void chat_pause(struct chat *chat);
/* Begins the handshake on the same descriptor; owns ssl. */
void chat_start_tls(struct chat *chat, SSL *ssl);
/* NULL in clear text. */
SSL *chat_ssl(const struct chat *chat);
/* A last word before chat_free(): TLS is ended in the orderly way (RFC 8446 6.1). */
void chat_close_notify(struct chat *chat);

#endif
