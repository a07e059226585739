/* SPDX-License-Identifier: MIT */
#include "oauth/auth_code.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/quote.h"
#include "config/config.h"
#include "oauth/token_request.h"
#include "oauth/token_response.h"

enum {
	HALF = AUTH_CODE_ENTROPY / 2, /* 256 bits for the verifier, as many for the state */
	RANDOM_TEXT = 43,	      /* what those are in base64url */
	NAME_SHOWN = 64,
	/* Each byte of the answer as \uXXXX. */
	REFUSAL_MAX = 6 * AUTH_CODE_ANSWER_MAX + 1024,
};

/* ---- the attempt */

static void append_base64url(struct strbuf *out, const unsigned char *p, size_t n)
{
	base64url_encode(out, (struct str){ (const char *)p, n });
}

void auth_code_init(struct auth_code *attempt, const char *account, const char *redirect_uri,
		    const unsigned char entropy[AUTH_CODE_ENTROPY])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct strbuf text;
	*attempt = (struct auth_code){ .redirect_uri = mem_strdup(redirect_uri) };
	strbuf_init(&text, 1024);
	append_base64url(&text, entropy, HALF);
	secret_set(&attempt->verifier, strbuf_str(&text));
	SHA256((const unsigned char *)text.p, text.n, digest);
	secret_wipe(text.p, text.n);
	strbuf_reset(&text);
	append_base64url(&text, digest, sizeof(digest));
	snprintf(attempt->challenge, sizeof(attempt->challenge), "%s", strbuf_cstr(&text));
	strbuf_reset(&text);
	/* The name in front tells whoever pastes the wrong of two answers which one it is. */
	strbuf_addf(&text, "%s.", account);
	append_base64url(&text, entropy + HALF, HALF);
	attempt->state = strbuf_steal(&text);
}

void auth_code_done(struct auth_code *attempt)
{
	secret_done(&attempt->verifier);
	free(attempt->state);
	free(attempt->redirect_uri);
	*attempt = (struct auth_code){ 0 };
}

/* ---- the address to go to */

/* The next pair off *rest. */
static bool next_pair(struct str *rest, struct str *name, struct str *value)
{
	while (rest->n != 0 && rest->p[0] == '&')
		*rest = str_skip(*rest, 1);
	if (rest->n == 0)
		return false;
	ptrdiff_t end = str_chr(*rest, '&');
	*name = end >= 0 ? str_head(*rest, (size_t)end) : *rest;
	*rest = str_skip(*rest, name->n);
	ptrdiff_t equals = str_chr(*name, '=');
	*value = equals >= 0 ? str_skip(*name, (size_t)equals + 1) : STR("");
	*name = equals >= 0 ? str_head(*name, (size_t)equals) : *name;
	return true;
}

static bool has_parameter(struct str query, struct str wanted)
{
	struct str name, value;
	while (next_pair(&query, &name, &value))
		if (str_eq(name, wanted))
			return true;
	return false;
}

static void append_parameter(struct strbuf *out, const char *name, const char *value)
{
	struct secret encoded = { 0 };
	token_request_encode(str_of(value), &encoded);
	strbuf_addf(out, "%s=", name);
	strbuf_addstr(out, secret_reveal(&encoded));
	secret_done(&encoded);
}

void auth_code_url(const struct auth_code *attempt, const struct account_config *account,
		   struct strbuf *out)
{
	const struct {
		const char *name;
		const char *value;
	} parameters[] = {
		{ "client_id", account->client_id },
		{ "response_type", "code" },
		{ "redirect_uri", attempt->redirect_uri },
		{ "response_mode", "query" },
		{ "scope", account->scope },
		{ "state", attempt->state },
		{ "code_challenge", attempt->challenge },
		{ "code_challenge_method", "S256" },
		/* A browser that is signed in as somebody else must not answer by itself. */
		{ "prompt", "select_account" },
		{ "login_hint", account->login },
	};
	struct str endpoint = str_of(account->authorization_endpoint);
	ptrdiff_t mark = str_chr(endpoint, '?');
	struct str query = mark >= 0 ? str_skip(endpoint, (size_t)mark + 1) : STR("");
	strbuf_addstr(out, endpoint);
	char glue = mark < 0 ? '?' : '&';
	if (mark >= 0 && query.n == 0)
		glue = '\0';
	for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
		if (parameters[i].value[0] == '\0' ||
		    has_parameter(query, str_of(parameters[i].name)))
			continue;
		if (glue != '\0')
			strbuf_addc(out, glue);
		append_parameter(out, parameters[i].name, parameters[i].value);
		glue = '&';
	}
}

