/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_MANAGED_IDENTITY_H
#define OAUTHRELAY_OAUTH_MANAGED_IDENTITY_H

#include "common/http.h"

struct account_config;
struct worker;

/*
 * A token from this machine's own identity (microsoft365.md 4.7): Azure VM by IMDS, one request;
 * an Arc-enabled server by a first request that is answered 401 with the name of a file that only
 * the relay's group may read, and a second one that shows what is in it. The file is used only if
 * it lies where Arc puts them, ends in .key and is at most 4096 bytes. Never by a proxy.
 */
struct managed_identity;

extern const char managed_identity_arc_folder[]; /* "/var/opt/azcmagent/tokens" */

/* reply is the endpoint's last one, for token_response_judge(); or one with HTTP_FAIL_OTHER whose
 * err says what is wrong with the challenge, and what to do. Once, on the loop, never from inside
 * the call. */
struct managed_identity *managed_identity_start(struct http *http, struct worker *worker,
						const struct account_config *account, http_cb *cb,
						void *arg);
void managed_identity_cancel(struct managed_identity *request); /* NULL allowed */

#endif
