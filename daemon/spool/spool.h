/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_SPOOL_H
#define OAUTHRELAY_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/idmap.h"
#include "common/str.h"
#include "message/body_in.h"
#include "message/envelope.h"

/*
 * Messages on disk: the contract of design.md section 3 as a table of operations. Every operation
 * is a job on the commit or disk lane and reports on the loop; nothing here blocks. Ids are opaque,
 * nothing outside an implementation knows a path. Files (spool_file.h) are the first
 * implementation.
 *
 * Loop's thread. Callbacks come exactly once, on the loop, never from inside the call that started
 * the work, unless the comment says otherwise.
 */
struct spool;
struct spool_draft;
struct spool_reader;

/* What is known of a message without reading its content. */
struct spool_info {
	struct msgid id;
	struct body_stats stats;
	uint32_t generation; /* number of records behind END; see update */
};

/* What has become of a recipient. */
enum progress_state {
	PROGRESS_PENDING,  /* not yet tried, or to be tried again */
	PROGRESS_INFLIGHT, /* its transaction's last bytes were about to go out: uncertain after a
			      crash */
	PROGRESS_SENT,	   /* accepted upstream: never sent again */
	PROGRESS_FAILED,   /* refused for good, or too old; the mail is kept until dealt with */
	PROGRESS_HELD,	   /* waits for a person (uncertain, on_uncertain = "hold") */
	PROGRESS_COUNT
};

/* One appended record. recipient is an index into the envelope's recipients, or PROGRESS_MESSAGE
 * for what concerns all that are pending or in flight (so that a message to 500 recipients that is
 * tried for days needs two records an attempt, not a thousand). */
#define PROGRESS_MESSAGE UINT32_MAX

struct progress {
	uint32_t recipient;
	enum progress_state state;
	uint32_t attempts;
	int64_t next_ms;  /* wall clock of the next attempt; 0 when there is none */
	struct str reply; /* the reply that decided, cut to 512 bytes; may be empty */
};

typedef void spool_draft_cb(void *arg, const struct err *err); /* err NULL: done */
/* err->code is ENOSPC or EDQUOT where the disk is full, here as everywhere. */
typedef void spool_commit_cb(void *arg, const struct spool_info *info, const struct err *err);
typedef void spool_done_cb(void *arg, const struct err *err);
/* err->code ENOENT: there is no such message; EBADMSG: it was damaged and has been moved away. Any
 * other may pass. The same for reading. envelope lives until the reader is closed. */
typedef void spool_open_cb(void *arg, struct spool_reader *reader, const struct spool_info *info,
			   const struct envelope *envelope, const struct err *err);
/* An empty chunk is the end, and comes only if the content agrees with its checksum; until then
 * the last chunk is held back, so that a damaged message is never sent whole (it is moved to
 * corrupt/, and err says where). A chunk, and a header, lives until the next callback or close. */
typedef void spool_read_cb(void *arg, struct str chunk, const struct err *err);
/* One call per message found; envelope and progress are valid during the call. progress has all
 * records, oldest first; a reply that a newer one has replaced may be left out. */
typedef void spool_scan_cb(void *arg, const struct spool_info *info,
			   const struct envelope *envelope, const struct progress *progress,
			   size_t progress_count);
struct spool_scan_result {
	size_t messages;
	size_t drafts_removed;
	size_t sent_removed; /* all recipients sent, but the file was still there */
	size_t corrupt;	     /* calls of spool_corrupt_cb */
};
/* A file that is no good message, for the log. moved_to is NULL where it was left: unreadable, not
 * the relay's, of a newer version. */
typedef void spool_corrupt_cb(void *arg, const char *file, const char *moved_to,
			      const char *reason);
typedef void spool_scan_done_cb(void *arg, const struct spool_scan_result *result,
				const struct err *err);

struct spool_ops {
	/* Begins a message: takes a slot of the commit lane; NULL when there is none, or space or
	 * inodes are under the reserve (err says which: "busy" or "full" as *full), or the envelope
	 * is too long (err->code EMSGSIZE). envelope is copied; its id is chosen here (envelope->id
	 * is set). */
	struct spool_draft *(*draft)(struct spool *spool, struct envelope *envelope, bool *full,
				     struct err *err);
	/* Appends canonical content (copied once, into the chunk that goes to disk). True: go on.
	 * False: a chunk is on its way to disk and the next is full: read no more input before
	 * resume() has been called (slices of input already read are still taken). Errors surface
	 * at commit; after one, what is written goes nowhere. */
	bool (*write)(struct spool_draft *draft, struct str bytes);
	/* Sets who is told that writing may go on. */
	void (*on_resume)(struct spool_draft *draft, void (*resume)(void *arg), void *arg);
	/* END, sync, directory sync; then the callback. The draft is gone when it has been called.
	 * stats must describe what was written, and that must be empty or end in a line feed. */
	void (*commit)(struct spool_draft *draft, const struct body_stats *stats,
		       spool_commit_cb *cb, void *arg);
	/* Removes the draft; never calls back. Not after commit(). */
	void (*discard)(struct spool_draft *draft);

	void (*open)(struct spool *spool, const struct msgid *id, spool_open_cb *cb, void *arg);
	/* Next chunk of content; one read at a time. */
	void (*read)(struct spool_reader *reader, spool_read_cb *cb, void *arg);
	/* The header section, whole (its size is limited on the way in); before the first read(),
	 * which then starts behind it. */
	void (*read_header)(struct spool_reader *reader, spool_read_cb *cb, void *arg);
	/* May be called with an operation under way, whose callback is then not made. */
	void (*close)(struct spool_reader *reader);

	/* Appends records, one write, synced when sync. generation is what the caller last saw; a
	 * mismatch is an error ("changed by another relay"), success adds count to it. */
	void (*update)(struct spool *spool, const struct msgid *id, uint32_t generation,
		       const struct progress *records, size_t count, bool sync, spool_done_cb *cb,
		       void *arg);
	void (*remove)(struct spool *spool, const struct msgid *id, spool_done_cb *cb, void *arg);
	/* Finds what is there, in jobs; also cleans up: drafts without END are removed, damaged
	 * files moved to corrupt/ and reported. Later calls yield what has come since from
	 * elsewhere. */
	void (*scan)(struct spool *spool, spool_scan_cb *found, spool_corrupt_cb *corrupt,
		     spool_scan_done_cb *done, void *arg);
	/* The right to send a message until a time (wall clock ms), asked before each attempt; err
	 * says who has it. A store that is ours alone grants it at once: only here the callback may
	 * come from inside the call. */
	void (*claim)(struct spool *spool, const struct msgid *id, int64_t until_ms,
		      spool_done_cb *cb, void *arg);
	/* Bytes free for new messages above the reserve, as last measured. */
	uint64_t (*room)(struct spool *spool);
	/* No draft or reader may be open. Nobody is called back any more; jobs under way are
	 * finished, and the memory goes with the last of them. */
	void (*free)(struct spool *spool);
};

struct spool {
	const struct spool_ops *ops;
};

const char *progress_state_name(enum progress_state state);

#endif
