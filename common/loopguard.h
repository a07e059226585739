/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_LOOPGUARD_H
#define OAUTHRELAY_COMMON_LOOPGUARD_H

struct event_base;

/*
 * Proof, in debug builds, that nothing blocks the loop. There the linker sends the blocking calls
 * of our objects (list: BLOCKING_CALLS in the Makefile) through wrappers that abort when they run
 * on the thread that called loopguard_enter(); and a watchdog thread aborts when the loop has not
 * turned for five seconds. In release builds all of this is empty.
 */

void loopguard_enter(void); /* the calling thread is the loop's from here on */
void loopguard_leave(void); /* start-up and shut-down may block again */

struct loopguard;
/* Heartbeat and watchdog for base; NULL in release builds. Freed before the base is. */
struct loopguard *loopguard_watch(struct event_base *base, int limit_ms);
void loopguard_free(struct loopguard *guard);

#endif
