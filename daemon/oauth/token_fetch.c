/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/timer.h"
#include "config/remedy.h"
#include "oauth/advice.h"
#include "oauth/clock_skew.h"
#include "oauth/token_internal.h"
#include "oauth/token_times.h"

enum {
	/* The timer goes by a clock that stands still while the machine sleeps. */
	LOOK_MS = 60 * 60 * 1000,
};

/* ---- state ---- */

/* When the next request is due, on the monotonic clock; INT64_MAX: not by itself. */
static int64_t next_fetch_at(const struct token *token)
{
	int64_t idle_ms;
	switch (token->state) {
	case TOKEN_EMPTY:
		idle_ms = token_keep_idle_ms(token);
		return idle_ms != INT64_MAX ? clock_mono_ms() + idle_ms : INT64_MAX;
	case TOKEN_VALID:
	case TOKEN_BACKOFF:
	case TOKEN_HELD:
		return token->due_at;
	case TOKEN_FETCHING:
		break;
	}
	return INT64_MAX;
}

void token_arm_timer(struct token *token)
{
	int64_t at = token->state == TOKEN_VALID ? token->ends_at : INT64_MAX;
	if (token->attempt == NULL && token_store_is_loaded(token->store)) {
		int64_t due = next_fetch_at(token);
		at = due < at ? due : at;
	}
	if (at == INT64_MAX) {
		timer_stop(token->timer);
		return;
	}
	int64_t wait = at - clock_mono_ms();
	timer_start(token->timer, wait < LOOK_MS ? wait : LOOK_MS);
}

void token_set_state(struct token *token, enum token_state state)
{
	token->state = state;
	if (state != TOKEN_VALID)
		secret_done(&token->value);
	token_arm_timer(token);
	if (!TAILQ_EMPTY(&token->waits))
		event_active(token->turn, EV_TIMEOUT, 0);
}

void token_set_failed(struct token *token)
{
	struct token_wait *wait;
	TAILQ_FOREACH (wait, &token->waits, link) {
		wait->failed = true;
	}
	token_set_state(token,
			token->failure.class == TOKEN_FAIL_TRANSIENT ? TOKEN_BACKOFF : TOKEN_HELD);
}

static void forget_failures(struct token *token)
{
	token->has_failure = false;
	token->passing_row = 0;
	token->lasting_row = 0;
}

void token_start_anew(struct token *token)
{
	struct token_wait *wait;
	token->forced_next = false;
	forget_failures(token);
	TAILQ_FOREACH (wait, &token->waits, link) {
		wait->failed = false;
	}
	bool fetching = token->attempt != NULL && token->errand == ERRAND_FETCH;
	token_set_state(token, fetching ? TOKEN_FETCHING : TOKEN_EMPTY);
}

/* ---- what an attempt brings ---- */

void token_use(struct token *token, const struct secret *value, int64_t life_ms, int64_t age_ms)
{
	/* Counted from the request: the reply may have been long on its way. */
	int64_t asked_at = clock_mono_ms() - age_ms;
	int64_t usable_ms = token_times_usable_ms(life_ms, token->account->token_margin);
	token->generation++;
	secret_set(&token->value, secret_reveal(value));
	token->ends_at = asked_at + token_times_end_ms(usable_ms);
	token->due_at = asked_at + token_times_renewal_ms(usable_ms);
	forget_failures(token);
	token_set_state(token, TOKEN_VALID);
}

void token_take_grant(struct token *token, struct token_grant *grant, int64_t took_ms)
{
	token->hopeless = false;
	token->fetch_wanted = false;
	token_keep_grant(token, grant, took_ms);
	token_use(token, &grant->token, grant->life_ms, took_ms);
}

