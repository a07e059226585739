/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_DRAFT_H
#define OAUTHRELAY_SPOOL_DRAFT_H

#include "spool/spool.h"

/*
 * Intake: the rows draft, write, on_resume, commit and discard of struct spool_ops (contract there)
 * for files. Content collects in memory up to DRAFT_CHUNK; a body that fits is created, written and
 * synced by one job, a larger one goes to disk chunk by chunk, one job at a time. A draft holds a
 * slot of the commit lane from beginning to end, so no job of it is ever refused.
 *
 * A failed write, sync or close is final: the file is removed, nothing is retried.
 */
enum {
	DRAFT_CHUNK = 64 * 1024
};

struct spool_draft *draft_new(struct spool *spool, struct envelope *envelope, bool *full,
			      struct err *err);
bool draft_write(struct spool_draft *draft, struct str bytes);
void draft_on_resume(struct spool_draft *draft, void (*resume)(void *arg), void *arg);
void draft_commit(struct spool_draft *draft, const struct body_stats *stats, spool_commit_cb *cb,
		  void *arg);
void draft_discard(struct spool_draft *draft);

#endif
