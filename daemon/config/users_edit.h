/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_USERS_EDIT_H
#define OAUTHRELAY_CONFIG_USERS_EDIT_H

#include <stdbool.h>

#include "common/err.h"
#include "common/str.h"
#include "common/strbuf.h"

/*
 * Changes to the text of a users file (users.h): one line is added, changed or taken out, all
 * others stay byte for byte as they are, comments, order and mistakes included. Pure. The result is
 * appended to out, which is untouched on failure.
 */
struct users_line {
	const char *name;
	const char *hash;
	const char *account; /* NULL: none; the same for the next three */
	const char *senders;
	const char *recipients;
	const char *networks;
};

/* The number of the user's line; 0: there is none. */
unsigned users_edit_find(struct str text, struct str name);
/* Fails when the user is there, or the line would be wrong. */
bool users_edit_add(struct strbuf *out, struct str text, const struct users_line *line,
		    struct err *err) MUST_CHECK;
/* These fail when the user is not there. */
bool users_edit_passwd(struct strbuf *out, struct str text, struct str name, struct str hash,
		       struct err *err) MUST_CHECK;
bool users_edit_remove(struct strbuf *out, struct str text, struct str name, struct err *err)
	MUST_CHECK;

#endif
