/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_XTEXT_H
#define OAUTHRELAY_MESSAGE_XTEXT_H

#include <stdbool.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * xtext (RFC 3461 section 4): how a parameter of MAIL or RCPT holds any text, "+2B" for a plus.
 * Here the text is printable ASCII, because what it ends up in (a log, a spool file, a notice) has
 * lines (CVE-2020-28026). Pure functions.
 */

/* Appends the text to out; false, out as before, where it is no xtext, empty, or not printable. */
bool xtext_decode(struct str xtext, struct strbuf *out) MUST_CHECK;
/* Appends the xtext of printable text. That of "rfc822;a@b.c" has the type as it is. */
void xtext_append(struct strbuf *out, struct str text);

#endif
