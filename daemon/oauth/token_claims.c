/* SPDX-License-Identifier: MIT */
#include "oauth/token_claims.h"

#include <string.h>

#include "common/attr.h"
#include "common/base64.h"
#include "common/json.h"
#include "common/quote.h"
#include "common/secret.h"
#include "config/config.h"
#include "config/provider.h"
#include "oauth/token_response.h"

/* ---- reading */

/* Quoted, so longer than it was; what does not fit is left out. */
static void add_text(char *out, size_t room, struct str text)
{
	struct strbuf line;
	size_t n = strlen(out);
	strbuf_init(&line, room);
	strbuf_adds(&line, n != 0 ? " " : "");
	quote_append_bare(&line, text, CLAIM_MAX / 4);
	if (!line.overflow && n + line.n < room)
		memcpy(out + n, strbuf_cstr(&line), line.n + 1);
	strbuf_done(&line);
}

static void take_text(const cJSON *object, const char *key, char out[CLAIM_MAX])
{
	struct str text;
	if (out[0] == '\0' && json_get_str(object, key, &text))
		add_text(out, CLAIM_MAX, text);
}

/* A text of words, or an array of them. */
static void take_list(const cJSON *object, const char *key, char *out, size_t room)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);
	const cJSON *item;
	struct str text, word;
	if (json_get_str(object, key, &text))
		while ((word = str_word(&text)).n != 0)
			add_text(out, room, word);
	else if (cJSON_IsArray(list))
		cJSON_ArrayForEach (item, list) {
			if (cJSON_IsString(item) && item->valuestring != NULL)
				add_text(out, room, str_of(item->valuestring));
		}
}

static void take_claims(struct token_claims *claims, const cJSON *object)
{
	/* The first that is there: a token of version 2 has the one, of version 1 the other. */
	static const char *const users[] = { "preferred_username", "upn", "unique_name", "email" };
	static const char *const apps[] = { "appid", "azp" };
	for (size_t i = 0; i < ARRAY_LEN(users); i++)
		take_text(object, users[i], claims->user);
	for (size_t i = 0; i < ARRAY_LEN(apps); i++)
		take_text(object, apps[i], claims->app_id);
	take_text(object, "oid", claims->object_id);
	take_text(object, "tid", claims->tenant_id);
	take_list(object, "aud", claims->audience, sizeof(claims->audience));
	take_list(object, "scp", claims->scopes, sizeof(claims->scopes));
	take_list(object, "roles", claims->roles, sizeof(claims->roles));
	if (!json_get_int(object, "exp", &claims->ends_s) || claims->ends_s < 0)
		claims->ends_s = 0;
}

/* One part of a JWT, an object; NULL when it is none. */
static cJSON *parse_part(struct str part)
{
	struct strbuf text;
	struct err err;
	cJSON *object = NULL;
	strbuf_init(&text, TOKEN_BYTES_MAX);
	if (part.n != 0 && base64url_decode(&text, part))
		object = json_parse(strbuf_str(&text), &err);
	if (text.p != NULL)
		secret_wipe(text.p, text.n);
	strbuf_done(&text);
	if (!cJSON_IsObject(object)) {
		cJSON_Delete(object);
		object = NULL;
	}
	return object;
}

bool token_claims_read(struct token_claims *claims, struct str token)
{
	memset(claims, 0, sizeof(*claims));
	if (token.n > TOKEN_BYTES_MAX)
		return false;
	ptrdiff_t first = str_chr(token, '.');
	struct str rest = first >= 0 ? str_skip(token, (size_t)first + 1) : STR("");
	ptrdiff_t second = str_chr(rest, '.');
	/* RFC 7515 3.1: three parts; five are encrypted. */
	if (second < 0 || str_chr(str_skip(rest, (size_t)second + 1), '.') >= 0)
		return false;
	cJSON *header = parse_part(str_head(token, (size_t)first));
	cJSON *payload = parse_part(str_head(rest, (size_t)second));
	bool ok = header != NULL && payload != NULL;
	if (ok)
		take_claims(claims, payload);
	cJSON_Delete(header);
	cJSON_Delete(payload);
	return ok;
}

/* ---- judging */

enum audience_kind {
	AUDIENCE_EXCHANGE,
	AUDIENCE_GRAPH,
	AUDIENCE_OTHER,
};

