/* SPDX-License-Identifier: MIT */
#include "queue/governor.h"

#include <stdlib.h>

#include "common/mem.h"

enum {
	WINDOW_MS = 60 * 1000
};

void governor_set(struct governor *g, size_t per_minute)
{
	/* None at all would be a hold, which is not for a rate limit to say. */
	if (per_minute == 0)
		per_minute = 1;
	if (g->size == per_minute)
		return;
	struct governor fresh = {
		.sent = mem_alloc(per_minute * sizeof(*fresh.sent)),
		.size = per_minute,
	};
	for (size_t i = 0; i < per_minute; i++)
		fresh.sent[i] = -WINDOW_MS;
	/* Oldest first, so that the newest survive a smaller ring. */
	for (size_t i = 0; i < g->size; i++)
		governor_sent(&fresh, g->sent[(g->next + i) % g->size]);
	free(g->sent);
	*g = fresh;
}

void governor_done(struct governor *g)
{
	free(g->sent);
	*g = (struct governor){ 0 };
}

int64_t governor_wait_ms(const struct governor *g, int64_t now_ms)
{
	/* The slot to be used next holds the oldest time: if that one is still inside the window,
	 * another message now would be one too many. */
	int64_t free_at = g->sent[g->next] + WINDOW_MS;
	return free_at > now_ms ? free_at - now_ms : 0;
}

void governor_sent(struct governor *g, int64_t now_ms)
{
	g->sent[g->next] = now_ms;
	g->next = (g->next + 1) % g->size;
}
