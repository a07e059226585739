/* SPDX-License-Identifier: MIT */
#include "inbound/recent.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"

enum {
	KEY_SIZE = 32,
	DIGEST_SIZE = 32
};

TAILQ_HEAD(recent_list, recent_entry);

struct recent {
	size_t entry_size;
	struct idmap *map;
	struct recent_list list; /* youngest first */
	unsigned char key[KEY_SIZE];
};

struct recent *recent_new(size_t entry_size)
{
	struct recent *recent = mem_zalloc(sizeof(*recent));
	recent->entry_size = entry_size;
	recent->map = idmap_new(offsetof(struct recent_entry, key));
	TAILQ_INIT(&recent->list);
	/* Passwords are told apart by it: without randomness there is no going on. */
	if (RAND_bytes(recent->key, sizeof(recent->key)) != 1)
		abort();
	return recent;
}

void recent_free(struct recent *recent)
{
	struct recent_entry *entry;
	if (recent == NULL)
		return;
	while ((entry = TAILQ_FIRST(&recent->list)) != NULL) {
		TAILQ_REMOVE(&recent->list, entry, link);
		free(entry);
	}
	idmap_free(recent->map);
	secret_wipe(recent->key, sizeof(recent->key));
	free(recent);
}

size_t recent_count(const struct recent *recent)
{
	return idmap_count(recent->map);
}

struct msgid recent_key(const struct recent *recent, const struct str *parts, size_t count)
{
	unsigned char digest[DIGEST_SIZE];
	struct msgid key;
	size_t total = 0, at = 0;
	for (size_t i = 0; i < count; i++)
		total += sizeof(parts[i].n) + parts[i].n;
	unsigned char *bytes = mem_alloc(total);
	for (size_t i = 0; i < count; i++) {
		memcpy(bytes + at, &parts[i].n, sizeof(parts[i].n));
		at += sizeof(parts[i].n);
		if (parts[i].n != 0)
			memcpy(bytes + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	if (HMAC(EVP_sha256(), recent->key, KEY_SIZE, bytes, total, digest, NULL) == NULL)
		abort(); /* out of memory */
	secret_wipe(bytes, total);
	free(bytes);
	memcpy(key.b, digest, sizeof(key.b));
	return key;
}

void *recent_get(struct recent *recent, const struct msgid *key)
{
	struct recent_entry *entry = idmap_get(recent->map, key);
	if (entry != NULL && entry != TAILQ_FIRST(&recent->list)) {
		TAILQ_REMOVE(&recent->list, entry, link);
		TAILQ_INSERT_HEAD(&recent->list, entry, link);
	}
	return entry;
}

/* Down to so many. */
static void shrink(struct recent *recent, size_t count)
{
	while (recent_count(recent) > count) {
		struct recent_entry *oldest = TAILQ_LAST(&recent->list, recent_list);
		idmap_remove(recent->map, &oldest->key);
		TAILQ_REMOVE(&recent->list, oldest, link);
		free(oldest);
	}
}

void *recent_put(struct recent *recent, const struct msgid *key, size_t max)
{
	struct recent_entry *entry = recent_get(recent, key);
	if (entry != NULL)
		return entry;
	/* The limit may have been lowered by a reload. */
	shrink(recent, max - 1);
	entry = mem_zalloc(recent->entry_size);
	entry->key = *key;
	idmap_put(recent->map, entry);
	TAILQ_INSERT_HEAD(&recent->list, entry, link);
	return entry;
}

void recent_remove(struct recent *recent, void *entry)
{
	struct recent_entry *gone = entry;
	idmap_remove(recent->map, &gone->key);
	TAILQ_REMOVE(&recent->list, gone, link);
	free(gone);
}
