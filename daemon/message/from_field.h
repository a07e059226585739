/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_FROM_FIELD_H
#define OAUTHRELAY_MESSAGE_FROM_FIELD_H

#include <stdbool.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * The value of a From or Sender field (RFC 5322 3.4, 3.6.2), read as far as rewriting needs it: one
 * mailbox, its address and the display name before it. Comments, quoted strings, folding and
 * encoded words are understood; groups and lists are "not one mailbox". Pure.
 */
struct from_field {
	bool single; /* exactly one mailbox, readable */
	bool strict; /* written so that no reader can take it for anything else */
	bool plain;  /* strict, and no reader short of RFC 5322 finds another address in it */
	struct strbuf address; /* "local@domain", without comments and blanks */
	struct str display;    /* as written before "<", trimmed; empty when there is none */
};

/* The caller ends it with from_field_done(), whatever it found. */
void from_field_parse(struct str value, struct from_field *out);
void from_field_done(struct from_field *f);
/* Cuts the first mailbox of a list off *list, at a comma outside of quotes, comments and <>;
 * list->p is NULL when that was the last one. */
struct str from_field_next(struct str *list);
/* "display <mailbox>", or the mailbox alone. A display name that is not a legal phrase is put in
 * quotes (printers write `scan@3f <...>`, which Exchange takes for a second address); one with
 * bytes that quotes do not mend (raw 8-bit) is dropped. */
void from_field_append(struct strbuf *out, struct str display, const char *mailbox);

#endif
