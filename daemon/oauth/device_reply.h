/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_DEVICE_REPLY_H
#define OAUTHRELAY_OAUTH_DEVICE_REPLY_H

#include <stdint.h>

#include "common/http.h"
#include "common/secret.h"
#include "oauth/token_failure.h"

struct account_config;

/*
 * What a device authorization endpoint answers (RFC 8628 3.2, microsoft365.md 4.5), and how to take
 * the answers to polls. What people are to read and type is foreign: bounded, printable, and an
 * address only if it is https. Pure.
 */
enum {
	DEVICE_CODE_BYTES_MAX = 8192,
	DEVICE_USER_CODE_MAX = 64, /* bytes as shown, with the NUL */
	DEVICE_URI_MAX = 256,
	DEVICE_INTERVAL_MS = 5 * 1000, /* where it does not say */
	DEVICE_INTERVAL_MIN_MS = 1000,
	DEVICE_INTERVAL_MAX_MS = 60 * 1000,
	DEVICE_LIFE_MS = 15 * 60 * 1000, /* the same */
	DEVICE_LIFE_MAX_MS = 60 * 60 * 1000,
	DEVICE_SLOW_DOWN_MS = 5 * 1000,
};

struct device_reply {
	struct secret device_code;
	char user_code[DEVICE_USER_CODE_MAX];
	char verification_uri[DEVICE_URI_MAX];
	int64_t life_ms;
	int64_t interval_ms;
};
void device_reply_done(struct device_reply *reply); /* wipes */

/* False: failure says why. */
bool device_reply_read(const struct http_reply *reply, const struct account_config *account,
		       struct device_reply *out, struct token_failure *failure) MUST_CHECK;

/* Between polls. */
struct device_pace {
	int64_t interval_ms;
	unsigned passing_row; /* polls in a row that did not get through */
};
/* What to do after a poll that brought no token: the wait until the next one, or -1 to stop. */
int64_t device_pace_next(struct device_pace *pace, const struct token_failure *failure);

/* This way of signing in is closed to the application, by the provider or by a policy; another one
 * may be open. */
bool device_is_forbidden(const struct token_failure *failure);

#endif
