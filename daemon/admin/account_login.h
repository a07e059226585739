/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_ACCOUNT_LOGIN_H
#define OAUTHRELAY_ADMIN_ACCOUNT_LOGIN_H

#include "admin/routes.h"

/*
 * POST /v1/accounts/NAME/login. What the token endpoint has answered to whoever signed in,
 * { "access_token", "token_type", "expires_in", "refresh_token", "scope" }, with "binding", which
 * is what that was asked for (oauth/account_record.h): it is answered when it is durable. With
 * another client_id, scope or tenant than the running configuration has, it is refused: the
 * configuration has been changed and not reloaded. Without a token it only tells whether one would
 * be taken. Loop's thread.
 */
struct admin_answer account_login(const struct admin_request *request);

#endif
