/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_SPOOL_FILE_H
#define OAUTHRELAY_SPOOL_SPOOL_FILE_H

#include <stdint.h>

#include "common/err.h"
#include "spool/spool.h"

struct event_base;
struct worker;

/*
 * The spool in files: PATH/queue/ID.msg, one message one file; PATH/corrupt/ for what is damaged;
 * PATH/lock held while the process lives, so that a second one is refused. The owner's execute bit
 * says that a file was committed once: without its END it is then damaged, and not a draft.
 */
struct spool_file_params {
	const char *path;
	uint64_t min_free; /* bytes that stay free on the file system */
};

/* Makes the directories (0700), takes the lock. Blocks; start-up only. */
struct spool *spool_file_open(struct event_base *base, struct worker *worker,
			      const struct spool_file_params *params, struct err *err) MUST_CHECK;

#endif