/* Resources by address or application id, microsoft365.md section 3 and 4.9. */
static const struct {
	const char *audience;
	enum audience_kind kind;
} audiences[] = {
	{ "https://outlook.office.com", AUDIENCE_EXCHANGE },
	{ "https://outlook.office365.com", AUDIENCE_EXCHANGE },
	{ "https://outlook.office365.us", AUDIENCE_EXCHANGE },
	{ "https://outlook-dod.office365.us", AUDIENCE_EXCHANGE },
	{ "https://partner.outlook.cn", AUDIENCE_EXCHANGE },
	{ "00000002-0000-0ff1-ce00-000000000000", AUDIENCE_EXCHANGE },
	{ "https://graph.microsoft.com", AUDIENCE_GRAPH },
	{ "https://graph.microsoft.us", AUDIENCE_GRAPH },
	{ "https://dod-graph.microsoft.us", AUDIENCE_GRAPH },
	{ "https://microsoftgraph.chinacloudapi.cn", AUDIENCE_GRAPH },
	{ "00000003-0000-0000-c000-000000000000", AUDIENCE_GRAPH },
};

struct findings {
	struct claims_finding *v;
	size_t n;
	const struct account_config *account;
};

/* Each rule below finds one thing at most, and there are fewer of them than places. */
static struct claims_finding *add(struct findings *f, enum claims_weight weight)
{
	struct claims_finding *finding = &f->v[f->n++];
	memset(finding, 0, sizeof(*finding));
	finding->weight = weight;
	return finding;
}

static bool is_hve(const struct account_config *account)
{
	return strcmp(account->provider, "microsoft365-hve") == 0;
}

/* "https://outlook.office.com/" is the same resource. */
static struct str without_slash(struct str text)
{
	return text.n != 0 && text.p[text.n - 1] == '/' ? str_head(text, text.n - 1) : text;
}

static enum audience_kind kind_of(const char *text)
{
	struct str all = str_of(text), word;
	enum audience_kind kind = AUDIENCE_OTHER;
	while ((word = str_word(&all)).n != 0)
		for (size_t i = 0; i < ARRAY_LEN(audiences); i++)
			if (str_ieq(without_slash(word), str_of(audiences[i].audience)))
				kind = audiences[i].kind;
	return kind;
}

/* The resource in front of the permission: "https://outlook.office.com/SMTP.Send" */
static bool is_asked_for(const struct account_config *account, const char *audience)
{
	struct str wanted = without_slash(str_of(audience));
	return wanted.n != 0 && str_icontains(str_of(account->scope), wanted) >= 0;
}

static void judge_audience(struct findings *f, const struct token_claims *claims)
{
	static const char remedy[] =
		"leave scope out of account %s, so that the one of its provider is used, or give "
		"it that of Exchange (https://outlook.office.com/SMTP.Send offline_access); then "
		"sign in again";
	enum audience_kind kind = kind_of(claims->audience);
	if (claims->audience[0] == '\0' || kind == AUDIENCE_EXCHANGE)
		return;
	if (kind == AUDIENCE_OTHER && is_asked_for(f->account, claims->audience))
		return;
	struct claims_finding *finding = add(f, CLAIMS_WARNING);
	err_set(&finding->text, "the token is for %s, %s: the mail server will answer 535 5.7.3",
		claims->audience,
		kind == AUDIENCE_GRAPH ? "which is Microsoft Graph" : "not for Exchange");
	err_set(&finding->remedy, remedy, f->account->name);
}

static bool has_word(const char *list, const char *wanted)
{
	struct str rest = str_of(list), word;
	while ((word = str_word(&rest)).n != 0)
		if (str_ieq(word, str_of(wanted)))
			return true;
	return false;
}

/* The portal's way to a permission that a person grants. */
static void add_missing_scope(struct findings *f, const struct token_claims *claims,
			      const char *scope)
{
	struct claims_finding *finding = add(f, CLAIMS_WARNING);
	err_set(&finding->text, "the token lacks the permission %s; it has %s", scope,
		claims->scopes[0] != '\0' ? claims->scopes : "none");
	err_set(&finding->remedy,
		"entra.microsoft.com > App registrations > %s > API permissions > Add > APIs my "
		"organization uses > Office 365 Exchange Online > Delegated permissions > %s; then "
		"sign in again",
		f->account->client_id, scope);
}

static void add_missing_role(struct findings *f, const struct token_claims *claims,
			     const char *role)
{
	/* RBAC for Applications grants it in Exchange, where no token shows it. */
	struct claims_finding *finding = add(f, is_hve(f->account) ? CLAIMS_WARNING : CLAIMS_NOTE);
	err_set(&finding->text, "the token lacks the role %s; it has %s", role,
		claims->roles[0] != '\0' ? claims->roles : "none");
	err_set(&finding->remedy,
		"right where Exchange itself grants it (RBAC for Applications); else "
		"entra.microsoft.com > App registrations > %s > API permissions > Add > Office 365 "
		"Exchange Online > Application permissions > %s, and grant admin consent",
		f->account->client_id, role);
}

