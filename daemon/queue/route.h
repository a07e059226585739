/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_ROUTE_H
#define OAUTHRELAY_QUEUE_ROUTE_H

#include "config/config.h"
#include "config/users.h"

/*
 * Which account sends a message (design.md section 4, "Which account"): asked at every attempt,
 * under the configuration of the moment, so that moving a device moves its waiting mail.
 */

/* The user's own account, else the device's, else the only account. NULL: the configuration has
 * none for it. device and user may be NULL. */
const struct account_config *route_account(const struct config *config, const char *device,
					   const struct user *user);

#endif
