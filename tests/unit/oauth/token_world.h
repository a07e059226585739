/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_TOKEN_WORLD_H
#define OAUTHRELAY_TESTS_TOKEN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/http.h"
#include "common/mem.h"
#include "config/config.h"
#include "oauth/token.h"
#include "tests/unit/support/account_secret.h"

/*
 * The clock, the timers and the network are the test's: time passes by `pass()` only, and a request
 * is answered by `grant()` or `refuse()`.
 */
enum {
	TIMERS_MAX = 8
};

struct timer {
	struct event *event;
	int64_t at;
};

static int64_t now_ms;
static struct timer timers[TIMERS_MAX];

int64_t __wrap_clock_mono_ms(void);

int64_t __wrap_clock_mono_ms(void)
{
	return now_ms;
}

/* The wall clock runs with the other one, unless somebody sets it. */
static int64_t wall_offset_ms;

int64_t __wrap_clock_wall_ms(void);

int64_t __wrap_clock_wall_ms(void)
{
	return now_ms + wall_offset_ms;
}

uint32_t __wrap_arc4random_uniform(uint32_t bound);

uint32_t __wrap_arc4random_uniform(uint32_t bound)
{
	(void)bound;
	return 0;
}

void __wrap_timer_stop(struct event *event);

void __wrap_timer_stop(struct event *event)
{
	for (size_t i = 0; i < TIMERS_MAX; i++)
		if (timers[i].event == event)
			timers[i].event = NULL;
}

void __wrap_timer_start(struct event *event, int64_t ms);

void __wrap_timer_start(struct event *event, int64_t ms)
{
	__wrap_timer_stop(event);
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		if (timers[i].event == NULL) {
			timers[i].event = event;
			timers[i].at = now_ms + (ms > 0 ? ms : 0);
			return;
		}
	}
	fail_msg("too many timers");
}

void __real_event_free(struct event *event);
void __wrap_event_free(struct event *event);

void __wrap_event_free(struct event *event)
{
	__wrap_timer_stop(event);
	__real_event_free(event);
}

/* ---- the network ---- */

static struct {
	int started, cancelled;
	bool open;
	char url[128], ca_file[64];
	char body[1024];
	int64_t started_at;
	int64_t timeout_ms;
	size_t reply_max;
	http_cb *cb;
	void *arg;
} net;

static inline void copy_text(char *to, size_t room, struct str text)
{
	assert_true(text.n < room);
	memcpy(to, text.p, text.n);
	to[text.n] = '\0';
}

struct http_request *__wrap_http_start(struct http *http, const struct http_params *params,
				       http_cb *cb, void *arg);

struct http_request *__wrap_http_start(struct http *http, const struct http_params *params,
				       http_cb *cb, void *arg)
{
	(void)http;
	assert_false(net.open); /* never two at a time */
	net.open = true;
	net.started++;
	net.started_at = now_ms;
	copy_text(net.url, sizeof(net.url), str_of(params->url));
	copy_text(net.ca_file, sizeof(net.ca_file), str_of(params->ca_file));
	copy_text(net.body, sizeof(net.body), params->body);
	net.timeout_ms = params->timeout_ms;
	net.reply_max = params->reply_max;
	net.cb = cb;
	net.arg = arg;
	return (struct http_request *)&net;
}

void __wrap_http_cancel(struct http_request *request);

void __wrap_http_cancel(struct http_request *request)
{
	if (request == NULL)
		return;
	assert_true(net.open);
	net.open = false;
	net.cancelled++;
}

/* ---- fixture ---- */

struct fixture {
	struct event_base *base;
	struct token *token;
	struct account_config account, other;
	struct state *state;
	struct seal *seal;
	int fetched, failed, refused, expiring, skewed, record_refused, changed;
	int64_t expires_in_ms;
	char credential[64], refused_credential[64], what[64], why[256], remedy[512];
	struct token_failure failure; /* the last that was told */
	struct token_failure refusal;
	struct expiry expiry;
	int64_t skew_ms;
	bool free_in_event;
};

static inline void note_text(char *to, size_t room, const char *text)
{
	snprintf(to, room, "%.*s", (int)(room - 1), text);
}

