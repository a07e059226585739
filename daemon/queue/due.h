/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_DUE_H
#define OAUTHRELAY_QUEUE_DUE_H

#include <stddef.h>
#include <stdint.h>

#include "queue/message.h"

/*
 * Messages that wait for a time: a binary heap by due_ms, so that the next one is found without
 * looking at the others. A message knows its place in it (heap_index). Does not own its messages.
 */
struct due {
	struct queued **v;
	size_t count;
	size_t room;
};

void due_add(struct due *due, struct queued *m);
void due_remove(struct due *due, struct queued *m);
struct queued *due_first(const struct due *due); /* NULL when empty */
void due_done(struct due *due);

#endif
