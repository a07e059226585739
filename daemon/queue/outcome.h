/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_OUTCOME_H
#define OAUTHRELAY_QUEUE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "queue/delivery.h"
#include "queue/message.h"
#include "queue/reply_rules.h"
#include "spool/spool.h"

/*
 * What follows from an attempt: for each recipient its new state, for the message its next attempt,
 * for the account what it must do. Decides only; writing, scheduling and logging are the queue's.
 * Pure but for the jitter of the delay.
 */
enum next_step {
	NEXT_REMOVE, /* every recipient has it */
	NEXT_READY,  /* again as soon as the account may */
	NEXT_AT,     /* at next_ms */
	NEXT_PARK,   /* nothing left that can be tried */
	NEXT_DROP,   /* the file is gone */
};

struct recipient_outcome {
	uint32_t recipient; /* index into the message's */
	enum progress_state state;
	const struct reply_rule *rule;
	const struct reply *reply; /* the one that decided; lives as long as the result */
	bool expired;		   /* a retry that came to its end by age */
};

struct outcome {
	enum next_step next;
	int64_t next_ms;  /* wall clock */
	bool counted;	  /* was it an attempt? */
	bool reconnected; /* forgiven once */
	/* What the account must do, with the reply that says so; NULL: nothing. */
	const struct reply_rule *account_rule;
	const struct reply *account_reply;
	size_t count;
	struct recipient_outcome *recipients; /* one for each of the attempt's */
};

struct outcome_policy {
	const struct queue_config *queue;
	int64_t now_ms;		  /* wall clock */
	int64_t account_since_ms; /* wall clock: since when the account has not been held; time held
				   * does not age a message */
};

void outcome_decide(const struct queued *m, const struct delivery_result *result,
		    const struct outcome_policy *policy, struct outcome *out);
void outcome_done(struct outcome *o);
/* "sent", "deferred", "failed", "held", "uncertain": the word of the log line. */
const char *outcome_status(const struct recipient_outcome *r, bool uncertain);

#endif
