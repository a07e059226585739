/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_SETTLE_H
#define OAUTHRELAY_QUEUE_SETTLE_H

#include "queue/outcome.h"
#include "queue/queue.h"

/*
 * Makes an outcome true: logs it, writes it behind the message, and only when that is durable
 * removes the file or lets the message be tried again. A message whose outcome cannot be written
 * (disk full or broken) keeps it in memory and writes before it does anything else, so that nobody
 * is sent the same mail twice while the process lives.
 */

/* m is ACTIVE; it is placed elsewhere, or gone, when its records are written. */
void settle(struct queue *q, struct queued *m, const struct account *account,
	    const struct delivery_result *result, const struct outcome *outcome);
/* For a message marked `unrecorded`. */
void settle_record_again(struct queue *q, struct queued *m);

/* Nobody knows whether this recipient has the message: said once for each, with the reason. */
void settle_log_uncertain(const struct queued *m, const struct queued_recipient *r,
			  const char *why);

#endif
