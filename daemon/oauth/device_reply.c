/* SPDX-License-Identifier: MIT */
#include "oauth/device_reply.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/quote.h"
#include "oauth/token_response.h"

void device_reply_done(struct device_reply *reply)
{
	secret_done(&reply->device_code);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static int64_t seconds_in(const cJSON *object, const char *key, int64_t absent_ms, int64_t max_ms)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	int64_t seconds;
	/* RFC 8628 says no more than "in seconds": a fraction is allowed. */
	if (cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble < 1)
		seconds = 1;
	else if (!json_get_int(object, key, &seconds))
		return absent_ms;
	return clamp(seconds, DEVICE_INTERVAL_MIN_MS / 1000, max_ms / 1000) * 1000;
}

/* Shown to people, who open it: nothing in it may look like something else. */
static bool take_uri(const cJSON *object, char out[DEVICE_URI_MAX])
{
	struct str uri;
	/* Google writes it with an l. */
	if (!json_get_str(object, "verification_uri", &uri) &&
	    !json_get_str(object, "verification_url", &uri))
		return false;
	if (uri.n >= DEVICE_URI_MAX || uri.n < 9 || !str_istarts(uri, STR("https://")))
		return false;
	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] <= ' ' || uri.p[i] > '~' || strchr("\"'`<>\\@", uri.p[i]) != NULL)
			return false;
	memcpy(out, uri.p, uri.n);
	out[uri.n] = '\0';
	return true;
}

static bool take_user_code(const cJSON *object, char out[DEVICE_USER_CODE_MAX])
{
	struct strbuf shown;
	struct str code;
	if (!json_get_str(object, "user_code", &code) || str_trim(code).n == 0)
		return false;
	strbuf_init(&shown, DEVICE_USER_CODE_MAX - 1);
	quote_append_bare(&shown, code, DEVICE_USER_CODE_MAX);
	bool ok = !shown.overflow && shown.n != 0;
	if (ok)
		memcpy(out, shown.p, shown.n + 1);
	strbuf_done(&shown);
	return ok;
}

static bool take_device_code(const cJSON *object, struct secret *out)
{
	struct str code;
	if (!json_get_str(object, "device_code", &code) || code.n == 0 ||
	    code.n > DEVICE_CODE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < code.n; i++)
		if (!ascii_is_print(code.p[i]))
			return false;
	secret_set(out, code);
	return true;
}

/* NULL when all of it is there, else what is not. */
static const char *take(const cJSON *object, struct device_reply *out)
{
	if (!cJSON_IsObject(object))
		return "it is not a JSON object";
	if (!take_uri(object, out->verification_uri))
		return "its verification_uri is not an https address that can be shown";
	if (!take_user_code(object, out->user_code))
		return "its user_code is none that can be typed";
	if (!take_device_code(object, &out->device_code))
		return "its device_code is none that can be used";
	out->life_ms = seconds_in(object, "expires_in", DEVICE_LIFE_MS, DEVICE_LIFE_MAX_MS);
	out->interval_ms =
		seconds_in(object, "interval", DEVICE_INTERVAL_MS, DEVICE_INTERVAL_MAX_MS);
	return NULL;
}

static void wipe(const cJSON *object)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(object, "device_code");
	if (cJSON_IsString(code) && code->valuestring != NULL)
		secret_wipe(code->valuestring, strlen(code->valuestring));
}

bool device_reply_read(const struct http_reply *reply, const struct account_config *account,
		       struct device_reply *out, struct token_failure *failure)
{
	struct device_reply found = { .life_ms = 0 };
	struct token_grant grant = { .life_ms = 0 };
	struct err err;
	const char *fault = NULL;
	cJSON *object = NULL;
	if (reply->failure == HTTP_OK && reply->status == 200)
		object = json_parse(reply->body, &err);
	if (object != NULL && cJSON_GetObjectItemCaseSensitive(object, "error") == NULL)
		fault = take(object, &found);
	else if (token_response_judge(reply, account, NULL, 0, &grant, failure))
		fault = "it is a token, for which nobody has asked";
	else
		fault = "";
	if (fault != NULL && fault[0] != '\0') {
		*failure = (struct token_failure){ .class = TOKEN_FAIL_CONFIG };
		snprintf(failure->code, sizeof(failure->code), "bad-reply");
		err_set(&failure->text, "the device endpoint's reply cannot be used: %s", fault);
		err_set(&failure->remedy, "see that device_endpoint of the account is right");
	}
	token_grant_done(&grant);
	if (object != NULL)
		wipe(object);
	cJSON_Delete(object);
	if (fault == NULL)
		*out = found;
	else
		device_reply_done(&found);
	return fault == NULL;
}

/* RFC 8628 3.5. A connection that fails must slow the polls down, too, until one gets through. */
int64_t device_pace_next(struct device_pace *pace, const struct token_failure *failure)
{
	switch (failure->class) {
	case TOKEN_FAIL_POLL:
		pace->passing_row = 0;
		if (strcmp(failure->code, "slow_down") == 0)
			pace->interval_ms += DEVICE_SLOW_DOWN_MS;
		return pace->interval_ms;
	case TOKEN_FAIL_TRANSIENT: {
		int64_t wait = pace->interval_ms;
		for (unsigned i = 0; i < pace->passing_row && wait < DEVICE_INTERVAL_MAX_MS; i++)
			wait *= 2;
		pace->passing_row++;
		wait = clamp(wait, pace->interval_ms, DEVICE_INTERVAL_MAX_MS);
		return failure->retry_in_ms > wait ? failure->retry_in_ms : wait;
	}
	case TOKEN_FAIL_CONFIG:
	case TOKEN_FAIL_LOGIN:
		break;
	}
	return -1;
}

bool device_is_forbidden(const struct token_failure *failure)
{
	/* microsoft365.md 4.5 and 4.12; RFC 6749 5.2 */
	static const char *const codes[] = {
		"AADSTS530036",	       /* a policy blocks device codes */
		"AADSTS530003",	       /* it wants a managed device, which a code never is */
		"AADSTS53003",	       /* Conditional Access */
		"AADSTS53000",	       /* a device that complies */
		"AADSTS50097",	       /* a device that proves itself */
		"AADSTS50199",	       /* a prompt that cannot be shown */
		"AADSTS7000218",       /* no public client flows */
		"AADSTS70002",	       /* the same, at the device endpoint */
		"unauthorized_client", /* not for this application */
		"unsupported_grant_type",
		"invalid_client",
	};
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (strcmp(failure->code, codes[i]) == 0)
			return true;
	return strncmp(failure->code, "http-404", sizeof(failure->code)) == 0;
}
