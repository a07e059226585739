/* SPDX-License-Identifier: MIT */
#include "oauth/browser.h"

#include <event2/event.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/timer.h"
#include "config/config.h"
#include "oauth/auth_code.h"
#include "oauth/loopback.h"
#include "oauth/token_attempt.h"
#include "oauth/token_request.h"

enum {
	URL_MAX = 32 * 1024,
	/* Any page in any browser here, and any user, can send answers: the address to go to must
	 * not be pushed off the screen by what is told of them. */
	FOREIGN_TOLD_MAX = 5,
};

enum stage {
	WAITING,   /* for an answer */
	ANSWERED,  /* with a code or a refusal; on the next turn it is acted upon */
	REDEEMING, /* the attempt is there */
};

struct browser {
	struct browser_params params;
	struct browser_events events;
	struct credential_list credentials;
	struct auth_code code;
	struct loopback *loopback;
	char *url;
	enum stage stage;
	unsigned foreign_told;
	struct secret value;	      /* ANSWERED: the code; empty: refused, for the next reason */
	struct token_failure refusal; /* ANSWERED */
	struct token_attempt *attempt;
	struct event *timer; /* WAITING: the limit; ANSWERED: the next turn */
};

static void free_browser(struct browser *browser)
{
	loopback_free(browser->loopback);
	if (browser->timer != NULL)
		event_free(browser->timer);
	credential_list_done(&browser->credentials);
	auth_code_done(&browser->code);
	secret_done(&browser->value);
	free(browser->url);
	free(browser);
}

static void finish(struct browser *browser, struct token_grant *grant,
		   const struct token_failure *failure)
{
	const struct browser_events events = browser->events;
	free_browser(browser);
	events.done(events.arg, grant, failure);
}

static void finish_late(struct browser *browser)
{
	struct token_failure failure = { .class = TOKEN_FAIL_LOGIN };
	snprintf(failure.code, sizeof(failure.code), "no-answer");
	err_set(&failure.text, "nobody has signed in within %lld minutes",
		(long long)(browser->params.limit_ms / 60000));
	err_set(&failure.remedy, "start again for a new address");
	finish(browser, NULL, &failure);
}

/* ---- redeeming */

static void on_refused(void *arg, size_t credential, const struct token_failure *failure)
{
	struct browser *browser = arg;
	(void)credential;
	browser->events.trouble(browser->events.arg, failure);
}

static void on_redeemed(void *arg, struct token_grant *grant, size_t credential,
			const struct token_failure *failure, int64_t took_ms,
			int64_t server_date_ms)
{
	struct browser *browser = arg;
	(void)credential;
	(void)took_ms;
	(void)server_date_ms;
	browser->attempt = NULL;
	finish(browser, grant, failure);
}

static void redeem(struct browser *browser)
{
	const struct attempt_sign_in sign_in = {
		.kind = REQUEST_CODE,
		.value = secret_reveal(&browser->value),
		.redirect_uri = browser->code.redirect_uri,
		.verifier = secret_reveal(&browser->code.verifier),
	};
	const struct attempt_params params = {
		.http = browser->params.http,
		.worker = browser->params.worker,
		.account = browser->params.account,
		.credentials = &browser->credentials,
		.sign_in = &sign_in,
	};
	const struct attempt_events events = {
		.refused = on_refused,
		.done = on_redeemed,
		.arg = browser,
	};
	browser->stage = REDEEMING;
	/* Who reloads the page now hears that nobody is there, which is right. */
	loopback_free(browser->loopback);
	browser->loopback = NULL;
	browser->attempt = token_attempt_start(&params, &events);
	browser->events.redeeming(browser->events.arg);
}

/* ---- answers */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct browser *browser = arg;
	const struct token_failure refusal = browser->refusal; /* outlives it */
	(void)fd;
	(void)what;
	if (browser->stage == WAITING)
		finish_late(browser);
	else if (browser->value.n == 0)
		finish(browser, NULL, &refusal);
	else
		redeem(browser);
}

/* What follows comes on the next turn: the listener is in use during this one. */
static enum auth_code_verdict take(struct browser *browser, enum auth_code_verdict verdict,
				   const struct token_failure *failure)
{
	if (verdict == AUTH_CODE_FOREIGN) {
		if (browser->foreign_told++ < FOREIGN_TOLD_MAX)
			browser->events.trouble(browser->events.arg, failure);
		return verdict;
	}
	if (verdict == AUTH_CODE_REFUSED)
		browser->refusal = *failure;
	browser->stage = ANSWERED;
	timer_start(browser->timer, 0);
	return verdict;
}

