/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_DIGEST_H
#define OAUTHRELAY_SPOOL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/*
 * SHA-256 of content that comes in pieces. Like memory, it cannot fail here: a library that
 * cannot hash any more ends the process. Jobs only: hashing is too slow for the loop.
 */
struct sha256 {
	uint8_t b[32];
};

struct digest; /* of OpenSSL */

struct digest *digest_new(void);
void digest_free(struct digest *digest); /* NULL allowed */
void digest_add(struct digest *digest, struct str bytes);
/* Ends it; only digest_free() may follow. */
struct sha256 digest_end(struct digest *digest);
struct sha256 digest_of(struct str bytes);
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

#endif
