/* SPDX-License-Identifier: MIT */
#include "oauth/device_code.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/timer.h"
#include "config/config.h"
#include "oauth/token_attempt.h"
#include "oauth/token_request.h"

enum {
	REQUEST_TIMEOUT_MS = 30 * 1000,
	REPLY_MAX = 64 * 1024,
};

/* At most one of request, attempt and the timer is there at any time. */
struct device_code {
	struct device_params params;
	struct device_events events;
	struct credential_list credentials;
	struct device_reply reply;
	struct device_pace pace;
	int64_t ends_at;
	struct http_request *request;
	struct token_attempt *attempt;
	struct event *timer;
};

static void free_flow(struct device_code *flow)
{
	event_free(flow->timer);
	credential_list_done(&flow->credentials);
	device_reply_done(&flow->reply);
	free(flow);
}

static void finish(struct device_code *flow, struct token_grant *grant,
		   const struct token_failure *failure)
{
	const struct device_events events = flow->events;
	free_flow(flow);
	events.done(events.arg, grant, failure);
}

static void finish_expired(struct device_code *flow)
{
	struct token_failure failure = { .class = TOKEN_FAIL_LOGIN };
	snprintf(failure.code, sizeof(failure.code), "expired_token");
	err_set(&failure.text, "nobody has entered the code and signed in before it expired");
	err_set(&failure.remedy, "start again for a new code");
	finish(flow, NULL, &failure);
}

/* ---- polling */

static void on_refused(void *arg, size_t credential, const struct token_failure *failure)
{
	struct device_code *flow = arg;
	(void)credential;
	flow->events.trouble(flow->events.arg, failure);
}

static void on_polled(void *arg, struct token_grant *grant, size_t credential,
		      const struct token_failure *failure, int64_t took_ms, int64_t server_date_ms)
{
	struct device_code *flow = arg;
	(void)credential;
	(void)took_ms;
	(void)server_date_ms;
	flow->attempt = NULL;
	if (grant != NULL) {
		finish(flow, grant, NULL);
		return;
	}
	int64_t wait = device_pace_next(&flow->pace, failure);
	int64_t left = flow->ends_at - clock_mono_ms();
	if (wait < 0) {
		finish(flow, NULL, failure);
		return;
	}
	if (failure->class == TOKEN_FAIL_TRANSIENT)
		flow->events.trouble(flow->events.arg, failure);
	/* A last poll at the very end: somebody may have been slow to sign in. */
	timer_start(flow->timer, wait < left ? wait : left);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct device_code *flow = arg;
	const struct attempt_events events = {
		.refused = on_refused,
		.done = on_polled,
		.arg = flow,
	};
	const struct attempt_sign_in sign_in = {
		.kind = REQUEST_DEVICE_POLL,
		.value = secret_reveal(&flow->reply.device_code),
	};
	const struct attempt_params params = {
		.http = flow->params.http,
		.worker = flow->params.worker,
		.account = flow->params.account,
		.credentials = &flow->credentials,
		.sign_in = &sign_in,
	};
	(void)fd;
	(void)what;
	if (clock_mono_ms() >= flow->ends_at) {
		finish_expired(flow);
		return;
	}
	flow->attempt = token_attempt_start(&params, &events);
}

/* ---- the code */

static void on_reply(void *arg, const struct http_reply *reply)
{
	struct device_code *flow = arg;
	struct token_failure failure;
	flow->request = NULL;
	if (!device_reply_read(reply, flow->params.account, &flow->reply, &failure)) {
		finish(flow, NULL, &failure);
		return;
	}
	flow->ends_at = clock_mono_ms() + flow->reply.life_ms;
	flow->pace.interval_ms = flow->reply.interval_ms;
	timer_start(flow->timer, flow->pace.interval_ms);
	flow->events.show(flow->events.arg, &flow->reply);
}

static void ask(struct device_code *flow)
{
	const struct account_config *account = flow->params.account;
	const struct token_request request = { .kind = REQUEST_DEVICE_CODE, .account = account };
	struct secret body = { 0 };
	token_request_body(&request, &body);
	const char *proxy = account->proxy.tokens;
	const struct http_params params = {
		.url = account->device_endpoint,
		.ca_file = account->ca_file,
		.body = secret_reveal(&body),
		.content_type = TOKEN_REQUEST_CONTENT_TYPE,
		.proxy = proxy != NULL && strcmp(proxy, "none") != 0 ? proxy : NULL,
		.proxy_password = secret_reveal(&account->proxy.password),
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.reply_max = REPLY_MAX,
	};
	flow->request = http_start(flow->params.http, &params, on_reply, flow);
	secret_done(&body);
}

struct device_code *device_code_start(const struct device_params *params,
				      const struct device_events *events)
{
	struct device_code *flow = mem_zalloc(sizeof(*flow));
	flow->params = *params;
	flow->events = *events;
	credential_list_copy(&flow->credentials, params->credentials);
	flow->params.credentials = NULL;
	flow->timer = event_new(params->base, -1, 0, on_timer, flow);
	ask(flow);
	return flow;
}

void device_code_cancel(struct device_code *flow)
{
	if (flow == NULL)
		return;
	http_cancel(flow->request);
	token_attempt_cancel(flow->attempt);
	free_flow(flow);
}
