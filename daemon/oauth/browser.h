/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_BROWSER_H
#define OAUTHRELAY_OAUTH_BROWSER_H

#include <stdint.h>

#include "common/err.h"
#include "common/str.h"
#include "oauth/token_failure.h"
#include "oauth/token_grant.h"

struct account_config;
struct credential_list;
struct event_base;
struct http;
struct worker;

/*
 * Signing in with a browser by an authorization code (microsoft365.md 4.4): has the address shown,
 * takes the browser's answer from the loopback listener or from an address that somebody pastes,
 * whichever comes first, and redeems the code with the verifier. Where the account has a
 * redirect_uri that is not on this machine, pasting is the only way. Answers to anything else are
 * told and not counted. Loop's thread; callbacks never from inside browser_start().
 */
struct browser;

enum {
	BROWSER_LIMIT_MS = 15 * 60 * 1000, /* Microsoft's code itself lives ten minutes */
};

struct browser_params {
	struct event_base *base;
	struct http *http;
	struct worker *worker;
	const struct account_config *account;	   /* outlives it */
	const struct credential_list *credentials; /* copied */
	int64_t limit_ms;			   /* for an answer to come */
};

struct browser_events {
	/* An answer that does not count (of a flood of them the first few), or a credential that
	 * does not; it goes on. */
	void (*trouble)(void *arg, const struct token_failure *failure);
	/* Once: the code is there and is being redeemed. Nothing more is read. */
	void (*redeeming)(void *arg);
	/* Once, last; it is freed already. grant NULL: failure says why. Secrets may be taken out
	 * of grant. */
	void (*done)(void *arg, struct token_grant *grant, const struct token_failure *failure);
	void *arg;
};

/* NULL with err. */
struct browser *browser_start(const struct browser_params *params,
			      const struct browser_events *events, struct err *err) MUST_CHECK;
void browser_cancel(struct browser *browser); /* NULL allowed */

/* Where to go with a browser; and where that will be sent back to. Live as long as it does. */
const char *browser_url(const struct browser *browser);
const char *browser_redirect_uri(const struct browser *browser);
bool browser_listens(const struct browser *browser);
/* Is the answer still to come? */
bool browser_waits(const struct browser *browser);
/* What somebody has copied from the address line. The outcome is told by the events, trouble and
 * redeeming from inside the call. */
void browser_paste(struct browser *browser, struct str line);

#endif
