/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/run_loop.h"

#include <event2/event.h>
#include <stddef.h>

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	bool *over = arg;
	(void)fd;
	(void)what;
	*over = true;
}

bool run_loop_until(struct event_base *base, const bool *done, int limit_ms)
{
	bool over = false;
	struct timeval tv = { .tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000 };
	struct event *limit = event_new(base, -1, 0, on_limit, &over);
	event_add(limit, &tv);
	while (!*done && !over)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(limit);
	return *done;
}

void run_loop_for(struct event_base *base, int ms)
{
	bool never = false;
	run_loop_until(base, &never, ms);
}
