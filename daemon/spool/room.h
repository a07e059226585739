/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_ROOM_H
#define OAUTHRELAY_SPOOL_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct store;

/*
 * How much may still be taken in: space and inodes of the spool's file system above a reserve.
 * Measured at the start, then by a job when somebody asks and the figure is older than a second;
 * while there is no room also by itself, so that intake resumes as soon as there is some.
 * Loop's thread.
 */
struct room;

enum {
	ROOM_INODE_RESERVE = 1000
};

/* Measures at once: blocks, start-up only. */
struct room *room_new(struct store *store, uint64_t min_free, struct err *err) MUST_CHECK;
void room_free(struct room *room); /* no job of it may be under way: it holds the store */
uint64_t room_bytes(struct room *room);
/* False when a reserve is touched; err says which. */
bool room_check(struct room *room, struct err *err) MUST_CHECK;
/* Bytes about to be written, so that a burst between two measurements is seen. */
void room_spend(struct room *room, uint64_t bytes);

#endif
