/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_SHOW_DEVICES_H
#define OAUTHRELAY_ADMIN_SHOW_DEVICES_H

#include "admin/routes.h"

/*
 * Answers about those who send: a page of all addresses that have connected (the one heard of last
 * first) and, behind them, the configured devices that have not; and what was said in a device's
 * last sessions. Names are those of the configuration in force. Loop's thread.
 */
struct admin_answer show_devices(const struct admin_request *request);
/* rest: the name or address, percent-encoded. */
struct admin_answer show_transcripts(const struct admin_request *request);

#endif
