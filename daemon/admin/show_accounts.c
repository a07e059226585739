/* SPDX-License-Identifier: MIT */
#include "admin/show_accounts.h"

#include <string.h>

#include "admin/account_order.h"
#include "common/clock.h"
#include "common/json.h"
#include "oauth/own_certificate.h"

enum {
	TEXT_MAX = 1024,
};

static const char *const kind_names[] = {
	[CREDENTIAL_NONE] = "none",
	[CREDENTIAL_SECRET] = "secret",
	[CREDENTIAL_CERTIFICATE] = "certificate",
	[CREDENTIAL_FEDERATED] = "federated",
};

/* Wall clock; null for never and not known. */
static void add_time(cJSON *json, const char *name, int64_t ms)
{
	struct strbuf text;
	strbuf_init(&text, 64);
	if (ms != 0)
		clock_append_iso(&text, ms);
	admin_add_optional(json, name, ms != 0 ? strbuf_cstr(&text) : NULL);
	strbuf_done(&text);
}

static const struct expiry *find_expiry(const struct expiry_list *list, enum expiry_what what,
					const char *label, int64_t ends_ms)
{
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		const struct expiry *e = &list->v[i];
		if (e->what == what && (what == EXPIRY_SIGN_IN ||
					(e->ends_ms == ends_ms && strcmp(e->label, label) == 0)))
			return e;
	}
	return NULL;
}

/* The day that is the last one: an end at midnight is that of the day before. */
static void add_day(cJSON *json, const char *name, int64_t ends_ms)
{
	struct strbuf text;
	strbuf_init(&text, 64);
	if (ends_ms != 0)
		clock_append_iso(&text, ends_ms - 1);
	json_add_str(json, name, str_head(strbuf_str(&text), sizeof("2027-05-01") - 1));
	strbuf_done(&text);
}

/* Its end, the days until then, whether that is only assumed, and what to do
 * when it is near. expiry NULL: nobody is to be warned of it. */
static void add_end(cJSON *json, int64_t ends_ms, const struct expiry *expiry)
{
	int64_t now_ms = clock_wall_ms();
	bool is_near = expiry != NULL && !expiry->superseded && expiry_is_near(expiry);
	add_time(json, "ends", ends_ms);
	add_day(json, "last_day", ends_ms);
	if (expiry != NULL)
		cJSON_AddNumberToObject(json, "ends_in_days", expiry->days_left);
	else if (ends_ms != 0 && expiry_clock_is_set(now_ms))
		cJSON_AddNumberToObject(json, "ends_in_days", (double)expiry_days(ends_ms, now_ms));
	else
		cJSON_AddNullToObject(json, "ends_in_days");
	cJSON_AddBoolToObject(json, "ends_assumed", expiry != NULL && expiry->assumed);
	json_add_str(json, "remedy", str_of(is_near ? expiry->remedy.text : ""));
}

cJSON *show_accounts_credential(const struct token_status *status, size_t index)
{
	const struct credential *c = &status->credentials->v[index];
	char sha1[THUMBPRINT_SHA1_BYTES], sha256[THUMBPRINT_SHA256_BYTES];
	enum expiry_what what =
		c->kind == CREDENTIAL_CERTIFICATE ? EXPIRY_CERTIFICATE : EXPIRY_SECRET;
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "label", str_of(c->label));
	cJSON_AddStringToObject(json, "kind", kind_names[c->kind]);
	cJSON_AddBoolToObject(json, "serving",
			      !c->pending && status->serving[0] != '\0' &&
				      status->serving_index == index);
	cJSON_AddBoolToObject(json, "refused", !c->pending && status->refused[index]);
	cJSON_AddBoolToObject(json, "pending", c->pending);
	add_time(json, "added", c->added_ms);
	add_end(json, c->ends_ms, find_expiry(status->expiries, what, c->label, c->ends_ms));
	if (c->kind == CREDENTIAL_CERTIFICATE &&
	    own_certificate_thumbprints(c->certificate_pem, sha1, sha256)) {
		cJSON_AddStringToObject(json, "thumbprint_sha1", sha1);
		cJSON_AddStringToObject(json, "thumbprint_sha256", sha256);
	}
	return json;
}

static cJSON *sign_in_json(const struct token_status *status)
{
	const struct expiry *expiry = find_expiry(status->expiries, EXPIRY_SIGN_IN, "", 0);
	cJSON *json = cJSON_CreateObject();
	cJSON_AddBoolToObject(json, "signed_in", status->signed_in);
	add_time(json, "since", status->signed_in_ms);
	add_end(json, expiry != NULL ? expiry->ends_ms : 0, expiry);
	return json;
}

static void add_token(cJSON *json, const struct token *token, const struct account_config *config)
{
	struct token_status s;
	token_status(token, &s);
	cJSON *state = cJSON_AddObjectToObject(json, "token");
	cJSON_AddStringToObject(state, "state", token_state_name(s.state));
	cJSON_AddNumberToObject(state, "good_for_s", (double)units_seconds_up(s.good_for_ms));
	cJSON_AddBoolToObject(state, "stored", s.stored);
	int64_t skew_s = s.skew_ms / 1000;
	cJSON_AddNumberToObject(state, "clock_skew_s", (double)skew_s);
	admin_add_optional(json, "serving", s.serving[0] != '\0' ? s.serving : NULL);
	if (config->grant == GRANT_DELEGATED)
		cJSON_AddItemToObject(json, "sign_in", sign_in_json(&s));
	else
		cJSON_AddNullToObject(json, "sign_in");
	cJSON *credentials = cJSON_AddArrayToObject(json, "credentials");
	for (size_t i = 0; i < s.credentials->n; i++)
		cJSON_AddItemToArray(credentials, show_accounts_credential(&s, i));
}

void show_accounts_add_token(cJSON *json, const struct account *account)
{
	const struct account_config *config = account_config_of(account);
	const struct token *token = account_token(account);
	if (token != NULL) {
		admin_add_setting(json, "accounts", "grant", config);
		add_token(json, token, config);
		return;
	}
	cJSON_AddNullToObject(json, "grant");
	cJSON_AddNullToObject(json, "token");
	cJSON_AddNullToObject(json, "serving");
	cJSON_AddNullToObject(json, "sign_in");
	cJSON_AddArrayToObject(json, "credentials");
}

static cJSON *account_json(const struct account *account)
{
	const struct account_config *config = account_config_of(account);
	struct account_status s;
	struct strbuf why;
	account_status(account, &s);
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "name", str_of(config->name));
	json_add_str(json, "provider", str_of(config->provider));
	json_add_str(json, "mailbox", str_of(config->mailbox));
	cJSON_AddStringToObject(json, "state", account_state_name(s.state));
	json_add_str(json, "reason", str_of(s.reason));
	json_add_str(json, "remedy", str_of(s.remedy));
	strbuf_init(&why, TEXT_MAX);
	bool takes = account_order_takes_credentials(account, &why);
	admin_add_optional(json, "no_credentials", takes ? NULL : strbuf_cstr(&why));
	strbuf_done(&why);
	show_accounts_add_token(json, account);
	return json;
}

struct admin_answer show_accounts(const struct admin_request *request)
{
	const struct queue *queue = request->view->queue;
	cJSON *json = cJSON_CreateObject();
	cJSON *accounts = cJSON_AddArrayToObject(json, "accounts");
	for (size_t i = 0; i < queue_account_count(queue); i++)
		cJSON_AddItemToArray(accounts, account_json(queue_account(queue, i)));
	return (struct admin_answer){ .status = 200, .body = json };
}
