/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_RESPONSE_H
#define OAUTHRELAY_OAUTH_TOKEN_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/http.h"
#include "common/secret.h"
#include "oauth/token_failure.h"

struct account_config;

/*
 * What a token endpoint answered, judged (RFC 6749 5.1 and 5.2, microsoft365.md 4.2 and 4.11): a
 * token, or why there is none, whose fault that is and what to do. Whatever comes from the endpoint
 * leaves here bounded and printable; the client secret never leaves, even if the endpoint repeats
 * it. Pure.
 */
enum {
	TOKEN_BYTES_MAX = 16384,
	TOKEN_LIFE_MIN_MS = 60 * 1000,
	TOKEN_LIFE_MAX_MS = 24 * 60 * 60 * 1000,
	TOKEN_LIFE_DEFAULT_MS = 60 * 60 * 1000, /* where the endpoint does not say */
	TOKEN_RETRY_AFTER_MIN_MS = 1000,
	TOKEN_RETRY_AFTER_MAX_MS = 60 * 60 * 1000,
};

struct token_grant {
	struct secret token;
	struct secret refresh_token; /* empty when the reply has none */
	int64_t life_ms;
};
/* Wipes both. */
void token_grant_done(struct token_grant *grant);

/* False: there is no token, and failure says why. Its retry_in_ms is then what the endpoint or the
 * kind of failure asks for at least; 0 when nothing does. */
bool token_response_judge(const struct http_reply *reply, const struct account_config *account,
			  struct token_grant *grant, struct token_failure *failure) MUST_CHECK;

#endif
