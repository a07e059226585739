/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_TICKET_H
#define OAUTHRELAY_ADMIN_TICKET_H

#include "admin/routes.h"

/*
 * Answers that take a while. A route's handler begins its work, keeps the request's ticket, and
 * returns admin_later(). Afterwards exactly one of two things happens, never from inside the
 * handler: the work's end calls admin_ticket_answer(); or the client leaves, or the relay stops,
 * and gone() is called, which should cancel the work. The ticket is void from either call on.
 * Nothing else of the request outlives the handler.
 */
struct admin_ticket {
	void (*answer)(struct admin_ticket *ticket, struct admin_answer answer); /* the server's */
	void (*gone)(void *arg);
	void *arg;
};
struct admin_answer admin_later(const struct admin_request *request, void (*gone)(void *arg),
				void *arg);
void admin_ticket_answer(struct admin_ticket *ticket, struct admin_answer answer);

#endif
