/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_ACCOUNT_H
#define OAUTHRELAY_QUEUE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "oauth/token.h"
#include "queue/delivery.h"
#include "queue/message.h"
#include "queue/reply_rules.h"
#include "queue/standing.h"

struct dialer;
struct event_base;
struct http;
struct seal;
struct ssl_ctx_st;
struct state;
struct worker;

/*
 * One account at work: its token, its sessions, its limits, the messages that are ready for it, and
 * its standing (queue/standing.h). While an account does not send, its messages stay in its list
 * and cost nothing. Loop's thread.
 */
struct account_env {
	struct event_base *base;
	struct worker *worker;
	struct spool *spool;
	struct http *http;
	struct dialer *dialer;
	struct state *state; /* this and the next two: see queue_params */
	const struct seal *seal;
	const char *unsealed;
	/* The message is the queue's again, and no longer in the account's list. */
	void (*attempted)(void *arg, struct account *account, struct queued *m,
			  const struct delivery_result *result);
	/* Takes the next message to send out of the account's list and makes it ACTIVE. */
	struct queued *(*take)(void *arg, struct account *account);
	void *arg;
};

/* env is copied. The account's configuration comes with account_configure(), at once. */
struct account *account_new(const struct account_env *env, const char *name);
/* Ends its sessions at once; messages in transaction are dropped from it without a call. */
void account_free(struct account *account); /* NULL allowed */
/* A (new) configuration: a reference is taken of config; tls may be NULL where TLS is off, else one
 * reference is taken. Ends a hold. */
void account_configure(struct account *account, struct config *config,
		       const struct account_config *ac, struct ssl_ctx_st *tls);
const char *account_name(const struct account *account);
const struct account_config *account_config_of(const struct account *account);

/* The ready list: first in, first out. The queue calls these through queue_place() only. */
void account_list_add(struct account *account, struct queued *m, bool front);
void account_list_remove(struct account *account, struct queued *m);
struct queued *account_list_first(const struct account *account);

/* There may be something to do: called after the list has grown. Sends nothing from inside. */
void account_wake(struct account *account);
/* What an attempt showed about the account (struct outcome). */
void account_apply(struct account *account, const struct reply_rule *rule,
		   const struct reply *reply);
/* Tries at once, also when held. */
void account_retry(struct account *account);
/* No new transaction from now on; idle sessions say QUIT. */
void account_stop(struct account *account);
/* NULL: it needs none. For orders, and for those who look. */
struct token *account_token(const struct account *account);
const struct account_token_counters *account_token_counters(const struct account *account);
/* Since when (wall clock ms) the account has been able to send; 0: since the start. */
int64_t account_since_ms(const struct account *account);

struct account_status {
	const char *name;
	enum account_state state;
	const char *reason;  /* "" when open */
	const char *remedy;  /* "" when unknown */
	int64_t next_try_ms; /* from now; -1 when nothing is planned */
	enum token_state token_state;
	int64_t token_good_for_ms;
	size_t sessions;
	size_t active; /* in transaction */
	size_t waiting;
};
void account_status(const struct account *account, struct account_status *out);

#endif