static enum loopback_page on_query(void *arg, struct str query)
{
	struct browser *browser = arg;
	struct token_failure failure;
	if (browser->stage != WAITING)
		return LOOPBACK_FOREIGN;
	switch (take(browser,
		     auth_code_read(&browser->code, query, browser->params.account, &browser->value,
				    &failure),
		     &failure)) {
	case AUTH_CODE_TAKEN:
		return LOOPBACK_TAKEN;
	case AUTH_CODE_REFUSED:
		return LOOPBACK_REFUSED;
	case AUTH_CODE_FOREIGN:
		break;
	}
	return LOOPBACK_FOREIGN;
}

void browser_paste(struct browser *browser, struct str line)
{
	struct token_failure failure;
	if (browser->stage != WAITING)
		return;
	browser->foreign_told = 0; /* whoever pastes is there, and shall hear of it */
	(void)take(browser,
		   auth_code_read_line(&browser->code, line, browser->params.account,
				       &browser->value, &failure),
		   &failure);
}

/* ---- starting */

/* A redirect_uri that leads to this machine says port and path: "http://localhost:8400/callback".
 * False: it leads elsewhere. */
static bool is_local(const char *uri, unsigned *port, const char **path)
{
	static const char *const hosts[] = { "http://localhost:", "http://127.0.0.1:" };
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct str rest = str_of(uri);
		uint64_t number;
		size_t n = 0;
		if (!str_istarts(rest, str_of(hosts[i])))
			continue;
		rest = str_skip(rest, strlen(hosts[i]));
		while (n < rest.n && ascii_is_digit(rest.p[n]))
			n++;
		if (!str_to_u64(str_head(rest, n), UINT16_MAX, &number) || number == 0 ||
		    (n < rest.n && rest.p[n] != '/'))
			return false;
		*port = (unsigned)number;
		*path = n < rest.n ? rest.p + n : "/";
		return str_chr(str_of(*path), '?') < 0;
	}
	return false;
}

/* The caller frees; NULL with err. */
static char *choose_redirect(struct browser *browser, struct err *err)
{
	const char *configured = browser->params.account->redirect_uri;
	struct loopback_params params = { .path = "/", .cb = on_query, .arg = browser };
	bool wanted = configured[0] == '\0' || is_local(configured, &params.port, &params.path);
	char uri[64];
	if (!wanted)
		return mem_strdup(configured);
	browser->loopback = loopback_new(browser->params.base, &params, err);
	if (browser->loopback == NULL) {
		err_prefix(err, "the browser's answer cannot be listened for");
		return NULL;
	}
	/* Microsoft takes any port where http://localhost is registered, and Google any at all. */
	snprintf(uri, sizeof(uri), "http://localhost:%u", loopback_port(browser->loopback));
	return mem_strdup(configured[0] != '\0' ? configured : uri);
}

static bool start(struct browser *browser, struct err *err)
{
	unsigned char entropy[AUTH_CODE_ENTROPY];
	struct strbuf url;
	char *redirect_uri = choose_redirect(browser, err);
	if (redirect_uri == NULL)
		return false;
	bool ok = RAND_bytes(entropy, sizeof(entropy)) == 1 ||
		  err_set(err, "OpenSSL gives no random bytes");
	if (ok) {
		auth_code_init(&browser->code, browser->params.account->name, redirect_uri,
			       entropy);
		strbuf_init(&url, URL_MAX);
		auth_code_url(&browser->code, browser->params.account, &url);
		browser->url = strbuf_steal(&url);
	}
	secret_wipe(entropy, sizeof(entropy));
	free(redirect_uri);
	return ok;
}

struct browser *browser_start(const struct browser_params *params,
			      const struct browser_events *events, struct err *err)
{
	struct browser *browser = mem_zalloc(sizeof(*browser));
	browser->params = *params;
	browser->events = *events;
	credential_list_copy(&browser->credentials, params->credentials);
	browser->params.credentials = NULL;
	browser->timer = event_new(params->base, -1, 0, on_timer, browser);
	if (!start(browser, err)) {
		free_browser(browser);
		return NULL;
	}
	timer_start(browser->timer, params->limit_ms);
	return browser;
}

void browser_cancel(struct browser *browser)
{
	if (browser == NULL)
		return;
	token_attempt_cancel(browser->attempt);
	free_browser(browser);
}

const char *browser_url(const struct browser *browser)
{
	return browser->url;
}

const char *browser_redirect_uri(const struct browser *browser)
{
	return browser->code.redirect_uri;
}

bool browser_waits(const struct browser *browser)
{
	return browser->stage == WAITING;
}

bool browser_listens(const struct browser *browser)
{
	return browser->loopback != NULL;
}
