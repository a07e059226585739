/* SPDX-License-Identifier: MIT */
#include "oauth/token_attempt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/mem.h"
#include "oauth/assertion.h"
#include "oauth/identity_reply.h"
#include "oauth/managed_identity.h"

enum {
	REQUEST_TIMEOUT_MS = 30 * 1000,
	REPLY_MAX = 64 * 1024,
};

/* Exactly one of assertion, identity and request is there at any time. */
struct token_attempt {
	struct attempt_params params;
	struct attempt_events events;
	struct credential_list credentials;
	enum token_request_kind kind;
	struct secret value; /* refresh token, code, device code; as the kind has it */
	char *redirect_uri;
	struct secret verifier;
	struct secret assertion_value;
	size_t current;
	size_t refused;
	struct token_failure first_failure; /* when refused != 0 */
	struct assertion *assertion;
	struct managed_identity *identity;
	struct http_request *request;
	int64_t started_ms; /* the request, monotonic */
};

static void start_one(struct token_attempt *attempt);

static void free_attempt(struct token_attempt *attempt)
{
	credential_list_done(&attempt->credentials);
	secret_done(&attempt->value);
	secret_done(&attempt->verifier);
	free(attempt->redirect_uri);
	secret_done(&attempt->assertion_value);
	config_unref(attempt->params.config);
	free(attempt);
}

static const struct credential *current(const struct token_attempt *attempt)
{
	return attempt->credentials.n != 0 ? &attempt->credentials.v[attempt->current] : NULL;
}

static void finish(struct token_attempt *attempt, struct token_grant *grant,
		   const struct token_failure *failure, int64_t date_ms)
{
	const struct attempt_events events = attempt->events;
	size_t credential = attempt->current;
	int64_t took_ms = clock_mono_ms() - attempt->started_ms;
	free_attempt(attempt);
	events.done(events.arg, grant, credential, failure, took_ms, date_ms);
	if (grant != NULL)
		token_grant_done(grant);
}

/* ---- failures ---- */

/* Which one it was about, where there are several. */
static void name_credential(const struct token_attempt *attempt, struct token_failure *failure)
{
	if (attempt->credentials.n > 1)
		err_prefix(&failure->text, "%s", current(attempt)->label);
}

static void finish_failed(struct token_attempt *attempt, struct token_failure *failure,
			  int64_t date_ms)
{
	if (!failure->credential_refused || attempt->refused == 0) {
		finish(attempt, NULL, failure, date_ms);
		return;
	}
	struct token_failure first = attempt->first_failure;
	struct err others = first.text;
	err_set(&first.text, "%s; refused like it: %zu more", others.text, attempt->refused);
	finish(attempt, NULL, &first, date_ms);
}

static void take_failure(struct token_attempt *attempt, struct token_failure *failure,
			 int64_t date_ms)
{
	name_credential(attempt, failure);
	if (!failure->credential_refused || attempt->refused + 1 >= attempt->credentials.n) {
		finish_failed(attempt, failure, date_ms);
		return;
	}
	if (attempt->refused++ == 0)
		attempt->first_failure = *failure;
	attempt->events.refused(attempt->events.arg, attempt->current, failure);
	attempt->current = (attempt->current + 1) % attempt->credentials.n;
	start_one(attempt);
}

/* ---- one credential ---- */

static void judge(struct token_attempt *attempt, const struct http_reply *reply)
{
	struct token_grant grant = { .life_ms = 0 };
	struct token_failure failure;
	const struct account_config *account = attempt->params.account;
	const struct credential_list *list = &attempt->credentials;
	size_t count = 0;
	struct str *shown = mem_realloc_array(NULL, list->n + 3, sizeof(*shown));
	shown[count++] = secret_reveal(&attempt->value);
	shown[count++] = secret_reveal(&attempt->verifier);
	shown[count++] = secret_reveal(&attempt->assertion_value);
	for (size_t i = 0; i < list->n; i++)
		shown[count++] = secret_reveal(&list->v[i].secret);
	bool granted =
		account->grant == GRANT_MANAGED_IDENTITY
			? identity_reply_judge(reply, account, &grant, &failure)
			: token_response_judge(reply, account, shown, count, &grant, &failure);
	free(shown);
	if (granted)
		finish(attempt, &grant, NULL, reply->date_ms);
	else
		take_failure(attempt, &failure, reply->date_ms);
}

