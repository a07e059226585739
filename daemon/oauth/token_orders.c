/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "common/timer.h"
#include "config/remedy.h"
#include "oauth/token_internal.h"

enum order_kind {
	ORDER_SIGN_IN,
	ORDER_ADD,
	ORDER_FORGET,
	ORDER_TRY,
};

/* Only the first of them gets beyond WAITING. */
enum order_stage {
	STAGE_WAITING,
	STAGE_PROVING, /* the attempt under way is for it */
	STAGE_STORING, /* it is in use; until it is durable */
	STAGE_OVER,    /* the one who gave it is still to be told */
};

struct order {
	TAILQ_ENTRY(order) link;
	enum order_kind kind;
	enum order_stage stage;
	struct token_grant grant;     /* SIGN_IN */
	struct credential credential; /* ADD */
	uint64_t change;	      /* STORING: of the record */
	bool failed;
	struct token_failure failure;
	token_order_cb *cb; /* NULL: nobody waits any more */
	void *arg;
};

static void free_order(struct order *order)
{
	token_grant_done(&order->grant);
	credential_done(&order->credential);
	free(order);
}

static void set_stage(struct token *token, struct order *order, enum order_stage stage)
{
	order->stage = stage;
	token_orders_kick(token);
}

/* ---- how they end ---- */

static void fail(struct token *token, struct order *order, const struct token_failure *failure)
{
	order->failed = true;
	order->failure = *failure;
	set_stage(token, order, STAGE_OVER);
}

static void refuse(struct token *token, struct order *order, const char *code, const char *text,
		   const char *remedy)
{
	struct token_failure failure = { .class = TOKEN_FAIL_CONFIG };
	struct strbuf words;
	strbuf_init(&words, sizeof(failure.remedy.text));
	snprintf(failure.code, sizeof(failure.code), "%s", code);
	remedy_append(&words, text, token->account);
	err_set(&failure.text, "%s", strbuf_cstr(&words));
	strbuf_reset(&words);
	remedy_append(&words, remedy, token->account);
	err_set(&failure.remedy, "%s", strbuf_cstr(&words));
	strbuf_done(&words);
	fail(token, order, &failure);
}

/* A person asked for it, so it is stored whatever lies in its place. */
static void store(struct token *token, struct order *order, const char *what)
{
	struct err why;
	token_store_override(token->store);
	order->change = token_store_save(token->store);
	set_stage(token, order, STAGE_STORING);
	token->events.changed(token->events.arg, what);
	if (token->env.seal == NULL && token->env.unsealed != NULL) {
		err_set(&why, "%s", token->env.unsealed);
		token_orders_not_stored(token, &why);
	}
}

void token_orders_not_stored(struct token *token, const struct err *why)
{
	struct order *order = TAILQ_FIRST(&token->orders);
	struct token_failure failure = { .class = TOKEN_FAIL_TRANSIENT, .code = "not-stored" };
	if (order == NULL || order->stage != STAGE_STORING)
		return;
	err_set(&failure.text, "it is in use, but cannot be stored yet: %s", why->text);
	err_set(&failure.remedy, "a restart would lose it: see to the disk state_dir is on; it is "
				 "stored by itself as soon as that works");
	fail(token, order, &failure);
}

/* ---- signing in ---- */

static void sign_in(struct token *token, struct order *order)
{
	struct account_record *record = token_store_record(token->store);
	if (token->account->grant != GRANT_DELEGATED) {
		refuse(token, order, "no-sign-in",
		       "nobody signs in for account {account}: its grant is another one",
		       "set grant = \"delegated\" for account {account}, if that is meant");
		return;
	}
	if (order->grant.refresh_token.n == 0) {
		refuse(token, order, "no-refresh-token",
		       "the sign-in has brought no refresh token, and would end within the hour",
		       "scope of account {account} must hold offline_access (with Google: sign in "
		       "again after removing the relay's access from the Google account)");
		return;
	}
	/* What is under way would bring the old sign-in's token. */
	token_abandon(token, ERRAND_FETCH);
	token_abandon(token, ERRAND_PENDING);
	token_take_grant(token, &order->grant, 0);
	record->signed_in_ms = record->refresh_used_ms;
	token->lost.text[0] = '\0'; /* there is another one in its place */
	store(token, order, "signed in");
	(void)token_store_use_newest(token->store);
	timer_start(token->look, 0);
}

/* ---- credentials ---- */

static void drop_pending(struct credential_list *added)
{
	for (size_t i = added->n; i-- > 0;)
		if (added->v[i].pending)
			credential_list_remove(added, i);
}

void token_orders_record(struct token *token, struct credential *credential)
{
	struct account_record *record = token_store_record(token->store);
	struct credential_list *added = &record->added;
	if (token_keep_added(token) == NULL) {
		credential_list_done(added);
		account_record_added_binding(token->account, record->added_binding);
	}
	if (credential->pending)
		drop_pending(added);
	for (size_t i = added->n; i-- > 0;)
		if (credential_same(&added->v[i], credential))
			credential_list_remove(added, i);
	credential_list_insert(added, 0, credential);
	if (added->n > RECORD_ADDED_MAX)
		credential_list_remove(added, added->n - 1);
	(void)token_keep_credentials(token);
}