static void judge_permission(struct findings *f, const struct token_claims *claims)
{
	bool delegated = f->account->grant == GRANT_DELEGATED;
	if (is_hve(f->account)) {
		if (has_word(claims->scopes, "Mail.Send") || has_word(claims->roles, "Mail.Send"))
			return;
		if (delegated)
			add_missing_scope(f, claims, "Mail.Send");
		else
			add_missing_role(f, claims, "Mail.Send");
	} else if (delegated && !has_word(claims->scopes, "SMTP.Send")) {
		add_missing_scope(f, claims, "SMTP.Send");
	} else if (!delegated && !has_word(claims->roles, "SMTP.SendAsApp")) {
		add_missing_role(f, claims, "SMTP.SendAsApp");
	}
}

static void judge_application(struct findings *f, const struct token_claims *claims)
{
	const char *mine = f->account->client_id;
	if (claims->app_id[0] == '\0' || mine[0] == '\0' ||
	    str_ieq(str_of(claims->app_id), str_of(mine)))
		return;
	struct claims_finding *finding = add(f, CLAIMS_WARNING);
	err_set(&finding->text, "the token was issued to application %s", claims->app_id);
	err_set(&finding->remedy, "client_id of account %s is %s: correct it, or sign in again",
		f->account->name, mine);
}

static void judge_user(struct findings *f, const struct token_claims *claims)
{
	const struct account_config *account = f->account;
	if (account->grant != GRANT_DELEGATED || claims->user[0] == '\0' ||
	    account->mailbox[0] == '\0' || str_ieq(str_of(claims->user), str_of(account->login)))
		return;
	/* The SMTP user is `login`. Not set, it is the mailbox: then somebody who may send for a
	 * shared mailbox may have signed in, which nobody can do as the mailbox itself. */
	bool own_login = !str_ieq(str_of(account->login), str_of(account->mailbox));
	struct claims_finding *finding = add(f, own_login ? CLAIMS_WARNING : CLAIMS_NOTE);
	err_set(&finding->text, "%s has signed in, and account %s %s %s", claims->user,
		account->name, own_login ? "logs in as" : "is for the mailbox",
		own_login ? account->login : account->mailbox);
	if (own_login)
		err_set(&finding->remedy,
			"sign in again as %s, or set login = \"%s\" and reload before you do",
			account->login, claims->user);
	else
		err_set(&finding->remedy,
			"right if that is a shared mailbox for which %s may send (Full Access and "
			"Send As); should mail be refused with 535 all the same, set login = "
			"\"%s\". If it is not, sign in again as %s",
			claims->user, claims->user, account->mailbox);
}

static bool is_guid(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		char c = ascii_lower(text.p[i]);
		if (dash ? c != '-' : !ascii_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
	}
	return text.n == 36;
}

/* A tenant that is written as a domain cannot be compared. */
static void judge_tenant(struct findings *f, const struct token_claims *claims)
{
	struct str mine = str_of(f->account->tenant), other = str_of(claims->tenant_id);
	if (!is_guid(mine) || !is_guid(other) || str_ieq(mine, other))
		return;
	struct claims_finding *finding = add(f, CLAIMS_WARNING);
	err_set(&finding->text, "the token is from tenant %s, not from %s", claims->tenant_id,
		f->account->tenant);
	err_set(&finding->remedy,
		"sign in again with a user of that tenant, or correct tenant of account %s",
		f->account->name);
}

static void judge_end(struct findings *f, const struct token_claims *claims, int64_t now_wall_ms)
{
	if (claims->ends_s == 0 || claims->ends_s > now_wall_ms / 1000)
		return;
	struct claims_finding *finding = add(f, CLAIMS_WARNING);
	err_set(&finding->text, "by this machine's clock the token has expired already");
	err_set(&finding->remedy, "see that the clock is right: `timedatectl`");
}

size_t token_claims_judge(const struct token_claims *claims, const struct account_config *account,
			  int64_t now_wall_ms, struct claims_finding out[CLAIMS_FINDINGS_MAX])
{
	const struct provider *provider = provider_find(str_of(account->provider));
	struct findings f = { .v = out, .account = account };
	if (claims == NULL) {
		struct claims_finding *finding = add(&f, CLAIMS_NOTE);
		err_set(&finding->text,
			"this provider's tokens cannot be looked into; whether it is the right one "
			"shows when mail is sent");
		return f.n;
	}
	judge_end(&f, claims, now_wall_ms);
	judge_application(&f, claims);
	if (provider == NULL || !provider->microsoft)
		return f.n;
	judge_audience(&f, claims);
	judge_permission(&f, claims);
	judge_user(&f, claims);
	judge_tenant(&f, claims);
	return f.n;
}
