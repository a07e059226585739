/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_ATTEMPT_H
#define OAUTHRELAY_OAUTH_TOKEN_ATTEMPT_H

#include "oauth/credential.h"
#include "oauth/token_failure.h"
#include "oauth/token_request.h"
#include "oauth/token_response.h"

struct http;
struct worker;

/*
 * One attempt to get a token, whatever the grant: the credentials one after the other from `first`
 * on (around the end of the list, each once) until one is not refused. When all are, the failure of
 * the one that was tried first counts: it is the one that should have worked. Keeps no state,
 * decides nothing about when. Loop's thread; callbacks never from inside the call.
 */
struct token_attempt;

/* Signing in: by what has come of it. */
struct attempt_sign_in {
	enum token_request_kind kind; /* REQUEST_CODE or REQUEST_DEVICE_POLL */
	struct str value;	      /* the code */
	const char *redirect_uri;     /* REQUEST_CODE, as the next */
	struct str verifier;
};

struct attempt_params {
	struct http *http;
	struct worker *worker;
	/* A reference is taken; NULL: account outlives the attempt. */
	struct config *config;
	const struct account_config *account;
	/* Copied. Empty for a managed identity. */
	const struct credential_list *credentials;
	size_t first;
	/* GRANT_DELEGATED only, copied: by this token. */
	struct str refresh_token;
	/* Instead of what the account's grant asks for; copied. NULL: nobody signs in. */
	const struct attempt_sign_in *sign_in;
};

struct attempt_events {
	/* This one was refused and the next one is being tried. May not end the attempt. */
	void (*refused)(void *arg, size_t credential, const struct token_failure *failure);
	/* Once, last; the attempt is freed already. grant NULL: failure says why. The receiver may
	 * take grant's secrets out of it; what is left is wiped afterwards. took_ms: since the last
	 * request went out, from when on the token's life counts. server_date_ms: -1 when unknown.
	 */
	void (*done)(void *arg, struct token_grant *grant, size_t credential,
		     const struct token_failure *failure, int64_t took_ms, int64_t server_date_ms);
	void *arg;
};

struct token_attempt *token_attempt_start(const struct attempt_params *params,
					  const struct attempt_events *events);
void token_attempt_cancel(struct token_attempt *attempt); /* NULL allowed */

#endif
