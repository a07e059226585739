/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms assertion_start assertion_cancel */
/* WRAP: managed_identity_start managed_identity_cancel */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/mem.h"
#include "oauth/assertion.h"
#include "oauth/managed_identity.h"
#include "oauth/token_attempt.h"

/* Network, signing and clock are the test's. */
static struct {
	int requests, assertions, identities;
	int cancelled;
	bool open; /* one of them is under way */
	http_cb *reply;
	assertion_cb *sign;
	void *arg;
	char body[1024];
	char audience[128];
	char proxy[64];
	int64_t now_ms;
} world;

int64_t __wrap_clock_mono_ms(void);
struct http_request *__wrap_http_start(struct http *http, const struct http_params *params,
				       http_cb *cb, void *arg);
void __wrap_http_cancel(struct http_request *request);
struct assertion *__wrap_assertion_start(struct worker *worker, const struct credential *credential,
					 const char *client_id, const char *audience,
					 assertion_cb *cb, void *arg);
void __wrap_assertion_cancel(struct assertion *assertion);
struct managed_identity *__wrap_managed_identity_start(struct http *http, struct worker *worker,
						       const struct account_config *account,
						       http_cb *cb, void *arg);
void __wrap_managed_identity_cancel(struct managed_identity *identity);

int64_t __wrap_clock_mono_ms(void)
{
	return world.now_ms;
}

static void begin(http_cb *reply, assertion_cb *sign, void *arg)
{
	assert_false(world.open);
	world.open = true;
	world.reply = reply;
	world.sign = sign;
	world.arg = arg;
}

static void cancel(const void *handle)
{
	if (handle == NULL)
		return;
	assert_true(world.open);
	world.open = false;
	world.cancelled++;
}

struct http_request *__wrap_http_start(struct http *http, const struct http_params *params,
				       http_cb *cb, void *arg)
{
	(void)http;
	assert_true(params->body.n < sizeof(world.body));
	memcpy(world.body, params->body.p, params->body.n);
	world.body[params->body.n] = '\0';
	snprintf(world.proxy, sizeof(world.proxy), "%s",
		 params->proxy != NULL ? params->proxy : "");
	world.requests++;
	begin(cb, NULL, arg);
	return (struct http_request *)&world;
}

void __wrap_http_cancel(struct http_request *request)
{
	cancel(request);
}

struct assertion *__wrap_assertion_start(struct worker *worker, const struct credential *credential,
					 const char *client_id, const char *audience,
					 assertion_cb *cb, void *arg)
{
	(void)worker;
	assert_true(credential->kind == CREDENTIAL_CERTIFICATE ||
		    credential->kind == CREDENTIAL_FEDERATED);
	assert_string_equal(client_id, "1111");
	snprintf(world.audience, sizeof(world.audience), "%s", audience);
	world.assertions++;
	begin(NULL, cb, arg);
	return (struct assertion *)&world;
}

void __wrap_assertion_cancel(struct assertion *assertion)
{
	cancel(assertion);
}

struct managed_identity *__wrap_managed_identity_start(struct http *http, struct worker *worker,
						       const struct account_config *account,
						       http_cb *cb, void *arg)
{
	(void)http;
	(void)worker;
	(void)account;
	world.identities++;
	begin(cb, NULL, arg);
	return (struct managed_identity *)&world;
}

void __wrap_managed_identity_cancel(struct managed_identity *identity)
{
	cancel(identity);
}

/* ---- fixture ---- */

struct fixture {
	struct account_config account;
	struct credential_list list;
	struct token_attempt *attempt;
	int refused, done;
	size_t refused_credential, credential;
	bool granted;
	char token[64], refresh_token[64];
	struct token_failure refusal, failure;
	int64_t took_ms, date_ms;
};

static void on_refused(void *arg, size_t credential, const struct token_failure *failure)
{
	struct fixture *f = arg;
	f->refused++;
	f->refused_credential = credential;
	f->refusal = *failure;
}

