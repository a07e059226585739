/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_INTERNAL_H
#define OAUTHRELAY_OAUTH_TOKEN_INTERNAL_H

#include <sys/queue.h>

#include "oauth/token.h"
#include "oauth/token_attempt.h"
#include "oauth/token_store.h"

struct event;

/* What the sources of oauth/token.h share: token.c has the waiters and the interface, token_fetch.c
 * the state and the fetching, token_keep.c the record and the credentials, token_orders.c what
 * administrators order, token_pending.c a certificate that is not accepted yet. */

struct token_wait {
	TAILQ_ENTRY(token_wait) link;
	struct token *token;
	token_cb *cb;
	void *arg;
	bool failed; /* the attempt it waited for has failed */
};
TAILQ_HEAD(wait_list, token_wait);

/* What the one attempt that may be under way is for. */
enum errand {
	ERRAND_NONE,
	ERRAND_FETCH,
	ERRAND_PROOF,	/* of a credential that is to be added */
	ERRAND_PENDING, /* does Entra take the pending certificate by now? */
};

struct order;
TAILQ_HEAD(order_list, order);

/*
 * state      value   attempt              timer
 * EMPTY      no      no                   weekly refresh, where somebody has signed in
 * FETCHING   no      yes, or hopeless     -
 * VALID      yes     maybe (renewal)      renewal or its retry, end of the token
 * BACKOFF    no      no                   retry
 * HELD       no      maybe (probe)        probe
 *
 * An attempt for an order may be under way in any of them. Before the record is loaded it is EMPTY.
 */
struct token {
	struct token_env env;
	struct config *config;
	const struct account_config *account;
	struct token_events events;
	enum token_state state;
	struct secret value;
	uint32_t generation;
	int64_t ends_at; /* of the value, with a margin */
	int64_t due_at;	 /* next request, where the state has one */
	struct token_attempt *attempt;
	enum errand errand;
	bool fetch_wanted; /* when the record is loaded, or the attempt under way is over */
	bool hopeless;	   /* the fetch has nothing to show: it fails on the next turn */
	bool has_failure;  /* of the last attempt; in VALID of a renewal */
	struct token_failure failure;
	unsigned passing_row; /* failures in a row, by kind */
	unsigned lasting_row;
	bool forced_next; /* the next request is there because a token was refused */
	int64_t forced_at;
	int64_t asked_wall_ms; /* wall clock when the attempt began */
	int64_t skew_ms;       /* our wall clock minus the endpoint's; 0: right, or not known */
	struct event *timer;
	struct event *turn; /* answers one waiter */
	struct wait_list waits;
	/* --- token_keep.c --- */
	struct token_store *store;
	char binding[65];
	struct credential_list credentials; /* as tried; then the pending one */
	size_t tried;			    /* of them */
	bool *refused;			    /* each of them */
	size_t serving;
	bool has_served;
	int64_t first_tried_at; /* the first of them, last */
	struct expiry_list expiries;
	struct expiry_watch warned;
	struct event *look; /* for what expires */
	/* --- token_orders.c --- */
	struct order_list orders;
	struct event *orders_turn;
	/* --- token_pending.c --- */
	struct event *pending_timer;
	unsigned pending_row; /* how often the pending certificate has been tried */
	bool pending_due;
};

/* ---- token.c ---- */
/* The record is there. */
void token_on_loaded(struct token *token);

/* ---- token_fetch.c ---- */
/* Every change of the state, and of what the timer depends on, ends here. */
void token_set_state(struct token *token, enum token_state state);
/* By token->failure, which all that wait now are told. */
void token_set_failed(struct token *token);
void token_arm_timer(struct token *token);
/* Does what is due by now. Not only the timer calls it: it stands still while a machine sleeps. */
void token_catch_up(struct token *token);
/* Nothing is known: as at the start. Waiters go on waiting. */
void token_start_anew(struct token *token);
/* One attempt at a time, whoever asks. */
void token_fetch(struct token *token);
/* With `count` of list, from `first` on. There must be no other under way. */
void token_begin(struct token *token, enum errand errand, const struct credential_list *list,
		 size_t first);
/* Drops the attempt under way, if it is for this. */
void token_abandon(struct token *token, enum errand errand);
/* The grant is the token from now on; what is left in it is wiped by the caller. took_ms: since it
 * was asked for. Tells nobody. */
void token_take_grant(struct token *token, struct token_grant *grant, int64_t took_ms);
/* A value that was asked for age_ms ago and lives life_ms in all. */
void token_use(struct token *token, const struct secret *value, int64_t life_ms, int64_t age_ms);
/* The attempt is free, perhaps: goes on with what wants it. */
void token_use_attempt(struct token *token);
/* False: somebody has to sign in first. */
bool token_has_something_to_show(const struct token *token);
/* On a turn of the loop, when token->hopeless. May free the token. */
void token_fail_hopeless(struct token *token);

/* ---- token_keep.c ---- */
void token_keep_init(struct token *token);
void token_keep_done(struct token *token);
/* The configuration or the record has changed. True when the list of what is tried has. */
bool token_keep_credentials(struct token *token);
/* Uses the token of the record, if it can be. */
void token_keep_recall(struct token *token);
void token_keep_grant(struct token *token, const struct token_grant *grant, int64_t took_ms);
/* The access token is worth nothing any more. */
void token_keep_drop(struct token *token);
/* Empty where nobody has signed in for this configuration. */
struct str token_keep_refresh_token(const struct token *token);
/* Until the refresh token must be used lest it end; INT64_MAX where there is none. */
int64_t token_keep_idle_ms(const struct token *token);
/* Which one an attempt begins with. */
size_t token_keep_first(struct token *token);
void token_keep_served(struct token *token, size_t credential);
/* False: it was the last time as well. */
bool token_keep_refused(struct token *token, size_t credential);
const char *token_keep_serving(const struct token *token);
/* Those that were added and may be shown under this configuration; NULL: none. */
struct credential_list *token_keep_added(struct token *token);

/* ---- token_orders.c ---- */
void token_orders_init(struct token *token);
void token_orders_done(struct token *token);
/* Something has changed: goes on with them on the loop's next turn. */
void token_orders_kick(struct token *token);
/* The record could not be stored, this time. */
void token_orders_not_stored(struct token *token, const struct err *why);
/* The record is there, or another configuration. */
void token_orders_start(struct token *token);
/* Is there something that needs the attempt, which is free? Begins it, then. */
bool token_orders_use_attempt(struct token *token);
/* Puts a credential first among those that were added; of what was there the same one goes, and the
 * oldest when there are too many. Takes its content over. */
void token_orders_record(struct token *token, struct credential *credential);
/* The end of an attempt of theirs. grant NULL: failure. True: it was taken. */
bool token_orders_attempted(struct token *token, enum errand errand, struct token_grant *grant,
			    const struct token_failure *failure, int64_t took_ms);

/* ---- token_pending.c: the certificate that Entra has not accepted yet ---- */
void token_pending_init(struct token *token);
/* There may be one now, or none any more: begins with the short waits. */
void token_pending_start(struct token *token);
/* It is due, and the attempt is free. */
void token_pending_try(struct token *token);
/* True: it has been accepted, and serves. */
bool token_pending_end(struct token *token, struct token_grant *grant, int64_t took_ms);

#endif
