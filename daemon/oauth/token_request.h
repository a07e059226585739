/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_REQUEST_H
#define OAUTHRELAY_OAUTH_TOKEN_REQUEST_H

#include "common/secret.h"

struct account_config;
struct credential;

/*
 * What is sent to a token endpoint: the forms of all grants (RFC 6749 4.1.3, 4.4.2 and 6, RFC 7523
 * 2.2, RFC 7636 4.5, RFC 8628 3.1 and 3.4). Who asks is said in the form as well, as RFC 6749 2.3.1
 * allows and Microsoft asks for. Pure.
 */

#define TOKEN_REQUEST_CONTENT_TYPE "application/x-www-form-urlencoded"

enum token_request_kind {
	REQUEST_CLIENT_CREDENTIALS,
	REQUEST_REFRESH,     /* value: the refresh token */
	REQUEST_CODE,	     /* value: the code of the redirect */
	REQUEST_DEVICE_CODE, /* to device_endpoint; no value */
	REQUEST_DEVICE_POLL, /* value: the device code */
	REQUEST_KIND_COUNT
};

struct token_request {
	enum token_request_kind kind;
	const struct account_config *account;
	/* Of kind SECRET it is in the form; NULL or NONE: a public client. */
	const struct credential *credential;
	struct str assertion; /* with a CERTIFICATE or a FEDERATED credential */
	struct str value;
	const char *redirect_uri; /* REQUEST_CODE */
	const char *verifier;	  /* REQUEST_CODE: PKCE's */
};

/* Holds secrets; the caller wipes it with secret_done(). */
void token_request_body(const struct token_request *request, struct secret *out);

/* The value as it stands in such a body. The caller wipes it with secret_done(). */
void token_request_encode(struct str value, struct secret *out);

#endif
