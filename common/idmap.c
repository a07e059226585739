/* SPDX-License-Identifier: MIT */
#include "common/idmap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base64.h"
#include "common/mem.h"

struct idmap {
	size_t id_offset;
	size_t count;
	size_t room; /* a power of two */
	void **slots;
};

enum {
	ROOM_MIN = 16
};

struct msgid msgid_random(void)
{
	struct msgid id;
	/* Up to 256 bytes come whole or not at all; not at all means a kernel without it. */
	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		abort();
	return id;
}

bool msgid_equal(const struct msgid *a, const struct msgid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void msgid_append(struct strbuf *out, const struct msgid *id)
{
	hex_encode(out, id->b, sizeof(id->b));
}

bool msgid_parse(struct str hex, struct msgid *out)
{
	return hex_decode(hex, out->b, sizeof(out->b));
}

struct msgid_text msgid_text(const struct msgid *id)
{
	static const char digits[] = "0123456789abcdef";
	struct msgid_text text;
	for (size_t i = 0; i < sizeof(id->b); i++) {
		text.hex[2 * i] = digits[id->b[i] >> 4];
		text.hex[2 * i + 1] = digits[id->b[i] & 15];
	}
	text.hex[MSGID_HEX] = '\0';
	return text;
}

struct idmap *idmap_new(size_t id_offset)
{
	struct idmap *map = mem_zalloc(sizeof(*map));
	map->id_offset = id_offset;
	map->room = ROOM_MIN;
	map->slots = mem_zalloc(map->room * sizeof(*map->slots));
	return map;
}

void idmap_free(struct idmap *map)
{
	if (map == NULL)
		return;
	free(map->slots);
	free(map);
}

static const struct msgid *id_of(const struct idmap *map, const void *value)
{
	return (const struct msgid *)((const char *)value + map->id_offset);
}

/* Where this id would best lie. Ids are random, so any of their bytes are a hash. */
static size_t home(const struct idmap *map, const struct msgid *id)
{
	size_t hash;
	memcpy(&hash, id->b, sizeof(hash));
	return hash & (map->room - 1);
}

/* The slot of id, or the free slot where it belongs. */
static size_t find(const struct idmap *map, const struct msgid *id)
{
	size_t i = home(map, id);
	while (map->slots[i] != NULL && !msgid_equal(id_of(map, map->slots[i]), id))
		i = (i + 1) & (map->room - 1);
	return i;
}

void *idmap_get(const struct idmap *map, const struct msgid *id)
{
	return map->slots[find(map, id)];
}

static void grow(struct idmap *map)
{
	void **old = map->slots;
	size_t old_room = map->room;
	map->room *= 2;
	map->slots = mem_zalloc(map->room * sizeof(*map->slots));
	for (size_t i = 0; i < old_room; i++)
		if (old[i] != NULL)
			map->slots[find(map, id_of(map, old[i]))] = old[i];
	free(old);
}

void idmap_put(struct idmap *map, void *value)
{
	if (map->count + 1 > map->room / 5 * 4)
		grow(map);
	size_t i = find(map, id_of(map, value));
	assert(map->slots[i] == NULL);
	map->slots[i] = value;
	map->count++;
}

void idmap_remove(struct idmap *map, const struct msgid *id)
{
	size_t mask = map->room - 1;
	size_t hole = find(map, id);
	if (map->slots[hole] == NULL)
		return;
	map->slots[hole] = NULL;
	map->count--;
	/* What follows moves up where it may, so that no search stops at the hole too early and no
	 * tombstones pile up in a map that lives for months. */
	for (size_t i = (hole + 1) & mask; map->slots[i] != NULL; i = (i + 1) & mask) {
		size_t best = home(map, id_of(map, map->slots[i]));
		if (((i - best) & mask) < ((i - hole) & mask))
			continue;
		map->slots[hole] = map->slots[i];
		map->slots[i] = NULL;
		hole = i;
	}
}

size_t idmap_count(const struct idmap *map)
{
	return map->count;
}

void *idmap_next(const struct idmap *map, size_t *at)
{
	while (*at < map->room) {
		void *value = map->slots[(*at)++];
		if (value != NULL)
			return value;
	}
	return NULL;
}