static const char *what_changed(const struct credential *credential)
{
	if (credential->pending)
		return "certificate added, waiting until it is accepted";
	return credential->kind == CREDENTIAL_CERTIFICATE ? "certificate added" : "secret added";
}

/* Proven, or as good as; grant NULL: without a token. */
static void add(struct token *token, struct order *order, struct token_grant *grant,
		int64_t took_ms)
{
	const char *what = what_changed(&order->credential);
	token_orders_record(token, &order->credential);
	if (grant != NULL) {
		token_keep_served(token, 0);
		token_take_grant(token, grant, took_ms);
	}
	store(token, order, what);
}

static bool may_be_added(struct token *token, struct order *order)
{
	const struct account_config *account = token->account;
	if (account->grant == GRANT_MANAGED_IDENTITY)
		refuse(token, order, "no-credentials",
		       "account {account} uses this machine's own identity and shows no credential",
		       "");
	else if (account->grant == GRANT_DELEGATED && account->credential_count == 0)
		refuse(token, order, "no-credentials",
		       "account {account} signs in as a public client, which shows no credential",
		       "sign in instead: oauthrelay login {account}");
	else
		return true;
	return false;
}

/* Needs the attempt, which is free. */
static void begin_adding(struct token *token, struct order *order)
{
	const struct credential_list alone = { &order->credential, 1 };
	if (!may_be_added(token, order))
		return;
	if (order->credential.pending) {
		add(token, order, NULL, 0);
		token_pending_start(token);
	} else if (!token_has_something_to_show(token)) {
		/* There is nothing to prove it with, and signing in needs it. */
		add(token, order, NULL, 0);
	} else {
		set_stage(token, order, STAGE_PROVING);
		token_begin(token, ERRAND_PROOF, &alone, 0);
	}
}

/* Entra looks at the client first: when it is the sign-in that it does not take any more, then the
 * credential is right. */
static bool proves(const struct token_failure *failure)
{
	return failure->class == TOKEN_FAIL_LOGIN;
}

static bool end_proof(struct token *token, struct token_grant *grant,
		      const struct token_failure *failure, int64_t took_ms)
{
	struct order *order = TAILQ_FIRST(&token->orders);
	if (grant == NULL && !proves(failure)) {
		fail(token, order, failure);
		return false;
	}
	add(token, order, grant, took_ms);
	return true;
}

static void forget(struct token *token, struct order *order)
{
	struct account_record *record = token_store_record(token->store);
	credential_list_done(&record->added);
	token_pending_start(token);
	if (token_keep_credentials(token) && token->state != TOKEN_EMPTY)
		token->fetch_wanted = true; /* shows what the others are worth */
	store(token, order, "added credentials forgotten");
}

/* ---- the pending certificate, because a person is at it just now ---- */

static void begin_trying(struct token *token, struct order *order)
{
	if (!token_has_something_to_show(token)) {
		refuse(token, order, "not-signed-in",
		       "it cannot be tried before somebody has signed in for account {account}",
		       "oauthrelay login {account}");
		return;
	}
	token_pending_start(token);
	token_pending_try(token);
	set_stage(token, order, token->errand == ERRAND_PENDING ? STAGE_PROVING : STAGE_OVER);
}

static void end_trying(struct token *token, const struct token_failure *failure)
{
	struct order *order = TAILQ_FIRST(&token->orders);
	if (order == NULL || order->kind != ORDER_TRY || order->stage != STAGE_PROVING)
		return;
	if (failure != NULL)
		fail(token, order, failure);
	else
		set_stage(token, order, STAGE_OVER);
}

/* ---- going on with them ---- */

void token_orders_kick(struct token *token)
{
	event_active(token->orders_turn, EV_TIMEOUT, 0);
}

static void begin(struct token *token, struct order *order)
{
	switch (order->kind) {
	case ORDER_SIGN_IN:
		sign_in(token, order);
		break;
	case ORDER_ADD:
		begin_adding(token, order);
		break;
	case ORDER_FORGET:
		forget(token, order);
		break;
	case ORDER_TRY:
		begin_trying(token, order);
		break;
	}
}

static bool is_ready(const struct token *token, const struct order *order)
{
	return order != NULL && order->stage == STAGE_WAITING &&
	       token_store_is_loaded(token->store) &&
	       (token->attempt == NULL || order->kind == ORDER_SIGN_IN);
}

bool token_orders_use_attempt(struct token *token)
{
	struct order *order = TAILQ_FIRST(&token->orders);
	if (is_ready(token, order))
		begin(token, order);
	else if (token->pending_due && token_store_is_loaded(token->store))
		token_pending_try(token);
	return token->attempt != NULL;
}

