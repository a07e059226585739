/* SPDX-License-Identifier: MIT */
#include <event2/event.h>

#include "common/timer.h"
#include "oauth/token_internal.h"
#include "oauth/token_times.h"

static struct credential *find_pending(struct token *token)
{
	struct credential_list *added = token_keep_added(token);
	for (size_t i = 0; added != NULL && i < added->n; i++)
		if (added->v[i].pending)
			return &added->v[i];
	return NULL;
}

void token_pending_start(struct token *token)
{
	timer_stop(token->pending_timer);
	token->pending_row = 0;
	token->pending_due = false;
	if (find_pending(token) != NULL)
		timer_start(token->pending_timer, token_times_pending_ms(++token->pending_row));
}

void token_pending_try(struct token *token)
{
	struct credential *pending = find_pending(token);
	const struct credential_list alone = { pending, 1 };
	token->pending_due = false;
	if (pending == NULL)
		return;
	timer_start(token->pending_timer, token_times_pending_ms(++token->pending_row));
	if (token_has_something_to_show(token))
		token_begin(token, ERRAND_PENDING, &alone, 0);
}

static void on_pending_due(evutil_socket_t fd, short what, void *arg)
{
	struct token *token = arg;
	(void)fd;
	(void)what;
	token->pending_due = true;
	token_use_attempt(token);
}

bool token_pending_end(struct token *token, struct token_grant *grant, int64_t took_ms)
{
	struct credential *pending = find_pending(token);
	struct credential accepted;
	if (grant == NULL || pending == NULL)
		return false;
	credential_copy(&accepted, pending);
	accepted.pending = false;
	token_orders_record(token, &accepted);
	token_pending_start(token);
	token_keep_served(token, 0);
	token_take_grant(token, grant, took_ms);
	token->events.changed(token->events.arg, "certificate in use");
	return true;
}

void token_pending_init(struct token *token)
{
	token->pending_timer = event_new(token->env.base, -1, 0, on_pending_due, token);
}