static void take_failure(struct token *token, struct token_failure *failure)
{
	if (failure->class == TOKEN_FAIL_TRANSIENT) {
		failure->retry_in_ms =
			token_times_backoff_ms(++token->passing_row, failure->retry_in_ms);
	} else {
		token->passing_row = 0;
		failure->retry_in_ms =
			token_times_probe_ms(++token->lasting_row, failure->retry_in_ms);
	}
	token->due_at = clock_mono_ms() + failure->retry_in_ms;
	if (token->state == TOKEN_HELD && failure->class == TOKEN_FAIL_TRANSIENT) {
		/* A probe that did not get through says nothing about what was wrong. */
		token->failure.retry_in_ms = failure->retry_in_ms;
		token_arm_timer(token);
		return;
	}
	token->failure = *failure;
	token->has_failure = true;
	if (token->state == TOKEN_VALID)
		token_arm_timer(token);
	else
		token_set_failed(token);
}

static void look_at_clock(struct token *token, int64_t server_date_ms)
{
	int64_t skew_ms = 0;
	if (server_date_ms < 0)
		return;
	bool skewed =
		clock_skew_find(server_date_ms, token->asked_wall_ms, clock_wall_ms(), &skew_ms);
	if (skewed && token->skew_ms == 0)
		token->events.clock_skewed(token->events.arg, skew_ms);
	token->skew_ms = skewed ? skew_ms : 0;
}

/* The attempt is free: orders first, for somebody waits for them in front of a screen. */
void token_use_attempt(struct token *token)
{
	if (token->attempt == NULL && !token_orders_use_attempt(token) && token->fetch_wanted)
		token_fetch(token);
}

static void on_refused(void *arg, size_t credential, const struct token_failure *failure)
{
	struct token *token = arg;
	if (token->errand != ERRAND_FETCH)
		return;
	/* Probes of an account all of whose credentials are refused say so as a whole. */
	if (token_keep_refused(token, credential))
		token->events.refused(token->events.arg, token->credentials.v[credential].label,
				      failure);
}

/* Somebody has signed in meanwhile, or the endpoint has given a newer one that is not durable
 * yet: better that than none. */
static bool may_use_newest(struct token *token, const struct token_failure *failure)
{
	return failure->class == TOKEN_FAIL_LOGIN && token_store_use_newest(token->store);
}

/* The observer is told last: it may free the token. */
static void fetched(struct token *token, struct token_grant *grant, size_t credential,
		    struct token_failure *failure, int64_t took_ms)
{
	const struct token_events events = token->events;
	char label[sizeof(token->credentials.v->label)];
	if (grant != NULL) {
		token_keep_served(token, credential);
		token_take_grant(token, grant, took_ms);
		snprintf(label, sizeof(label), "%s", token_keep_serving(token));
		token_use_attempt(token);
		events.fetched(events.arg, grant->life_ms, took_ms, label);
		return;
	}
	if (may_use_newest(token, failure)) {
		token_fetch(token);
		return;
	}
	if (failure->credential_refused)
		(void)token_keep_refused(token, credential);
	take_failure(token, failure);
	token_use_attempt(token);
	events.failed(events.arg, failure);
}

static void on_attempted(void *arg, struct token_grant *grant, size_t credential,
			 const struct token_failure *failure, int64_t took_ms,
			 int64_t server_date_ms)
{
	struct token *token = arg;
	const struct token_events events = token->events;
	enum errand errand = token->errand;
	struct token_failure mine = { .retry_in_ms = 0 };
	token->attempt = NULL;
	token->errand = ERRAND_NONE;
	look_at_clock(token, server_date_ms);
	if (failure != NULL) {
		mine = *failure;
		if (mine.class == TOKEN_FAIL_POLL) /* nobody polls here */
			mine.class = TOKEN_FAIL_TRANSIENT;
	}
	if (errand == ERRAND_FETCH) {
		fetched(token, grant, credential, &mine, took_ms);
		return;
	}
	char label[sizeof(token->credentials.v->label)];
	bool taken = token_orders_attempted(token, errand, grant, &mine, took_ms);
	snprintf(label, sizeof(label), "%s", token_keep_serving(token));
	token_use_attempt(token);
	token_arm_timer(token);
	if (taken && grant != NULL)
		events.fetched(events.arg, grant->life_ms, took_ms, label);
}

