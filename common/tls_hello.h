/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_TLS_HELLO_H
#define OAUTHRELAY_COMMON_TLS_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * What a client offered in its ClientHello, and what that means for somebody whose printer's
 * handshake has failed (RFC 8446 4.1.2; RFC 5246 appendix E.2 for SSL 2.0's form). Only numbers are
 * kept, so that nothing foreign gets into a text. Pure functions.
 */
enum {
	TLS_HELLO_CIPHERS = 48 /* kept to be shown; all are looked at */
};

struct tls_hello {
	bool seen;
	uint16_t version; /* highest: 0x0304 is TLS 1.3, 0x0301 TLS 1.0, 0x0002 SSL 2.0 */
	unsigned kinds;	  /* of all its cipher suites: bits of the table in the source */
	size_t total;	  /* cipher suites offered */
	size_t count;	  /* of those kept */
	uint16_t ciphers[TLS_HELLO_CIPHERS];
};

/* Why a server with OpenSSL 3 and an RSA certificate says no to such an offer. */
enum tls_fault {
	TLS_FAULT_NONE,	   /* not for what is known here */
	TLS_FAULT_SSL,	   /* SSL 3.0 or 2.0 at most: no OpenSSL of Debian's has it */
	TLS_FAULT_CIPHERS, /* nothing but ciphers that OpenSSL no longer has */
	TLS_FAULT_LEGACY,  /* a legacy context would take it */
	TLS_FAULT_COUNT
};

/* ciphers is the wire's list, of two bytes each, or of three in SSL 2.0's form; versions is the
 * body of the extension supported_versions, empty where there is none. */
void tls_hello_read(struct tls_hello *hello, uint16_t version, struct str ciphers, bool sslv2_form,
		    struct str versions);
enum tls_fault tls_hello_fault(const struct tls_hello *hello, bool legacy);
/* "offers TLS 1.0 at most (AES128-SHA, RC4-MD5 and 3 more)", or "offers only RC4 and 3DES (...)" */
void tls_hello_append(struct strbuf *out, const struct tls_hello *hello, enum tls_fault fault);
/* "turn TLS off on the device"; "" for TLS_FAULT_NONE. */
const char *tls_fault_remedy(enum tls_fault fault);

#endif
