/* SPDX-License-Identifier: MIT */
#include "cli/login_run.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/line_reader.h"
#include "cli/login_tell.h"
#include "common/resolver.h"
#include "common/worker.h"
#include "config/config.h"
#include "oauth/browser.h"
#include "oauth/credential.h"
#include "oauth/device_code.h"

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

struct run {
	struct cli *cli;
	const struct account_config *account;
	const struct credential_list *added;
	struct event_base *base;
	struct worker *worker;
	struct resolver *resolver;
	struct http *http;
	struct event *signals[ARRAY_LEN(ending_signals)];
	struct line_reader *reader;
	struct device_code *device; /* at most one of these two */
	struct browser *browser;
	struct token_grant *grant;
	struct token_failure *failure;
	bool granted;
	bool interrupted;
	bool ended;
};

static void end(struct run *run)
{
	run->ended = true;
	event_base_loopbreak(run->base);
}

static void fail(struct run *run, const char *code, const char *text, const char *remedy)
{
	*run->failure = (struct token_failure){ .class = TOKEN_FAIL_LOGIN };
	snprintf(run->failure->code, sizeof(run->failure->code), "%s", code);
	err_set(&run->failure->text, "%s", text);
	err_set(&run->failure->remedy, "%s", remedy);
	end(run);
}

/* ---- what the flow tells */

static void on_trouble(void *arg, const struct token_failure *failure)
{
	struct run *run = arg;
	login_tell_trouble(run->cli, failure);
}

static void on_done(void *arg, struct token_grant *grant, const struct token_failure *failure)
{
	static const struct token_grant nothing;
	struct run *run = arg;
	run->device = NULL;
	run->browser = NULL;
	run->granted = grant != NULL;
	if (grant != NULL) {
		*run->grant = *grant;
		*grant = nothing;
	} else {
		*run->failure = *failure;
	}
	end(run);
}

static void on_show(void *arg, const struct device_reply *reply)
{
	struct run *run = arg;
	login_tell_device(run->cli, run->account, reply);
}

static void on_redeeming(void *arg)
{
	struct run *run = arg;
	login_tell_redeeming(run->cli);
}

/* ---- what somebody types */

static void on_line(void *arg, struct str line)
{
	struct run *run = arg;
	if (run->browser == NULL || run->ended)
		return;
	if (line.p == NULL) {
		if (browser_waits(run->browser) && !browser_listens(run->browser))
			fail(run, "no-input", "the input has ended before an address was pasted",
			     "run it on a terminal, or feed it the address as one line");
	} else if (str_trim(line).n != 0) {
		browser_paste(run->browser, line);
	}
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct run *run = arg;
	(void)number;
	(void)what;
	run->interrupted = true;
	fail(run, "interrupted", "interrupted; nothing was changed", "");
}

/* ---- one run */

static void start_device(struct run *run, const struct credential_list *credentials)
{
	const struct device_params params = {
		.base = run->base,
		.http = run->http,
		.worker = run->worker,
		.account = run->account,
		.credentials = credentials,
	};
	const struct device_events events = {
		.show = on_show,
		.trouble = on_trouble,
		.done = on_done,
		.arg = run,
	};
	run->device = device_code_start(&params, &events);
}

static void start_browser(struct run *run, const struct credential_list *credentials)
{
	const struct browser_params params = {
		.base = run->base,
		.http = run->http,
		.worker = run->worker,
		.account = run->account,
		.credentials = credentials,
		.limit_ms = BROWSER_LIMIT_MS,
	};
	const struct browser_events events = {
		.trouble = on_trouble,
		.redeeming = on_redeeming,
		.done = on_done,
		.arg = run,
	};
	struct err err;
	run->browser = browser_start(&params, &events, &err);
	if (run->browser == NULL) {
		fail(run, "browser", err.text, "");
		return;
	}
	/* First: by then nothing that is typed shows any more. */
	run->reader = line_reader_new(run->base, STDIN_FILENO, on_line, run);
	login_tell_browser(run->cli, run->account, run->browser);
}

static void start(struct run *run, bool by_browser)
{
	struct credential_list credentials = { NULL, 0 };
	run->worker = worker_new(run->base, worker_default_limits);
	run->resolver = resolver_new(run->worker, run->base);
	run->http = http_new(run->base, run->resolver);
	for (size_t i = 0; i < ARRAY_LEN(ending_signals); i++) {
		run->signals[i] = evsignal_new(run->base, ending_signals[i], on_signal, run);
		event_add(run->signals[i], NULL);
	}
	credential_list_make(&credentials, run->account, run->added);
	if (by_browser)
		start_browser(run, &credentials);
	else
		start_device(run, &credentials);
	credential_list_done(&credentials);
}

static void finish(struct run *run)
{
	line_reader_free(run->reader);
	device_code_cancel(run->device);
	browser_cancel(run->browser);
	for (size_t i = 0; i < ARRAY_LEN(run->signals); i++)
		event_free(run->signals[i]);
	http_free(run->http);
	resolver_free(run->resolver);
	/* A name server may keep a thread for long; who wants to go does not wait for it. */
	if (run->interrupted && worker_pending(run->worker) != 0)
		return;
	worker_free(run->worker);
	event_base_free(run->base);
}

bool login_run(struct cli *cli, const struct account_config *account,
	       const struct credential_list *added, bool by_browser, struct token_grant *grant,
	       struct token_failure *failure)
{
	struct run run = {
		.cli = cli,
		.account = account,
		.added = added,
		.base = event_base_new(),
		.grant = grant,
		.failure = failure,
	};
	start(&run, by_browser);
	if (!run.ended)
		event_base_loop(run.base, EVLOOP_NO_EXIT_ON_EMPTY);
	finish(&run);
	return run.granted;
}
