/* SPDX-License-Identifier: MIT */
#include "admin/account_certificate.h"

#include <errno.h>

#include "admin/account_order.h"
#include "admin/show_accounts.h"
#include "common/clock.h"
#include "common/json.h"
#include "oauth/own_certificate.h"

static const int64_t near_ms = (int64_t)EXPIRY_NEAR_DAYS * 24 * 60 * 60 * 1000;

/* ---- the answer */

/* Where certificates are uploaded (microsoft365.md 3): by the end of the authority's host. */
static const struct portal {
	const char *authority;
	const char *address;
} portals[] = {
	{ "microsoftonline.com", "https://entra.microsoft.com" },
	{ "microsoftonline.us", "https://entra.microsoft.us" },
	{ "microsoftonline.cn", "https://portal.azure.cn" },
};

static const char *portal_of(const struct account_config *config)
{
	for (size_t i = 0; i < ARRAY_LEN(portals); i++)
		if (str_icontains(str_of(config->authority), str_of(portals[i].authority)) >= 0)
			return portals[i].address;
	return NULL;
}

static struct admin_answer describe(const struct account_config *config, const struct token *token,
				    size_t index, const char *status)
{
	struct token_status s;
	token_status(token, &s);
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "account", str_of(config->name));
	cJSON_AddStringToObject(json, "status", status);
	cJSON_AddItemToObject(json, "credential", show_accounts_credential(&s, index));
	json_add_str(json, "certificate", str_of(s.credentials->v[index].certificate_pem));
	json_add_str(json, "client_id", str_of(config->client_id));
	json_add_str(json, "tenant", str_of(config->tenant));
	admin_add_optional(json, "portal", portal_of(config));
	return (struct admin_answer){ .status = 200, .body = json };
}

/* The one that is waiting, else one of ours that has some time left; false when there is none. */
static bool find_ours(const struct token *token, size_t *index)
{
	struct token_status s;
	bool found = false;
	token_status(token, &s);
	for (size_t i = 0; i < s.credentials->n; i++) {
		const struct credential *c = &s.credentials->v[i];
		bool is_ours =
			c->kind == CREDENTIAL_CERTIFICATE && c->added_ms != 0 &&
			(c->pending || (c->ends_ms > clock_wall_ms() + near_ms && !s.refused[i]));
		if (!is_ours || (found && !c->pending))
			continue;
		*index = i;
		found = true;
	}
	return found;
}

/* ---- making one */

static void on_stored(void *arg, const struct token_failure *failure)
{
	struct account_order *order = arg;
	const struct token *token = account_order_token(order);
	size_t index;
	if (failure != NULL && !account_order_is_warning(failure)) {
		account_order_answer(order, account_order_failed(failure));
		return;
	}
	if (token == NULL || !find_ours(token, &index)) {
		account_order_answer(order, admin_error(409, "the account has changed meanwhile"));
		return;
	}
	struct admin_answer answer = describe(account_order_config(order), token, index, "made");
	account_order_add_warning(answer.body, failure);
	account_order_answer(order, answer);
}

static void on_made(void *arg, struct credential *credential, const struct err *err)
{
	struct account_order *order = arg;
	struct token *token = account_order_token(order);
	order->making = NULL;
	if (credential == NULL)
		account_order_answer(order,
				     admin_error(err->code == EAGAIN ? 503 : 500, err->text));
	else if (token == NULL)
		account_order_answer(order, admin_error(409, "the account has changed meanwhile"));
	else
		token_add_credential(token, credential, on_stored, order);
}

static struct admin_answer make(const struct admin_request *request, const struct account *account)
{
	struct admin_answer answer;
	struct account_order *order = account_order_new(request, account, &answer);
	order->making =
		own_certificate_start(request->view->worker, order->account, on_made, order);
	return answer;
}

/* ---- the one there is */

/* With what the endpoint says to one that is waiting. */
static struct admin_answer tell(const struct account_config *config, const struct token *token,
				size_t index, const struct token_failure *failure)
{
	struct token_status s;
	token_status(token, &s);
	bool is_waiting = s.credentials->v[index].pending;
	struct admin_answer answer =
		describe(config, token, index, is_waiting ? "waiting" : "in-use");
	json_add_str(answer.body, "refusal",
		     str_of(is_waiting && failure != NULL ? failure->text.text : ""));
	cJSON_AddNullToObject(answer.body, "warning");
	return answer;
}

static void on_tried(void *arg, const struct token_failure *failure)
{
	struct account_order *order = arg;
	const struct token *token = account_order_token(order);
	size_t index;
	if (token == NULL || !find_ours(token, &index))
		account_order_answer(order, admin_error(409, "the account has changed meanwhile"));
	else
		account_order_answer(order,
				     tell(account_order_config(order), token, index, failure));
}

static struct admin_answer show(const struct admin_request *request, const struct account *account,
				size_t index)
{
	struct admin_answer answer;
	struct token *token = account_token(account);
	struct token_status s;
	token_status(token, &s);
	if (!s.credentials->v[index].pending)
		return tell(account_config_of(account), token, index, NULL);
	struct account_order *order = account_order_new(request, account, &answer);
	token_try_pending(token, on_tried, order);
	return answer;
}

struct admin_answer account_certificate(const struct admin_request *request)
{
	struct admin_answer answer;
	size_t index;
	const struct account *account = account_order_find_for_credential(request, &answer);
	if (account == NULL)
		return answer;
	bool is_new = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request->body, "new"));
	if (is_new || !find_ours(account_token(account), &index))
		return make(request, account);
	return show(request, account, index);
}
