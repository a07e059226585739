/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_FLOODGATE_H
#define OAUTHRELAY_COMMON_FLOODGATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Keeps one kind of log line, or the lines about one peer, from filling the log: so many in an
 * interval pass, the rest are counted and told as a number. A value of 24 bytes; all zeros is a new
 * one. Pure: the caller brings the monotonic time, so it has no timer and costs the same whatever
 * passes.
 */
struct floodgate {
	int64_t since_ms; /* when the interval began */
	uint64_t passed;  /* in it */
	uint64_t held;	  /* counted instead, and not told yet */
};

/* True: log it. False: it is counted. */
bool floodgate_pass(struct floodgate *g, int64_t now_ms, uint64_t rate, int64_t interval_ms);
/* How many were held back since the last call; 0: nothing is to be told. */
uint64_t floodgate_take(struct floodgate *g);

#endif
