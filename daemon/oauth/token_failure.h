/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_FAILURE_H
#define OAUTHRELAY_OAUTH_TOKEN_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Why there is no token, whose fault that is and what to do about it. Plain data. */

/* How a failure is to be taken (microsoft365.md 4.11, 4.12). */
enum token_failure_class {
	TOKEN_FAIL_TRANSIENT, /* comes right by itself: back off */
	TOKEN_FAIL_CONFIG,    /* an administrator must change something: hold */
	TOKEN_FAIL_LOGIN,     /* somebody must sign in again: hold */
	TOKEN_FAIL_POLL,      /* not yet: ask again after the interval (device code only) */
};
enum {
	TOKEN_FAIL_COUNT = TOKEN_FAIL_POLL + 1
};
/* "transient", "configuration", "sign-in", "pending" */
const char *token_failure_class_name(enum token_failure_class class);

struct token_failure {
	enum token_failure_class class;
	char code[40];	   /* "AADSTS7000215", "http-503", "timeout", "invalid_scope" */
	struct err text;   /* what the endpoint or the network said, made printable */
	struct err remedy; /* what to do, with this account's names in it; "" when unknown */
	int64_t retry_in_ms;
	bool credential_refused; /* the one that was shown; another one may do */
};

#endif
