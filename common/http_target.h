/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_HTTP_TARGET_H
#define OAUTHRELAY_COMMON_HTTP_TARGET_H

#include <curl/curl.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/netaddr.h"
#include "common/resolver.h"

/*
 * Where a request goes: host and port out of a URL, read by libcurl's own parser so that the two
 * never differ; and which addresses plain http may reach. Pure.
 */
struct http_target {
	bool tls;
	char *host; /* an IPv6 address without its brackets */
	unsigned port;
};

/* https:// only; with local_http also http://, which http_target_admits() restricts. No user and
 * no password in it. The error does not repeat the URL. */
bool http_target_parse(const char *url, bool local_http, struct http_target *out, struct err *err)
	MUST_CHECK;
void http_target_done(struct http_target *target);

/* Plain http goes to this machine and its link only: every address is in 127.0.0.0/8, ::1/128,
 * 169.254.0.0/16 or fe80::/10. True for TLS wherever it goes. */
bool http_target_admits(const struct http_target *target, const struct resolved *addresses,
			struct err *err) MUST_CHECK;

/* What CURLOPT_RESOLVE takes: "host:port:192.0.2.1,[2001:db8::1]". NULL when host is an address:
 * there is nothing to tell. The caller frees. */
struct curl_slist *http_target_addresses(const char *host, unsigned port,
					 const struct resolved *addresses);

#endif
