/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_DIRSYNC_H
#define OAUTHRELAY_SPOOL_DIRSYNC_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/err.h"

struct store;

/*
 * Group commit: the last step of each commit is to sync the directory, and one sync serves all
 * files that were there when it began. At most one is under way; who comes meanwhile shares the
 * next. Loop's thread; the syncing is a job of the commit lane, on behalf of waiters that hold
 * slots there.
 *
 * A sync that fails fails everybody who relied on it: those who wait for it, and those whose file
 * was created before it failed, because the kernel reports a lost directory block once and then
 * takes it for clean, so that the next sync's success would say nothing about them.
 */
struct dirsync;

struct dirsync_wait {
	/* Once, on the loop, never from inside dirsync_add(); err NULL: the entry is durable. */
	void (*done)(struct dirsync_wait *wait, const struct err *err);
	uint64_t epoch; /* dirsync_epoch() from before the file was created */
	TAILQ_ENTRY(dirsync_wait) link;
};

/* Opens a descriptor of its own for the store's queue/; blocks, start-up only. */
struct dirsync *dirsync_new(struct store *store, struct err *err) MUST_CHECK;
void dirsync_free(struct dirsync *dirsync); /* nobody may wait; NULL allowed */
uint64_t dirsync_epoch(const struct dirsync *dirsync);
/* wait must stay until its done(). Its file has been synced. */
void dirsync_add(struct dirsync *dirsync, struct dirsync_wait *wait);

#endif
