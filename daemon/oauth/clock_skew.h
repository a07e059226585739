/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_CLOCK_SKEW_H
#define OAUTHRELAY_OAUTH_CLOCK_SKEW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

/*
 * Is this machine's clock wrong? Seen from the Date of a token endpoint's reply, whose clock is
 * right because the tokens it makes are judged by it. Pure.
 */
enum {
	/* Entra allows five minutes between its clock and the nbf and exp of an assertion. */
	CLOCK_SKEW_MIN_MS = 5 * 60 * 1000,
};

/*
 * True: our wall clock is off by at least CLOCK_SKEW_MIN_MS, and *skew_ms (ours minus the server's,
 * so positive when we are ahead) is the least it is off by. False, *skew_ms untouched: it is not,
 * or nobody can tell: there is no Date (server_date_ms -1), or our clock was put back meanwhile.
 * started_ms and ended_ms are our wall clock when the request began and when its reply was whole;
 * the server read its own at some moment between, to the second.
 */
bool clock_skew_find(int64_t server_date_ms, int64_t started_ms, int64_t ended_ms, int64_t *skew_ms)
	MUST_CHECK;

#endif
