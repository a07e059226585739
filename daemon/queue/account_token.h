/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_ACCOUNT_TOKEN_H
#define OAUTHRELAY_QUEUE_ACCOUNT_TOKEN_H

#include "config/config.h"
#include "oauth/token.h"

/*
 * The token of an account as a part of it: there is one while the configuration asks for OAuth, and
 * whatever it tells is logged. The account learns what concerns its standing. Loop's thread.
 */
struct account_token_counters { /* since the start */
	uint64_t fetched;
	uint64_t failed[TOKEN_FAIL_COUNT];
	uint64_t refused; /* credentials, where another one was tried next */
};

struct account_token {
	struct token *token;	   /* NULL: the account needs none */
	const char *account;	   /* its name, for the log */
	void (*usable)(void *arg); /* there is a token that has just been got */
	/* ... or given, or got with another credential: what stood in the way may be mended. */
	void (*changed)(void *arg);
	void (*failed)(void *arg, const struct token_failure *failure);
	void *arg;
	struct account_token_counters counters; /* ours */
	uint32_t generation;			/* ours: of a token that there was before */
};

/* env is used now only. config holds ac; both may be replaced by the next call. */
void account_token_configure(struct account_token *at, const struct token_env *env,
			     struct config *config, const struct account_config *ac);
void account_token_done(struct account_token *at);

#endif
