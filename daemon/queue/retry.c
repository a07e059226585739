/* SPDX-License-Identifier: MIT */
#include "queue/retry.h"

#include <openssl/rand.h>

#include "common/attr.h"

enum {
	MINUTE_MS = 60 * 1000
};

static int64_t with_jitter(int64_t ms)
{
	uint16_t r = 0;
	/* Without randomness there is still a delay, only no spread. */
	if (RAND_bytes((unsigned char *)&r, sizeof(r)) != 1)
		r = UINT16_MAX / 2;
	int64_t fifth = ms / 5;
	return ms - fifth + 2 * fifth * r / UINT16_MAX;
}

int64_t retry_backoff_ms(unsigned attempts, int64_t first_ms, int64_t max_ms)
{
	int64_t ms = first_ms;
	for (unsigned i = 1; i < attempts && ms < max_ms; i++)
		ms *= 2;
	return with_jitter(ms < max_ms ? ms : max_ms);
}

int64_t retry_probe_ms(unsigned probes, bool locked)
{
	static const int64_t steps[] = { 5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS,
					 60 * MINUTE_MS };
	size_t index = (size_t)probes + (locked ? 2 : 0);
	return steps[index < ARRAY_LEN(steps) ? index : ARRAY_LEN(steps) - 1];
}
