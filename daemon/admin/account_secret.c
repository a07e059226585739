/* SPDX-License-Identifier: MIT */
#include "admin/account_secret.h"

#include <stdio.h>

#include "admin/account_order.h"
#include "admin/show_accounts.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/units.h"
#include "config/provider.h"
#include "config/syntax.h"

enum {
	SECRET_BYTES_MAX = 2048,
};

static const char secret_id[] =
	"this looks like the Secret ID, not like the secret: what is needed is what the column "
	"\"Value\" shows, which Entra does only once, when the secret is made. If it is hidden by "
	"now, make another secret";

/* NULL: it can be one. */
static const char *fault_of(struct str value, const struct account_config *config)
{
	const struct provider *provider = provider_find(str_of(config->provider));
	if (value.n == 0 || value.n > SECRET_BYTES_MAX)
		return "a secret has 1 to 2048 bytes";
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] <= 0x20 || value.p[i] == 0x7f)
			return "a secret has no blanks or control characters in it";
	if (provider != NULL && provider->microsoft && syntax_is_guid(value))
		return secret_id;
	return NULL;
}

/* ---- orders */

/* The one that is first now. */
static void on_added(void *arg, const struct token_failure *failure)
{
	struct account_order *order = arg;
	const struct token *token = account_order_token(order);
	struct token_status status;
	if (failure != NULL && !account_order_is_warning(failure)) {
		account_order_answer(order, account_order_failed(failure));
		return;
	}
	if (token == NULL) {
		account_order_answer(order, admin_error(409, "the account has changed meanwhile"));
		return;
	}
	token_status(token, &status);
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "account", str_of(order->account));
	cJSON_AddItemToObject(json, "credential", show_accounts_credential(&status, 0));
	account_order_add_warning(json, failure);
	account_order_answer(order, (struct admin_answer){ .status = 200, .body = json });
}

static struct admin_answer add(const struct admin_request *request, const struct account *account,
			       struct str value, int64_t ends_ms)
{
	struct admin_answer answer;
	int64_t now_ms = clock_wall_ms();
	struct credential credential = {
		.kind = CREDENTIAL_SECRET,
		.added_ms = now_ms,
		.ends_ms = ends_ms,
	};
	struct account_order *order = account_order_new(request, account, &answer);
	struct strbuf day;
	strbuf_init(&day, 64);
	clock_append_iso(&day, now_ms);
	snprintf(credential.label, sizeof(credential.label), "secret added %.10s",
		 strbuf_cstr(&day));
	strbuf_done(&day);
	secret_set(&credential.secret, value);
	token_add_credential(account_token(account), &credential, on_added, order);
	return answer;
}

static void on_forgotten(void *arg, const struct token_failure *failure)
{
	struct account_order *order = arg;
	if (failure != NULL && !account_order_is_warning(failure)) {
		account_order_answer(order, account_order_failed(failure));
		return;
	}
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "account", str_of(order->account));
	cJSON_AddNumberToObject(json, "forgotten", (double)order->count);
	account_order_add_warning(json, failure);
	account_order_answer(order, (struct admin_answer){ .status = 200, .body = json });
}

static struct admin_answer forget(const struct admin_request *request,
				  const struct account *account)
{
	struct admin_answer answer;
	struct token_status status;
	struct account_order *order = account_order_new(request, account, &answer);
	token_status(account_token(account), &status);
	for (size_t i = 0; i < status.credentials->n; i++)
		order->count += status.credentials->v[i].added_ms != 0;
	token_forget_added(account_token(account), on_forgotten, order);
	return answer;
}

/* ---- what is asked for */

/* *ends_ms 0: not said. */
static bool read_expires(const cJSON *body, int64_t *ends_ms)
{
	struct str text;
	*ends_ms = 0;
	if (!cJSON_HasObjectItem(body, "expires"))
		return true;
	return json_get_str(body, "expires", &text) && units_parse_date(text, ends_ms);
}

struct admin_answer account_secret(const struct admin_request *request)
{
	struct admin_answer answer;
	struct str value;
	int64_t ends_ms;
	const struct account *account = account_order_find_for_credential(request, &answer);
	if (account == NULL)
		return answer;
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request->body, "forget")))
		return forget(request, account);
	if (!json_get_str(request->body, "secret", &value))
		return admin_error(400, "the body has \"secret\", or \"forget\": true");
	const char *fault = fault_of(value, account_config_of(account));
	if (fault != NULL)
		return admin_error(422, fault);
	if (!read_expires(request->body, &ends_ms))
		return admin_error(400, "expires is a day, as in 2027-05-01");
	if (ends_ms != 0 && ends_ms < clock_wall_ms())
		return admin_error(422, "this secret has ended already, by its expires");
	return add(request, account, value, ends_ms);
}
