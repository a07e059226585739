/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_VIEW_H
#define OAUTHRELAY_SPOOL_VIEW_H

#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

/*
 * A window on a file's bytes. A file that fits is read once, whole; of others only what is asked
 * for is held. Blocks: jobs only.
 */
enum {
	VIEW_STEP = 64 * 1024,
	VIEW_MAX = VIEW_STEP + 2048
};

struct view {
	int fd;
	uint64_t size; /* of the file, when it was opened */
	uint64_t at;   /* of what is held */
	size_t n;
	char *p; /* VIEW_MAX bytes */
};

void view_init(struct view *view, int fd, uint64_t size);
void view_done(struct view *view);
/* The bytes from `at` on, n of them or as many as there are; n at most VIEW_MAX. The slice lives
 * until the next call. False: the file cannot be read, or has become shorter. */
bool view_get(struct view *view, uint64_t at, size_t n, struct str *out, struct err *err)
	MUST_CHECK;
/* Exactly n bytes into p. */
bool view_read(const struct view *view, uint64_t at, void *p, size_t n, struct err *err) MUST_CHECK;

#endif