/* ---- what comes back */

/* The answer's parameters that count, decoded. */
struct answer {
	struct strbuf state;
	struct strbuf code;
	struct strbuf error;
	struct strbuf description;
	unsigned seen; /* a bit for each */
	bool malformed;
};

static int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded; false when it is not, or too long for out. */
static bool decode(struct str text, struct strbuf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '%') {
			strbuf_addc(out, text.p[i] == '+' ? ' ' : text.p[i]);
			continue;
		}
		int high = i + 2 < text.n ? hex_value(text.p[i + 1]) : -1;
		int low = i + 2 < text.n ? hex_value(text.p[i + 2]) : -1;
		if (high < 0 || low < 0)
			return false;
		strbuf_addc(out, (char)(high * 16 + low));
		i += 2;
	}
	return !out->overflow;
}

static void answer_init(struct answer *a)
{
	*a = (struct answer){ 0 };
	strbuf_init(&a->state, 512);
	strbuf_init(&a->code, AUTH_CODE_BYTES_MAX);
	strbuf_init(&a->error, 256);
	strbuf_init(&a->description, AUTH_CODE_ANSWER_MAX);
}

static void answer_done(struct answer *a)
{
	if (a->code.p != NULL)
		secret_wipe(a->code.p, a->code.n);
	strbuf_done(&a->state);
	strbuf_done(&a->code);
	strbuf_done(&a->error);
	strbuf_done(&a->description);
}

static void answer_take(struct answer *a, struct str name, struct str value)
{
	const struct {
		struct str name;
		struct strbuf *out;
	} places[] = {
		{ STR("state"), &a->state },
		{ STR("code"), &a->code },
		{ STR("error"), &a->error },
		{ STR("error_description"), &a->description },
	};
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (!str_eq(name, places[i].name))
			continue;
		/* RFC 6749 3.1: no parameter more than once. */
		if ((a->seen & 1U << i) != 0 || !decode(value, places[i].out))
			a->malformed = true;
		a->seen |= 1U << i;
	}
}

static void answer_read(struct answer *a, struct str query)
{
	struct str name, value;
	answer_init(a);
	a->malformed = query.n > AUTH_CODE_ANSWER_MAX;
	while (!a->malformed && next_pair(&query, &name, &value))
		answer_take(a, name, value);
	/* RFC 6749 A.11 */
	for (size_t i = 0; i < a->code.n; i++)
		if (!ascii_is_print(a->code.p[i]))
			a->malformed = true;
}

static enum auth_code_verdict foreign(struct token_failure *failure, const char *text,
				      const char *remedy)
{
	*failure = (struct token_failure){ .class = TOKEN_FAIL_LOGIN };
	snprintf(failure->code, sizeof(failure->code), "foreign-answer");
	err_set(&failure->text, "%s", text);
	err_set(&failure->remedy, "%s", remedy);
	return AUTH_CODE_FOREIGN;
}

static bool is_our_state(const struct auth_code *attempt, struct str state)
{
	struct str ours = str_of(attempt->state);
	return state.n == ours.n && CRYPTO_memcmp(state.p, ours.p, ours.n) == 0;
}

