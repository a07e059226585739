/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_INBOUND_WORLD_H
#define OAUTHRELAY_TESTS_INBOUND_WORLD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "inbound/inbound.h"
#include "inbound/listener.h"

/*
 * The server side of SMTP between two fakes: clients on socket pairs, with any address one likes,
 * and an other side that keeps messages in memory and can be told to refuse, to ask for pauses, or
 * to take its time. All in one event loop.
 */

/* One message whose content came to its end. */
struct world_message {
	struct envelope envelope;
	struct body_stats stats;
	struct strbuf content;
};

struct inbound_world {
	char dir[64];
	struct event_base *base;
	struct worker *worker;
	struct config *config;
	struct inbound *in;
	struct listener listener; /* what clients of world_connect() come in by */

	/* How the other side behaves; may be changed at any time. */
	uint64_t size_limit;
	const char *limit_of;		       /* the account whose that is; NULL: the relay's */
	struct inbound_refusal refuse_account; /* code 0: no */
	struct inbound_refusal refuse_begin;   /* code 0: no */
	struct inbound_refusal refuse_finish;  /* code 0: no */
	/* Recipients whose messages are refused: at the begin with 452, at the end with 451. NULL:
	 * none. */
	const char *refuse_begin_to;
	const char *refuse_finish_to;
	unsigned pause_every; /* asks for a pause at every n-th write; 0: never */
	bool hold_resume;     /* pauses last until world_resume_held() */
	bool hold_finish;     /* commits last until world_finish_held() */

	/* What has come of it. */
	unsigned begun;
	unsigned abandoned;
	unsigned abandoned_after_finish;
	struct world_message *messages; /* those that were committed, or would have been */
	size_t message_count;
	struct inbound_message
		*held; /* one that waits for world_resume_held() or world_finish_held() */
};

/* extra: configuration text; the rest is one listener (no TLS, auth none), allow 192.168.0.0/16,
 * and the users anna ("s3cret"), b%c ("p:\"\\%s"), and carl ("s3cret", from 10.9.0.0/16 only). */
struct inbound_world *inbound_world_new(const char *extra);
/* With STARTTLS; making the certificate takes a moment. */
struct inbound_world *inbound_world_new_tls(const char *extra);
void inbound_world_free(struct inbound_world *w); /* checks that nothing is left over */
void world_clear(struct inbound_world *w);	  /* forgets what has come */
void world_settle(struct inbound_world *w);	  /* turns the loop until no session is left */
void world_resume_held(struct inbound_world *w);
void world_finish_held(struct inbound_world *w);

struct world_client {
	struct inbound_world *world;
	struct bufferevent *bev;
	SSL *ssl;
	int fd;
	struct strbuf in; /* all that the server has said */
	size_t seen;	  /* of it, by client_wait() */
	bool closed;	  /* the server has closed */
	bool secured;
	bool failed;
};

struct world_client *world_connect(struct inbound_world *w, const char *address);
void client_free(struct world_client *c); /* closes */
/* In pieces of n bytes, each sent when the server has had a turn with those before. */
void client_send(struct world_client *c, struct str bytes, size_t n);
void client_say(struct world_client *c, const char *text); /* in one piece */
void client_shut(struct world_client *c);		   /* no more from us */
void client_reset(struct world_client *c);		   /* the connection breaks */
/* Turns the loop until text comes, behind what was waited for before; fails after five seconds. */
void client_wait(struct world_client *c, const char *text);
void client_wait_closed(struct world_client *c);
/* One exchange. */
void client_ask(struct world_client *c, const char *command, const char *reply);
/* The TLS handshake; false when it fails. */
bool client_handshake(struct world_client *c);

/* Codes of all replies, blanks between: "220 250 221". The caller frees. */
char *client_codes(const struct world_client *c);
/* Connects from 192.168.1.9, sends all of input, shuts, waits for the server's close, compares the
 * codes of the replies; once in one segment, once in one-byte segments. */
void world_dialogue(struct inbound_world *w, const char *name, struct str input, const char *codes);

/* The base64 of bytes, which the caller frees. */
char *world_base64(struct str bytes);

#endif
