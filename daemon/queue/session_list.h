/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_SESSION_LIST_H
#define OAUTHRELAY_QUEUE_SESSION_LIST_H

#include "queue/session.h"

/*
 * The sessions of one account, which owns them by this: at most limits.connections, and those that
 * are closing. {0} is empty. Loop's thread.
 */
struct session_list {
	struct session **v;
	size_t n;
};

/* Frees all of them, at once and without calls. */
void session_list_done(struct session_list *list);
/* Takes it over. */
void session_list_add(struct session_list *list, struct session *s);
/* Frees it. It must be in the list. */
void session_list_drop(struct session_list *list, struct session *s);
/* One that can take a message now; NULL: none. */
struct session *session_list_ready(const struct session_list *list);
size_t session_list_count(const struct session_list *list, bool (*test)(const struct session *s));
/* None is used again. Those that are on their way end at once: they would take the place of
 * sessions under a new configuration, and how they fail would be taken for its fault. */
void session_list_retire(struct session_list *list);

#endif
