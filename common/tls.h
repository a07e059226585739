/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_TLS_H
#define OAUTHRELAY_COMMON_TLS_H

#include <openssl/ssl.h>

#include "common/err.h"
#include "common/strbuf.h"

struct bufferevent;

/*
 * TLS on OpenSSL: the client side, our own certificate, and what concerns both sides; the server
 * side is common/tls_server.h. Making a context reads files, so it is done at start or in a job;
 * everything else runs on the loop.
 */

/* Client: TLS 1.2 and up, peer verified against ca_file ("" = the system's store). */
SSL_CTX *tls_client_context(const char *ca_file, struct err *err) MUST_CHECK;
/* One client connection that will accept only a certificate valid for host (name or address). */
SSL *tls_client_new(SSL_CTX *context, const char *host, struct err *err) MUST_CHECK;
/* Makes an RSA-2048/SHA-256 certificate for hostname (and its addresses), ten years, with its key
 * (mode 0600), both written durably, unless both files exist already. Blocks. */
bool tls_make_self_signed(const char *certificate, const char *key, const char *hostname,
			  struct err *err) MUST_CHECK;
/* What went wrong in a handshake, in words, with the remedy where it is known: expired, wrong name
 * (which names it has), unknown authority (its issuer), protocol too old, closed. */
void tls_explain(struct bufferevent *bev, SSL *ssl, short what, struct err *err);
/* The same, for an error that has been taken from its bufferevent already (0: none). */
void tls_explain_code(unsigned long code, SSL *ssl, short what, struct err *err);
/* What helps against an X509_V_ERR_* code, as ": do this" for the end of a sentence; "" when
 * unknown or none. For failures of connections that are not ours to look into (common/http.c). */
const char *tls_verify_hint(long verify_result);
/* "TLSv1.3" */
const char *tls_version(const SSL *ssl);

#endif
