/* SPDX-License-Identifier: MIT */
#include "oauth/token_response.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/quote.h"
#include "config/config.h"
#include "config/remedy.h"
#include "oauth/aadsts.h"
#include "oauth/token_request.h"

enum {
	DESCRIPTION_MAX = 400, /* of the text of a failure; the ids come behind it */
	ID_MAX = 64,
	/* microsoft365.md 4.11: throttled or down, and no word of when to come back. */
	NO_RETRY_AFTER_MS = 5000,
};

/* Where the reply is judged: what was asked, by whom, with what. */
struct judging {
	const struct http_reply *reply;
	const struct account_config *account;
	const struct str *shown;
	size_t shown_count;
};

/* ---- tables ---- */

struct error_kind {
	const char *error;
	enum token_failure_class class;
	const char *remedy;
};

static const char check_account[] = "check tenant, client_id, client_secret and scope of account "
				    "{account}";
static const char sign_in_again[] = "sign in again for account {account}";

/* RFC 6749 5.2 and Microsoft's additions, for replies without a known AADSTS number. */
static const struct error_kind error_kinds[] = {
	{ "invalid_client", TOKEN_FAIL_CONFIG,
	  "check client_id and client_secret of account {account}" },
	{ "unauthorized_client", TOKEN_FAIL_CONFIG,
	  "application {client_id} may not do this: check its permissions and client_id of account "
	  "{account}" },
	{ "invalid_scope", TOKEN_FAIL_CONFIG, "check scope of account {account}" },
	{ "invalid_resource", TOKEN_FAIL_CONFIG, "check scope of account {account}" },
	{ "invalid_request", TOKEN_FAIL_CONFIG, check_account },
	{ "unsupported_grant_type", TOKEN_FAIL_CONFIG,
	  "check authority and token_endpoint of account {account}" },
	{ "invalid_grant", TOKEN_FAIL_LOGIN, sign_in_again },
	{ "interaction_required", TOKEN_FAIL_LOGIN, sign_in_again },
	{ "consent_required", TOKEN_FAIL_LOGIN, sign_in_again },
	{ "login_required", TOKEN_FAIL_LOGIN, sign_in_again },
	{ "temporarily_unavailable", TOKEN_FAIL_TRANSIENT, "" },
	{ "server_error", TOKEN_FAIL_TRANSIENT, "" },
};

/* Those that are about the secret, certificate or assertion itself, so that another one may do
 * (microsoft365.md 4.12). */
static const uint32_t credential_codes[] = {
	50012,	50013,	50027,	50048,	70002,	 70021,	  500133,  700024,  700027,
	700030, 700211, 700212, 700213, 7000215, 7000222, 7002137, 7002138,
};

static const char wrong_speaker[] =
	"something between this machine and the token endpoint seems to answer in its place: a "
	"proxy, or the login page of a network";

static const char *remedy_for_network(enum http_failure failure)
{
	switch (failure) {
	case HTTP_FAIL_DNS:
		return "see that this machine's name servers work";
	case HTTP_FAIL_CONNECT:
	case HTTP_FAIL_TIMEOUT:
		return "see that the firewall lets this machine out to TCP port 443";
	case HTTP_FAIL_TLS:
		return "the text names the cause; nothing was sent";
	case HTTP_FAIL_TOO_BIG:
		return wrong_speaker;
	case HTTP_FAIL_PROXY:
		return "the proxy is to blame: the text says what to change at it, or in "
		       "proxy.tokens and proxy.password";
	case HTTP_FAIL_OTHER:
	case HTTP_OK:
		break;
	}
	return "";
}

/* ---- building a failure ---- */

