/* SPDX-License-Identifier: MIT */
#include "common/fdlimit.h"

#include <sys/resource.h>

enum {
	RESERVE_MAX = 1024,
	FALLBACK = 1024, /* where the limit cannot be asked for */
	CEILING = 1 << 20,
};

static size_t bounded(rlim_t limit)
{
	return limit == RLIM_INFINITY || limit > CEILING ? CEILING : (size_t)limit;
}

size_t fdlimit_get(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? bounded(limit.rlim_cur) : FALLBACK;
}

size_t fdlimit_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return FALLBACK;
	size_t most = bounded(limit.rlim_max);
	if (bounded(limit.rlim_cur) < most) {
		limit.rlim_cur = most;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* what it is then is asked for below */
	}
	return fdlimit_get();
}

size_t fdlimit_reserve(size_t limit)
{
	return limit / 4 < RESERVE_MAX ? limit / 4 : RESERVE_MAX;
}
