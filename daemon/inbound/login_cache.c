/* SPDX-License-Identifier: MIT */
#include "inbound/login_cache.h"

#include <stdlib.h>

#include "common/mem.h"
#include "inbound/recent.h"

struct entry {
	struct recent_entry recent;
	int64_t used_ms;
};

struct login_cache {
	struct recent *recent;
};

struct login_cache *login_cache_new(void)
{
	struct login_cache *cache = mem_zalloc(sizeof(*cache));
	cache->recent = recent_new(sizeof(struct entry));
	return cache;
}

void login_cache_free(struct login_cache *cache)
{
	if (cache == NULL)
		return;
	recent_free(cache->recent);
	free(cache);
}

size_t login_cache_count(const struct login_cache *cache)
{
	return recent_count(cache->recent);
}

static struct msgid key_of(const struct login_cache *cache, const struct login *login)
{
	const struct str parts[] = {
		str_of(login->user != NULL ? login->user->name : ""),
		login->password,
		str_of(login->user != NULL ? login->user->hash : ""),
		{ (const char *)login->addr->b, sizeof(login->addr->b) },
	};
	return recent_key(cache->recent, parts, ARRAY_LEN(parts));
}

void login_cache_add(struct login_cache *cache, const struct inbound_limits *limits,
		     const struct login *login, int64_t now)
{
	if (limits->login_cache == 0 || limits->login_cache_time == 0)
		return;
	struct msgid key = key_of(cache, login);
	struct entry *entry = recent_put(cache->recent, &key, (size_t)limits->login_cache);
	entry->used_ms = now;
}

bool login_cache_has(struct login_cache *cache, const struct inbound_limits *limits,
		     const struct login *login, int64_t now)
{
	struct msgid key = key_of(cache, login);
	struct entry *entry = recent_get(cache->recent, &key);
	if (entry == NULL)
		return false;
	if (limits->login_cache == 0 || now - entry->used_ms >= limits->login_cache_time) {
		recent_remove(cache->recent, entry);
		return false;
	}
	entry->used_ms = now;
	return true;
}
