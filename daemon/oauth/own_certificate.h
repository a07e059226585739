/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_OWN_CERTIFICATE_H
#define OAUTHRELAY_OAUTH_OWN_CERTIFICATE_H

#include "common/err.h"
#include "oauth/credential.h"

struct worker;

/*
 * A certificate of the relay's own making for an account: RSA, self-signed, CN=oauthrelay NAME, two
 * years. Entra wants nothing more of a certificate than that it has been uploaded; who issued it is
 * not looked at. The key never leaves the process but sealed.
 */
enum {
	/* NIST SP 800-57: 128 bits of strength, good past 2030, for a key that is made once in two
	 * years and signs once an hour: what it costs more than 2048 bits is not felt. */
	OWN_CERTIFICATE_BITS = 3072,
	/* The longest that the portal offers for a secret; policies often refuse more. */
	OWN_CERTIFICATE_DAYS = 730,
	THUMBPRINT_SHA1_BYTES = 41, /* with their NULs */
	THUMBPRINT_SHA256_BYTES = 65,
};

struct own_certificate;

/* credential is a pending one, with the day in its label; its content may be taken (then it is to
 * be emptied), what is left is wiped afterwards. NULL: err says why not; its code is EAGAIN when
 * the machine is only too busy. Once, on the loop, never from inside the call. */
typedef void own_certificate_cb(void *arg, struct credential *credential, const struct err *err);

/* Made in the crypto lane, which takes up to some seconds. */
struct own_certificate *own_certificate_start(struct worker *worker, const char *account,
					      own_certificate_cb *cb, void *arg);
void own_certificate_cancel(struct own_certificate *own); /* NULL allowed; no callback */

/* The making itself; blocks. */
bool own_certificate_make(const char *account, int64_t now_wall_ms, struct credential *out,
			  struct err *err) MUST_CHECK;

/* In capital hexadecimal digits, as Entra's page "Certificates & secrets" shows the SHA-1 one.
 * False when the text is no certificate. */
bool own_certificate_thumbprints(const char *certificate_pem, char sha1[THUMBPRINT_SHA1_BYTES],
				 char sha256[THUMBPRINT_SHA256_BYTES]) MUST_CHECK;

#endif
