/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_ACCOUNT_ORDER_WORLD_H
#define OAUTHRELAY_TESTS_ACCOUNT_ORDER_WORLD_H

#include "tests/unit/admin/admin_world.h"

#include <errno.h>
#include <stdio.h>

#include "admin/ticket.h"
#include "oauth/own_certificate.h"
#include "oauth/token.h"

/*
 * Orders to an account's token, which is the test's, as is the making of certificates. A test that
 * includes this wraps what is wrapped here.
 */

static const char canary[] = "new~Q.canary-of-a-client-secret";
/* `openssl req -x509 -newkey rsa:1024`: for its thumbprints alone. */
static char certificate_pem[] = "-----BEGIN CERTIFICATE-----\n"
				"MIIB9DCCAV2gAwIBAgIUXgJjKBtWyJEvwJ3aDfkXN+Mb6gkwDQYJKoZIhvcNAQEL\n"
				"BQAwDDEKMAgGA1UEAwwBdDAeFw0yNjExMjIxOTM3NThaFw0zNjExMTkxOTM3NTha\n"
				"MAwxCjAIBgNVBAMMAXQwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAKTcZNmp\n"
				"M8ot2waoO3tPSh6xhgDHdViv3xp4lzNEo31GYAEFmcxlGjiaEBbzSy2/hzjLvPR+\n"
				"bhXEsRCdFrrOln139iw6ZzeB26ivrBb2mV695E/6MgwUB5HGuMy3iNTcX0hxwkBV\n"
				"CqFIXfKj1G6NUGfdwU3WalCDD18/1CLGqZLbAgMBAAGjUzBRMB0GA1UdDgQWBBTp\n"
				"m0E0C+QN40pG3z8gJgZKdA84wTAfBgNVHSMEGDAWgBTpm0E0C+QN40pG3z8gJgZK\n"
				"dA84wTAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4GBAEPPJzJHrQxR\n"
				"aq94vB5i005lwIkJLg0QGfjoUxSmzJHLpMVRiVBvO6BgqltEvAICihvb0HsXTBmP\n"
				"3qnywUGa1eaReuG1fOFSbfJ2RHQmXTT2UctH9ftgWqRG+gDl6rcl33bcvEfkDrnv\n"
				"iFVVZHrIswMvaYAEJbQW1n4bg01iFpiO\n"
				"-----END CERTIFICATE-----\n";

static struct token_status status;
static struct credential shown[3];
static struct credential_list list = { shown, 0 };
static bool refused[3];

void __wrap_token_status(const struct token *token, struct token_status *out);

void __wrap_token_status(const struct token *token, struct token_status *out)
{
	assert_non_null(token);
	*out = status;
}

/* The order that is under way. */
static struct {
	const char *what;
	struct credential credential;
	token_order_cb *cb;
	void *arg;
	bool cancelled;
} ordered;

static void order(const char *what, token_order_cb *cb, void *arg)
{
	assert_null(ordered.what);
	ordered.what = what;
	ordered.cb = cb;
	ordered.arg = arg;
}

void __wrap_token_add_credential(struct token *token, struct credential *credential,
				 token_order_cb *cb, void *arg);

void __wrap_token_add_credential(struct token *token, struct credential *credential,
				 token_order_cb *cb, void *arg)
{
	assert_non_null(token);
	ordered.credential = *credential;
	*credential = (struct credential){ 0 };
	order("add", cb, arg);
}

void __wrap_token_forget_added(struct token *token, token_order_cb *cb, void *arg);

void __wrap_token_forget_added(struct token *token, token_order_cb *cb, void *arg)
{
	assert_non_null(token);
	order("forget", cb, arg);
}

void __wrap_token_try_pending(struct token *token, token_order_cb *cb, void *arg);

void __wrap_token_try_pending(struct token *token, token_order_cb *cb, void *arg)
{
	assert_non_null(token);
	order("try", cb, arg);
}

void __wrap_token_cancel_orders(struct token *token, void *arg);

void __wrap_token_cancel_orders(struct token *token, void *arg)
{
	assert_non_null(token);
	assert_true(ordered.arg == NULL || ordered.arg == arg);
	ordered.cancelled = true;
}

static struct {
	own_certificate_cb *cb;
	void *arg;
	bool cancelled;
} making;

struct own_certificate *__wrap_own_certificate_start(struct worker *worker, const char *name,
						     own_certificate_cb *cb, void *arg);

struct own_certificate *__wrap_own_certificate_start(struct worker *worker, const char *name,
						     own_certificate_cb *cb, void *arg)
{
	(void)worker;
	assert_string_equal(name, "scanner");
	making.cb = cb;
	making.arg = arg;
	return (struct own_certificate *)&making;
}

void __wrap_own_certificate_cancel(struct own_certificate *own);

void __wrap_own_certificate_cancel(struct own_certificate *own)
{
	making.cancelled = own != NULL;
}

/* ---- one request */

static struct admin_ticket ticket;
static struct admin_answer late;
static bool answered;

static void on_answer(struct admin_ticket *t, struct admin_answer answer)
{
	assert_ptr_equal(t, &ticket);
	assert_false(answered);
	answered = true;
	late = answer;
}

static struct token *const some_token = (struct token *)&status;
static struct account_config *changed;

static int begin(void **state)
{
	if (set_up(state) != 0)
		return -1;
	memset(&ordered, 0, sizeof(ordered));
	memset(&making, 0, sizeof(making));
	memset(shown, 0, sizeof(shown));
	memset(refused, 0, sizeof(refused));
	status = (struct token_status){
		.serving = "", .credentials = &list, .refused = refused, .state = TOKEN_VALID
	};
	list.n = 1;
	shown[0] = (struct credential){ .kind = CREDENTIAL_SECRET, .label = "client secret" };
	account.token = some_token;
	ticket = (struct admin_ticket){ .answer = on_answer };
	answered = false;
	/* The configuration is shared for reading; a test owns this one. */
	changed = &config->accounts[0];
	return 0;
}

static inline struct admin_answer post(const char *path, const char *body)
{
	char line[128];
	snprintf(line, sizeof(line), "POST /v1/accounts/%s", path);
	return ask_with_ticket(line, body, &ticket);
}

static inline void expect_refused(const char *path, const char *body, int want, const char *words)
{
	struct admin_answer answer = post(path, body);
	assert_int_equal(answer.status, want);
	if (strstr(text(answer.body, "error"), words) == NULL)
		fail_msg("%s", text(answer.body, "error"));
	assert_null(strstr(text(answer.body, "error"), canary));
	assert_null(ordered.what);
	assert_null(making.cb);
	cJSON_Delete(answer.body);
}

/* It ends in 31 days. */
static inline struct credential certificate(bool is_pending)
{
	struct credential c = { .kind = CREDENTIAL_CERTIFICATE,
				.label = "certificate added 2026-11-22",
				.certificate_pem = certificate_pem,
				.added_ms = clock_wall_ms(),
				.ends_ms = clock_wall_ms() + INT64_C(31) * 24 * 3600 * 1000,
				.pending = is_pending };
	return c;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, tear_down)

#endif
