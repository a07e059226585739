/* SPDX-License-Identifier: MIT */
#include "oauth/token_response.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/echo.h"
#include "common/json.h"
#include "common/quote.h"
#include "config/config.h"
#include "config/remedy.h"
#include "oauth/aadsts.h"
#include "oauth/advice.h"
#include "oauth/oauth_error.h"
#include "oauth/token_request.h"

enum {
	DESCRIPTION_MAX = 400, /* of the text of a failure; the ids come behind it */
	ID_MAX = 64,
	ERROR_LOOKED_AT = 256, /* more than a failure's code has room for */
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

/* ---- building a failure ---- */

/* number: an AADSTS number that nobody knows yet; else 0. */
static void set_remedy(struct token_failure *failure, enum advice advice, uint32_t number,
		       const struct account_config *account)
{
	struct strbuf text;
	strbuf_init(&text, 4096);
	if (number != 0)
		strbuf_addf(&text, "look up https://login.microsoftonline.com/error?code=%u; ",
			    number);
	remedy_append(&text, advice_remedy(advice, account), account);
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

/* For a code of our own. */
static void set_trouble_remedy(struct token_failure *failure, const struct account_config *account)
{
	const struct oauth_error_row *row = oauth_trouble_find(str_of(failure->code));
	if (row != NULL)
		set_remedy(failure, row->advice, 0, account);
}

static void fail_network(const struct judging *j, struct token_failure *failure)
{
	set_code(failure, str_of(http_failure_name(j->reply->failure)));
	failure->text = j->reply->err;
	set_trouble_remedy(failure, j->account);
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
	set_trouble_remedy(failure, j->account);
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

/* Does any of the reply's strings hold a secret, as it is or as it was sent? Or what would be shown
 * of them, words, a piece of one? */
static bool repeats_secret(const struct judging *j, const cJSON *object, struct str error,
			   struct str words)
{
	for (size_t i = 0; i < j->shown_count; i++)
		if (repeats(object, j->shown[i]) || echo_repeats(words, j->shown[i]) ||
		    echo_repeats(str_head(error, ERROR_LOOKED_AT), j->shown[i]))
			return true;
	return false;
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

/* The number decides, where it is known; else the word. */
static void rule(const struct judging *j, uint32_t code, struct str error,
		 struct token_failure *failure)
{
	/* What nobody knows does not come right by itself, or not soon: a hold loses no mail. */
	static const struct oauth_error_row unknown = { .class = TOKEN_FAIL_CONFIG,
							.advice = ADVICE_UNKNOWN };
	const struct aadsts_row *row = aadsts_find(code);
	const struct oauth_error_row *word = oauth_error_find(error);
	if (word == NULL)
		word = &unknown;
	failure->class = row != NULL ? row->class : word->class;
	if (row != NULL && failure->retry_in_ms < row->wait_ms)
		failure->retry_in_ms = row->wait_ms;
	if (status_is_passing(j->reply->status))
		failure->class = TOKEN_FAIL_TRANSIENT;
	failure->credential_refused = failure->class == TOKEN_FAIL_CONFIG &&
				      (row != NULL ? row->credential : word->credential);
	set_remedy(failure, row != NULL ? row->advice : word->advice, row != NULL ? 0 : code,
		   j->account);
}

/* RFC 6749 5.2, with Microsoft's members if they are there. */
static void fail_oauth(const struct judging *j, const cJSON *object, struct str error,
		       struct token_failure *failure)
{
	struct str description = STR("");
	char number[24];
	if (!json_get_str(object, "error_description", &description))
		description = STR("");
	uint32_t code = number_in(object, description);
	rule(j, code, error, failure);
	set_text(failure, object, description.n != 0 ? description : error);
	if (repeats_secret(j, object, error, str_of(failure->text.text))) {
		error = STR("error");
		err_set(&failure->text, "(not shown, because it repeats a secret)");
	}
	if (failure->text.text[0] == '\0') /* nothing but blanks */
		err_set(&failure->text, "status %ld without explanation", j->reply->status);
	snprintf(number, sizeof(number), "AADSTS%u", code);
	/* The same number as "not yet" has; the word says more. */
	bool by_word = code == 0 || str_eq(error, STR("slow_down"));
	set_code(failure, by_word ? error : str_of(number));
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
