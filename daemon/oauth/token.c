/* SPDX-License-Identifier: MIT */
#include "oauth/token.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "config/remedy.h"
#include "oauth/token_internal.h"

enum {
	/* A server that refuses every token we get must not make us fetch them without end. */
	FORCED_GAP_MS = 60 * 1000,
};

static const char rejected_remedy[] =
	"the tokens are in order for the endpoint that gives them, but not for the mailbox: what the "
	"server answered is in the log, account-held. Check that {mailbox} may log in by SMTP "
	"(Set-CASMailbox {mailbox} -SmtpClientAuthenticationDisabled $false) and that the "
	"application, or who has signed in, may use it";

const char *token_state_name(enum token_state state)
{
	switch (state) {
	case TOKEN_EMPTY:
		return "empty";
	case TOKEN_FETCHING:
		return "fetching";
	case TOKEN_VALID:
		return "valid";
	case TOKEN_BACKOFF:
		return "backoff";
	case TOKEN_HELD:
		return "held";
	}
	return "unknown";
}

/* ---- waiters ---- */

static bool may_answer(const struct token *token, const struct token_wait *wait)
{
	return wait->failed || token->state == TOKEN_VALID || token->state == TOKEN_BACKOFF ||
	       token->state == TOKEN_HELD;
}

/* Answers the first waiter, and comes again for the next: so the callback may do what it likes,
 * even free the token. */
static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct token *token = arg;
	struct token_wait *wait = TAILQ_FIRST(&token->waits);
	(void)fd;
	(void)what;
	if (token->hopeless) {
		token_fail_hopeless(token);
		return;
	}
	if (wait == NULL || !may_answer(token, wait))
		return;
	TAILQ_REMOVE(&token->waits, wait, link);
	if (!TAILQ_EMPTY(&token->waits))
		event_active(token->turn, EV_TIMEOUT, 0);
	struct token_wait mine = *wait;
	free(wait);
	if (token->state == TOKEN_VALID) {
		struct secret copy = { 0 };
		secret_set(&copy, secret_reveal(&token->value));
		mine.cb(mine.arg, &copy, token->generation, token_good_for_ms(token), NULL);
		secret_done(&copy);
		return;
	}
	struct token_failure failure = token->failure;
	if (token->state != TOKEN_FETCHING)
		failure.retry_in_ms = token->due_at - clock_mono_ms();
	if (failure.retry_in_ms < 0)
		failure.retry_in_ms = 0;
	mine.cb(mine.arg, NULL, 0, 0, &failure);
}

struct token_wait *token_get(struct token *token, token_cb *cb, void *arg)
{
	struct token_wait *wait = mem_zalloc(sizeof(*wait));
	wait->token = token;
	wait->cb = cb;
	wait->arg = arg;
	token_catch_up(token);
	if (token->state == TOKEN_EMPTY)
		token_fetch(token);
	TAILQ_INSERT_TAIL(&token->waits, wait, link);
	event_active(token->turn, EV_TIMEOUT, 0);
	return wait;
}

void token_cancel(struct token_wait *wait)
{
	if (wait == NULL)
		return;
	TAILQ_REMOVE(&wait->token->waits, wait, link);
	free(wait);
}

/* ---- the interface ---- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	token_catch_up(arg);
}

static void set_config(struct token *token, struct config *config,
		       const struct account_config *account)
{
	struct config *old = token->config;
	token->config = config != NULL ? config_ref(config) : NULL;
	token->account = account;
	config_unref(old);
}

struct token *token_new(const struct token_env *env, struct config *config,
			const struct account_config *account, const struct token_events *events)
{
	struct token *token = mem_zalloc(sizeof(*token));
	token->env = *env;
	token->events = *events;
	set_config(token, config, account);
	token->state = TOKEN_EMPTY;
	token->generation = env->generation;
	token->forced_at = -FORCED_GAP_MS;
	token->timer = event_new(env->base, -1, 0, on_timer, token);
	token->turn = event_new(env->base, -1, 0, on_turn, token);
	TAILQ_INIT(&token->waits);
	token_keep_init(token);
	token_orders_init(token);
	if (token_store_is_loaded(token->store))
		token_on_loaded(token);
	return token;
}

void token_free(struct token *token)
{
	struct token_wait *wait, *next;
	if (token == NULL)
		return;
	token_attempt_cancel(token->attempt);
	token->attempt = NULL;
	token_orders_done(token);
	for (wait = TAILQ_FIRST(&token->waits); wait != NULL; wait = next) {
		next = TAILQ_NEXT(wait, link);
		free(wait);
	}
	token_keep_done(token);
	event_free(token->timer);
	event_free(token->turn);
	secret_done(&token->value);
	config_unref(token->config);
	free(token);
}

void token_on_loaded(struct token *token)
{
	(void)token_keep_credentials(token);
	token_keep_recall(token);
	if (token->state == TOKEN_VALID)
		token->fetch_wanted = false;
	token_orders_start(token);
	/* Said at once, and not when the first message meets it. */
	if (token->state == TOKEN_EMPTY && !token_has_something_to_show(token))
		token->fetch_wanted = true;
	token_use_attempt(token);
	token_arm_timer(token);
}

