/* SPDX-License-Identifier: MIT */
#include "inbound/tally.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	BUCKETS = 256 /* names are the administrator's, so nobody can choose ones that collide */
};

struct row {
	struct row *next;
	char *name;
	size_t count;
};

struct tally {
	struct row *buckets[BUCKETS];
};

struct tally *tally_new(void)
{
	return mem_zalloc(sizeof(struct tally));
}

static void free_row(struct row **slot)
{
	struct row *row = *slot;
	*slot = row->next;
	free(row->name);
	free(row);
}

void tally_free(struct tally *tally)
{
	if (tally == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (tally->buckets[i] != NULL)
			free_row(&tally->buckets[i]);
	free(tally);
}

static size_t bucket_of(const char *name)
{
	uint32_t hash = 0x811c9dc5;
	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 0x01000193;
	return hash % BUCKETS;
}

static struct row **slot_of(struct tally *tally, const char *name)
{
	struct row **slot = &tally->buckets[bucket_of(name)];
	while (*slot != NULL && strcmp((*slot)->name, name) != 0)
		slot = &(*slot)->next;
	return slot;
}

size_t tally_count(const struct tally *tally, const char *name)
{
	const struct row *row = tally->buckets[bucket_of(name)];
	while (row != NULL && strcmp(row->name, name) != 0)
		row = row->next;
	return row != NULL ? row->count : 0;
}

void tally_add(struct tally *tally, const char *name)
{
	struct row **slot = slot_of(tally, name);
	if (*slot == NULL) {
		*slot = mem_zalloc(sizeof(**slot));
		(*slot)->name = mem_strdup(name);
	}
	(*slot)->count++;
}

void tally_remove(struct tally *tally, const char *name)
{
	struct row **slot = slot_of(tally, name);
	if (*slot != NULL && --(*slot)->count == 0)
		free_row(slot);
}
