/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_SESSION_H
#define OAUTHRELAY_QUEUE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "oauth/token.h"
#include "queue/delivery.h"
#include "queue/message.h"
#include "upstream/upstream.h"

struct dialer;
struct event_base;
struct ssl_ctx_st;

/*
 * One upstream session of an account, from the question for a token to its end: it carries messages
 * one after another, and is not used again when it is old, worn or its token near its end
 * (microsoft365.md 1.2 and 2: no session may outlive its token). Owned by its account; every
 * callback may be the last thing that happens to it. Loop's thread.
 */
struct session;

struct session_owner {
	/* Logged in, or not needing to. */
	void (*authenticated)(void *arg, struct session *s);
	/* It can take a message, or is not wanted any more (then it is closing). */
	void (*ready)(void *arg, struct session *s);
	void (*attempted)(void *arg, struct session *s, struct queued *m,
			  const struct delivery_result *result);
	/* It is gone when this returns. Exactly one of failure (no token) and reply is set. */
	void (*ended)(void *arg, struct session *s, enum upstream_stage stage,
		      const struct reply *reply, const struct token_failure *failure);
	void *arg;
};

struct session_params {
	struct event_base *base;
	struct spool *spool;
	struct dialer *dialer;
	struct token *token; /* NULL: no login */
	struct ssl_ctx_st *tls;
	struct config *config; /* a reference is taken */
	const struct account_config *account;
};

/* Begins at once; its first callback comes from the loop. */
struct session *session_new(const struct session_params *params, const struct session_owner *owner);
void session_free(struct session *s);		/* at once, without calls; NULL allowed */
bool session_is_ready(const struct session *s); /* for a message, now */
bool session_is_opening(const struct session *s);
bool session_is_active(const struct session *s); /* in transaction */
/* Still wanted, but the server has not said anything about a message yet. */
bool session_is_barren(const struct session *s);
/* Of the token it logs in with; 0 before it is known. */
uint32_t session_token_generation(const struct session *s);
void session_deliver(struct session *s, struct queued *m);
/* Not used for another message; QUIT as soon as it is idle. */
void session_retire(struct session *s);

#endif