/* The next request would be another one: asked of another place, shown another thing. */
static bool asks_alike(const struct account_config *a, const struct account_config *b)
{
	const char *proxy = a->proxy.tokens != NULL ? a->proxy.tokens : "";
	const char *other = b->proxy.tokens != NULL ? b->proxy.tokens : "";
	return strcmp(a->ca_file, b->ca_file) == 0 && strcmp(proxy, other) == 0 &&
	       secret_equal(&a->proxy.password, &b->proxy.password);
}

/* Not the old one any more, but perhaps the record has one for this configuration. */
static void change_binding(struct token *token)
{
	token->forced_at = -FORCED_GAP_MS;
	token_start_anew(token);
	token_keep_recall(token);
}

void token_reconfigure(struct token *token, struct config *config,
		       const struct account_config *account)
{
	char binding[sizeof(token->binding)];
	bool alike = asks_alike(token->account, account);
	bool wanted = token->state != TOKEN_EMPTY || !TAILQ_EMPTY(&token->waits);
	memcpy(binding, token->binding, sizeof(binding));
	/* The attempt under way has its own reference. */
	set_config(token, config, account);
	if (!token_store_is_loaded(token->store))
		return;
	bool others = token_keep_credentials(token);
	bool bound = strcmp(binding, token->binding) == 0;
	if (!bound || !alike || others) {
		token_abandon(token, token->errand);
		token->hopeless = false;
	}
	token_orders_start(token);
	if (!bound)
		change_binding(token);
	else if (token->state == TOKEN_BACKOFF || token->state == TOKEN_HELD ||
		 (token->state == TOKEN_FETCHING && token->attempt == NULL))
		token_start_anew(token);
	/* At once, so that it shows what the new configuration is worth. */
	if (wanted && (token->state == TOKEN_EMPTY || others || token->has_failure))
		token_fetch(token);
	token_use_attempt(token);
	token_arm_timer(token);
}

static void refuse_for_a_while(struct token *token, int64_t until)
{
	struct token_failure *failure = &token->failure;
	struct strbuf remedy;
	memset(failure, 0, sizeof(*failure));
	failure->class = TOKEN_FAIL_TRANSIENT;
	snprintf(failure->code, sizeof(failure->code), "token-rejected");
	err_set(&failure->text, "the server has refused the token, and then a new one as well");
	strbuf_init(&remedy, sizeof(failure->remedy.text));
	remedy_append(&remedy, rejected_remedy, token->account);
	err_set(&failure->remedy, "%s", strbuf_cstr(&remedy));
	strbuf_done(&remedy);
	failure->retry_in_ms = until - clock_mono_ms();
	token->has_failure = true;
	token->due_at = until;
	token_set_failed(token);
}

bool token_reject(struct token *token, uint32_t generation)
{
	int64_t now = clock_mono_ms();
	if (token->state != TOKEN_VALID || generation != token->generation)
		return true;
	token_keep_drop(token);
	if (token->attempt != NULL && token->errand == ERRAND_FETCH) {
		token_set_state(token, TOKEN_FETCHING); /* a new one is on its way */
		return true;
	}
	token->forced_next = true;
	if (now - token->forced_at < FORCED_GAP_MS) {
		refuse_for_a_while(token, token->forced_at + FORCED_GAP_MS);
		return false;
	}
	token_set_state(token, TOKEN_EMPTY);
	if (!TAILQ_EMPTY(&token->waits))
		token_fetch(token);
	return true;
}

void token_worked(struct token *token, uint32_t generation)
{
	if (generation == token->generation)
		token->forced_at = -FORCED_GAP_MS;
}

uint32_t token_generation(const struct token *token)
{
	return token->generation;
}

void token_probe(struct token *token)
{
	token_fetch(token);
}

enum token_state token_state_of(const struct token *token)
{
	return token->state;
}

int64_t token_good_for_ms(const struct token *token)
{
	int64_t left = token->ends_at - clock_mono_ms();
	return token->state == TOKEN_VALID && left > 0 ? left : 0;
}

const struct token_failure *token_last_failure(const struct token *token)
{
	bool failing = token->state == TOKEN_BACKOFF || token->state == TOKEN_HELD;
	return failing ? &token->failure : NULL;
}

void token_status(const struct token *token, struct token_status *out)
{
	const struct account_record *record = token_store_record(token->store);
	bool signed_in = token_keep_refresh_token(token).n != 0;
	*out = (struct token_status){
		.state = token->state,
		.good_for_ms = token_good_for_ms(token),
		.serving = token->has_served ? token_keep_serving(token) : "",
		.serving_index = token->serving,
		.signed_in = signed_in,
		.signed_in_ms = signed_in ? record->signed_in_ms : 0,
		.credentials = &token->credentials,
		.refused = token->refused,
		.last = token->has_failure ? &token->failure : NULL,
		.expiries = &token->expiries,
		.stored = token_store_is_stored(token->store),
		.skew_ms = token->skew_ms,
	};
}
