/* SPDX-License-Identifier: MIT */
#include "spool/spool.h"

/* clang-format off */
static const char *const state_names[PROGRESS_COUNT] = {
	[PROGRESS_PENDING]  = "pending",
	[PROGRESS_INFLIGHT] = "inflight", /* codespell:ignore */
	[PROGRESS_SENT]     = "sent",
	[PROGRESS_FAILED]   = "failed",
	[PROGRESS_HELD]     = "held",
};
/* clang-format on */

const char *progress_state_name(enum progress_state state)
{
	return state_names[state];
}
