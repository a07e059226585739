/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_H
#define OAUTHRELAY_OAUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "oauth/credential.h"
#include "oauth/expiry.h"
#include "oauth/token_failure.h"
#include "oauth/token_grant.h"

struct event_base;
struct http;
struct seal;
struct state;
struct worker;

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
 *
 * What must outlive the process is in a record (oauth/token_store.h), which is loaded before
 * anything else; waiters wait for that. A token of the last run is used if it was got for the same
 * configuration and still lives by the wall clock: then the first message after a restart needs no
 * request. From then on, as with every token, the monotonic clock counts.
 *
 * Once there has been a token it is renewed for ever, whether or not anybody asks: the first
 * message after a quiet night shall not wait, and a fault is found before mail meets it. Where
 * somebody has signed in the refresh token is used at least every seven days, also when nobody has
 * asked for a token since the start, so that it does not end by idleness.
 *
 * Several credentials: the one that served last is tried first, so that one that has ended costs
 * nothing; the next ones when it is refused. One that was refused comes last, and is told of once,
 * until after a reload, and once a day, it begins with the first again.
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

/* Only `fetched` and `failed` may free the token: they are told last. None is told from inside a
 * call, but of token_reconfigure(). */
struct token_events {
	/* credential: the label of the one that was shown; "" for none. */
	void (*fetched)(void *arg, int64_t expires_in_ms, int64_t took_ms, const char *credential);
	void (*failed)(void *arg, const struct token_failure *failure);
	/* ... and the next one is being tried. */
	void (*refused)(void *arg, const char *credential, const struct token_failure *failure);
	void (*expiring)(void *arg, const struct expiry *expiry);
	/* Our wall clock minus the endpoint's. Told again when it has been right in between. */
	void (*clock_skewed)(void *arg, int64_t skew_ms);
	/* The record cannot be read, is another machine's or damaged, or cannot be stored: the
	 * account goes on without. */
	void (*record_refused)(void *arg, const struct err *why, const char *remedy);
	void (*changed)(void *arg, const char *what); /* by an order, "signed in" */
	void *arg;
};

struct token_env {
	struct event_base *base;
	struct http *http;
	struct worker *worker;
	struct state *state;	 /* NULL: nothing is remembered */
	const struct seal *seal; /* NULL: likewise */
	const char *unsealed;	 /* why there is no seal, and the cure; NULL: none is meant to be */
	/* Of the token in whose place this one comes: sessions still name that one's. 0: none. */
	uint32_t generation;
};

/* Success: token (valid during the call, copy what is needed) with its generation. Failure: NULL.
 */
typedef void token_cb(void *arg, const struct secret *token, uint32_t generation,
		      int64_t good_for_ms, const struct token_failure *failure);

/* env and events are copied. A reference is taken of config, in which account is; NULL: account
 * outlives the token, or is replaced by token_reconfigure(). */
struct token *token_new(const struct token_env *env, struct config *config,
			const struct account_config *account, const struct token_events *events);
/* Waiters are dropped without a call; whose orders are not done is told so. NULL allowed. */
void token_free(struct token *token);
/* A new configuration: a hold ends. A token that was got for something else is dropped; if only the
 * credentials are others, it goes on being used while they show what they are worth. */
void token_reconfigure(struct token *token, struct config *config,
		       const struct account_config *account);

/* The callback comes once, never from inside the call. In BACKOFF and HELD it comes on the loop's
 * next turn with the failure known already: no request is made for a waiter. */
struct token_wait *token_get(struct token *token, token_cb *cb, void *arg);
void token_cancel(struct token_wait *wait); /* NULL allowed */

/* The server refused the token of this generation: the next one is a new one. Ignored when a newer
 * one is there already. The second time within a minute it is not the token's fault: it returns
 * false, and the token waits that minute out, whoever asks. */
bool token_reject(struct token *token, uint32_t generation);
/* The server has taken the token of this generation: if it refuses it one day, that is a new matter
 * and not "the second time". */
void token_worked(struct token *token, uint32_t generation);
/* The newest there has been. */
uint32_t token_generation(const struct token *token);
/* Tries at once, whatever the state, unless a request is under way. */
void token_probe(struct token *token);

enum token_state token_state_of(const struct token *token);
int64_t token_good_for_ms(const struct token *token); /* 0 when there is none */

/* ---- orders of an administrator (oauth/token_orders.c) ---- */

/* failure NULL: done, and durable. Once, never from inside the call that gave it; at the latest by
 * token_free(). What is not durable for want
 * of room on the disk is in use nevertheless, and is stored as soon as that works. Orders are
 * carried out one after the other. */
typedef void token_order_cb(void *arg, const struct token_failure *failure);

/* Somebody has signed in; grant is taken over. Ends a hold. */
void token_sign_in(struct token *token, struct token_grant *grant, token_order_cb *cb, void *arg);
/* Takes credential over, and proves it by a token that is got with it alone; then it is the first,
 * and what there was stays behind it. A certificate that is `pending` is stored unproven, in the
 * place of another such, and tried after 1, 2, 5, 10, 20, 30 and every 60 minutes; it serves as
 * soon as the endpoint takes it. */
void token_add_credential(struct token *token, struct credential *credential, token_order_cb *cb,
			  void *arg);
/* The configuration's credentials alone, as if none had ever been added. */
void token_forget_added(struct token *token, token_order_cb *cb, void *arg);
/* Tries the pending certificate now; failure: it is not taken yet, and why. Nothing to do where
 * there is none. */
void token_try_pending(struct token *token, token_order_cb *cb, void *arg);
/* The account ends, or the relay: whoever waits is told so, from inside this call. What is in use
 * by then stays so, and is given to the state once more by token_free(). */
void token_end_orders(struct token *token);
/* No callback to this arg any more. What is not yet begun or proven does not happen. */
void token_cancel_orders(struct token *token, void *arg);

/* Everything in it is valid until the next turn of the loop. */
struct token_status {
	enum token_state state;
	int64_t good_for_ms;
	const char
		*serving; /* label of what got the last token; "" when none has since the start */
	size_t serving_index;
	bool signed_in;
	int64_t signed_in_ms;			   /* wall clock; 0: not known */
	const struct credential_list *credentials; /* as they are tried; then the pending one */
	const bool *refused;			   /* each of them, when it was tried last */
	const struct token_failure *last;	   /* of the last attempt; NULL: it succeeded */
	const struct expiry_list *expiries;	   /* the soonest first */
	bool stored;				   /* all that must be is durable */
	int64_t skew_ms; /* our wall clock minus the endpoint's; 0: right, or not known */
};
void token_status(const struct token *token, struct token_status *out);

#endif
