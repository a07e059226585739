/* SPDX-License-Identifier: MIT */
#include "inbound/lockout.h"

#include <stdlib.h>

#include "common/mem.h"
#include "inbound/recent.h"

struct tally {
	struct recent_entry recent;
	uint64_t failures;
	int64_t since_ms;     /* when the first of them was */
	int64_t locked_until; /* 0: never was */
};

struct lockout {
	struct recent *addresses;
	struct recent *names;
};

struct lockout *lockout_new(void)
{
	struct lockout *lockout = mem_zalloc(sizeof(*lockout));
	lockout->addresses = recent_new(sizeof(struct tally));
	lockout->names = recent_new(sizeof(struct tally));
	return lockout;
}

void lockout_free(struct lockout *lockout)
{
	if (lockout == NULL)
		return;
	recent_free(lockout->addresses);
	recent_free(lockout->names);
	free(lockout);
}

static struct str bytes_of(const struct netaddr *addr)
{
	return (struct str){ (const char *)addr->b, sizeof(addr->b) };
}

static int64_t locked_ms(struct recent *table, struct str what, int64_t now)
{
	struct msgid key = recent_key(table, &what, 1);
	const struct tally *tally = recent_get(table, &key);
	return tally != NULL && tally->locked_until > now ? tally->locked_until - now : 0;
}

int64_t lockout_address_ms(struct lockout *lockout, const struct netaddr *addr, int64_t now)
{
	return locked_ms(lockout->addresses, bytes_of(addr), now);
}

int64_t lockout_name_ms(struct lockout *lockout, struct str name, int64_t now)
{
	return locked_ms(lockout->names, name, now);
}

/* Returns the count; true in *locked when this failure was the one too many. */
static uint64_t count(struct recent *table, const struct inbound_limits *limits, struct str what,
		      int64_t now, bool *locked)
{
	struct msgid key = recent_key(table, &what, 1);
	struct tally *tally = recent_put(table, &key, (size_t)limits->lock_table);
	if (tally->failures == 0 || now - tally->since_ms >= limits->lock_time) {
		tally->failures = 0;
		tally->since_ms = now;
	}
	tally->failures++;
	/* A count that stays at the limit locks once. */
	*locked = tally->failures >= limits->lock_after && tally->locked_until <= now;
	if (*locked)
		tally->locked_until = now + limits->lock_time;
	return tally->failures;
}

struct lockout_count lockout_failed(struct lockout *lockout, const struct inbound_limits *limits,
				    const struct netaddr *addr, struct str name, int64_t now)
{
	struct lockout_count out;
	out.address = count(lockout->addresses, limits, bytes_of(addr), now, &out.address_locked);
	out.name = count(lockout->names, limits, name, now, &out.name_locked);
	return out;
}
