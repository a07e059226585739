/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_RELEASE_DEVICE_H
#define OAUTHRELAY_ADMIN_RELEASE_DEVICE_H

#include "admin/routes.h"

/*
 * POST /v1/devices/NAME/release: { "device": "erp", "released": 12 }. 404 for a name that neither
 * the configuration nor held mail has, with the known one that is near it. Loop's thread.
 */
struct admin_answer release_device(const struct admin_request *request);

#endif
