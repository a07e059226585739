/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_UPSTREAM_XOAUTH2_H
#define OAUTHRELAY_UPSTREAM_XOAUTH2_H

#include <stdbool.h>

#include "common/err.h"
#include "common/secret.h"
#include "common/str.h"

/*
 * The SASL strings that carry a token: XOAUTH2 (Google's and Microsoft's) and OAUTHBEARER
 * (RFC 7628), in base64, one line. Both are lists of fields with ^A between, so a ^A in the user or
 * the token would add a field of somebody else's choice; servers were seen to take the last one
 * (threats.md section 0, 2). Hence every byte is checked before it enters the string.
 *
 * Pure. Errors name a position and never a byte of the token.
 */
enum {
	XOAUTH2_TOKEN_MAX = 16384,
	XOAUTH2_USER_MAX = 320, /* local part, "@", domain (RFC 5321 4.5.3.1) */
};

/* *out is wiped first; the caller wipes it with secret_done(). On failure it is empty. */
bool xoauth2_build(struct str user, struct str token, struct secret *out, struct err *err)
	MUST_CHECK;
bool xoauth2_build_bearer(struct str user, struct str host, unsigned port, struct str token,
			  struct secret *out, struct err *err) MUST_CHECK;
/* True when text repeats a considerable piece (48 bytes or more) of the secret: such a text must
 * not be shown or logged. */
bool xoauth2_repeats(struct str text, const struct secret *secret);

#endif
