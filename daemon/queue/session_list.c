/* SPDX-License-Identifier: MIT */
#include "queue/session_list.h"

#include <stdlib.h>

#include "common/mem.h"

void session_list_done(struct session_list *list)
{
	while (list->n != 0)
		session_free(list->v[--list->n]);
	free(list->v);
	*list = (struct session_list){ 0 };
}

void session_list_add(struct session_list *list, struct session *s)
{
	list->v = mem_realloc_array(list->v, list->n + 1, sizeof(struct session *));
	list->v[list->n++] = s;
}

void session_list_drop(struct session_list *list, struct session *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == s) {
			list->v[i] = list->v[--list->n];
			break;
		}
	session_free(s);
}

struct session *session_list_ready(const struct session_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (session_is_ready(list->v[i]))
			return list->v[i];
	return NULL;
}

size_t session_list_count(const struct session_list *list, bool (*test)(const struct session *s))
{
	size_t count = 0;
	for (size_t i = 0; i < list->n; i++)
		count += test(list->v[i]);
	return count;
}

void session_list_retire(struct session_list *list)
{
	size_t i = 0;
	while (i < list->n) {
		if (session_is_opening(list->v[i]))
			session_list_drop(list, list->v[i]);
		else
			session_retire(list->v[i++]);
	}
}
