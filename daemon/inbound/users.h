/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_USERS_H
#define OAUTHRELAY_INBOUND_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/str.h"

struct worker;

/*
 * The users who may log in: a file of lines `name:hash`, the hash as crypt(3) makes it. Blank lines
 * and lines that begin with # are left out.
 *
 * A check runs in the crypto lane. A name that is not there costs the same hash as one that is, so
 * that time tells nobody who exists.
 */
struct users;
struct users_check;

/* file: for error texts ("users:3: ..."). Any thread. */
struct users *users_parse(struct str text, const char *file, struct err *err) MUST_CHECK;
/* A file that is not there has no users. Blocks. */
struct users *users_load(const char *path, struct err *err) MUST_CHECK;
void users_free(struct users *users); /* NULL allowed; checks under way go on */
size_t users_count(const struct users *users);

typedef void users_cb(void *arg, bool ok);

/* NULL when the lane is full. cb is called once, on the loop, never from inside. The check is gone
 * after the callback or by cancel. */
struct users_check *users_verify(const struct users *users, struct worker *worker, struct str name,
				 struct str password, users_cb *cb, void *arg);
void users_cancel(struct users_check *check); /* NULL allowed; no callback afterwards */

#endif
