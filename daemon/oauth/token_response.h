/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_RESPONSE_H
#define OAUTHRELAY_OAUTH_TOKEN_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/http.h"
#include "common/secret.h"
#include "oauth/token_failure.h"
#include "oauth/token_grant.h"

struct account_config;

/*
 * What a token endpoint answered, judged (RFC 6749 5.1 and 5.2, microsoft365.md 4.2 and 4.11): a
 * token, or why there is none, whose fault that is and what to do. Whatever comes from the endpoint
 * leaves here bounded and printable; nothing secret that was shown to the endpoint leaves, even if
 * the endpoint repeats it. Pure, but for the wall clock (expires_on).
 */
enum {
	TOKEN_RETRY_AFTER_MIN_MS = 1000,
	TOKEN_RETRY_AFTER_MAX_MS = 60 * 60 * 1000,
};

/* False: there is no token, and failure says why. Its retry_in_ms is then what the endpoint or the
 * kind of failure asks for at least; 0 when nothing does. shown: every secret that was in the
 * request, as it was before it was encoded. */
bool token_response_judge(const struct http_reply *reply, const struct account_config *account,
			  const struct str *shown, size_t shown_count, struct token_grant *grant,
			  struct token_failure *failure) MUST_CHECK;

#endif
