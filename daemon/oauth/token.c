/* SPDX-License-Identifier: MIT */
#include "oauth/token.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/mem.h"
#include "common/timer.h"
#include "config/config.h"
#include "oauth/credential.h"
#include "oauth/token_request.h"
#include "oauth/token_response.h"
#include "oauth/token_times.h"

enum {
	REQUEST_TIMEOUT_MS = 30 * 1000,
	REPLY_MAX = 64 * 1024,
	/* A server that refuses every token we get must not make us fetch them without end. */
	FORCED_GAP_MS = 60 * 1000,
};

struct token_wait {
	TAILQ_ENTRY(token_wait) link;
	struct token *token;
	token_cb *cb;
	void *arg;
	bool failed; /* the attempt it waited for has failed */
};

TAILQ_HEAD(wait_list, token_wait);

/*
 * state      value   request              timer
 * EMPTY      no      no                   -
 * FETCHING   no      yes                  -
 * VALID      yes     maybe (renewal)      renewal or its retry, end of the token
 * BACKOFF    no      no                   retry
 * HELD       no      maybe (probe)        probe
 */
struct token {
	struct event_base *base;
	struct http *http;
	const struct account_config *account;
	struct token_events events;
	enum token_state state;
	struct secret value;
	uint32_t generation;
	int64_t ends_at; /* of the value, with a margin */
	int64_t due_at;	 /* next request, where the state has one */
	struct http_request *request;
	int64_t requested_at;
	bool has_failure; /* of the last attempt; in VALID of a renewal */
	struct token_failure failure;
	unsigned passing_row; /* failures in a row, by kind */
	unsigned lasting_row;
	bool forced_next; /* the next request is there because a token was refused */
	int64_t forced_at;
	struct event *timer;
	struct event *turn; /* answers one waiter */
	struct wait_list waits;
};

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

/* ---- state ---- */

static void arm_timer(struct token *token)
{
	int64_t at = INT64_MAX, now = clock_mono_ms();
	bool may_fetch = token->request == NULL &&
			 (token->state == TOKEN_VALID || token->state == TOKEN_BACKOFF ||
			  token->state == TOKEN_HELD);
	if (token->state == TOKEN_VALID)
		at = token->ends_at;
	if (may_fetch && token->due_at < at)
		at = token->due_at;
	if (at == INT64_MAX) {
		timer_stop(token->timer);
		return;
	}
	timer_start(token->timer, at - now);
}

/* Every change of the state, and of what the timer depends on, ends here. */
static void set_state(struct token *token, enum token_state state)
{
	token->state = state;
	if (state != TOKEN_VALID)
		secret_done(&token->value);
	arm_timer(token);
	if (!TAILQ_EMPTY(&token->waits))
		event_active(token->turn, EV_TIMEOUT, 0);
}

static void set_failed(struct token *token)
{
	struct token_wait *wait;
	TAILQ_FOREACH (wait, &token->waits, link) {
		wait->failed = true;
	}
	set_state(token, token->failure.class == TOKEN_FAIL_TRANSIENT ? TOKEN_BACKOFF : TOKEN_HELD);
}

/* ---- requests ---- */

static void take_grant(struct token *token, struct token_grant *grant)
{
	token->generation++;
	secret_done(&token->value);
	token->value = grant->token;
	/* Counted from the request: the reply may have been long on its way. */
	token->ends_at = token->requested_at + token_times_end_ms(grant->life_ms);
	token->due_at = token->requested_at + token_times_renewal_ms(grant->life_ms);
	token->has_failure = false;
	token->passing_row = 0;
	token->lasting_row = 0;
	set_state(token, TOKEN_VALID);
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
		arm_timer(token);
		return;
	}
	token->failure = *failure;
	token->has_failure = true;
	if (token->state == TOKEN_VALID)
		arm_timer(token);
	else
		set_failed(token);
}

/* The observer is told last: it may free the token. */
static void on_reply(void *arg, const struct http_reply *reply)
{
	struct token *token = arg;
	const struct token_events events = token->events;
	struct token_grant grant;
	struct token_failure failure;
	token->request = NULL;
	const struct str shown = secret_reveal(&token->account->credentials[0].secret);
	if (token_response_judge(reply, token->account, &shown, 1, &grant, &failure)) {
		take_grant(token, &grant);
		events.fetched(events.arg, grant.life_ms, reply->took_ms);
		return;
	}
	take_failure(token, &failure);
	events.failed(events.arg, &failure);
}

/* One request at a time, whoever asks. */
static void fetch(struct token *token)
{
	struct secret body = { 0 };
	if (token->request != NULL)
		return;
	const struct credential credential = {
		.kind = CREDENTIAL_SECRET,
		.secret = token->account->credentials[0].secret,
	};
	const struct token_request request = {
		.kind = REQUEST_CLIENT_CREDENTIALS,
		.account = token->account,
		.credential = &credential,
	};
	token_request_body(&request, &body);
	const struct http_params params = {
		.url = token->account->token_endpoint,
		.ca_file = token->account->ca_file,
		.body = secret_reveal(&body),
		.content_type = TOKEN_REQUEST_CONTENT_TYPE,
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.reply_max = REPLY_MAX,
	};
	token->requested_at = clock_mono_ms();
	if (token->forced_next)
		token->forced_at = token->requested_at;
	token->forced_next = false;
	token->request = http_start(token->http, &params, on_reply, token);
	secret_done(&body);
	if (token->state == TOKEN_EMPTY || token->state == TOKEN_BACKOFF)
		set_state(token, TOKEN_FETCHING);
	else
		arm_timer(token);
}

