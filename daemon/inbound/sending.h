/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_SENDING_H
#define OAUTHRELAY_INBOUND_SENDING_H

#include <stdbool.h>

#include "inbound/policy.h"
#include "inbound/session.h"

/*
 * What a session's transaction may send, along its way: the policy that holds for it, the sender
 * fields of its header, its place in the rate of its device. Loop's thread.
 */
/* Under the configuration and the users of now: it counts for sessions that are open, too. Lives as
 * long as these. */
struct policy sending_policy(const struct in_session *s);
/* It was let in, and would not be under the configuration and the users of now. A session may last
 * for days: who has been removed since must not send in it any more. */
bool sending_is_revoked(const struct in_session *s) MUST_CHECK;
/* The envelope is complete, content is about to come: sets envelope.hold where the device's rate is
 * used up, and begins to watch the header where a list of senders wants that. */
void sending_begin(struct in_session *s);
/* Content that tx.body has just emitted. */
void sending_content(struct in_session *s, struct str bytes);
/* All content is there: may it be sent? */
bool sending_check(const struct in_session *s, struct inbound_refusal *why) MUST_CHECK;
/* It is safe and will be answered 250. */
void sending_accepted(struct in_session *s);
/* The transaction is over, whatever its end; before tx_reset(). */
void sending_end(struct in_session *s);

#endif
