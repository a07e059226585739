/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_GOVERNOR_H
#define OAUTHRELAY_QUEUE_GOVERNOR_H

#include <stddef.h>
#include <stdint.h>

/*
 * What one mailbox may do at its host (microsoft365.md 1.2): so many messages in any 60 seconds,
 * kept as a ring of the times of the last ones. Times are monotonic milliseconds. Loop's thread.
 */
struct governor {
	int64_t *sent; /* ring of per_minute times */
	size_t size;
	size_t next;
};

/* Keeps as much of the history as fits. */
void governor_set(struct governor *g, size_t per_minute);
void governor_done(struct governor *g);
/* 0: a message may go now; else how long to wait. */
int64_t governor_wait_ms(const struct governor *g, int64_t now_ms);
void governor_sent(struct governor *g, int64_t now_ms);

#endif
