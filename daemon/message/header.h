/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_HEADER_H
#define OAUTHRELAY_MESSAGE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * A message's header section (RFC 5322 2.2) as a list of fields that point into bytes somebody else
 * owns, and the edits that sending makes to it. Fields that are not edited come out byte for byte.
 * Pure functions.
 */
struct header_field {
	struct str raw;	  /* name to final CR LF, folded lines included */
	struct str name;  /* without the colon and blanks before it */
	struct str value; /* behind the colon, folding and final CR LF included */
};

/* Walks: takes the first field off *rest; false at the end (the empty line, or no field). */
bool header_next(struct str *rest, struct header_field *out);
/* First field of that name, any case. */
bool header_find(struct str header, struct str name, struct header_field *out);

struct header_edit {
	/* NULL: leave From and Sender alone. Else the mailbox every From must be, "local@domain".
	 */
	const char *mailbox;
	/* What a missing From becomes: the reverse-path, for a sender that is left alone (RFC 6409
	 * 8.1); "" leaves it missing. With a mailbox set, that. */
	const char *from;
	/* May this address stay as the sender? arg is passed through. */
	bool (*may_stay)(const void *arg, struct str address);
	const void *arg;
	/* For what is missing: Message-ID is <id@hostname>, Date the time of acceptance, so that
	 * every attempt sends the same. */
	const char *id;
	const char *hostname;
	int64_t accepted_ms;
};

/*
 * Writes the edited header section, its closing empty line included, to out.
 *   From      with a mailbox set: one address that may stay, stays; the field too, unless others
 *             could read it differently, then it is written anew. Otherwise the address is replaced
 *             by the mailbox and a display name is kept; several addresses, or something that
 *             cannot be read, become the mailbox alone; a second From field is dropped.
 *   Sender    with a mailbox set: dropped, unless it may stay; then as From.
 *   Date, Message-ID, From: added where missing.
 *   Bcc, Return-Path: dropped (RFC 5322 3.6.3, RFC 5321 4.4).
 * Nothing else changes. False when out overflowed.
 */
bool header_edit(struct str header, const struct header_edit *edit, struct strbuf *out) MUST_CHECK;

#endif
