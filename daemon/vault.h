/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_VAULT_H
#define OAUTHRELAY_VAULT_H

#include "common/seal.h"
#include "common/state.h"

struct config;
struct event_base;
struct worker;

/*
 * What the relay remembers over a restart, and the key under which it keeps secret what of that is
 * secret. Opened before the loop turns: it blocks, and makes what a first start needs.
 */
struct vault {
	struct state *state;
	struct seal *seal;  /* NULL: the key cannot be had */
	struct err refused; /* why, and the command that mends it; text "" otherwise */
	int lock;	    /* on STATE_DIR/lock; -1: none */
};

/*
 * A key that cannot be had is logged and no reason not to start: mail of accounts that need nobody
 * to sign in flows without what was remembered. False when the folder of the state cannot be used,
 * or another relay uses it.
 */
bool vault_open(struct vault *vault, struct event_base *base, struct worker *worker,
		const struct config *config, struct err *err) MUST_CHECK;
/* When nobody uses it any more, and before the worker is freed. One that was never opened, all
 * zero, is allowed. */
void vault_close(struct vault *vault);

#endif
