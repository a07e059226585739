/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_REQUEST_H
#define OAUTHRELAY_OAUTH_TOKEN_REQUEST_H

#include <stdbool.h>

#include "common/secret.h"

struct account_config;

/*
 * What is sent to a token endpoint: the form for the client credentials grant (RFC 6749 4.4.2, with
 * the credentials in the body as 2.3.1 allows and Microsoft asks for). Pure.
 */

#define TOKEN_REQUEST_CONTENT_TYPE "application/x-www-form-urlencoded"

/* Holds the client secret; the caller wipes it with secret_done(). */
void token_request_body(const struct account_config *account, struct secret *out);

/* The value as it stands in such a body. The caller wipes it with secret_done(). */
void token_request_encode(struct str value, struct secret *out);

/* Would both get the same token from the same place? */
bool token_request_same(const struct account_config *a, const struct account_config *b);

#endif
