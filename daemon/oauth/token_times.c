/* SPDX-License-Identifier: MIT */
#include "oauth/token_times.h"

#include <stdlib.h>

#include "common/attr.h"

static const int64_t second = 1000;
static const int64_t minute = 60 * second;

enum {
	BACKOFF_STEPS = 9 /* 2^8 s is the last below five minutes */
};

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* 0 ... max_ms */
static int64_t chance(int64_t max_ms)
{
	return (int64_t)arc4random_uniform((uint32_t)max_ms + 1);
}

int64_t token_times_usable_ms(int64_t life_ms, int64_t margin_ms)
{
	return larger(life_ms - margin_ms, life_ms / 2);
}

int64_t token_times_end_ms(int64_t life_ms)
{
	return life_ms - smaller(30 * second, life_ms / 10);
}

int64_t token_times_renewal_ms(int64_t life_ms)
{
	int64_t at = life_ms / 2;
	if (life_ms > 11 * minute)
		at = larger(minute, life_ms - larger(10 * minute, life_ms / 10));
	return at - chance(smaller(minute, at / 10));
}

int64_t token_times_backoff_ms(unsigned row, int64_t at_least_ms)
{
	int64_t wait = 5 * minute;
	if (row <= BACKOFF_STEPS)
		wait = second << (row > 0 ? row - 1 : 0);
	wait = larger(wait, at_least_ms);
	return wait + chance(smaller(30 * second, wait / 10));
}

/* The row-th of them, and the last for ever. */
static int64_t step(const int64_t *minutes, size_t count, unsigned row)
{
	size_t i = row > 0 ? row - 1 : 0;
	return minutes[i < count ? i : count - 1] * minute;
}

int64_t token_times_probe_ms(unsigned row, int64_t at_least_ms)
{
	static const int64_t steps[] = { 5, 15, 30, 60 };
	return larger(step(steps, ARRAY_LEN(steps), row), at_least_ms) + chance(30 * second);
}

int64_t token_times_pending_ms(unsigned row)
{
	static const int64_t steps[] = { 1, 2, 5, 10, 20, 30, 60 };
	return step(steps, ARRAY_LEN(steps), row) + chance(10 * second);
}
