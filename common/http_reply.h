/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_HTTP_REPLY_H
#define OAUTHRELAY_COMMON_HTTP_REPLY_H

#include <curl/curl.h>
#include <stdint.h>

#include "common/http.h"

/*
 * What common/http.c makes of the end of a transfer: the kind of failure, words for it, the headers
 * that are of use. Touches nothing but its arguments. Any thread.
 */

enum http_failure http_failure_of(CURLcode result);

/* A finished transfer's failure in words, with the remedy where it is known. reason is what curl
 * wrote into CURLOPT_ERRORBUFFER; host is named in front of it; issuer is common/http_trust.h's. */
void http_explain(CURL *easy, CURLcode result, const char *host, const char *reason,
		  const char *issuer, struct err *err);

/* Retry-After (RFC 9110 10.2.3), seconds or a date, seen from now_ms; -1 when it makes no sense. */
int64_t http_retry_after_ms(struct str value, int64_t now_ms);
/* An HTTP date as wall clock, -1 when it is none. */
int64_t http_date_ms(struct str value);
/* The last response's header of this name, empty when absent; valid as long as easy is. */
struct str http_reply_header(CURL *easy, const char *name);

#endif
