/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_RUN_LOOP_H
#define OAUTHRELAY_TESTS_RUN_LOOP_H

#include <stdbool.h>

struct event_base;

/* Turns the loop until *done, for limit_ms at most; returns *done. */
bool run_loop_until(struct event_base *base, const bool *done, int limit_ms);
/* Turns the loop for so long, whatever happens; to see that something does not. */
void run_loop_for(struct event_base *base, int ms);

#endif
