/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_TLS_SERVER_H
#define OAUTHRELAY_COMMON_TLS_SERVER_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"
#include "common/tls_hello.h"

struct bufferevent;

/*
 * The server side of TLS: no renegotiation, no early data, no client certificates. Making a context
 * reads files, so it is done at start or in a job; everything else runs on the loop.
 *
 * A context is modern (TLS 1.2 and up, OpenSSL's security level 2, whatever openssl.cnf says) or
 * legacy, for devices that have nothing better: TLS 1.0 and 1.1 too, AES-CBC-SHA among the ciphers,
 * level 0. RC4, 3DES and SSL 3.0 are in neither.
 */
struct tls_server_params {
	const char *certificate;
	const char *key;
	struct str id; /* sessions are bound to it (threats.md TLS-10): listener and profile */
	bool legacy;
	uint64_t sessions; /* kept for clients that resume by session id; 0: none */
};

/* The caller frees with SSL_CTX_free(). */
SSL_CTX *tls_server_context(const struct tls_server_params *params, struct err *err) MUST_CHECK;

/* One connection. What the client offers is put into *hello, which must live until
 * tls_server_done() or SSL_free(). */
SSL *tls_server_new(SSL_CTX *context, struct tls_hello *hello, struct err *err) MUST_CHECK;
/* The handshake is over: hello is not looked at any more. */
void tls_server_done(SSL *ssl);

/* Why the handshake failed, with the remedy where it is known; "it" is the device: "offers TLS 1.0
 * at most (AES128-SHA): set tls_profile = "legacy" for it". The fault says whether there is a
 * setting that would admit it. Called in the event callback, with its `what`; once. */
enum tls_fault tls_server_explain(struct bufferevent *bev, SSL *ssl, short what, struct err *err);

#endif
