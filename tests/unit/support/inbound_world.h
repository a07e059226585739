/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_INBOUND_WORLD_H
#define OAUTHRELAY_TESTS_INBOUND_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "inbound/inbound.h"
#include "inbound/listener.h"

/*
 * The server side of SMTP between two fakes: clients (world_client.h), and an other side that keeps
 * messages in memory and can be told to refuse, to ask for pauses, or to take its time. All in one
 * event loop.
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
void world_resume_held(struct inbound_world *w);
void world_finish_held(struct inbound_world *w);

/* The base64 of bytes, which the caller frees. */
char *world_base64(struct str bytes);

#endif
