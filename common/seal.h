/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_SEAL_H
#define OAUTHRELAY_COMMON_SEAL_H

#include <stdbool.h>

#include "common/err.h"
#include "common/secret.h"
#include "common/strbuf.h"

/*
 * Small secrets in files, sealed with AES-256-GCM: who has the file but not the key learns nothing
 * and can change nothing, nor put one file in another's place (the context is authenticated). The
 * format begins with a version and a key's id, so that a wrong key can be told from damage. Each
 * sealing takes a fresh random nonce. Any thread.
 */
enum {
	SEAL_KEY_BYTES = 32,
	SEAL_PLAIN_MAX = 256 * 1024,
};

/* One or several keys: the first seals, any of them opens. */
struct seal;

struct seal *seal_new(void);
void seal_free(struct seal *seal); /* wipes the keys; NULL allowed */
/* key has SEAL_KEY_BYTES bytes, or it fails. */
bool seal_add_key(struct seal *seal, const struct secret *key, struct err *err) MUST_CHECK;

enum seal_failure {
	SEAL_OK = 0,
	SEAL_OTHER_KEY, /* sealed with a key that is not here: another machine's, or a new one */
	SEAL_DAMAGED,	/* cut, altered, of another context, or never sealed */
};

/* Appends to out. False only when the library fails. */
bool seal_close(const struct seal *seal, struct str context, struct str plain, struct strbuf *out,
		struct err *err) MUST_CHECK;
/* plain is untouched unless SEAL_OK; err then says what is wrong, not what to do. */
enum seal_failure seal_open(const struct seal *seal, struct str context, struct str sealed,
			    struct secret *plain, struct err *err) MUST_CHECK;

#endif
