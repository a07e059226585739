/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_TLS_CERTIFICATE_H
#define OAUTHRELAY_COMMON_TLS_CERTIFICATE_H

#include <openssl/types.h>

#include "common/err.h"
#include "common/strbuf.h"

/*
 * A certificate as people see it. Texts are quoted where they are foreign. Any thread.
 */

/* The first certificate of a PEM file, which is the one a server shows of itself; NULL with "PATH:
 * cause". Blocks. The caller frees with X509_free(). */
X509 *tls_certificate_read(const char *path, struct err *err) MUST_CHECK;
bool tls_certificate_append_pem(struct strbuf *out, X509 *certificate) MUST_CHECK;
bool tls_certificate_append_der(struct strbuf *out, X509 *certificate) MUST_CHECK;
/* "AB:CD:..." of its SHA-256, as browsers and printers show it. */
void tls_certificate_append_fingerprint(struct strbuf *out, const X509 *certificate);
/* "CN=relay.contoso.com", newest part first (RFC 2253), without quotes around it. */
void tls_certificate_append_name(struct strbuf *out, const X509_NAME *name);
/* "a.example, *.b.example, 192.0.2.1 and 3 more": the hosts it is for, max of them in words. */
void tls_certificate_append_hosts(struct strbuf *out, const X509 *certificate, size_t max);
void tls_certificate_append_time(struct strbuf *out, const ASN1_TIME *when);

#endif
