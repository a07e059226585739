/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_DEVICE_H
#define OAUTHRELAY_ADMIN_DEVICE_H

#include "admin/routes.h"

/* What can be done about a device. Loop's thread. */

/* POST /v1/devices/NAME/release: { "device": "erp", "released": 12 }. 404 for a name that neither
 * the configuration nor held mail has, with the known one that is near it. */
struct admin_answer device_release(const struct admin_request *request);

#endif
