/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_H
#define OAUTHRELAY_OAUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "oauth/token_failure.h"

struct account_config;
struct event_base;
struct http;

/*
 * The access token of one account: fetched once for any number of waiters, kept, renewed in the
 * background at least ten minutes before its end while the old one goes on being used.
 *
 *   EMPTY -> FETCHING -> VALID (-> FETCHING in the background) ...
 *   FETCHING fails for a passing reason -> BACKOFF (1, 2, 4 s ... 5 min, Retry-After obeyed)
 *   FETCHING fails for a reason an administrator must mend -> HELD (probed after 5, 15, 30, then
 *   every 60 minutes, and at once by token_probe())
 *
 * Waiters stay through BACKOFF only until their attempt's answer: they are told the failure and the
 * queue decides. Nothing is ever logged here; events are told to the observer. Loop's thread.
 */
struct token;
struct token_wait;

enum token_state {
	TOKEN_EMPTY,
	TOKEN_FETCHING,
	TOKEN_VALID,
	TOKEN_BACKOFF,
	TOKEN_HELD
};
const char *token_state_name(enum token_state state);

struct token_events {
	void (*fetched)(void *arg, int64_t expires_in_ms, int64_t took_ms);
	void (*failed)(void *arg, const struct token_failure *failure);
	void *arg;
};

/* Success: token (valid during the call, copy what is needed) with its generation. Failure: NULL.
 */
typedef void token_cb(void *arg, const struct secret *token, uint32_t generation,
		      int64_t good_for_ms, const struct token_failure *failure);

/* account must outlive the token or be replaced by token_reconfigure(). */
struct token *token_new(struct event_base *base, struct http *http,
			const struct account_config *account, const struct token_events *events);
void token_free(struct token *token); /* waiters are dropped without a call; NULL allowed */
/* A new configuration: a token got with other credentials is dropped, a hold ends. */
void token_reconfigure(struct token *token, const struct account_config *account);

/* The callback comes once, never from inside the call. In BACKOFF and HELD it comes on the loop's
 * next turn with the failure known already: no request is made for a waiter. */
struct token_wait *token_get(struct token *token, token_cb *cb, void *arg);
void token_cancel(struct token_wait *wait); /* NULL allowed */

/* The server refused the token of this generation. Ignored when a newer one is there already. */
void token_reject(struct token *token, uint32_t generation);
/* Tries at once, whatever the state, unless a request is under way. */
void token_probe(struct token *token);

enum token_state token_state_of(const struct token *token);
int64_t token_good_for_ms(const struct token *token); /* 0 when there is none */
/* The last failure while in BACKOFF or HELD, else NULL. */
const struct token_failure *token_last_failure(const struct token *token);

#endif
