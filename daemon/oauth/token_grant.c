/* SPDX-License-Identifier: MIT */
#include "oauth/token_grant.h"

#include <stdio.h>
#include <string.h>

#include "common/quote.h"
#include "common/strbuf.h"

/* RFC 6750 2.1 (b64token). Anything else could end the SASL string it goes into. */
static bool is_token(struct str token)
{
	if (token.n == 0 || token.n > TOKEN_BYTES_MAX)
		return false;
	for (size_t i = 0; i < token.n; i++)
		if (!ascii_is_alnum(token.p[i]) && str_chr(STR("._~+/=-"), token.p[i]) < 0)
			return false;
	return true;
}

static bool life_by_date(const cJSON *object, int64_t now, int64_t *seconds)
{
	int64_t on;
	if (!json_get_int(object, "expires_on", &on) || on <= now)
		return false;
	*seconds = on - now;
	return true;
}

static bool life_by_span(const cJSON *object, int64_t max_s, int64_t *seconds)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "expires_in");
	if (!cJSON_IsNumber(item))
		return json_get_int(object, "expires_in", seconds);
	/* also with a fraction, and beyond any integer */
	if (item->valuedouble >= (double)max_s)
		*seconds = max_s;
	else
		*seconds = item->valuedouble > 0 ? (int64_t)item->valuedouble : 0;
	return true;
}

/* Managed identity endpoints write numbers as strings, and may know only `expires_on`; they also
 * give out one token for a day, with an `expires_in` that counts from its making. */
static int64_t life_of(const cJSON *object, int64_t now_ms)
{
	static const int64_t max_s = TOKEN_LIFE_MAX_MS / 1000, min_s = TOKEN_LIFE_MIN_MS / 1000;
	int64_t seconds, left;
	bool span = life_by_span(object, max_s, &seconds);
	if (life_by_date(object, now_ms / 1000, &left) && (!span || left < seconds))
		seconds = left;
	else if (!span)
		return TOKEN_LIFE_DEFAULT_MS;
	if (seconds < min_s)
		seconds = min_s;
	return (seconds < max_s ? seconds : max_s) * 1000;
}

/* RFC 6749 A.17: visible characters and blanks. One that is longer than any that is known would
 * not fit into the state. */
static void take_refresh_token(const cJSON *object, struct token_grant *grant)
{
	struct str token;
	if (!json_get_str(object, "refresh_token", &token) || token.n > TOKEN_BYTES_MAX)
		return;
	for (size_t i = 0; i < token.n; i++)
		if (!ascii_is_print(token.p[i]))
			return;
	if (token.n != 0)
		secret_set(&grant->refresh_token, token);
}

static void take_scope(const cJSON *object, struct token_grant *grant)
{
	struct strbuf text;
	struct str scope;
	if (!json_get_str(object, "scope", &scope))
		return;
	strbuf_init(&text, sizeof(grant->scope) - 1);
	quote_append_bare(&text, scope, sizeof(grant->scope) - 8);
	snprintf(grant->scope, sizeof(grant->scope), "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

/* Two readers of such a reply could each take another one. */
static bool is_doubled(const cJSON *object, const char *key)
{
	const cJSON *item;
	unsigned count = 0;
	cJSON_ArrayForEach (item, object)
		count += strcmp(item->string, key) == 0;
	return count > 1;
}

const char *token_grant_take(const cJSON *object, int64_t now_ms, struct token_grant *grant)
{
	struct str token, type;
	if (!json_get_str(object, "access_token", &token))
		return "it has no access_token";
	if (is_doubled(object, "access_token"))
		return "it has two access_token";
	if (!is_token(token))
		return "its access_token is none that can be used";
	if (!json_get_str(object, "token_type", &type) || !str_ieq(type, STR("Bearer")))
		return "its token_type is not Bearer";
	*grant = (struct token_grant){ .life_ms = life_of(object, now_ms) };
	secret_set(&grant->token, token);
	take_refresh_token(object, grant);
	take_scope(object, grant);
	return NULL;
}

void token_grant_done(struct token_grant *grant)
{
	secret_done(&grant->token);
	secret_done(&grant->refresh_token);
}
