/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_HTTP_PROXY_H
#define OAUTHRELAY_COMMON_HTTP_PROXY_H

#include <curl/curl.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/secret.h"
#include "common/str.h"
#include "common/strbuf.h"

/*
 * A proxy that requests go through: what the configuration writes of it, what libcurl is told, and
 * why it did not work, in words for whoever looks after it. Only as configured: what the
 * environment says of proxies counts for nothing, no_proxy included. Any thread.
 */
enum http_proxy_kind {
	HTTP_PROXY_NONE,
	HTTP_PROXY_CONNECT, /* HTTP, by CONNECT (RFC 9110 9.3.6), Basic authentication */
	HTTP_PROXY_SOCKS5,  /* RFC 1928, 1929; the proxy looks the host up */
};

struct http_proxy {
	enum http_proxy_kind kind;
	char *host; /* an IPv6 address without its brackets */
	unsigned port;
	char *user; /* "" */
	struct secret password;
};

/* "", "none"; http://[user@]host:port, socks5h://[user@]host:port. A user's special characters are
 * percent-encoded. A password in it is an error, whose text does not repeat it. */
bool http_proxy_parse(struct str text, struct http_proxy *out, struct err *err) MUST_CHECK;
void http_proxy_done(struct http_proxy *proxy);

/* Its name is libcurl's to connect to: CURLOPT_RESOLVE must have it. */
void http_proxy_apply(const struct http_proxy *proxy, CURL *easy);

/* For a transfer that ended before the proxy had let it through to host. reason is what curl wrote
 * into CURLOPT_ERRORBUFFER. */
void http_proxy_explain(const struct http_proxy *proxy, CURL *easy, CURLcode result,
			const char *host, const char *reason, struct err *err);
/* "proxy proxy.contoso.com:3128" */
void http_proxy_append(struct strbuf *out, const struct http_proxy *proxy);

#endif
