/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_HTTP_TRUST_H
#define OAUTHRELAY_COMMON_HTTP_TRUST_H

#include <curl/curl.h>
#include <stdbool.h>

/*
 * Whom one transfer trusts - TLS 1.2 and up, the certificate valid, for this host, from ca_file or
 * the system's authorities - and what it got to see instead. Must stay where it is until the
 * transfer's end. Loop's thread.
 */
struct http_trust {
	bool begun;	  /* a handshake has been, so whatever lies before it was passed */
	char issuer[256]; /* of a certificate that was not accepted, but for its dates; printable */
};

/* ca_file "": the system's, and then from ca_path where that is not NULL. */
void http_trust_apply(struct http_trust *trust, CURL *easy, const char *ca_file,
		      const char *ca_path);

#endif
