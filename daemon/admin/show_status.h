/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_SHOW_STATUS_H
#define OAUTHRELAY_ADMIN_SHOW_STATUS_H

#include "admin/routes.h"

/*
 * GET /v1/status: {version, pid, config, uptime_s, queue {messages, recipients, bytes,
 * oldest_age_s, ready, active, deferred, held, failed, delivered_total, failed_total}, accounts
 * [{name, provider, mailbox, host, state, reason, remedy, next_try_s, sessions, active, waiting,
 * and what show_accounts_add_token() adds}], listeners [{address, tls, auth}], intake {accepted,
 * refused, connections, connections_total}}. Times that are not known are null.
 */
struct admin_answer show_status(const struct admin_request *request);

#endif
