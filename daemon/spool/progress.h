/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_PROGRESS_H
#define OAUTHRELAY_SPOOL_PROGRESS_H

#include "spool/spool.h"

/*
 * What happens to a message after its commit: the rows update and remove of struct spool_ops
 * (contract there) for files. Both are one job of the disk lane; the queue has at most one
 * operation on a message under way, so they need no order among themselves.
 */
void progress_update(struct spool *spool, const struct msgid *id, uint32_t generation,
		     const struct progress *records, size_t count, bool sync, spool_done_cb *cb,
		     void *arg);
void progress_remove(struct spool *spool, const struct msgid *id, spool_done_cb *cb, void *arg);

#endif
