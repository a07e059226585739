/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_ACCOUNT_SECRET_H
#define OAUTHRELAY_ADMIN_ACCOUNT_SECRET_H

#include "admin/routes.h"

/*
 * POST /v1/accounts/NAME/secret. { "secret": "...", "expires": "2027-05-01" (may be missing) }: a
 * new client secret, which is proven by a token, then stored sealed and used first. { "forget":
 * true }: what was added goes, the configuration's credentials remain. When the endpoint refuses
 * the secret nothing changes, and the answer has its words and the remedy. Loop's thread.
 */
struct admin_answer account_secret(const struct admin_request *request);

#endif
