/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_DEVICE_CODE_H
#define OAUTHRELAY_OAUTH_DEVICE_CODE_H

#include <stdint.h>

#include "oauth/device_reply.h"
#include "oauth/token_grant.h"

struct credential_list;
struct event_base;
struct worker;

/*
 * Signing in on another machine's browser (RFC 8628, microsoft365.md 4.5): asks for a code, has it
 * shown, and polls until somebody has entered it, has declined, or the time is over. The interval
 * is the endpoint's; "slow_down" lengthens it; what does not get through, for whatever passing
 * reason, is tried again less often until the code has expired. Loop's thread; callbacks never from
 * inside the call.
 */
struct device_code;

struct device_params {
	struct event_base *base;
	struct http *http;
	struct worker *worker;
	const struct account_config *account; /* outlives it */
	/* Shown with each poll: a confidential client has to (RFC 8628 3.4). Copied. */
	const struct credential_list *credentials;
};

struct device_events {
	/* Once. reply belongs to the other side. */
	void (*show)(void *arg, const struct device_reply *reply);
	/* A poll did not get through; it goes on by itself. */
	void (*trouble)(void *arg, const struct token_failure *failure);
	/* Once, last; it is freed already. grant NULL: failure says why. Secrets may be taken out
	 * of grant. */
	void (*done)(void *arg, struct token_grant *grant, const struct token_failure *failure);
	void *arg;
};

struct device_code *device_code_start(const struct device_params *params,
				      const struct device_events *events);
void device_code_cancel(struct device_code *flow); /* NULL allowed */

#endif
