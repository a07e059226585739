/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_GRANT_H
#define OAUTHRELAY_OAUTH_TOKEN_GRANT_H

#include <stdint.h>

#include "common/json.h"
#include "common/secret.h"

/*
 * What a token endpoint gives when it gives (RFC 6749 5.1), taken out of its reply with limits.
 * Pure.
 */
enum {
	TOKEN_BYTES_MAX = 16384,
	TOKEN_LIFE_MIN_MS = 60 * 1000,
	TOKEN_LIFE_MAX_MS = 24 * 60 * 60 * 1000,
	TOKEN_LIFE_DEFAULT_MS = 60 * 60 * 1000, /* where the endpoint does not say */
	TOKEN_SCOPE_BYTES = 512,
};

struct token_grant {
	struct secret token;
	struct secret refresh_token; /* empty when there is none that can be used */
	int64_t life_ms;
	/* What was granted, in the endpoint's words, printable, perhaps cut; "": it is silent. */
	char scope[TOKEN_SCOPE_BYTES];
};

/* NULL when it took a token from the reply's object, else what is wrong with it, and grant is
 * untouched. now_ms is the wall clock, best the endpoint's own: managed identity endpoints may tell
 * the end as a time of day only. */
const char *token_grant_take(const cJSON *object, int64_t now_ms, struct token_grant *grant);
/* Wipes the secrets. */
void token_grant_done(struct token_grant *grant);

#endif