/* Another attempt's: whose? */
static enum auth_code_verdict other_state(const struct auth_code *attempt, struct str state,
					  const struct account_config *account,
					  struct token_failure *failure)
{
	struct strbuf text;
	struct str ours = str_of(attempt->state);
	struct str name = str_head(state, state.n > RANDOM_TEXT ? state.n - RANDOM_TEXT - 1 : 0);
	bool same_account = str_eq(name, str_head(ours, ours.n - RANDOM_TEXT - 1));
	strbuf_init(&text, 1024);
	strbuf_adds(&text, "that is the answer to another sign-in");
	if (same_account)
		strbuf_addf(&text, ": an earlier one for account %s", account->name);
	else if (name.n != 0 && str_chr(state, '.') >= 0) {
		strbuf_adds(&text, ", for account ");
		quote_append(&text, name, NAME_SHOWN);
	}
	enum auth_code_verdict verdict =
		foreign(failure, strbuf_cstr(&text), "use the address that was printed just now");
	strbuf_done(&text);
	return verdict;
}

/* RFC 6749 4.1.2.1: the words are those of a token endpoint, and so they are judged as its. */
static enum auth_code_verdict refused(const struct answer *a, const struct account_config *account,
				      struct token_failure *failure)
{
	struct token_grant grant = { .life_ms = 0 };
	struct strbuf body;
	cJSON *object = cJSON_CreateObject();
	json_add_str(object, "error", strbuf_str(&a->error));
	json_add_str(object, "error_description", strbuf_str(&a->description));
	strbuf_init(&body, REFUSAL_MAX);
	json_append(&body, object);
	cJSON_Delete(object);
	const struct http_reply reply = {
		.status = 400,
		.body = strbuf_str(&body),
		.retry_after_ms = -1,
		.date_ms = -1,
	};
	if (token_response_judge(&reply, account, NULL, 0, &grant, failure))
		abort(); /* cannot be: there is no token in it */
	strbuf_done(&body);
	return AUTH_CODE_REFUSED;
}

static enum auth_code_verdict judge(const struct auth_code *attempt, const struct answer *a,
				    const struct account_config *account, struct secret *code,
				    struct token_failure *failure)
{
	if (a->malformed)
		return foreign(failure,
			       "that cannot be read: a parameter is there twice, too long or "
			       "badly encoded",
			       "copy the address once more, from its beginning to its end");
	if (a->code.n == 0 && a->error.n == 0)
		return foreign(failure, "that has no code in it",
			       "sign in first; then copy the whole address of the page that comes "
			       "after it, even if that page shows an error");
	if (a->state.n == 0)
		return foreign(failure, "that has a code but no state: it is not complete",
			       "copy the address from its beginning to its end");
	if (!is_our_state(attempt, strbuf_str(&a->state)))
		return other_state(attempt, strbuf_str(&a->state), account, failure);
	if (a->error.n != 0)
		return refused(a, account, failure);
	secret_set(code, strbuf_str(&a->code));
	return AUTH_CODE_TAKEN;
}

enum auth_code_verdict auth_code_read(const struct auth_code *attempt, struct str query,
				      const struct account_config *account, struct secret *code,
				      struct token_failure *failure)
{
	struct answer answer;
	answer_read(&answer, query);
	enum auth_code_verdict verdict = judge(attempt, &answer, account, code, failure);
	answer_done(&answer);
	return verdict;
}

enum auth_code_verdict auth_code_read_line(const struct auth_code *attempt, struct str line,
					   const struct account_config *account,
					   struct secret *code, struct token_failure *failure)
{
	ptrdiff_t hash = str_chr(line, '#');
	struct str before = hash >= 0 ? str_head(line, (size_t)hash) : line;
	ptrdiff_t mark = str_chr(before, '?');
	/* Some providers put the answer behind "#" whatever they are asked for. */
	struct str query = mark >= 0   ? str_skip(before, (size_t)mark + 1)
			   : hash >= 0 ? str_skip(line, (size_t)hash + 1)
				       : line;
	while (query.n != 0 && (unsigned char)query.p[query.n - 1] <= ' ')
		query.n--;
	return auth_code_read(attempt, query, account, code, failure);
}
