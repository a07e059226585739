/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_STORED_H
#define OAUTHRELAY_SPOOL_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/idmap.h"
#include "message/envelope.h"
#include "spool/record.h"
#include "spool/spool.h"

/*
 * Reads the structure of a file in queue/, believing none of it: any byte string may be there, and
 * anything that is no file. The content is neither read (but for the pieces searched) nor checked.
 * Nothing is changed. Blocks: jobs only.
 */

/* What a file turned out to be. */
enum stored_verdict {
	STORED_GOOD,
	STORED_GONE,	/* no such file */
	STORED_DRAFT,	/* the beginning of a file of ours, and no sign of an END record */
	STORED_DAMAGED, /* none of the others */
	STORED_STRANGE, /* a directory, a link, a pipe ...: not opened */
	STORED_LEFT,	/* not ours to judge now: unreadable, another owner's, a newer format */
};

struct stored {
	struct record_end end;
	uint32_t generation; /* number of valid records behind END */
	uint64_t tail;	     /* where the next record goes; what is there now is torn */
	bool torn;
	/* With STORED_ENVELOPE only. */
	struct envelope envelope;
	struct progress *progress; /* generation of them; see below */
	char **replies;		   /* what their replies point to, or NULL */
};

enum {
	STORED_ENVELOPE = 1, /* also read and keep what is in front of and behind the content */
	STORED_WRITABLE = 2, /* open for writing too */
	STORED_ALONE = 4,    /* a file with several names (hard links) is strange */
};

enum {
	STORED_RECORDS_MAX = 1 << 20
};

/*
 * Opens and reads; flags are the above. With STORED_GOOD *fd is the caller's, and so is *out
 * (stored_done()); with any other verdict err says why. An
 * older reply is dropped where a newer one to the same recipient has replaced it, so that a message
 * that waited for days stays small.
 */
enum stored_verdict stored_open(int dir_fd, const struct msgid *id, unsigned flags, int *fd,
				struct stored *out, struct err *err);
void stored_done(struct stored *stored);

#endif
