/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_SIGN_IN_WORLD_H
#define OAUTHRELAY_TESTS_SIGN_IN_WORLD_H

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
#include "config/config.h"
#include "oauth/credential.h"
#include "oauth/token_failure.h"
#include "oauth/token_grant.h"

/*
 * A sign-in whose clock, only timer and network are the test's: time passes by pass(), a request
 * is answered by reply(). For one test program: everything is static.
 */
static int64_t now_ms;
static struct event *timer_event;
static int64_t timer_at;

int64_t __wrap_clock_mono_ms(void);
void __wrap_timer_start(struct event *event, int64_t ms);
void __wrap_timer_stop(struct event *event);

int64_t __wrap_clock_mono_ms(void)
{
	return now_ms;
}

void __wrap_timer_start(struct event *event, int64_t ms)
{
	timer_event = event;
	timer_at = now_ms + (ms > 0 ? ms : 0);
}

void __wrap_timer_stop(struct event *event)
{
	(void)event;
	timer_event = NULL;
}

/* ---- the network ---- */

static struct {
	int started, cancelled;
	bool open;
	char url[256];
	char body[2048];
	http_cb *cb;
	void *arg;
} net;

struct http_request *__wrap_http_start(struct http *http, const struct http_params *params,
				       http_cb *cb, void *arg);
void __wrap_http_cancel(struct http_request *request);

struct http_request *__wrap_http_start(struct http *http, const struct http_params *params,
				       http_cb *cb, void *arg)
{
	(void)http;
	assert_false(net.open); /* never two at a time */
	net.open = true;
	net.started++;
	snprintf(net.url, sizeof(net.url), "%s", params->url);
	assert_true(params->body.n < sizeof(net.body));
	memcpy(net.body, params->body.p, params->body.n);
	net.body[params->body.n] = '\0';
	net.cb = cb;
	net.arg = arg;
	return (struct http_request *)&net;
}

void __wrap_http_cancel(struct http_request *request)
{
	if (request == NULL)
		return;
	net.open = false;
	net.cancelled++;
}

/* ---- one sign-in ---- */

struct world {
	struct event_base *base;
	struct account_config account;
	struct credential credential;
	struct credential_list credentials;
	/* what was told */
	int shown, troubles, dones, redeemings;
	struct token_failure trouble, failure;
	bool granted;
	char token[64];
};

static char world_name[] = "scanner", world_client[] = "1111-22", world_none[] = "",
	    world_scope[] = "https://x/SMTP.Send offline_access", world_tenant[] = "contoso.com",
	    world_mailbox[] = "scan@contoso.com", world_provider[] = "microsoft365",
	    world_token[] = "https://login.test/token",
	    world_device[] = "https://login.test/device",
	    world_authorize[] = "https://login.test/authorize";

static inline int world_setup(void **state)
{
	static struct world w;
	w = (struct world){ .base = event_base_new() };
	memset(&net, 0, sizeof(net));
	now_ms = 1000000;
	timer_event = NULL;
	w.account = (struct account_config){
		.name = world_name,
		.provider = world_provider,
		.mailbox = world_mailbox,
		.login = world_mailbox,
		.tenant = world_tenant,
		.client_id = world_client,
		.scope = world_scope,
		.host = world_none,
		.ca_file = world_none,
		.grant = GRANT_DELEGATED,
		.redirect_uri = world_none,
		.token_endpoint = world_token,
		.device_endpoint = world_device,
		.authorization_endpoint = world_authorize,
		.proxy = { .tokens = world_none },
	};
	w.credentials = (struct credential_list){ &w.credential, 1 };
	*state = &w;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;
	assert_false(net.open);
	event_base_free(w->base);
	return 0;
}

static inline void turn(const struct world *w)
{
	event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static inline void pass(const struct world *w, int64_t ms)
{
	now_ms += ms;
	if (timer_event != NULL && now_ms >= timer_at) {
		struct event *event = timer_event;
		timer_event = NULL;
		event_active(event, EV_TIMEOUT, 0);
	}
	turn(w);
}

static inline void reply_with(const struct http_reply *reply)
{
	assert_true(net.open);
	net.open = false;
	net.cb(net.arg, reply);
}

static inline void reply(long status, const char *body)
{
	const struct http_reply r = {
		.status = status, .body = str_of(body), .retry_after_ms = -1, .date_ms = -1
	};
	reply_with(&r);
}

static inline void reply_nothing(void)
{
	struct http_reply r = { .failure = HTTP_FAIL_CONNECT, .retry_after_ms = -1, .date_ms = -1 };
	err_set(&r.err, "connection refused");
	reply_with(&r);
}

static inline void on_trouble(void *arg, const struct token_failure *failure)
{
	struct world *w = arg;
	w->troubles++;
	w->trouble = *failure;
}

static inline void on_done(void *arg, struct token_grant *grant,
			   const struct token_failure *failure)
{
	struct world *w = arg;
	w->dones++;
	w->granted = grant != NULL;
	if (grant != NULL)
		snprintf(w->token, sizeof(w->token), "%s", grant->token.p);
	else
		w->failure = *failure;
}

#define GRANTED                                                                        \
	"{\"access_token\":\"abc.def\",\"token_type\":\"Bearer\",\"expires_in\":3600," \
	"\"refresh_token\":\"r1\"}"

#endif
