/* SPDX-License-Identifier: MIT */
#include "inbound/rate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/mem.h"

enum {
	PARTS = 60
};

struct rate {
	TAILQ_ENTRY(rate) link;
	char *device;
	int64_t per_ms;
	int64_t part; /* number of the newest one, counted from the clock's zero */
	uint64_t sum; /* of the parts */
	uint64_t reserved;
	uint32_t parts[PARTS]; /* part n is at n % PARTS */
};

struct rates {
	TAILQ_HEAD(rate_list, rate) all;
};

static struct rate *find(const struct rates *rates, struct str device)
{
	struct rate *r = NULL;
	TAILQ_FOREACH (r, &rates->all, link) {
		if (str_eq(str_of(r->device), device))
			return r;
	}
	return NULL;
}

static void forget(struct rate *r)
{
	memset(r->parts, 0, sizeof(r->parts));
	r->sum = 0;
}

static void remove_rate(struct rates *rates, struct rate *r)
{
	TAILQ_REMOVE(&rates->all, r, link);
	free(r->device);
	free(r);
}

/* What has slid out of the window counts no longer. */
static void slide(struct rate *r, int64_t now_ms)
{
	int64_t length = r->per_ms / PARTS;
	int64_t now = now_ms / (length > 0 ? length : 1);
	if (now - r->part >= PARTS)
		forget(r);
	for (int64_t i = r->part + 1; r->sum != 0 && i <= now; i++) {
		r->sum -= r->parts[i % PARTS];
		r->parts[i % PARTS] = 0;
	}
	r->part = now;
}

bool rates_reserve(struct rates *rates, const char *device, struct units_rate rate, int64_t now_ms)
{
	struct rate *r = find(rates, str_of(device));
	if (r == NULL) {
		r = mem_zalloc(sizeof(*r));
		r->device = mem_strdup(device);
		TAILQ_INSERT_TAIL(&rates->all, r, link);
	}
	if (r->per_ms != rate.per_ms)
		forget(r);
	r->per_ms = rate.per_ms;
	slide(r, now_ms);
	return r->sum + r->reserved++ >= rate.count;
}

static void give_back(struct rate *r)
{
	/* A reload may have dropped it in between, and begun anew. */
	if (r->reserved != 0)
		r->reserved--;
}

void rates_accept(struct rates *rates, const char *device, int64_t now_ms)
{
	struct rate *r = find(rates, str_of(device));
	if (r == NULL)
		return;
	give_back(r);
	slide(r, now_ms);
	r->parts[r->part % PARTS]++;
	r->sum++;
}

void rates_cancel(struct rates *rates, const char *device)
{
	struct rate *r = find(rates, str_of(device));
	if (r != NULL)
		give_back(r);
}

void rates_forget(struct rates *rates, struct str device)
{
	struct rate *r = find(rates, device);
	if (r != NULL)
		forget(r);
}

void rates_keep(struct rates *rates, const struct config *config)
{
	struct rate *next = NULL;
	for (struct rate *r = TAILQ_FIRST(&rates->all); r != NULL; r = next) {
		const struct device_config *device = config_device_named(config, str_of(r->device));
		next = TAILQ_NEXT(r, link);
		if (device == NULL || device->hold_above.count == 0)
			remove_rate(rates, r);
	}
}

struct rates *rates_new(void)
{
	struct rates *rates = mem_zalloc(sizeof(*rates));
	TAILQ_INIT(&rates->all);
	return rates;
}

void rates_free(struct rates *rates)
{
	struct rate *next = NULL;
	if (rates == NULL)
		return;
	for (struct rate *r = TAILQ_FIRST(&rates->all); r != NULL; r = next) {
		next = TAILQ_NEXT(r, link);
		remove_rate(rates, r);
	}
	free(rates);
}
