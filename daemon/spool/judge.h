/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_JUDGE_H
#define OAUTHRELAY_SPOOL_JUDGE_H

#include "common/err.h"
#include "common/idmap.h"
#include "spool/stored.h"

struct store;

/*
 * What a scan does with one file: keeps it for the queue, removes what nobody waits for (an
 * unfinished draft, a message whose recipients all have it), moves damaged ones to corrupt/.
 * Blocks: jobs only.
 */
enum judged_outcome {
	JUDGED_GONE,
	JUDGED_MESSAGE, /* in stored */
	JUDGED_REMOVED_DRAFT,
	JUDGED_REMOVED_SENT,
	JUDGED_BAD, /* moved_to and reason */
};

struct judged {
	struct msgid id;
	enum judged_outcome outcome;
	struct stored stored;
	char *moved_to; /* NULL when the file was left where it is */
	struct err reason;
};

/* Returns about how much memory it takes. */
size_t judge_file(const struct store *store, const struct msgid *id, struct judged *out);
void judged_done(struct judged *judged);

#endif
