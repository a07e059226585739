/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_STORE_H
#define OAUTHRELAY_OAUTH_TOKEN_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "oauth/account_record.h"

struct event_base;
struct seal;
struct state;

/*
 * The record of one account between the token that uses it and the state that keeps it: loaded
 * once, changed in place, stored as a whole, one put at a time and again with back-off until it
 * works. A refresh token that is new is not given out before it is durable, for whoever uses it may
 * make the old one worthless (threats.md TOK-11). Loop's thread.
 *
 * A value that cannot be opened is put aside as "accounts/NAME.refused" and its place is free; one
 * that cannot even be read stays where it is, and nothing is stored until somebody gives an order
 * (token_store_override()).
 */
struct token_store;

enum token_store_trouble {
	STORE_UNREADABLE, /* the state could not say */
	STORE_OTHER_KEY,
	STORE_DAMAGED,
	STORE_NOT_STORED, /* told once for a row of failures */
};

/* None of them is called from inside a call, nor may it free the store. */
struct token_store_events {
	void (*loaded)(void *arg); /* once; not when there is no state */
	void (*trouble)(void *arg, enum token_store_trouble trouble, const struct err *why);
	/* What had changed before the put began is durable; or it is not, this time. */
	void (*saved)(void *arg);
	void (*failed)(void *arg, const struct err *why);
	void *arg;
};

/* state or seal NULL: the record lives as long as the store, and all of it counts as durable. */
struct token_store *token_store_new(struct event_base *base, struct state *state,
				    const struct seal *seal, const char *account,
				    const struct token_store_events *events);
/* What has not been stored yet is given to the state once more. */
void token_store_free(struct token_store *store); /* NULL allowed */
bool token_store_is_loaded(const struct token_store *store);

/* For reading, and for changing with a token_store_save() behind it. */
struct account_record *token_store_record(const struct token_store *store);
/* The record has changed. Returns the number of this change. */
uint64_t token_store_save(struct token_store *store);
bool token_store_is_stored(const struct token_store *store); /* all changes are */
bool token_store_is_durable(const struct token_store *store, uint64_t change);
/* A person wants this record stored, whatever lies in its place. */
void token_store_override(struct token_store *store);

/* The one to use; empty when there is none. */
struct str token_store_refresh_token(const struct token_store *store);
/* The endpoint does not take that one any more, or it has been replaced by a sign-in: use the
 * newest from now on. False when it is the newest. */
bool token_store_use_newest(struct token_store *store);

#endif