static inline void on_fetched(void *arg, int64_t expires_in_ms, int64_t took_ms,
			      const char *credential)
{
	struct fixture *f = arg;
	f->fetched++;
	f->expires_in_ms = expires_in_ms;
	note_text(f->credential, sizeof(f->credential), credential);
	assert_int_equal(took_ms, now_ms - net.started_at);
	if (f->free_in_event) {
		token_free(f->token);
		f->token = NULL;
	}
}

static inline void on_failed(void *arg, const struct token_failure *failure)
{
	struct fixture *f = arg;
	f->failed++;
	f->failure = *failure;
	if (f->free_in_event) {
		token_free(f->token);
		f->token = NULL;
	}
}

static inline void on_refused(void *arg, const char *credential,
			      const struct token_failure *failure)
{
	struct fixture *f = arg;
	f->refused++;
	f->refusal = *failure;
	note_text(f->refused_credential, sizeof(f->refused_credential), credential);
}

static inline void on_expiring(void *arg, const struct expiry *expiry)
{
	struct fixture *f = arg;
	f->expiring++;
	f->expiry = *expiry;
}

static inline void on_clock_skewed(void *arg, int64_t skew_ms)
{
	struct fixture *f = arg;
	f->skewed++;
	f->skew_ms = skew_ms;
}

static inline void on_record_refused(void *arg, const struct err *why, const char *remedy)
{
	struct fixture *f = arg;
	f->record_refused++;
	note_text(f->why, sizeof(f->why), why->text);
	note_text(f->remedy, sizeof(f->remedy), remedy);
}

static inline void on_changed(void *arg, const char *what)
{
	struct fixture *f = arg;
	f->changed++;
	note_text(f->what, sizeof(f->what), what);
}

static inline void fill(struct account_config *account)
{
	static char name[] = "scanner", mailbox[] = "scanner@contoso.com", empty[] = "";
	static char tenant[] = "contoso.com", id[] = "1111", scope[] = "https://x/.default";
	static char endpoint[] = "https://login.test/contoso.com/oauth2/v2.0/token";
	static char ca[] = "/ca.pem", provider[] = "microsoft365";
	account->provider = provider;
	account->secret_lifetime = INT64_C(180) * 24 * 3600 * 1000;
	account->sign_in_lifetime = INT64_C(90) * 24 * 3600 * 1000;
	account->name = name;
	account->mailbox = mailbox;
	account->host = empty;
	account->tenant = tenant;
	account->client_id = id;
	account->scope = scope;
	account->token_endpoint = endpoint;
	account->ca_file = ca;
	account_secret_set(account, STR("s3cret"));
}

static inline void open_token(struct fixture *f)
{
	const struct token_env env = { .base = f->base, .state = f->state, .seal = f->seal };
	const struct token_events events = {
		.fetched = on_fetched,
		.failed = on_failed,
		.refused = on_refused,
		.expiring = on_expiring,
		.clock_skewed = on_clock_skewed,
		.record_refused = on_record_refused,
		.changed = on_changed,
		.arg = f,
	};
	f->token = token_new(&env, NULL, &f->account, &events);
}

static inline int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	memset(timers, 0, sizeof(timers));
	memset(&net, 0, sizeof(net));
	now_ms = 1000000;
	wall_offset_ms = INT64_C(1795000000) * 1000; /* November 2026 */
	fill(&f->account);
	fill(&f->other);
	f->base = event_base_new();
	open_token(f);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	token_free(f->token);
	assert_false(net.open);
	event_base_free(f->base);
	account_secret_done(&f->account);
	account_secret_done(&f->other);
	free(f);
	return 0;
}

