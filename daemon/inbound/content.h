/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_CONTENT_H
#define OAUTHRELAY_INBOUND_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

#include "inbound/session.h"

/*
 * A message's content, whether DATA or BDAT brings it: from the question whether it may come to the
 * reply to all of it. It goes slice by slice through message/body_in to the other side and is never
 * kept here, save for what one read brought while the other side asks for a pause.
 *
 * Content that will be refused is read to its end all the same, so that the reply comes where the
 * client expects it; but not more than twice the limit.
 *
 * Loop's thread.
 */

/* Takes a place among limits.messages, asks the other side, puts Received in front. False: *why. */
bool content_begin(struct in_session *s, enum body_in_mode mode, struct inbound_refusal *why)
	MUST_CHECK;
/* Hands on at most max of the bytes that have come; how many it were. What is wrong with them is in
 * tx.refusal, and tx.ended says that the end of data was among them. */
size_t content_take(struct in_session *s, uint64_t max);
/* The last byte has been taken: tx.ended, and the last checks. */
void content_finish(struct in_session *s);
/* All is handed on: the refusal, or the commit and then its reply. */
void content_reply(struct in_session *s);
/* Nothing of this message is wanted any more; *why is the reply in the end. */
void content_refuse(struct in_session *s, const struct inbound_refusal *why);
/* It will be refused, and is longer than one cares to read for that. */
bool content_is_endless(const struct in_session *s, uint64_t announced);
/* Sets 552: "WHAT is larger than the limit of account scanner, 35M". Returns false. */
bool content_refuse_size(const struct in_session *s, const char *what, struct inbound_refusal *why);

/* The clocks: data_timeout without progress, data_rate on average over data_timeout; two seconds
 * without progress when the relay is to stop. content_start_clocks() also sets the timer. */
void content_start_clocks(struct in_session *s);
void content_continue_clocks(struct in_session *s); /* the same message, after a pause of its own */
void content_timer(struct in_session *s);
/* Has it come too slowly so far? */
bool content_is_slow(struct in_session *s);

#endif
