/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_SEAL_H
#define OAUTHRELAY_COMMON_SEAL_H

#include <stdbool.h>

#include "common/err.h"
#include "common/secret.h"
#include "common/strbuf.h"

/*
 * Small secrets in files, sealed with AES-256-GCM (NIST SP 800-38D): who has the file but not the
 * key learns nothing and can change nothing, nor put one file in another's place (the context is
 * authenticated). The format begins with a version and a key's id, so that a wrong key can be told
 * from damage. Each sealing takes a fresh random nonce of 96 bits: good for 2^32 sealings under one
 * key, which an account that changed every second would need a century for. Any thread, once the
 * keys are in.
 *
 *   "OARS"  version (1)  key id (8: of the key's SHA-256)  nonce (12)  ciphertext  tag (16)
 */
enum {
	SEAL_KEY_BYTES = 32,
	SEAL_KEYS_MAX = 4,
	SEAL_PLAIN_MAX = 256 * 1024,
	SEAL_OVERHEAD = 4 + 1 + 8 + 12 + 16,
};

/* One or several keys: the first seals, any of them opens. */
struct seal;

struct seal *seal_new(void);
void seal_free(struct seal *seal); /* wipes the keys; NULL allowed */
/* key has SEAL_KEY_BYTES bytes, or it fails. One that is there already is not added again. */
bool seal_add_key(struct seal *seal, const struct secret *key, struct err *err) MUST_CHECK;

enum seal_failure {
	SEAL_OK = 0,
	SEAL_OTHER_KEY, /* sealed with a key that is not here: another machine's, or a new one */
	SEAL_DAMAGED,	/* cut, altered, of another context, of a newer version, or never sealed */
};

/* Appends to out. False when plain is longer than SEAL_PLAIN_MAX or has no room in out, when there
 * is no key, and when the library fails. */
bool seal_close(const struct seal *seal, struct str context, struct str plain, struct strbuf *out,
		struct err *err) MUST_CHECK;
/* plain is untouched unless SEAL_OK; err then says what is wrong, not what to do. */
enum seal_failure seal_open(const struct seal *seal, struct str context, struct str sealed,
			    struct secret *plain, struct err *err) MUST_CHECK;

#endif
