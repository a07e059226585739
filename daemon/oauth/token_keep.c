/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/timer.h"
#include "config/remedy.h"
#include "oauth/token_internal.h"

enum {
	/* How long another one may serve until the first is tried again. */
	FIRST_AGAIN_MS = 24 * 60 * 60 * 1000,
};

static const int64_t idle_max_ms = INT64_C(7) * 24 * 60 * 60 * 1000;

/* ---- the record ---- */

static bool is_bound(const struct token *token)
{
	return strcmp(token_store_record(token->store)->binding, token->binding) == 0;
}

struct str token_keep_refresh_token(const struct token *token)
{
	return is_bound(token) ? token_store_refresh_token(token->store) : STR("");
}

int64_t token_keep_idle_ms(const struct token *token)
{
	if (token->account->grant != GRANT_DELEGATED || token_keep_refresh_token(token).n == 0)
		return INT64_MAX;
	struct account_record *record = token_store_record(token->store);
	int64_t now_ms = clock_wall_ms();
	if (record->refresh_used_ms > now_ms) /* the clock was wrong then, or is now */
		record->refresh_used_ms = now_ms;
	int64_t idle = now_ms - record->refresh_used_ms;
	return idle < idle_max_ms ? idle_max_ms - idle : 0;
}

/* Believed only if it makes sense: the clock may have been set since. */
static bool is_sound(const struct account_record *record, int64_t now_ms)
{
	return record->access_token.n != 0 && record->access_got_ms <= now_ms &&
	       record->access_ends_ms > now_ms &&
	       record->access_ends_ms - record->access_got_ms <= TOKEN_LIFE_MAX_MS;
}

void token_keep_recall(struct token *token)
{
	const struct account_record *record = token_store_record(token->store);
	int64_t now_ms = clock_wall_ms();
	if (is_bound(token) && is_sound(record, now_ms))
		token_use(token, &record->access_token,
			  record->access_ends_ms - record->access_got_ms,
			  now_ms - record->access_got_ms);
	if (token->state == TOKEN_VALID && token_good_for_ms(token) == 0)
		token_start_anew(token);
}

/* What was got for another configuration ends when something is got for this one, not before: the
 * other one may come back. */
static void bind_record(struct token *token, struct account_record *record)
{
	if (is_bound(token))
		return;
	secret_done(&record->refresh_token);
	record->refresh_used_ms = 0;
	record->signed_in_ms = 0;
	memcpy(record->binding, token->binding, sizeof(record->binding));
}

void token_keep_grant(struct token *token, const struct token_grant *grant, int64_t took_ms)
{
	struct account_record *record = token_store_record(token->store);
	int64_t now_ms = clock_wall_ms();
	bind_record(token, record);
	secret_set(&record->access_token, secret_reveal(&grant->token));
	record->access_got_ms = now_ms - took_ms;
	record->access_ends_ms = record->access_got_ms + grant->life_ms;
	if (token->account->grant == GRANT_DELEGATED) {
		record->refresh_used_ms = now_ms;
		timer_start(token->look, 0); /* the sign-in ends later now */
		if (grant->refresh_token.n != 0)
			secret_set(&record->refresh_token, secret_reveal(&grant->refresh_token));
	}
	(void)token_store_save(token->store);
}

void token_keep_drop(struct token *token)
{
	struct account_record *record = token_store_record(token->store);
	if (record->access_token.n == 0)
		return;
	secret_done(&record->access_token);
	(void)token_store_save(token->store);
}

static void on_loaded(void *arg)
{
	token_on_loaded(arg);
}

static void on_saved(void *arg)
{
	token_orders_kick(arg);
}

static void on_not_stored(void *arg, const struct err *why)
{
	token_orders_not_stored(arg, why);
}

static const char *remedy_for(const struct token *token, enum token_store_trouble trouble)
{
	bool delegated = token->account->grant == GRANT_DELEGATED;
	switch (trouble) {
	case STORE_UNREADABLE:
		return "nothing is stored for account {account} until it can be read: see that the "
		       "relay's user owns the folder state_dir names, then systemctl restart "
		       "oauthrelay";
	case STORE_OTHER_KEY:
	case STORE_DAMAGED:
		return delegated ? "sign in again: oauthrelay login {account}; or restart with the "
				   "key that sealed it (it is kept as accounts/{account}.refused)"
				 : "secrets and certificates that were added by command are not in "
				   "use: add them again with oauthrelay account, or restart with "
				   "the key that sealed them (kept as accounts/{account}.refused)";
	case STORE_NOT_STORED:
		return "the tokens go on being used, but would be lost by a restart; it is tried "
		       "again by itself: see to the disk state_dir is on";
	}
	return "";
}

