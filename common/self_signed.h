/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_SELF_SIGNED_H
#define OAUTHRELAY_COMMON_SELF_SIGNED_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

/*
 * A certificate (RFC 5280) that its own key signs, RSA with SHA-256. Any thread.
 */
enum {
	SELF_SIGNED_NAME_MAX = 64, /* RFC 5280, ub-common-name */
};

struct self_signed_extension {
	int nid;
	const char *value; /* in OpenSSL's words: "critical,CA:FALSE" */
};

struct self_signed {
	const char *common_name;
	int64_t starts_ms; /* wall clock */
	int64_t ends_ms;
	const struct self_signed_extension *extensions;
	size_t extension_count;
};

/* NULL: OpenSSL's queue of errors says why. The caller frees with X509_free(). */
X509 *self_signed_make(EVP_PKEY *key, const struct self_signed *what) MUST_CHECK;
/* Now; but a box without a clock boots in 1970, and what it makes must not have ended long ago. */
int64_t self_signed_now_ms(void);

#endif
