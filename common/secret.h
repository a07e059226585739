/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_SECRET_H
#define OAUTHRELAY_COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/str.h"

/*
 * Secrets: a type that no log or format function takes, wiped when it is released. References to
 * them as the configuration writes them: "credential:NAME" (what systemd has put into
 * $CREDENTIALS_DIRECTORY), "file:/path", "env:NAME", or the secret itself.
 *
 * Owned by whoever holds the struct. Any thread.
 */
struct secret {
	char *p;
	size_t n;
};

enum {
	SECRET_MAX = 16384
};

void secret_set(struct secret *s, struct str value); /* copies; wipes what was there */
void secret_done(struct secret *s);		     /* wipes and frees */
/* The bytes, for the one place that puts them on a wire. */
struct str secret_reveal(const struct secret *s);
bool secret_equal(const struct secret *a, const struct secret *b); /* in constant time */
/* Wipes memory that has held a secret, in a way no compiler removes. */
void secret_wipe(void *p, size_t n);

/*
 * Follows a reference. A file must be a regular file owned by root or by the process's user, with
 * no access for others, and none for a group but the process's own reading; one line end at its end
 * is dropped. An error names the file and the command that mends it; it never holds the value.
 * *literal says that the reference was the secret itself (the caller warns).
 */
bool secret_resolve(struct str reference, struct secret *out, bool *literal, struct err *err)
	MUST_CHECK;

/* The content of a "file:" or a "credential:", byte for byte, by the same rules: for keys, which
 * have several lines. Everything else is refused. */
bool secret_load(struct str reference, struct secret *out, struct err *err) MUST_CHECK;
/* A "credential:" where systemd has handed over none: only the service itself can see them, so
 * that a command line cannot tell whether it is right. */
bool secret_out_of_reach(struct str reference);

#endif