static void let_it_end(struct token *token)
{
	if (token->request != NULL) {
		set_state(token, TOKEN_FETCHING);
	} else if (token->has_failure) {
		set_failed(token);
	} else {
		set_state(token, TOKEN_EMPTY);
		fetch(token);
	}
}

/* Does what is due by now. Not only the timer calls it: it stands still while a machine sleeps. */
static void catch_up(struct token *token)
{
	int64_t now = clock_mono_ms();
	if (token->state == TOKEN_VALID && now >= token->ends_at)
		let_it_end(token);
	if ((token->state == TOKEN_VALID || token->state == TOKEN_BACKOFF ||
	     token->state == TOKEN_HELD) &&
	    now >= token->due_at)
		fetch(token);
	arm_timer(token);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	catch_up(arg);
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
	catch_up(token);
	if (token->state == TOKEN_EMPTY)
		fetch(token);
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

struct token *token_new(struct event_base *base, struct http *http,
			const struct account_config *account, const struct token_events *events)
{
	struct token *token = mem_zalloc(sizeof(*token));
	token->base = base;
	token->http = http;
	token->account = account;
	token->events = *events;
	token->state = TOKEN_EMPTY;
	token->forced_at = -FORCED_GAP_MS;
	token->timer = event_new(base, -1, 0, on_timer, token);
	token->turn = event_new(base, -1, 0, on_turn, token);
	TAILQ_INIT(&token->waits);
	return token;
}

void token_free(struct token *token)
{
	struct token_wait *wait, *next;
	if (token == NULL)
		return;
	http_cancel(token->request);
	for (wait = TAILQ_FIRST(&token->waits); wait != NULL; wait = next) {
		next = TAILQ_NEXT(wait, link);
		free(wait);
	}
	event_free(token->timer);
	event_free(token->turn);
	secret_done(&token->value);
	free(token);
}

static bool token_request_same(const struct account_config *a, const struct account_config *b)
{
	return strcmp(a->token_endpoint, b->token_endpoint) == 0 &&
	       strcmp(a->client_id, b->client_id) == 0 && strcmp(a->scope, b->scope) == 0 &&
	       strcmp(a->ca_file, b->ca_file) == 0 &&
	       secret_equal(&a->credentials[0].secret, &b->credentials[0].secret);
}

void token_reconfigure(struct token *token, const struct account_config *account)
{
	bool same = token_request_same(token->account, account);
	struct token_wait *wait;
	token->account = account;
	if (same && token->state != TOKEN_BACKOFF && token->state != TOKEN_HELD) {
		if (token->state == TOKEN_VALID && token->has_failure)
			fetch(token); /* a renewal that fails: reloading is a reason to try */
		return;
	}
	bool wanted = token->state != TOKEN_EMPTY || !TAILQ_EMPTY(&token->waits);
	if (!same) {
		http_cancel(token->request);
		token->request = NULL;
		token->forced_at = -FORCED_GAP_MS;
	}
	token->forced_next = false;
	token->has_failure = false;
	token->passing_row = 0;
	token->lasting_row = 0;
	TAILQ_FOREACH (wait, &token->waits, link) {
		wait->failed = false;
	}
	set_state(token, token->request != NULL ? TOKEN_FETCHING : TOKEN_EMPTY);
	/* At once, so that it shows what the new configuration is worth. */
	if (wanted)
		fetch(token);
}

static void refuse_for_a_while(struct token *token, int64_t until)
{
	struct token_failure *failure = &token->failure;
	memset(failure, 0, sizeof(*failure));
	failure->class = TOKEN_FAIL_TRANSIENT;
	snprintf(failure->code, sizeof(failure->code), "token-rejected");
	err_set(&failure->text, "the server has refused the token, and then a new one as well");
	failure->retry_in_ms = until - clock_mono_ms();
	token->has_failure = true;
	token->due_at = until;
	set_failed(token);
}

void token_reject(struct token *token, uint32_t generation)
{
	int64_t now = clock_mono_ms();
	if (token->state != TOKEN_VALID || generation != token->generation)
		return;
	if (token->request != NULL) {
		set_state(token, TOKEN_FETCHING); /* a new one is on its way */
		return;
	}
	token->forced_next = true;
	if (now - token->forced_at < FORCED_GAP_MS) {
		refuse_for_a_while(token, token->forced_at + FORCED_GAP_MS);
		return;
	}
	set_state(token, TOKEN_EMPTY);
	if (!TAILQ_EMPTY(&token->waits))
		fetch(token);
}

void token_probe(struct token *token)
{
	fetch(token);
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
