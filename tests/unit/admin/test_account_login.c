/* SPDX-License-Identifier: MIT */
/* WRAP: queue_account_count queue_account account_config_of account_token */
/* WRAP: token_sign_in token_cancel_orders token_status */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "admin/account_login.h"
#include "admin/account_order.h"
#include "common/attr.h"
#include "common/json.h"
#include "common/mem.h"
#include "oauth/account_record.h"
#include "oauth/token.h"

/*
 * The route without the queue behind it: the test stands for the account and for its token.
 */
static char name[] = "scanner", client[] = "1111-22", scope[] = "s", endpoint[] = "https://t/",
	    login[] = "scan@contoso.com", none[] = "";
static struct account_config config;
static struct token *const token = (struct token *)&config;

static struct {
	token_order_cb *cb;
	void *arg;
	struct secret access, refresh;
	int64_t life_ms;
	int cancelled;
} given;

struct account;

size_t __wrap_queue_account_count(const struct queue *q)
{
	(void)q;
	return 1;
}

const struct account *__wrap_queue_account(const struct queue *q, size_t i)
{
	(void)q;
	(void)i;
	return (const struct account *)&config;
}

const struct account_config *__wrap_account_config_of(const struct account *account)
{
	(void)account;
	return &config;
}

struct token *__wrap_account_token(const struct account *account)
{
	(void)account;
	return token;
}

void __wrap_token_sign_in(struct token *to, struct token_grant *grant, token_order_cb *cb,
			  void *arg)
{
	static const struct token_grant nothing;
	assert_ptr_equal(to, token);
	given.cb = cb;
	given.arg = arg;
	secret_set(&given.access, secret_reveal(&grant->token));
	secret_set(&given.refresh, secret_reveal(&grant->refresh_token));
	given.life_ms = grant->life_ms;
	token_grant_done(grant);
	*grant = nothing;
}

void __wrap_token_cancel_orders(struct token *to, void *arg)
{
	(void)to;
	assert_ptr_equal(arg, given.arg);
	given.cancelled++;
}

/* As the configuration has one, and commands have added one and one that is not accepted yet. */
void __wrap_token_status(const struct token *of, struct token_status *out)
{
	static struct credential shown[] = {
		{ .kind = CREDENTIAL_SECRET, .added_ms = 1 },
		{ .kind = CREDENTIAL_SECRET },
		{ .kind = CREDENTIAL_CERTIFICATE, .added_ms = 2, .pending = true },
	};
	static const struct credential_list list = { shown, ARRAY_LEN(shown) };
	assert_ptr_equal(of, token);
	*out = (struct token_status){ .credentials = &list };
}

/* ---- requests */

static struct admin_answer late;
static bool answered;

static void on_answer(struct admin_ticket *ticket, struct admin_answer answer)
{
	(void)ticket;
	late = answer;
	answered = true;
}

static struct admin_ticket ticket = { .answer = on_answer };

static struct admin_answer ask(const char *body)
{
	static const struct admin_view view;
	struct err err;
	cJSON *json = json_parse(str_of(body), &err);
	assert_non_null(json);
	const struct admin_request request = {
		.view = &view, .rest = STR("scanner"), .body = json, .ticket = &ticket
	};
	answered = false;
	struct admin_answer answer = account_login(&request);
	cJSON_Delete(json);
	return answer;
}

/* body with a %s for the binding */
static struct admin_answer ask_bound(const char *before, const char *behind)
{
	char binding[65], body[1024];
	account_record_binding(&config, binding);
	snprintf(body, sizeof(body), "%s%s%s", before, binding, behind);
	return ask(body);
}

static void expect(struct admin_answer answer, int status, const char *words)
{
	char *text = cJSON_PrintUnformatted(answer.body);
	assert_int_equal(answer.status, status);
	if (strstr(text, words) == NULL)
		fail_msg("%s", text);
	free(text);
	cJSON_Delete(answer.body);
}

#define TOKEN                                                                              \
	"\"token_type\":\"Bearer\",\"access_token\":\"abc.def\",\"refresh_token\":\"r1\"," \
	"\"expires_in\":600"

static int setup(void **state)
{
	(void)state;
	config = (struct account_config){
		.name = name,
		.client_id = client,
		.scope = scope,
		.token_endpoint = endpoint,
		.login = login,
		.identity_endpoint = none,
		.grant = GRANT_DELEGATED,
	};
	memset(&given, 0, sizeof(given));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	secret_done(&given.access);
	secret_done(&given.refresh);
	return 0;
}

static void test_taken(void **state)
{
	(void)state;
	struct admin_answer answer = ask_bound("{\"binding\":\"", "\"," TOKEN "}");
	assert_int_equal(answer.status, 0); /* not before it is durable */
	assert_false(answered);
	assert_true(str_eq(secret_reveal(&given.access), STR("abc.def")));
	assert_true(str_eq(secret_reveal(&given.refresh), STR("r1")));
	assert_int_equal(given.life_ms, 600000);
	given.cb(given.arg, NULL);
	assert_true(answered);
	expect(late, 200, "\"account\":\"scanner\"");
}

static void test_not_stored(void **state)
{
	struct token_failure failure = { .class = TOKEN_FAIL_TRANSIENT, .code = "not-stored" };
	(void)state;
	err_set(&failure.text, "no room on the disk");
	ask("{" TOKEN "}");
	given.cb(given.arg, &failure);
	expect(late, 200, "no room on the disk");
	snprintf(failure.code, sizeof(failure.code), "gone");
	ask("{" TOKEN "}");
	given.cb(given.arg, &failure);
	expect(late, 503, "no room on the disk");
}

static void test_client_leaves(void **state)
{
	(void)state;
	ask("{" TOKEN "}");
	ticket.gone(ticket.arg);
	assert_int_equal(given.cancelled, 1);
}

static void test_only_asks(void **state)
{
	(void)state;
	expect(ask_bound("{\"binding\":\"", "\"}"), 200, "\"ready\":true");
	expect(ask_bound("{\"binding\":\"", "\"}"), 200, "\"added_credentials\":1");
	assert_null(given.cb);
}

static void test_other_configuration(void **state)
{
	(void)state;
	expect(ask("{\"binding\":\"0000\"," TOKEN "}"), 409, "reload first");
	expect(ask("{\"binding\":7," TOKEN "}"), 409, "reload first");
	config.grant = GRANT_CLIENT_CREDENTIALS;
	expect(ask("{" TOKEN "}"), 409, "reload first");
	assert_null(given.cb);
}

static void test_bad_bodies(void **state)
{
	static const char *const bodies[] = {
		"{\"access_token\":\"a\"}",
		"{\"access_token\":7,\"token_type\":\"Bearer\"}",
		"{\"access_token\":\"a\\u0001b\",\"token_type\":\"Bearer\"}",
		"{\"access_token\":\"\",\"token_type\":\"Bearer\"}",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		expect(ask(bodies[i]), 400, "the body cannot be used");
	assert_null(given.cb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_asks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_bodies, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