static void on_done(void *arg, struct token_grant *grant, size_t credential,
		    const struct token_failure *failure, int64_t took_ms, int64_t server_date_ms)
{
	struct fixture *f = arg;
	assert_int_equal(grant == NULL, failure != NULL);
	assert_false(world.open);
	f->attempt = NULL;
	f->done++;
	f->credential = credential;
	f->granted = grant != NULL;
	if (grant != NULL) {
		snprintf(f->token, sizeof(f->token), "%s", grant->token.p);
		snprintf(f->refresh_token, sizeof(f->refresh_token), "%s",
			 grant->refresh_token.n != 0 ? grant->refresh_token.p : "");
	} else {
		f->failure = *failure;
	}
	f->took_ms = took_ms;
	f->date_ms = server_date_ms;
}

static void add_credential(struct fixture *f, enum credential_kind kind, const char *secret)
{
	struct credential credential = { .kind = kind };
	snprintf(credential.label, sizeof(credential.label), "credential %zu", f->list.n + 1);
	secret_set(&credential.secret, str_of(secret));
	credential_list_insert(&f->list, f->list.n, &credential);
}

static int setup(void **state)
{
	static char id[] = "1111", scope[] = "s", endpoint[] = "https://login.test/token",
		    no[] = "";
	static char name[] = "scanner", provider[] = "microsoft365";
	struct fixture *f = mem_zalloc(sizeof(*f));
	memset(&world, 0, sizeof(world));
	world.now_ms = 5000;
	f->account.name = name;
	f->account.provider = provider;
	f->account.mailbox = no;
	f->account.tenant = no;
	f->account.host = no;
	f->account.client_id = id;
	f->account.scope = scope;
	f->account.token_endpoint = endpoint;
	f->account.ca_file = no;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	token_attempt_cancel(f->attempt);
	credential_list_done(&f->list);
	free(f);
	return 0;
}

static void start(struct fixture *f, size_t first, const char *refresh_token)
{
	const struct attempt_params params = {
		.account = &f->account,
		.credentials = &f->list,
		.first = first,
		.refresh_token = str_of(refresh_token),
	};
	const struct attempt_events events = { on_refused, on_done, f };
	f->attempt = token_attempt_start(&params, &events);
	assert_int_equal(f->done, 0); /* never from inside the call */
	assert_true(world.open);
}

static void reply(long status, const char *body)
{
	const struct http_reply answer = { .status = status,
					   .body = str_of(body),
					   .content_type = STR("application/json"),
					   .retry_after_ms = -1,
					   .date_ms = 77 };
	assert_true(world.open);
	world.open = false;
	world.reply(world.arg, &answer);
}

static void sign(const char *value, int code)
{
	struct secret assertion = { 0 };
	struct err err;
	err_set(&err, "/run/assertion: it happened");
	err.code = code;
	if (value != NULL)
		secret_set(&assertion, str_of(value));
	world.open = false;
	world.sign(world.arg, value != NULL ? &assertion : NULL, value != NULL ? NULL : &err);
	secret_done(&assertion);
}

static const char wrong[] = "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}";
static const char ended[] = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}";
static const char good[] =
	"{\"token_type\":\"Bearer\",\"access_token\":\"a.b\",\"refresh_token\":\"new\"}";

/* ---- tests ---- */

static void test_one_secret(void **state)
{
	struct fixture *f = *state;
	static char proxy[] = "http://proxy.test:3128";
	f->account.proxy.tokens = proxy;
	add_credential(f, CREDENTIAL_SECRET, "s3cret");
	start(f, 0, "");
	assert_non_null(strstr(world.body, "grant_type=client_credentials"));
	assert_non_null(strstr(world.body, "client_secret=s3cret"));
	assert_string_equal(world.proxy, proxy);
	world.now_ms += 250;
	reply(200, good);
	assert_int_equal(f->done, 1);
	assert_string_equal(f->token, "a.b");
	assert_int_equal(f->took_ms, 250);
	assert_int_equal(f->date_ms, 77);
	assert_int_equal(f->refused, 0);
}

