/* SPDX-License-Identifier: MIT */
#include "oauth/clock_skew.h"

enum {
	DATE_STEP_MS = 1000 /* a Date has whole seconds */
};

bool clock_skew_find(int64_t server_date_ms, int64_t started_ms, int64_t ended_ms, int64_t *skew_ms)
{
	if (server_date_ms < 0 || started_ms < 0 || ended_ms < started_ms)
		return false;
	/* The server's clock stood in [date, date + 1 s) while ours stood in [started, ended]. */
	int64_t least = started_ms - server_date_ms - (DATE_STEP_MS - 1);
	int64_t most = ended_ms - server_date_ms;
	if (least >= CLOCK_SKEW_MIN_MS)
		*skew_ms = least;
	else if (most <= -CLOCK_SKEW_MIN_MS)
		*skew_ms = most;
	else
		return false;
	return true;
}
