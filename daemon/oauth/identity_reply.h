/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_IDENTITY_REPLY_H
#define OAUTHRELAY_OAUTH_IDENTITY_REPLY_H

#include "oauth/token_response.h"

/*
 * What a managed identity's endpoint answered, judged: as token_response_judge() does, but for what
 * these endpoints mean differently (microsoft365.md 4.7): 404 and 410 say "come back soon", and the
 * remedies are in the portal's page of the machine or at the Arc agent. Pure, but for the wall
 * clock (expires_on).
 */
bool identity_reply_judge(const struct http_reply *reply, const struct account_config *account,
			  struct token_grant *grant, struct token_failure *failure) MUST_CHECK;

#endif