/* Around the end of the list, each once; it began in the middle. */
static void test_the_next_one(void **state)
{
	struct fixture *f = *state;
	add_credential(f, CREDENTIAL_SECRET, "one");
	add_credential(f, CREDENTIAL_SECRET, "two");
	add_credential(f, CREDENTIAL_SECRET, "three");
	start(f, 1, "");
	assert_non_null(strstr(world.body, "client_secret=two"));
	reply(401, ended);
	assert_int_equal(f->refused, 1);
	assert_int_equal(f->refused_credential, 1);
	assert_string_equal(f->refusal.code, "AADSTS7000222");
	assert_non_null(strstr(world.body, "client_secret=three"));
	world.now_ms += 1000;
	reply(401, wrong);
	assert_int_equal(f->refused_credential, 2);
	assert_non_null(strstr(world.body, "client_secret=one"));
	world.now_ms += 10;
	reply(200, good);
	assert_true(f->granted);
	assert_int_equal(f->credential, 0);
	assert_int_equal(f->took_ms, 10); /* the token's life began with the last request */
}

static void test_all_are_refused(void **state)
{
	struct fixture *f = *state;
	add_credential(f, CREDENTIAL_SECRET, "one-s3cret");
	add_credential(f, CREDENTIAL_SECRET, "two");
	start(f, 1, "");
	/* The other one's is no more to be seen than the one that was shown. */
	reply(401, "{\"error\":\"invalid_client\",\"error_codes\":[7000222],"
		   "\"error_description\":\"one-s3cret\"}");
	reply(401, wrong);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->refused, 1);
	assert_null(strstr(f->refusal.text.text, "s3cret"));
	/* Of the one that should have worked. */
	assert_string_equal(f->failure.code, "AADSTS7000222");
	assert_non_null(strstr(f->failure.text.text, "credential 2: "));
	assert_non_null(strstr(f->failure.text.text, "1 more"));
	assert_true(f->failure.credential_refused);
	assert_int_equal(f->credential, 0);
}

/* What another secret would not mend: no other is shown. */
static void test_not_the_credentials_fault(void **state)
{
	static const char *const bodies[] = {
		"{\"error\":\"unauthorized_client\",\"error_codes\":[700016]}",
		"{\"error\":\"temporarily_unavailable\"}",
		"not json",
	};
	struct fixture *f = *state;
	add_credential(f, CREDENTIAL_SECRET, "one");
	add_credential(f, CREDENTIAL_SECRET, "two");
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		f->done = 0;
		start(f, 0, "");
		reply(400, bodies[i]);
		assert_int_equal(f->done, 1);
		assert_false(f->failure.credential_refused);
	}
	assert_int_equal(world.requests, 3);
	/* Nor does a fault on the way to the second hide behind the first's. */
	f->done = 0;
	start(f, 0, "");
	reply(401, ended);
	reply(503, "");
	assert_string_equal(f->failure.code, "http-503");
	assert_int_equal(f->failure.class, TOKEN_FAIL_TRANSIENT);
}

static void test_certificate(void **state)
{
	struct fixture *f = *state;
	add_credential(f, CREDENTIAL_CERTIFICATE, "");
	start(f, 0, "");
	assert_int_equal(world.requests, 0);
	assert_string_equal(world.audience, "https://login.test/token");
	sign("e.y.J", 0);
	assert_non_null(strstr(world.body, "client_assertion=e.y.J"));
	reply(401, "{\"error\":\"invalid_client\",\"error_description\":\"what is e.y.J?\"}");
	assert_null(strstr(f->failure.text.text, "e.y.J"));
}

