/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_ECHO_H
#define OAUTHRELAY_COMMON_ECHO_H

#include <stdbool.h>

#include "common/str.h"

/*
 * Does a peer's text repeat a secret that the peer was sent? Such a text must not be shown. Pieces
 * count, since a peer cuts what it repeats, and what is shown of it may be cut again; and so do the
 * ways in which it may have been written. Pure, any thread.
 */

/* True when text holds 15 characters in a row of the secret, or all of a shorter one: as they are,
 * percent-encoded, behind backslashes or in base64, in upper or lower case. */
bool echo_repeats(struct str text, struct str secret);

#endif