static void on_reply(void *arg, const struct http_reply *reply)
{
	struct token_attempt *attempt = arg;
	attempt->request = NULL;
	attempt->identity = NULL;
	judge(attempt, reply);
}

static void send_request(struct token_attempt *attempt)
{
	const struct account_config *account = attempt->params.account;
	const struct token_request request = {
		.kind = attempt->kind,
		.account = account,
		.credential = current(attempt),
		.assertion = secret_reveal(&attempt->assertion_value),
		.value = secret_reveal(&attempt->value),
		.redirect_uri = attempt->redirect_uri,
		.verifier = attempt->verifier.p,
	};
	struct secret body = { 0 };
	token_request_body(&request, &body);
	const struct http_params params = {
		.url = account->token_endpoint,
		.ca_file = account->ca_file,
		.body = secret_reveal(&body),
		.content_type = TOKEN_REQUEST_CONTENT_TYPE,
		.proxy = account->proxy.tokens,
		.proxy_password = secret_reveal(&account->proxy.password),
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.reply_max = REPLY_MAX,
	};
	attempt->started_ms = clock_mono_ms();
	attempt->request = http_start(attempt->params.http, &params, on_reply, attempt);
	secret_done(&body);
}

static void on_assertion(void *arg, const struct secret *value, const struct err *err)
{
	struct token_attempt *attempt = arg;
	struct token_failure failure = { .code = "assertion" };
	attempt->assertion = NULL;
	if (value != NULL) {
		secret_set(&attempt->assertion_value, secret_reveal(value));
		send_request(attempt);
		return;
	}
	/* Too busy to sign is no fault of the credential's. */
	failure.credential_refused = err->code != EAGAIN;
	failure.class = failure.credential_refused ? TOKEN_FAIL_CONFIG : TOKEN_FAIL_TRANSIENT;
	failure.text = *err;
	take_failure(attempt, &failure, -1);
}

static void start_one(struct token_attempt *attempt)
{
	const struct account_config *account = attempt->params.account;
	const struct credential *credential = current(attempt);
	enum credential_kind kind = credential != NULL ? credential->kind : CREDENTIAL_NONE;
	attempt->started_ms = clock_mono_ms();
	secret_done(&attempt->assertion_value);
	if (account->grant == GRANT_MANAGED_IDENTITY)
		attempt->identity = managed_identity_start(
			attempt->params.http, attempt->params.worker, account, on_reply, attempt);
	else if (kind == CREDENTIAL_CERTIFICATE || kind == CREDENTIAL_FEDERATED)
		attempt->assertion =
			assertion_start(attempt->params.worker, credential, account->client_id,
					account->token_endpoint, on_assertion, attempt);
	else
		send_request(attempt);
}

static void take_kind(struct token_attempt *attempt, const struct attempt_params *params)
{
	const struct attempt_sign_in *sign_in = params->sign_in;
	if (sign_in == NULL) {
		attempt->kind = params->account->grant == GRANT_DELEGATED
					? REQUEST_REFRESH
					: REQUEST_CLIENT_CREDENTIALS;
		if (params->refresh_token.n != 0)
			secret_set(&attempt->value, params->refresh_token);
	} else {
		attempt->kind = sign_in->kind;
		secret_set(&attempt->value, sign_in->value);
		mem_replace_str(&attempt->redirect_uri, sign_in->redirect_uri);
		if (sign_in->verifier.n != 0)
			secret_set(&attempt->verifier, sign_in->verifier);
	}
	attempt->params.refresh_token = STR("");
	attempt->params.sign_in = NULL;
}

struct token_attempt *token_attempt_start(const struct attempt_params *params,
					  const struct attempt_events *events)
{
	struct token_attempt *attempt = mem_zalloc(sizeof(*attempt));
	attempt->params = *params;
	attempt->events = *events;
	if (params->config != NULL)
		config_ref(params->config);
	credential_list_copy(&attempt->credentials, params->credentials);
	attempt->current = params->first < attempt->credentials.n ? params->first : 0;
	attempt->params.credentials = NULL;
	take_kind(attempt, params);
	start_one(attempt);
	return attempt;
}

void token_attempt_cancel(struct token_attempt *attempt)
{
	if (attempt == NULL)
		return;
	assertion_cancel(attempt->assertion);
	managed_identity_cancel(attempt->identity);
	http_cancel(attempt->request);
	free_attempt(attempt);
}
