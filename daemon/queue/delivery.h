/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_DELIVERY_H
#define OAUTHRELAY_QUEUE_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "queue/message.h"
#include "spool/spool.h"
#include "upstream/upstream.h"

/*
 * One attempt: a message from the spool to its pending recipients over a session that is READY.
 * Opens the file, edits the header for this account, marks the recipients as in flight before the
 * last bytes go out, and reports what the server said. What follows from that is not decided here.
 * Loop's thread.
 */
struct delivery;

struct delivery_params {
	struct spool *spool;
	struct upstream *up;
	struct config *config; /* a reference is taken, so that account stays valid */
	const struct account_config *account;
	struct queued *message; /* not changed, but for its generation (records are written) */
};

struct delivery_result {
	enum upstream_stage stage;
	struct reply reply;    /* about the stage */
	bool uncertain;	       /* the final dot may have arrived, its reply did not */
	bool marked;	       /* the recipients stand as in flight in the file */
	bool gone;	       /* the file is no longer there, or was damaged and moved away */
	size_t count;	       /* recipients of this attempt */
	uint32_t *recipients;  /* indices into the message's */
	struct reply *replies; /* of each RCPT; code 0: none came */
};

/* Once; the delivery is freed behind it. result lives during the call. */
typedef void delivery_cb(void *arg, const struct delivery_result *result);

struct delivery *delivery_start(const struct delivery_params *params, delivery_cb *cb, void *arg);
/* The session ended before its transaction began (reply says how). */
void delivery_session_lost(struct delivery *d, const struct reply *reply);
/* Drops it without a call; the session must be freed first. For a hard stop only. */
void delivery_free(struct delivery *d);

#endif