/* ---- attempts ---- */

void token_begin(struct token *token, enum errand errand, const struct credential_list *list,
		 size_t first)
{
	const struct attempt_params params = {
		.http = token->env.http,
		.worker = token->env.worker,
		.config = token->config,
		.account = token->account,
		.credentials = list,
		.first = first,
		.refresh_token = token_keep_refresh_token(token),
	};
	const struct attempt_events events = {
		.refused = on_refused,
		.done = on_attempted,
		.arg = token,
	};
	token->errand = errand;
	token->asked_wall_ms = clock_wall_ms();
	token->attempt = token_attempt_start(&params, &events);
}

void token_abandon(struct token *token, enum errand errand)
{
	if (token->attempt == NULL || token->errand != errand)
		return;
	token_attempt_cancel(token->attempt);
	token->attempt = NULL;
	token->errand = ERRAND_NONE;
}

bool token_has_something_to_show(const struct token *token)
{
	return token->account->grant != GRANT_DELEGATED || token_keep_refresh_token(token).n != 0;
}

static void begin_fetch(struct token *token)
{
	const struct credential_list tried = { token->credentials.v, token->tried };
	token->fetch_wanted = false;
	if (token->forced_next)
		token->forced_at = clock_mono_ms();
	token->forced_next = false;
	token->hopeless = !token_has_something_to_show(token);
	if (!token->hopeless)
		token_begin(token, ERRAND_FETCH, &tried, token_keep_first(token));
	else
		event_active(token->turn, EV_TIMEOUT, 0);
	if (token->state == TOKEN_EMPTY || token->state == TOKEN_BACKOFF)
		token_set_state(token, TOKEN_FETCHING);
	else
		token_arm_timer(token);
}

void token_fetch(struct token *token)
{
	if (token->hopeless)
		return;
	if (token->attempt != NULL || !token_store_is_loaded(token->store))
		token->fetch_wanted = token->fetch_wanted || token->errand != ERRAND_FETCH;
	else
		begin_fetch(token);
}

void token_fail_hopeless(struct token *token)
{
	const struct token_events events = token->events;
	struct token_failure failure = { .class = TOKEN_FAIL_LOGIN, .code = "not-signed-in" };
	struct strbuf remedy;
	token->hopeless = false;
	strbuf_init(&remedy, sizeof(failure.remedy.text));
	err_set(&failure.text, "nobody has signed in for this account");
	if (token->env.unsealed != NULL && token->env.seal == NULL) {
		err_set(&failure.text,
			"nobody has signed in since the start, and what was stored "
			"cannot be opened: %s",
			token->env.unsealed);
		strbuf_adds(&remedy, "mend that, then systemctl restart oauthrelay (a reload does "
				     "not do); where no sign-in was stored: ");
	}
	remedy_append(&remedy, advice_remedy(ADVICE_SIGN_IN, token->account), token->account);
	err_set(&failure.remedy, "%s", strbuf_cstr(&remedy));
	strbuf_done(&remedy);
	take_failure(token, &failure);
	token_use_attempt(token);
	events.failed(events.arg, &failure);
}

static void let_it_end(struct token *token)
{
	if (token->attempt != NULL && token->errand == ERRAND_FETCH) {
		token_set_state(token, TOKEN_FETCHING);
	} else if (token->has_failure) {
		token_set_failed(token);
	} else {
		token_set_state(token, TOKEN_EMPTY);
		token_fetch(token);
	}
}

void token_catch_up(struct token *token)
{
	if (token->state == TOKEN_VALID && clock_mono_ms() >= token->ends_at)
		let_it_end(token);
	if (token_store_is_loaded(token->store) && clock_mono_ms() >= next_fetch_at(token))
		token_fetch(token);
	token_arm_timer(token);
}
