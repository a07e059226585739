/* SPDX-License-Identifier: MIT */
#include "common/floodgate.h"

bool floodgate_pass(struct floodgate *g, int64_t now_ms, uint64_t rate, int64_t interval_ms)
{
	if (g->passed == 0 || now_ms - g->since_ms >= interval_ms) {
		g->since_ms = now_ms;
		g->passed = 0;
	}
	if (g->passed < rate) {
		g->passed++;
		return true;
	}
	g->held++;
	return false;
}

uint64_t floodgate_take(struct floodgate *g)
{
	uint64_t held = g->held;
	g->held = 0;
	return held;
}
