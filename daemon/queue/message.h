/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_MESSAGE_H
#define OAUTHRELAY_QUEUE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/idmap.h"
#include "message/envelope.h"
#include "spool/spool.h"

/*
 * A message in the queue's index: what scheduling and listing need, without its content. Made when
 * a commit has succeeded or a scan has found it; owned by the queue. At most 300 bytes, addresses
 * and names apart (design.md section 3). Loop's thread.
 *
 * Where a message is, is said by its place, and changes only through queue_place() (queue.h):
 *   DUE     in the queue's heap, until `due_ms` (monotonic)
 *   READY   in an account's list, as soon as the account may send
 *   ACTIVE  in a transaction, or its outcome is being written
 *   PARKED  nothing is left that can be tried: recipients failed or held, kept for a person
 */
enum place {
	PLACE_NONE,
	PLACE_DUE,
	PLACE_READY,
	PLACE_ACTIVE,
	PLACE_PARKED
};
const char *place_name(enum place place);

/* Kept because its device sends more than its rate (queue/held.h). */
enum queued_hold {
	QUEUED_FREE,
	QUEUED_HELD,	  /* PARKED until `device release` */
	QUEUED_RELEASING, /* ACTIVE while the record that it is free is being written */
};

struct queued_recipient {
	struct address address;
	char *reply; /* the last one, printable; NULL when there was none */
	uint32_t attempts;
	uint8_t state;	  /* enum progress_state */
	uint8_t recorded; /* the same, as it stands in the file */
};

struct account;

struct queued {
	struct msgid id;
	TAILQ_ENTRY(queued) all;   /* in order of acceptance */
	TAILQ_ENTRY(queued) ready; /* in its account's list while READY, its device's while held */
	struct account *account;   /* of the last routing; NULL before the first */
	char *device;		   /* NULL: none */
	char *user;		   /* NULL: none */
	struct address reverse_path;
	struct queued_recipient *recipients;
	uint32_t recipient_count;
	uint32_t attempts;   /* that counted */
	uint32_t generation; /* of its records in the spool */
	uint32_t heap_index; /* while DUE */
	int64_t accepted_ms; /* wall clock */
	int64_t free_ms; /* wall clock of its release, if it was held: its age counts from here */
	int64_t due_ms;	 /* monotonic */
	uint64_t size;
	uint8_t place;
	uint8_t hold;	  /* enum queued_hold; changed by queue/held.c only */
	bool reconnected; /* a lost connection has been forgiven once since the last counted attempt
			   */
	bool again;	  /* back from an attempt that did not count: its turn is still now */
	bool anew;	  /* routes have changed during its attempt: the next is at once */
	bool unrecorded;  /* its outcome could not be written: record before anything else */
};

TAILQ_HEAD(queued_list, queued);

/* From a fresh commit (progress_count 0) or a scan. Recipients in flight at a crash become pending,
 * or held; *uncertain counts them. A message whose envelope says hold is held, unless a record
 * follows: the first one is always that of its release. */
struct queued *queued_new(const struct spool_info *info, const struct envelope *envelope,
			  const struct progress *progress, size_t progress_count,
			  bool hold_uncertain, size_t *uncertain);
void queued_free(struct queued *m);

/* The records that make the file say what the recipients are now, in out (room for one each), by
 * those whose state or attempts have changed; next_ms: wall clock of the next attempt, or 0. */
size_t queued_records(const struct queued *m, int64_t next_ms, struct progress *out);
/* They have been written. */
void queued_recorded(struct queued *m);

size_t queued_count(const struct queued *m, enum progress_state state);
/* Nothing pending and nothing failed or held: its file can go. */
bool queued_is_done(const struct queued *m);

#endif
