/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_SREPLY_H
#define OAUTHRELAY_INBOUND_SREPLY_H

#include "common/attr.h"
#include "common/str.h"
#include "common/strbuf.h"
#include "inbound/inbound.h"

/*
 * The text form of the replies we give (RFC 5321 4.2). Whatever a reply quotes, what leaves here
 * is printable ASCII in lines of at most 512 octets, so that a client can neither be confused nor
 * made to print what another client sent. Pure functions.
 */
enum {
	SREPLY_LINE_MAX = 512
}; /* with CR LF: RFC 5321 4.5.3.1.5 */

/* text: one line, or several with '\n' between them; written as "250-a" "250 b". */
void sreply_append(struct strbuf *out, unsigned code, struct str text);

/* Fills a refusal; returns false, so that `return refusal_set(...)` reads as what it does. */
bool refusal_set(struct inbound_refusal *why, unsigned code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
