/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_CURL_LOOP_H
#define OAUTHRELAY_COMMON_CURL_LOOP_H

#include <curl/curl.h>

struct event_base;

/*
 * libcurl's multi interface driven by the loop: what common/http.c and common/dial.c share. Owns
 * one CURLM, its timer, and an event for each of its sockets. Knows nothing of HTTP. Nothing blocks
 * as long as no handle gives curl a name to resolve (CURLOPT_RESOLVE, or an address in the URL).
 * Loop's thread.
 */
struct curl_loop;

/* easy still belongs to the loop: end with curl_loop_stop(), in the callback or later. */
typedef void curl_loop_cb(void *arg, CURLcode result);

/* The first one initialises libcurl, which is not safe while other threads call into it. */
struct curl_loop *curl_loop_new(struct event_base *base);
void curl_loop_free(struct curl_loop *loop); /* nothing may be started; NULL allowed */

/* A handle with the options that hold for all of ours: nothing from the environment, no signals, no
 * connection used twice. The caller ends it with curl_loop_stop(), or curl_easy_cleanup() if it was
 * never started. CURLOPT_PRIVATE is taken. */
CURL *curl_loop_handle(void);
/* cb comes once, on the loop, never from inside this call, and from a clean stack: it may start and
 * stop other handles, and free the loop. */
void curl_loop_start(struct curl_loop *loop, CURL *easy, curl_loop_cb *cb, void *arg);
/* Ends the transfer, whatever its state, and frees the handle. No callback afterwards. */
void curl_loop_stop(struct curl_loop *loop, CURL *easy);

#endif