bool token_orders_attempted(struct token *token, enum errand errand, struct token_grant *grant,
			    const struct token_failure *failure, int64_t took_ms)
{
	if (errand == ERRAND_PROOF)
		return end_proof(token, grant, failure, took_ms);
	bool taken = token_pending_end(token, grant, took_ms);
	end_trying(token, grant == NULL ? failure : NULL);
	return taken;
}

void token_orders_start(struct token *token)
{
	struct order *order = TAILQ_FIRST(&token->orders);
	/* Its proof was dropped with the old configuration. */
	if (order != NULL && order->stage == STAGE_PROVING && token->attempt == NULL)
		order->stage = STAGE_WAITING;
	token_pending_start(token);
	token_orders_kick(token);
}

/* One at a time; the one who gave it is told last, for he may free the token. */
static void on_orders_turn(evutil_socket_t fd, short what, void *arg)
{
	struct token *token = arg;
	struct order *order = TAILQ_FIRST(&token->orders);
	(void)fd;
	(void)what;
	if (is_ready(token, order)) {
		if (order->kind == ORDER_SIGN_IN)
			begin(token, order);
		else
			token_use_attempt(token);
	}
	if (order == NULL)
		return;
	if (order->stage == STAGE_STORING && token_store_is_durable(token->store, order->change))
		order->stage = STAGE_OVER;
	if (order->stage != STAGE_OVER)
		return;
	TAILQ_REMOVE(&token->orders, order, link);
	token_orders_kick(token);
	if (order->cb != NULL)
		order->cb(order->arg, order->failed ? &order->failure : NULL);
	free_order(order);
}

static struct order *give(struct token *token, enum order_kind kind, token_order_cb *cb, void *arg)
{
	struct order *order = mem_zalloc(sizeof(*order));
	order->kind = kind;
	order->stage = STAGE_WAITING;
	order->cb = cb;
	order->arg = arg;
	TAILQ_INSERT_TAIL(&token->orders, order, link);
	token_orders_kick(token);
	return order;
}

void token_sign_in(struct token *token, struct token_grant *grant, token_order_cb *cb, void *arg)
{
	struct order *order = give(token, ORDER_SIGN_IN, cb, arg);
	order->grant = *grant;
	memset(grant, 0, sizeof(*grant));
}

void token_add_credential(struct token *token, struct credential *credential, token_order_cb *cb,
			  void *arg)
{
	struct order *order = give(token, ORDER_ADD, cb, arg);
	order->credential = *credential;
	memset(credential, 0, sizeof(*credential));
}

void token_forget_added(struct token *token, token_order_cb *cb, void *arg)
{
	(void)give(token, ORDER_FORGET, cb, arg);
}

void token_try_pending(struct token *token, token_order_cb *cb, void *arg)
{
	(void)give(token, ORDER_TRY, cb, arg);
}

void token_cancel_orders(struct token *token, void *arg)
{
	struct order *order, *next;
	for (order = TAILQ_FIRST(&token->orders); order != NULL; order = next) {
		next = TAILQ_NEXT(order, link);
		if (order->arg != arg)
			continue;
		order->cb = NULL;
		if (order->stage == STAGE_STORING)
			continue;
		if (order->stage == STAGE_PROVING)
			token_abandon(token, ERRAND_PROOF);
		TAILQ_REMOVE(&token->orders, order, link);
		free_order(order);
	}
	token_orders_kick(token);
	token_use_attempt(token);
	token_arm_timer(token);
}

static void tell_end(const struct token *token, const struct order *order)
{
	bool in_use = order->stage == STAGE_STORING;
	struct token_failure failure = { .class = TOKEN_FAIL_TRANSIENT };
	snprintf(failure.code, sizeof(failure.code), "%s", in_use ? "not-stored" : "account-ended");
	err_set(&failure.text,
		in_use ? "it is in use, but the account has ended before it was known "
			 "to be stored"
		       : "nothing has changed: the account has ended before, by a new "
			 "configuration or because the relay stops");
	err_set(&failure.remedy, "look at `oauthrelay status`, then try again (account %s)",
		token->account->name);
	order->cb(order->arg, &failure);
}

void token_end_orders(struct token *token)
{
	struct order *order;
	while ((order = TAILQ_FIRST(&token->orders)) != NULL) {
		TAILQ_REMOVE(&token->orders, order, link);
		if (order->cb != NULL && order->stage == STAGE_OVER)
			order->cb(order->arg, order->failed ? &order->failure : NULL);
		else if (order->cb != NULL)
			tell_end(token, order);
		free_order(order);
	}
	token_abandon(token, ERRAND_PROOF);
}

void token_orders_init(struct token *token)
{
	TAILQ_INIT(&token->orders);
	token->orders_turn = event_new(token->env.base, -1, 0, on_orders_turn, token);
	token_pending_init(token);
}

void token_orders_done(struct token *token)
{
	struct order *order;
	while ((order = TAILQ_FIRST(&token->orders)) != NULL) {
		TAILQ_REMOVE(&token->orders, order, link);
		free_order(order);
	}
	event_free(token->orders_turn);
	event_free(token->pending_timer);
}
