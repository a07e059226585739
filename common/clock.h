/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_CLOCK_H
#define OAUTHRELAY_COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

/*
 * The two clocks. Everything that waits or measures uses the monotonic one, so that a machine
 * that boots in 1970 and is set right later neither expires mail nor tokens; the wall clock is
 * only for what is shown or must outlive the process. Milliseconds. Any thread.
 */

int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);
/* "2026-11-22T12:00:00.123Z" */
void clock_append_iso(struct strbuf *out, int64_t wall_ms);
/* "Sun, 22 Nov 2026 12:00:00 +0000" (RFC 5322 3.3), always UTC. */
void clock_append_rfc5322(struct strbuf *out, int64_t wall_ms);

#endif
