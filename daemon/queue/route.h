/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_ROUTE_H
#define OAUTHRELAY_QUEUE_ROUTE_H

#include "config/config.h"

/*
 * Which account sends a message (design.md section 4, "Which account"): asked at every attempt,
 * under the configuration of the moment, so that moving a device moves its waiting mail.
 */

/* The device's account, else the only account. NULL: the configuration has none for it. */
const struct account_config *route_account(const struct config *config, const char *device);

#endif