static void on_trouble(void *arg, enum token_store_trouble trouble, const struct err *why)
{
	struct token *token = arg;
	struct strbuf remedy;
	strbuf_init(&remedy, 4096);
	remedy_append(&remedy, remedy_for(token, trouble), token->account);
	token->events.record_refused(token->events.arg, why, strbuf_cstr(&remedy));
	strbuf_done(&remedy);
}

/* ---- credentials ---- */

struct credential_list *token_keep_added(struct token *token)
{
	struct account_record *record = token_store_record(token->store);
	char binding[sizeof(record->added_binding)];
	account_record_added_binding(token->account, binding);
	return strcmp(record->added_binding, binding) == 0 ? &record->added : NULL;
}

static bool same_list(const struct credential_list *a, size_t a_count,
		      const struct credential_list *b)
{
	if (a_count != b->n)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!credential_same(&a->v[i], &b->v[i]))
			return false;
	return true;
}

static void append_pending(struct credential_list *out, const struct credential_list *added)
{
	for (size_t i = 0; i < added->n; i++) {
		struct credential copy;
		if (!added->v[i].pending)
			continue;
		credential_copy(&copy, &added->v[i]);
		credential_list_insert(out, out->n, &copy);
	}
}

bool token_keep_credentials(struct token *token)
{
	static const struct credential_list none = { 0 };
	const struct credential_list *added = token_keep_added(token);
	struct credential_list list;
	account_record_binding(token->account, token->binding);
	credential_list_make(&list, token->account, added != NULL ? added : &none);
	bool others = !same_list(&token->credentials, token->tried, &list);
	token->tried = list.n;
	append_pending(&list, added != NULL ? added : &none);
	credential_list_done(&token->credentials);
	token->credentials = list;
	/* What was refused may have been mended. */
	free(token->refused);
	token->refused = mem_zalloc((list.n + 1) * sizeof(*token->refused));
	token->serving = 0;
	token->first_tried_at = clock_mono_ms();
	timer_start(token->look, 0);
	return others;
}

/* One that was refused is not shown again because the next one met a busy endpoint. */
static size_t find_unrefused(const struct token *token)
{
	for (size_t i = 0; i < token->tried; i++) {
		size_t at = (token->serving + i) % token->tried;
		if (!token->refused[at])
			return at;
	}
	return token->serving;
}

size_t token_keep_first(struct token *token)
{
	int64_t now = clock_mono_ms();
	bool again = now - token->first_tried_at >= FIRST_AGAIN_MS;
	if (again)
		memset(token->refused, 0, token->tried * sizeof(*token->refused));
	size_t first = again ? 0 : find_unrefused(token);
	if (first == 0)
		token->first_tried_at = now;
	return first;
}

void token_keep_served(struct token *token, size_t credential)
{
	token->serving = credential;
	token->has_served = true;
	token->refused[credential] = false;
}

bool token_keep_refused(struct token *token, size_t credential)
{
	bool again = token->refused[credential];
	token->refused[credential] = true;
	return !again;
}

const char *token_keep_serving(const struct token *token)
{
	if (token->account->grant == GRANT_MANAGED_IDENTITY)
		return "managed identity";
	return token->serving < token->credentials.n ? token->credentials.v[token->serving].label
						     : "";
}

/* ---- what will end ---- */

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct token *token = arg;
	struct account_record *record = token_store_record(token->store);
	const struct credential_list tried = { token->credentials.v, token->tried };
	int64_t now_ms = clock_wall_ms();
	const struct expiry *expiry;
	(void)fd;
	(void)what;
	if (expiry_note_secrets(&token->credentials, token->account, record, now_ms))
		(void)token_store_save(token->store);
	int64_t used_ms = token_keep_refresh_token(token).n != 0 ? record->refresh_used_ms : 0;
	expiry_list_done(&token->expiries);
	expiry_list_make(&token->expiries, token->account, &tried, used_ms, now_ms);
	timer_start(token->look, expiry_next_look_ms(&token->expiries, now_ms));
	while ((expiry = expiry_watch_next(&token->warned, &token->expiries)) != NULL)
		token->events.expiring(token->events.arg, expiry);
}

void token_keep_init(struct token *token)
{
	const struct token_store_events events = {
		.loaded = on_loaded,
		.trouble = on_trouble,
		.saved = on_saved,
		.failed = on_not_stored,
		.arg = token,
	};
	token->look = event_new(token->env.base, -1, 0, on_look, token);
	token->store = token_store_new(token->env.base, token->env.state, token->env.seal,
				       token->account->name, &events);
}

void token_keep_done(struct token *token)
{
	event_free(token->look);
	token_store_free(token->store);
	credential_list_done(&token->credentials);
	free(token->refused);
	expiry_list_done(&token->expiries);
	expiry_watch_done(&token->warned);
}