static void test_assertion_fails(void **state)
{
	struct fixture *f = *state;
	add_credential(f, CREDENTIAL_FEDERATED, "");
	start(f, 0, "");
	sign(NULL, ENOENT);
	assert_string_equal(f->failure.code, "assertion");
	assert_string_equal(f->failure.text.text, "/run/assertion: it happened");
	assert_int_equal(f->failure.class, TOKEN_FAIL_CONFIG);
	assert_int_equal(f->date_ms, -1);
	/* No fault of the file's. */
	f->done = 0;
	start(f, 0, "");
	sign(NULL, EAGAIN);
	assert_int_equal(f->failure.class, TOKEN_FAIL_TRANSIENT);
	assert_int_equal(world.requests, 0);
	/* And a secret behind it is tried. */
	add_credential(f, CREDENTIAL_SECRET, "s");
	f->done = 0;
	start(f, 0, "");
	sign(NULL, ENOENT);
	assert_int_equal(f->refused, 1);
	assert_null(strstr(world.body, "assertion"));
	reply(200, good);
	assert_int_equal(f->credential, 1);
}

/* The refresh token goes with each of them, and comes back from none in a text. */
static void test_refresh(void **state)
{
	struct fixture *f = *state;
	f->account.grant = GRANT_DELEGATED;
	add_credential(f, CREDENTIAL_SECRET, "one");
	add_credential(f, CREDENTIAL_SECRET, "two");
	start(f, 0, "0.refresh");
	assert_non_null(strstr(world.body, "grant_type=refresh_token"));
	assert_non_null(strstr(world.body, "&refresh_token=0.refresh"));
	reply(401, "{\"error\":\"invalid_client\",\"error_description\":\"no 0.refresh\"}");
	assert_null(strstr(f->refusal.text.text, "refresh"));
	assert_non_null(strstr(world.body, "&refresh_token=0.refresh"));
	reply(200, good);
	assert_string_equal(f->refresh_token, "new");
}

static void test_public_client(void **state)
{
	struct fixture *f = *state;
	f->account.grant = GRANT_DELEGATED;
	add_credential(f, CREDENTIAL_NONE, "");
	start(f, 0, "r");
	assert_null(strstr(world.body, "secret"));
	reply(400, "{\"error\":\"invalid_grant\",\"error_codes\":[700082]}");
	assert_int_equal(f->failure.class, TOKEN_FAIL_LOGIN);
}

static void test_managed_identity(void **state)
{
	struct fixture *f = *state;
	f->account.grant = GRANT_MANAGED_IDENTITY;
	start(f, 0, "");
	assert_int_equal(world.identities, 1);
	reply(200, good);
	assert_true(f->granted);
	f->done = 0;
	start(f, 0, "");
	reply(410, "{}");
	assert_int_equal(f->failure.class, TOKEN_FAIL_TRANSIENT);
	assert_int_equal(world.requests, 0);
}

static void test_cancel(void **state)
{
	static const enum credential_kind kinds[] = { CREDENTIAL_SECRET, CREDENTIAL_CERTIFICATE };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		add_credential(f, kinds[i], "s");
		start(f, i, "");
		token_attempt_cancel(f->attempt);
		assert_int_equal(world.cancelled, i + 1);
	}
	f->account.grant = GRANT_MANAGED_IDENTITY;
	start(f, 0, "");
	token_attempt_cancel(f->attempt);
	assert_int_equal(world.cancelled, 3);
	token_attempt_cancel(NULL);
	f->attempt = NULL;
	assert_int_equal(f->done, 0);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_one_secret),	     WITH_FIXTURE(test_the_next_one),
		WITH_FIXTURE(test_all_are_refused),  WITH_FIXTURE(test_not_the_credentials_fault),
		WITH_FIXTURE(test_certificate),	     WITH_FIXTURE(test_assertion_fails),
		WITH_FIXTURE(test_refresh),	     WITH_FIXTURE(test_public_client),
		WITH_FIXTURE(test_managed_identity), WITH_FIXTURE(test_cancel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
