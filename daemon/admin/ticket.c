/* SPDX-License-Identifier: MIT */
#include "admin/ticket.h"

struct admin_answer admin_later(const struct admin_request *request, void (*gone)(void *arg),
				void *arg)
{
	request->ticket->gone = gone;
	request->ticket->arg = arg;
	return (struct admin_answer){ .status = 0 };
}

void admin_ticket_answer(struct admin_ticket *ticket, struct admin_answer answer)
{
	ticket->answer(ticket, answer);
}
