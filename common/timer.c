/* SPDX-License-Identifier: MIT */
#include "common/timer.h"

#include <event2/event.h>

void timer_start(struct event *timer, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
			      .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
	event_add(timer, &tv);
}

void timer_stop(struct event *timer)
{
	event_del(timer);
}
