/* SPDX-License-Identifier: MIT */
#include "admin/account_login.h"

#include <string.h>

#include "admin/account_order.h"
#include "common/clock.h"
#include "common/json.h"
#include "oauth/account_record.h"

enum {
	TEXT_MAX = 2048,
};

static struct admin_answer refuse(int status, const char *text, const char *remedy)
{
	struct admin_answer answer = admin_error(status, text);
	json_add_str(answer.body, "remedy", str_of(remedy));
	return answer;
}

/* Nobody signs in for any other kind of account. */
static bool is_delegated(const struct account *account, struct admin_answer *answer)
{
	const struct account_config *config = account_config_of(account);
	struct strbuf text;
	if (account_token(account) != NULL && config->grant == GRANT_DELEGATED)
		return true;
	strbuf_init(&text, TEXT_MAX);
	strbuf_addf(&text,
		    "nobody signs in for account %s, as far as the running relay knows: its grant "
		    "is another one",
		    config->name);
	*answer = refuse(409, strbuf_cstr(&text),
			 "if you have just changed that, reload first: `systemctl reload "
			 "oauthrelay`");
	strbuf_done(&text);
	return false;
}

/* Missing is allowed: not everybody who has a token can work it out. */
static bool is_bound(const struct admin_request *request, const struct account *account,
		     struct admin_answer *answer)
{
	char ours[65];
	struct str theirs;
	account_record_binding(account_config_of(account), ours);
	if (!cJSON_HasObjectItem(request->body, "binding"))
		return true;
	if (json_get_str(request->body, "binding", &theirs) && str_eq(theirs, str_of(ours)))
		return true;
	*answer = refuse(409,
			 "the configuration file has another client_id, scope, tenant or login for "
			 "this account than the running relay: reload first",
			 "`systemctl reload oauthrelay`, then sign in");
	return false;
}

static void on_signed_in(void *arg, const struct token_failure *failure)
{
	struct account_order *order = arg;
	if (failure != NULL && !account_order_is_warning(failure)) {
		account_order_answer(order, account_order_failed(failure));
		return;
	}
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "account", str_of(order->account));
	account_order_add_warning(json, failure);
	account_order_answer(order, (struct admin_answer){ .status = 200, .body = json });
}

static struct admin_answer tell_ready(const struct account *account)
{
	cJSON *json = cJSON_CreateObject();
	struct token_status status;
	size_t added = 0;
	token_status(account_token(account), &status);
	for (size_t i = 0; i < status.credentials->n; i++)
		added +=
			status.credentials->v[i].added_ms != 0 && !status.credentials->v[i].pending;
	json_add_str(json, "account", str_of(account_config_of(account)->name));
	cJSON_AddBoolToObject(json, "ready", true);
	/* Of which the one who redeems the sign-in's code may have to know. */
	cJSON_AddNumberToObject(json, "added_credentials", (double)added);
	return (struct admin_answer){ .status = 200, .body = json };
}

struct admin_answer account_login(const struct admin_request *request)
{
	struct admin_answer answer;
	struct token_grant grant = { .life_ms = 0 };
	const struct account *account = account_order_find(request, &answer);
	if (account == NULL) {
		/* Who asks has found it in the configuration file. */
		json_add_str(answer.body, "remedy",
			     STR("the running relay knows none that was added to the configuration "
				 "since: `systemctl reload oauthrelay`, then sign in"));
		return answer;
	}
	if (!is_delegated(account, &answer) || !is_bound(request, account, &answer))
		return answer;
	if (!cJSON_HasObjectItem(request->body, "access_token"))
		return tell_ready(account);
	const char *fault = token_grant_take(request->body, clock_wall_ms(), &grant);
	if (fault != NULL) {
		struct strbuf text;
		strbuf_init(&text, TEXT_MAX);
		strbuf_addf(&text, "the body cannot be used: %s", fault);
		answer = admin_error(400, strbuf_cstr(&text));
		strbuf_done(&text);
		return answer;
	}
	struct account_order *order = account_order_new(request, account, &answer);
	token_sign_in(account_token(account), &grant, on_signed_in, order);
	token_grant_done(&grant);
	return answer;
}
