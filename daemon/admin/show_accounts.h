/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_SHOW_ACCOUNTS_H
#define OAUTHRELAY_ADMIN_SHOW_ACCOUNTS_H

#include "admin/routes.h"
#include "oauth/token.h"

/*
 * GET /v1/accounts: how each account gets its tokens, with what, and until when. No secret is in
 * it. Loop's thread.
 */
struct admin_answer show_accounts(const struct admin_request *request);

/* One credential: label, kind, serving, refused, pending, added, ends, ends_in_days, ends_assumed;
 * thumbprints of a certificate. */
cJSON *show_accounts_credential(const struct token_status *status, size_t index);

/* Adds token {state, good_for_s, stored, clock_skew_s}, grant, serving, sign_in and credentials;
 * null and empty for an account that needs none. */
void show_accounts_add_token(cJSON *json, const struct account *account);

#endif
