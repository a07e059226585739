/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_TIMER_H
#define OAUTHRELAY_COMMON_TIMER_H

#include <stdint.h>

struct event;

/*
 * Timers of the loop, in the house's milliseconds: libevent's event without a descriptor, made with
 * event_new(base, -1, 0, ...) and ended with event_free(). Starting one that runs sets it anew.
 * Loop's thread.
 */
void timer_start(struct event *timer, int64_t ms); /* a negative time is 0: the next turn */
void timer_stop(struct event *timer);

#endif
