/* SPDX-License-Identifier: MIT */
#include "admin/account_order.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/quote.h"
#include "config/nearest.h"
#include "oauth/own_certificate.h"

enum {
	TEXT_MAX = 2048,
	NAME_SHOWN = 64,
};

static const struct account *find(const struct queue *queue, struct str name)
{
	for (size_t i = 0; i < queue_account_count(queue); i++) {
		const struct account *account = queue_account(queue, i);
		if (str_eq(name, str_of(account_config_of(account)->name)))
			return account;
	}
	return NULL;
}

static struct admin_answer no_such_account(const struct queue *queue, struct str name)
{
	struct nearest near;
	struct strbuf text;
	nearest_begin(&near, name);
	for (size_t i = 0; i < queue_account_count(queue); i++)
		nearest_offer(&near, account_config_of(queue_account(queue, i))->name);
	strbuf_init(&text, TEXT_MAX);
	strbuf_adds(&text, "there is no account ");
	quote_append_bare(&text, name, NAME_SHOWN);
	if (near.best != NULL)
		strbuf_addf(&text, "; did you mean %s?", near.best);
	struct admin_answer answer = admin_error(404, strbuf_cstr(&text));
	strbuf_done(&text);
	return answer;
}

const struct account *account_order_find(const struct admin_request *request,
					 struct admin_answer *answer)
{
	const struct queue *queue = request->view->queue;
	const struct account *account = find(queue, request->rest);
	if (account == NULL)
		*answer = no_such_account(queue, request->rest);
	return account;
}

bool account_order_takes_credentials(const struct account *account, struct strbuf *why)
{
	const struct account_config *config = account_config_of(account);
	const char *name = config->name;
	if (account_token(account) == NULL)
		strbuf_addf(
			why,
			"account %s does not sign in with OAuth2: it has no use for a secret or "
			"certificate",
			name);
	else if (config->grant == GRANT_MANAGED_IDENTITY)
		strbuf_addf(why,
			    "account %s gets its tokens by this machine's managed identity: it has "
			    "no use for a secret or certificate",
			    name);
	else if (config->grant == GRANT_DELEGATED && config->credential_count == 0)
		strbuf_addf(why,
			    "account %s signs in as a public client, from which Entra takes no "
			    "secret or certificate (AADSTS700025). If its sign-in has ended: "
			    "oauthrelay login %s",
			    name, name);
	else
		return true;
	return false;
}

const struct account *account_order_find_for_credential(const struct admin_request *request,
							struct admin_answer *answer)
{
	struct strbuf why;
	const struct account *account = account_order_find(request, answer);
	if (account == NULL)
		return NULL;
	strbuf_init(&why, TEXT_MAX);
	bool ok = account_order_takes_credentials(account, &why);
	if (!ok)
		*answer = admin_error(409, strbuf_cstr(&why));
	strbuf_done(&why);
	return ok ? account : NULL;
}

static void order_free(struct account_order *order)
{
	free(order->account);
	free(order);
}

static void on_gone(void *arg)
{
	struct account_order *order = arg;
	struct token *token = account_order_token(order);
	own_certificate_cancel(order->making);
	if (token != NULL)
		token_cancel_orders(token, order);
	order_free(order);
}

struct account_order *account_order_new(const struct admin_request *request,
					const struct account *account, struct admin_answer *answer)
{
	struct account_order *order = mem_zalloc(sizeof(*order));
	order->ticket = request->ticket;
	order->queue = request->view->queue;
	order->account = mem_strdup(account_config_of(account)->name);
	*answer = admin_later(request, on_gone, order);
	return order;
}

struct token *account_order_token(const struct account_order *order)
{
	const struct account *account = find(order->queue, str_of(order->account));
	return account != NULL ? account_token(account) : NULL;
}

const struct account_config *account_order_config(const struct account_order *order)
{
	const struct account *account = find(order->queue, str_of(order->account));
	return account != NULL ? account_config_of(account) : NULL;
}

void account_order_answer(struct account_order *order, struct admin_answer answer)
{
	struct admin_ticket *ticket = order->ticket;
	order_free(order);
	admin_ticket_answer(ticket, answer);
}

struct admin_answer account_order_failed(const struct token_failure *failure)
{
	int status = failure->class == TOKEN_FAIL_TRANSIENT ? 503 : 422;
	struct admin_answer answer = admin_error(status, failure->text.text);
	json_add_str(answer.body, "remedy", str_of(failure->remedy.text));
	json_add_str(answer.body, "code", str_of(failure->code));
	json_add_str(answer.body, "class", str_of(token_failure_class_name(failure->class)));
	return answer;
}

bool account_order_is_warning(const struct token_failure *failure)
{
	return failure != NULL && strcmp(failure->code, "not-stored") == 0;
}

void account_order_add_warning(cJSON *json, const struct token_failure *failure)
{
	if (failure == NULL) {
		cJSON_AddNullToObject(json, "warning");
		return;
	}
	json_add_str(json, "warning", str_of(failure->text.text));
	json_add_str(json, "remedy", str_of(failure->remedy.text));
}
