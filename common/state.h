/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_STATE_H
#define OAUTHRELAY_COMMON_STATE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/secret.h"
#include "common/strbuf.h"

struct event_base;
struct worker;

/*
 * Small things that must outlive the process, by name: tokens, counters, rate windows. Asynchronous
 * behind a table of operations, so that a shared store can take the place of files (design.md,
 * section 3). Values are opaque bytes. Loop's thread; callbacks come once, on the loop, never from
 * inside the call, in the order of the calls for one name. Nothing is ever refused for being busy.
 */
enum {
	STATE_VALUE_MAX = 512 * 1024
};

/* found: there is one, value holds it (valid during the call). err NULL unless it failed. */
typedef void state_got_cb(void *arg, bool found, struct str value, const struct err *err);
/* NULL: durable, or removed durably. Else what there was before may still be there. */
typedef void state_put_cb(void *arg, const struct err *err);

struct state {
	const struct state_ops *ops;
};

struct state_ops {
	/* A name is one or two words of letters, digits and . _ - with a "/" between them. */
	void (*get)(struct state *state, const char *name, state_got_cb *cb, void *arg);
	/* Copied, and the copy wiped. Replaces whole or not at all. */
	void (*put)(struct state *state, const char *name, struct str value, state_put_cb *cb,
		    void *arg);
	void (*remove)(struct state *state, const char *name, state_put_cb *cb, void *arg);
	/* No callback to this arg any more; what was begun is done nevertheless. */
	void (*forget)(struct state *state, void *arg);
	void (*free)(struct state *state); /* waits for what was begun */
};

/*
 * Files below folder (made when missing, 0700): NAME, mode 0600, owned by the folder's owner. One
 * job at a time in the disk lane, in a slot of its own. What lies in a value's place and is no
 * regular file, or too large, is an error when it is read, and never followed nor waited for; the
 * next put takes its place where rename(2) can. A get also tidies what a crash left beside it.
 * Freed before the worker is.
 */
struct state *state_file_open(struct event_base *base, struct worker *worker, const char *folder,
			      struct err *err) MUST_CHECK;

/*
 * The same files for the command line, while no daemon runs, and for jobs; all block. Who reads,
 * changes and writes a value keeps the lock meanwhile: close(*lock) ends it. It makes the folders.
 */
bool state_file_lock(const char *folder, const char *name, int *lock, struct err *err) MUST_CHECK;
/* value's bytes are wiped by secret_done(). *found false with true: there is none. */
bool state_file_read(const char *folder, const char *name, struct secret *value, bool *found,
		     struct err *err) MUST_CHECK;
bool state_file_write(const char *folder, const char *name, struct str value, struct err *err)
	MUST_CHECK;

#endif
