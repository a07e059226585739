/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_SHOW_QUEUE_H
#define OAUTHRELAY_ADMIN_SHOW_QUEUE_H

#include "admin/routes.h"

/*
 * The queue, in order of acceptance, a page at a time.
 *
 * GET /v1/queue?limit=50&offset=0: {total, offset, messages [{id, accepted, age_s, size, from,
 * device, user, account, blocked, next_s, recipients [{to, state, attempts, next_s, reply}]}]}.
 * What does not exist is null, as next_s of a recipient that is not tried any more; otherwise it is
 * the message's, which is tried as a whole. state is one of new       not looked at yet queued its
 * account sends it as soon as it may sending   in a transaction             deferred  waits for a
 * time sent, failed, held                     what has become of it blocked says why its account
 * does not send at present; null when it does.
 *
 * GET /v1/queue/ID: one message. ID may be its first digits, four at least; 409 when several match.
 */
struct admin_answer show_queue(const struct admin_request *request);
struct admin_answer show_message(const struct admin_request *request);

#endif
