/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_ASSERTION_H
#define OAUTHRELAY_OAUTH_ASSERTION_H

#include <stdint.h>

#include "common/err.h"
#include "common/secret.h"
#include "oauth/credential.h"

struct worker;

/*
 * The client assertion (RFC 7523, microsoft365.md 4.3 and 4.8) that goes with a token request: for
 * a certificate a JWT that is made and signed in the crypto lane; for a federated credential the
 * content of its file, read anew in the disk lane, checked to be one JWT and otherwise unchanged.
 */
enum {
	/* Backwards, so that a clock that is fast by less does no harm; the whole is what
	 * Microsoft's own library takes. */
	ASSERTION_EARLY_S = 60,
	ASSERTION_LIFE_S = 600,
	ASSERTION_JTI_BYTES = 37, /* with its NUL */
};

struct assertion;

/* value NULL: it failed. err names the file or the credential, and the cure; its code is EAGAIN
 * when nothing is wrong but that the machine is too busy. Once, on the loop, never from inside the
 * call. */
typedef void assertion_cb(void *arg, const struct secret *value, const struct err *err);

/* Everything needed is copied. */
struct assertion *assertion_start(struct worker *worker, const struct credential *credential,
				  const char *client_id, const char *audience, assertion_cb *cb,
				  void *arg);
void assertion_cancel(struct assertion *assertion); /* NULL allowed; no callback afterwards */

/* The signing itself; blocks. For the above, the command line and tests. */
bool assertion_sign(const struct credential *credential, const char *client_id,
		    const char *audience, int64_t now_wall_ms, const char *jti, struct secret *out,
		    struct err *err) MUST_CHECK;
/* A random GUID (RFC 9562, version 4). False only when the library fails. */
bool assertion_make_jti(char out[ASSERTION_JTI_BYTES], struct err *err) MUST_CHECK;

#endif