static inline void turn(struct fixture *f)
{
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

/* Lets time pass, timers firing when they are due. */
static inline void pass(struct fixture *f, int64_t ms)
{
	int64_t end = now_ms + ms;
	turn(f);
	for (;;) {
		struct timer *next = NULL;
		for (size_t i = 0; i < TIMERS_MAX; i++)
			if (timers[i].event != NULL && timers[i].at <= end &&
			    (next == NULL || timers[i].at < next->at))
				next = &timers[i];
		if (next == NULL)
			break;
		if (next->at > now_ms)
			now_ms = next->at;
		struct event *event = next->event;
		next->event = NULL;
		event_active(event, EV_TIMEOUT, 0);
		turn(f);
	}
	now_ms = end;
}

static inline void answer(struct fixture *f, const struct http_reply *reply)
{
	assert_true(net.open);
	net.open = false;
	net.cb(net.arg, reply);
	turn(f);
}

static inline void grant(struct fixture *f, const char *token, int life_s)
{
	char body[256];
	snprintf(body, sizeof(body),
		 "{\"token_type\":\"Bearer\",\"expires_in\":%d,\"access_token\":\"%s\"}", life_s,
		 token);
	const struct http_reply reply = { .status = 200,
					  .body = str_of(body),
					  .content_type = STR("application/json"),
					  .retry_after_ms = -1,
					  .date_ms = -1 };
	answer(f, &reply);
}

static inline void refuse(struct fixture *f, long status, const char *body, int64_t retry_after_ms)
{
	const struct http_reply reply = { .status = status,
					  .body = str_of(body),
					  .content_type = STR("application/json"),
					  .retry_after_ms = retry_after_ms,
					  .date_ms = -1 };
	answer(f, &reply);
}

static inline void refuse_network(struct fixture *f)
{
	struct http_reply reply = { .failure = HTTP_FAIL_CONNECT,
				    .retry_after_ms = -1,
				    .date_ms = -1 };
	err_set(&reply.err, "login.test: nobody there");
	answer(f, &reply);
}

static const char wrong_secret[] = "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}";
static const char locked[] = "{\"error\":\"invalid_grant\",\"error_codes\":[50053]}";

/* ---- waiters ---- */

struct waiter {
	int times;
	char token[64]; /* "" for a failure */
	uint32_t generation;
	int64_t good_for_ms;
	struct token_failure failure;
};

static inline void on_token(void *arg, const struct secret *token, uint32_t generation,
			    int64_t good_for_ms, const struct token_failure *failure)
{
	struct waiter *waiter = arg;
	waiter->times++;
	waiter->generation = generation;
	waiter->good_for_ms = good_for_ms;
	waiter->token[0] = '\0';
	assert_int_equal(token == NULL, failure != NULL);
	if (token != NULL)
		copy_text(waiter->token, sizeof(waiter->token), secret_reveal(token));
	else
		waiter->failure = *failure;
}

/* Asks, and gives the loop one turn. */
static inline struct waiter ask(struct fixture *f)
{
	struct waiter waiter = { 0 };
	struct token_wait *wait = token_get(f->token, on_token, &waiter);
	assert_int_equal(waiter.times, 0);
	turn(f);
	if (waiter.times == 0)
		token_cancel(wait);
	return waiter;
}

static inline void expect_token(struct fixture *f, const char *token)
{
	struct waiter waiter = ask(f);
	assert_int_equal(waiter.times, 1);
	assert_string_equal(waiter.token, token);
}

static inline void expect_failure(struct fixture *f, const char *code, int64_t retry_in_ms)
{
	int started = net.started;
	struct waiter waiter = ask(f);
	assert_int_equal(waiter.times, 1);
	assert_string_equal(waiter.token, "");
	assert_string_equal(waiter.failure.code, code);
	assert_int_equal(waiter.failure.retry_in_ms, retry_in_ms);
	assert_int_equal(net.started, started); /* no request is made for a waiter */
}

static inline struct token_status status_of(struct fixture *f)
{
	struct token_status status;
	token_status(f->token, &status);
	return status;
}

static inline void expect_state(struct fixture *f, enum token_state state)
{
	assert_string_equal(token_state_name(token_state_of(f->token)), token_state_name(state));
	assert_int_equal(token_good_for_ms(f->token) > 0, state == TOKEN_VALID);
}

/* A token of an hour, fetched now. */
static inline void begin_valid(struct fixture *f)
{
	token_probe(f->token);
	grant(f, "one", 3600);
	expect_state(f, TOKEN_VALID);
}

#endif
