/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_MANAGED_IDENTITY_H
#define OAUTHRELAY_OAUTH_MANAGED_IDENTITY_H

#include "common/http.h"

struct account_config;
struct worker;

/*
 * A token from this machine's own identity (microsoft365.md 4.7): Azure VM by IMDS, one request;
 * an Arc-enabled server by a first request that is answered 401 with the name of a file that only
 * the relay's group may read, and a second one that shows what is in it (oauth/arc_challenge.h; the
 * file is read in the disk lane). Never by a proxy.
 */
struct managed_identity;

/* reply is the endpoint's last one, for identity_reply_judge(); or one with HTTP_FAIL_OTHER and an
 * errno in err.code, whose text says what is wrong with the challenge, and what to do; EAGAIN: the
 * disk lane is full. Once, on the loop, never from inside the call. account is not kept. */
struct managed_identity *managed_identity_start(struct http *http, struct worker *worker,
						const struct account_config *account, http_cb *cb,
						void *arg);
void managed_identity_cancel(struct managed_identity *identity); /* NULL allowed */

#endif
