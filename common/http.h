/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_HTTP_H
#define OAUTHRELAY_COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

struct event_base;
struct resolver;

/*
 * HTTPS requests with libcurl's multi interface, driven by the loop (threats.md 2.14 gives the
 * options). Names come from the resolver and are handed to curl by CURLOPT_RESOLVE. Redirects are
 * not followed, proxies and key logs in the environment are ignored, the reply is capped, TLS is
 * verified and at least 1.2. What is sent and what comes is wiped after use, in curl's memory too.
 * Loop's thread.
 */
struct http;
struct http_request;

enum http_failure {
	HTTP_OK = 0, /* there is a reply, of whatever status */
	HTTP_FAIL_DNS,
	HTTP_FAIL_CONNECT,
	HTTP_FAIL_TLS, /* handshake or certificate */
	HTTP_FAIL_TIMEOUT,
	HTTP_FAIL_TOO_BIG, /* reply over the cap */
	HTTP_FAIL_PROXY,   /* not found, refuses or fails before the host was reached */
	HTTP_FAIL_OTHER,
};

const char *http_failure_name(enum http_failure failure); /* "dns", "connect", "tls", ... */

struct http_reply {
	enum http_failure failure;
	struct err err; /* when failure != HTTP_OK */
	long status;
	struct str body;	 /* valid during the callback */
	struct str content_type; /* empty when absent */
	struct str authenticate; /* WWW-Authenticate; empty when absent */
	int64_t retry_after_ms; /* from Retry-After, seconds or date; -1 when absent or senseless */
	int64_t date_ms;	/* the server's Date, wall clock ms; -1 when absent */
	int64_t took_ms;
};

typedef void http_cb(void *arg, const struct http_reply *reply);

struct http_header {
	const char *name;
	struct str value; /* may be secret: copied, and wiped after use; no control characters */
};

struct http_params {
	const char *url;     /* https only, but see local_http */
	const char *ca_file; /* "" or NULL: the system's */
	struct str body;     /* NULL bytes: GET; else POST; copied */
	const char *content_type;
	const struct http_header *headers; /* more of them */
	size_t header_count;
	/* NULL, "" or "none": straight, whatever the environment says. Otherwise as
	 * common/http_proxy.h has it; the host's name is then the proxy's to look up. */
	const char *proxy;
	struct str proxy_password;
	/* http:// too, but only to addresses of this machine and its link (http_target_admits()),
	 * and never through a proxy. */
	bool local_http;
	int64_t timeout_ms; /* whole request, name resolution included */
	size_t reply_max;
};

struct http *http_new(struct event_base *base, struct resolver *resolver);
void http_free(struct http *http); /* no request may be open */
/* The callback comes once, on the loop, never from inside http_start(). Handle freed after it. */
struct http_request *http_start(struct http *http, const struct http_params *params, http_cb *cb,
				void *arg);
void http_cancel(struct http_request *request); /* NULL allowed; no callback afterwards */

#endif
