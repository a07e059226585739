/* SPDX-License-Identifier: MIT */
#include "queue/due.h"

#include <stdlib.h>

#include "common/mem.h"

static void put(struct due *due, size_t index, struct queued *m)
{
	due->v[index] = m;
	m->heap_index = (uint32_t)index;
}

static void sift_up(struct due *due, size_t index, struct queued *m)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;
		if (due->v[parent]->due_ms <= m->due_ms)
			break;
		put(due, index, due->v[parent]);
		index = parent;
	}
	put(due, index, m);
}

static void sift_down(struct due *due, size_t index, struct queued *m)
{
	for (;;) {
		size_t child = index * 2 + 1;
		if (child >= due->count)
			break;
		if (child + 1 < due->count && due->v[child + 1]->due_ms < due->v[child]->due_ms)
			child++;
		if (m->due_ms <= due->v[child]->due_ms)
			break;
		put(due, index, due->v[child]);
		index = child;
	}
	put(due, index, m);
}

void due_add(struct due *due, struct queued *m)
{
	if (due->count == due->room) {
		due->room = due->room != 0 ? due->room * 2 : 64;
		due->v = mem_realloc_array(due->v, due->room, sizeof(struct queued *));
	}
	sift_up(due, due->count++, m);
}

void due_remove(struct due *due, struct queued *m)
{
	size_t index = m->heap_index;
	struct queued *last = due->v[--due->count];
	if (last == m)
		return;
	if (index > 0 && last->due_ms < due->v[(index - 1) / 2]->due_ms)
		sift_up(due, index, last);
	else
		sift_down(due, index, last);
}

struct queued *due_first(const struct due *due)
{
	return due->count != 0 ? due->v[0] : NULL;
}

void due_done(struct due *due)
{
	free(due->v);
	*due = (struct due){ 0 };
}
