/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_UPSTREAM_STEPS_H
#define OAUTHRELAY_UPSTREAM_STEPS_H

#include "upstream/session.h"

/*
 * The protocol as a table: what each state waits for, how long, which replies lead on and where a
 * refusal goes. The one place that decides whether what came is allowed to come now.
 */
struct session_row {
	const char *awaited;	   /* "the reply to MAIL" */
	int64_t timeout_ms;	   /* 0: none */
	enum upstream_stage stage; /* what a failure in this state is about */
	/* Codes that lead on; 4yz and 5yz are refusals; anything else is not SMTP. */
	unsigned first, last, also;
	void (*accepted)(struct upstream *up, const struct reply *reply, struct str lines);
	void (*refused)(struct upstream *up, const struct reply *reply);
};
const struct session_row *session_row(enum session_state state);

/* What a session's conversation is to call. */
struct chat_events steps_chat_events(struct upstream *up);

#endif
