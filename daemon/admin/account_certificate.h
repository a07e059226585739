/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_ACCOUNT_CERTIFICATE_H
#define OAUTHRELAY_ADMIN_ACCOUNT_CERTIFICATE_H

#include "admin/routes.h"

/*
 * POST /v1/accounts/NAME/certificate, { "new": false } or nothing: the certificate that the relay
 * has made for this account, made now if there is none: "status" is "made", "waiting" (Entra has
 * not taken it yet), or "in-use"; one that ends within 30 days does not count. "new": true makes
 * another, which replaces one that is waiting. The certificate, for uploading, is in the answer;
 * its key never is. Loop's thread.
 */
struct admin_answer account_certificate(const struct admin_request *request);

#endif
