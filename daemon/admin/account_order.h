/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_ACCOUNT_ORDER_H
#define OAUTHRELAY_ADMIN_ACCOUNT_ORDER_H

#include "admin/routes.h"
#include "admin/ticket.h"
#include "oauth/token.h"

struct own_certificate;

/*
 * What an administrator orders for the token of an account (oauth/token.h), and the request that
 * waits for it. When the client leaves, what is not done yet is cancelled. The account may go
 * meanwhile, by a reload: so it is looked up anew each time. Loop's thread.
 */
struct account_order {
	struct admin_ticket *ticket;
	const struct queue *queue;
	char *account; /* its name */
	/* Of the kind of order: */
	struct own_certificate *making;
	size_t count;
};

/* The account that the request's path names. NULL: *answer says that there is none, and which name
 * is near. */
const struct account *account_order_find(const struct admin_request *request,
					 struct admin_answer *answer);
/* The same, if it can show a credential. */
const struct account *account_order_find_for_credential(const struct admin_request *request,
							struct admin_answer *answer);

/* Can the account show a credential that commands have added? False: why not, appended. */
bool account_order_takes_credentials(const struct account *account, struct strbuf *why) MUST_CHECK;

/* Its handler returns *answer, which is "later". */
struct account_order *account_order_new(const struct admin_request *request,
					const struct account *account, struct admin_answer *answer);
/* NULL when the account or its need of a token has gone. */
struct token *account_order_token(const struct account_order *order);
const struct account_config *account_order_config(const struct account_order *order);
/* Ends the order and frees it. */
void account_order_answer(struct account_order *order, struct admin_answer answer);

/* { "error", "remedy", "code", "class" }: 503 for what passes, else 422. */
struct admin_answer account_order_failed(const struct token_failure *failure);
/* It is done, but would not outlive a restart: a "warning" with a "remedy" instead of an error. */
bool account_order_is_warning(const struct token_failure *failure);
void account_order_add_warning(cJSON *json, const struct token_failure *failure); /* NULL: none */

#endif
