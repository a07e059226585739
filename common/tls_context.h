/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_TLS_CONTEXT_H
#define OAUTHRELAY_COMMON_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "common/err.h"

/*
 * What contexts of both sides have in common; for common/tls*.c only.
 */

/* TLS 1.2 and up, security level 2 at least, no renegotiation, no compression. NULL: out of memory,
 * or OpenSSL's own configuration is broken; its error queue says. */
SSL_CTX *tls_context_new(const SSL_METHOD *method);
/* "PATH: what: reason" of OpenSSL's first queued error, which names the cause; path may be NULL.
 * The queue is empty after. Returns false. */
bool tls_context_error(struct err *err, const char *what, const char *path);

#endif
