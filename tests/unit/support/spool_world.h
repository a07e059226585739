/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_SPOOL_WORLD_H
#define OAUTHRELAY_TESTS_SPOOL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "common/worker.h"
#include "spool/spool.h"
#include "spool/spool_file.h"

/*
 * A file spool in a temporary directory with a real worker and loop, and its operations made to
 * look synchronous. The loop's thread is guarded: in a debug build a blocking call on it aborts.
 */
struct world {
	char path[64];
	struct event_base *base;
	struct worker *worker;
	struct spool *spool;
	uint64_t min_free;
};

enum {
	WORLD_LIMIT_MS = 20000
};

void world_start(struct world *w, const struct lane_limits *limits); /* NULL: the defaults */
void world_stop(struct world *w);				     /* removes the directory */
void world_reopen(struct world *w);				     /* as a restart would */
void world_idle(struct world *w);				     /* until no job is under way */
void world_wait(struct world *w, const bool *done);

/* "a@example.com" for n recipients; caller: envelope_done(). */
void world_envelope(struct envelope *e, size_t recipients);
struct body_stats world_stats(struct str content);
/* A header of a few lines and a body, size bytes in all (or none); caller: strbuf_done(). */
void world_content(struct strbuf *out, size_t size);

struct spool_draft *world_draft(struct world *w, struct msgid *id);
/* Waits while write() wants it; slice bytes at a time. */
void world_write(struct world *w, struct spool_draft *draft, struct str content, size_t slice);
bool world_commit(struct world *w, struct spool_draft *draft, const struct body_stats *stats,
		  struct spool_info *info, struct err *err);
/* All of it: one message for two recipients. */
bool world_put(struct world *w, struct str content, struct msgid *id, struct err *err);

/* header NULL: by read() alone. What has been delivered before an error is there, too. */
bool world_get(struct world *w, const struct msgid *id, struct strbuf *header,
	       struct strbuf *content, struct err *err);
bool world_update(struct world *w, const struct msgid *id, uint32_t generation,
		  const struct progress *records, size_t count, bool sync, struct err *err);
bool world_remove(struct world *w, const struct msgid *id, struct err *err);

enum {
	WORLD_FOUND_MAX = 64,
	WORLD_RECORDS_MAX = 8
};

struct world_found {
	struct spool_info info;
	size_t recipients;
	size_t records;
	struct progress record[WORLD_RECORDS_MAX];
	char reply[WORLD_RECORDS_MAX][64];
};

struct world_scan {
	struct spool_scan_result result;
	size_t found_count;
	struct world_found found[WORLD_FOUND_MAX]; /* the first ones */
	char corrupt[WORLD_FOUND_MAX][512];	   /* "file|moved_to|reason" */
	size_t corrupt_count;
	bool done;
	bool failed;
};

void world_scan_start(struct world *w, struct world_scan *scan);
void world_scan(struct world *w, struct world_scan *scan);
/* The report whose text contains this, or NULL. */
const char *world_report(const struct world_scan *scan, const char *text);

/* Files of the spool, behind its back. */
void world_file_path(const struct world *w, const struct msgid *id, char *out, size_t n);
bool world_file_exists(const struct world *w, const struct msgid *id);
void world_file_read(const struct world *w, const struct msgid *id, struct strbuf *out);
void world_file_write(const struct world *w, const struct msgid *id, struct str bytes);
size_t world_count(const struct world *w, const char *folder); /* files in PATH/folder */

#endif