static void set_remedy(struct token_failure *failure, const char *remedy,
		       const struct account_config *account)
{
	struct strbuf text;
	strbuf_init(&text, 4096);
	remedy_append(&text, remedy, account);
	err_set(&failure->remedy, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

static void set_code(struct token_failure *failure, struct str code)
{
	size_t n = 0;
	for (size_t i = 0; i < code.n && n < sizeof(failure->code) - 1; i++) {
		char c = code.p[i];
		failure->code[n++] =
			ascii_is_alnum(c) || c == '-' || c == '_' || c == '.' ? c : '?';
	}
	failure->code[n] = '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Quoted, and the line breaks of Microsoft's texts as the blanks they are. */
static void append_text(struct strbuf *out, struct str text, size_t max)
{
	struct strbuf flat;
	strbuf_init(&flat, max * 2);
	for (size_t i = 0; i < text.n && flat.n < max + 1; i++) {
		if (!is_blank(text.p[i]))
			strbuf_addc(&flat, text.p[i]);
		else if (flat.n != 0 && flat.p[flat.n - 1] != ' ')
			strbuf_addc(&flat, ' ');
	}
	quote_append_bare(out, str_trim(strbuf_str(&flat)), max);
	strbuf_done(&flat);
}

static bool is_html(const struct http_reply *reply)
{
	return str_icontains(reply->content_type, STR("html")) >= 0;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static bool status_is_passing(long status)
{
	return status == 408 || status == 429 || status >= 500;
}

static int64_t wait_asked_for(const struct http_reply *reply)
{
	if (reply->retry_after_ms >= 0)
		return clamp(reply->retry_after_ms, TOKEN_RETRY_AFTER_MIN_MS,
			     TOKEN_RETRY_AFTER_MAX_MS);
	return status_is_passing(reply->status) ? NO_RETRY_AFTER_MS : 0;
}

/* ---- failures ---- */

static void fail_network(const struct judging *j, struct token_failure *failure)
{
	set_code(failure, str_of(http_failure_name(j->reply->failure)));
	failure->text = j->reply->err;
	set_remedy(failure, remedy_for_network(j->reply->failure), j->account);
}

/* An answer, but none that a token endpoint gives. */
static void fail_reply(const struct judging *j, const char *why, struct token_failure *failure)
{
	const struct http_reply *reply = j->reply;
	if (reply->status == 200)
		set_code(failure, STR("bad-reply"));
	else
		snprintf(failure->code, sizeof(failure->code), "http-%ld", reply->status);
	err_set(&failure->text, "the token endpoint's reply, status %ld, is no token: %s",
		reply->status, why);
	/* A server in trouble may well say so in HTML; others do not. */
	if (!status_is_passing(reply->status))
		set_remedy(failure, wrong_speaker, j->account);
}

/* The first of error_codes[] that we know, else its first; else what the description begins with.
 * 0: there is none. */
static uint32_t number_in(const cJSON *object, struct str description)
{
	const cJSON *codes = cJSON_GetObjectItemCaseSensitive(object, "error_codes");
	const cJSON *item;
	uint32_t first = 0;
	cJSON_ArrayForEach (item, codes) {
		if (!cJSON_IsNumber(item) || item->valuedouble < 1 ||
		    item->valuedouble > UINT32_MAX)
			continue;
		uint32_t code = (uint32_t)item->valuedouble;
		if (aadsts_find(code) != NULL)
			return code;
		if (first == 0)
			first = code;
	}
	if (first != 0 || !str_istarts(description, STR("AADSTS")))
		return first;
	uint64_t number = 0;
	struct str digits = str_skip(description, 6);
	size_t n = 0;
	while (n < digits.n && ascii_is_digit(digits.p[n]))
		n++;
	return str_to_u64(str_head(digits, n), UINT32_MAX, &number) ? (uint32_t)number : 0;
}

static const struct error_kind *kind_of(struct str error)
{
	for (size_t i = 0; i < ARRAY_LEN(error_kinds); i++)
		if (str_eq(error, str_of(error_kinds[i].error)))
			return &error_kinds[i];
	return NULL;
}

static void append_id(struct strbuf *out, const cJSON *object, const char *key, const char *label)
{
	struct str id;
	if (!json_get_str(object, key, &id) || id.n == 0)
		return;
	strbuf_addf(out, " %s: ", label);
	append_text(out, id, ID_MAX);
}

static bool holds(const cJSON *object, const char *text)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, object) {
		if (cJSON_IsString(item) && item->valuestring != NULL &&
		    strstr(item->valuestring, text) != NULL)
			return true;
	}
	return false;
}

static bool repeats(const cJSON *object, struct str shown)
{
	struct secret plain = { 0 }, sent = { 0 };
	if (shown.n == 0)
		return false;
	secret_set(&plain, shown);
	token_request_encode(shown, &sent);
	bool found = holds(object, plain.p) || holds(object, sent.p);
	secret_done(&plain);
	secret_done(&sent);
	return found;
}

/* Does any of the reply's strings hold a secret, as it is or as it was sent? */
static bool repeats_secret(const struct judging *j, const cJSON *object)
{
	for (size_t i = 0; i < j->shown_count; i++)
		if (repeats(object, j->shown[i]))
			return true;
	return false;
}

static bool is_about_credential(uint32_t code, bool known, struct str error)
{
	for (size_t i = 0; i < ARRAY_LEN(credential_codes); i++)
		if (credential_codes[i] == code)
			return true;
	return !known && str_eq(error, STR("invalid_client"));
}

/* The description up to its trace id, and then the ids from their own members, so that a cut does
 * not hit them: they are what Microsoft's support asks for. */
static void set_text(struct token_failure *failure, const cJSON *object, struct str words)
{
	struct strbuf text;
	ptrdiff_t ids = str_icontains(words, STR("Trace ID:"));
	strbuf_init(&text, sizeof(failure->text.text) - 1);
	append_text(&text, ids > 0 ? str_head(words, (size_t)ids) : words, DESCRIPTION_MAX);
	append_id(&text, object, "trace_id", "Trace ID");
	append_id(&text, object, "correlation_id", "Correlation ID");
	err_set(&failure->text, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

/* RFC 6749 5.2, with Microsoft's members if they are there. */
static void fail_oauth(const struct judging *j, const cJSON *object, struct str error,
		       struct token_failure *failure)
{
	struct str description = STR("");
	char number[24], look_up[128];
	if (!json_get_str(object, "error_description", &description))
		description = STR("");
	uint32_t code = number_in(object, description);
	const struct aadsts_row *row = aadsts_find(code);
	const struct error_kind *kind = kind_of(error);
	const char *remedy = kind != NULL ? kind->remedy : check_account;
	/* What nobody knows does not come right by itself, or not soon: a hold loses no mail. */
	failure->class = kind != NULL ? kind->class : TOKEN_FAIL_CONFIG;
	if (row != NULL) {
		failure->class = row->class;
		remedy = row->remedy;
		if (failure->retry_in_ms < row->wait_ms)
			failure->retry_in_ms = row->wait_ms;
	} else if (code != 0) {
		snprintf(look_up, sizeof(look_up),
			 "look up https://login.microsoftonline.com/error?code=%u", code);
		remedy = look_up;
	}
	if (status_is_passing(j->reply->status))
		failure->class = TOKEN_FAIL_TRANSIENT;
	failure->credential_refused = failure->class == TOKEN_FAIL_CONFIG &&
				      is_about_credential(code, row != NULL, error);
	set_remedy(failure, remedy, j->account);
	if (repeats_secret(j, object)) {
		error = STR("error");
		err_set(&failure->text, "(not shown, because it repeats a secret)");
	} else {
		set_text(failure, object, description.n != 0 ? description : error);
	}
	if (failure->text.text[0] == '\0') /* nothing but blanks */
		err_set(&failure->text, "status %ld without explanation", j->reply->status);
	snprintf(number, sizeof(number), "AADSTS%u", code);
	set_code(failure, code != 0 ? str_of(number) : error);
}

static void wipe_token(const cJSON *object)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, object) {
		if (cJSON_IsString(item) && item->valuestring != NULL)
			secret_wipe(item->valuestring, strlen(item->valuestring));
	}
}

static bool judge_object(const struct judging *j, const cJSON *object, struct token_grant *grant,
			 struct token_failure *failure)
{
	struct str error;
	if (!cJSON_IsObject(object)) {
		fail_reply(j, "it is not a JSON object", failure);
		return false;
	}
	if (json_get_str(object, "error", &error) && error.n != 0) {
		fail_oauth(j, object, error, failure);
		return false;
	}
	int64_t now_ms = j->reply->date_ms >= 0 ? j->reply->date_ms : clock_wall_ms();
	const char *fault = j->reply->status != 200 ? "it says nothing of an error"
						    : token_grant_take(object, now_ms, grant);
	if (fault != NULL)
		fail_reply(j, fault, failure);
	return fault == NULL;
}

bool token_response_judge(const struct http_reply *reply, const struct account_config *account,
			  const struct str *shown, size_t shown_count, struct token_grant *grant,
			  struct token_failure *failure)
{
	const struct judging j = { reply, account, shown, shown_count };
	struct err err;
	memset(failure, 0, sizeof(*failure));
	failure->class = TOKEN_FAIL_TRANSIENT;
	failure->retry_in_ms = wait_asked_for(reply);
	if (reply->failure != HTTP_OK) {
		fail_network(&j, failure);
		return false;
	}
	if (is_html(reply)) {
		fail_reply(&j, "it is a page of HTML", failure);
		return false;
	}
	cJSON *object = json_parse(reply->body, &err);
	if (object == NULL) {
		fail_reply(&j, err.text, failure);
		return false;
	}
	bool ok = judge_object(&j, object, grant, failure);
	wipe_token(object);
	cJSON_Delete(object);
	return ok;
}
