/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_STORE_H
#define OAUTHRELAY_SPOOL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/idmap.h"
#include "spool/room.h"
#include "spool/spool.h"
#include "spool/stored.h"

/*
 * A file's mode says whether it was ever committed, outside of its content: so one that has lost
 * its end to a broken disk is told from what an interrupted intake left, and is set aside, not
 * removed. The owner's execute bit means nothing else for a message.
 */
enum {
	STORE_MODE_DRAFT = 0600,
	STORE_MODE_COMMITTED = 0700,
};

struct dirsync;
struct event_base;
struct scan_list;
struct worker;

/*
 * What the parts of the file spool share: the directories, the set of ids that are ours, and the
 * count of operations under way, which keeps the store alive until the last of them is done.
 * Members that jobs read (path, descriptors) never change.
 */
struct store {
	struct spool spool; /* first: what the outside knows */
	struct event_base *base;
	struct worker *worker;
	char *path; /* for texts only: files are reached through the descriptors */
	int lock_fd;
	int queue_fd;	/* PATH/queue */
	int corrupt_fd; /* PATH/corrupt */
	struct dirsync *dirsync;
	struct room *room;
	struct scan_list *scans;
	struct idmap *known;	 /* of struct known; see store_know() */
	struct msgid *forgotten; /* while a scan runs */
	size_t forgotten_count;
	size_t forgotten_room;
	bool scanning;
	size_t pending;
	bool closing;
};

static inline struct store *store_of(struct spool *spool)
{
	return (struct store *)spool;
}

/* Every operation holds the store from its start to its last callback. Loop's thread. */
void store_hold(struct store *store);
void store_release(struct store *store); /* may free the store when it is closing */
/* Frees it now, or when the last operation is done. NULL and half-built ones allowed. */
void store_close(struct store *store);

/*
 * Ids that the rest of the program has, or is just creating: a scan leaves them alone and never
 * reports them. An id forgotten while a scan runs stays in the set until that scan ends, because
 * the scan may have read the file before it went. Loop's thread.
 */
void store_know(struct store *store, const struct msgid *id);
bool store_knows(const struct store *store, const struct msgid *id);
void store_forget(struct store *store, const struct msgid *id);
void store_scan_begins(struct store *store);
void store_scan_ended(struct store *store);

#define STORE_FULL "the spool's disk is full"

enum {
	STORE_NAME_MAX = MSGID_HEX + sizeof(".msg")
};

struct store_name {
	char text[STORE_NAME_MAX];
};

/* "<32 hex>.msg"; any thread, as all that follow. */
struct store_name store_name(const struct msgid *id);
bool store_name_parse(struct str name, struct msgid *out) MUST_CHECK;

/*
 * Moves queue/NAME to corrupt/, under a name that is free there. Blocks. *moved_to is the new path,
 * the caller's; untouched when the file had to stay.
 */
bool store_quarantine(const struct store *store, const char *name, char **moved_to, struct err *err)
	MUST_CHECK;

/*
 * What there is to say when stored_open() finds no good message: "ID.msg cannot be WHAT: WHY", with
 * the codes of spool.h. A damaged file is moved to corrupt/, and err says where. Blocks. Returns
 * false.
 */
bool store_refuse(const struct store *store, const struct msgid *id, enum stored_verdict verdict,
		  const char *what, const struct err *why, struct err *err);
/* Moves a message that is found to be damaged to corrupt/; err says so (EBADMSG). Blocks. Returns
 * false. */
bool store_condemn(const struct store *store, const struct msgid *id, const char *reason,
		   struct err *err);

/* Text for a failed system call on a message file; says STORE_FULL where that is the cause. */
bool store_errno(struct err *err, int errnum, const char *what, const struct msgid *id);

#endif
