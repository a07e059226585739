/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel arc_challenge_read worker_try_submit */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/worker.h"
#include "config/config.h"
#include "oauth/arc_challenge.h"
#include "oauth/managed_identity.h"
#include "tests/unit/support/run_loop.h"

/* ---- the network, the folder and the worker's mood are the test's ---- */

static struct {
	int started, cancelled;
	bool open;
	char url[512], metadata[32], authorization[64], proxy[32], ca_file[32];
	bool local_http, post;
	int64_t timeout_ms;
	size_t header_count;
	http_cb *cb;
	void *arg;
} net;

static void copy_text(char *to, size_t room, struct str text)
{
	assert_true(text.n < room);
	if (text.n != 0)
		memcpy(to, text.p, text.n);
	to[text.n] = '\0';
}

struct http_request *__wrap_http_start(struct http *http, const struct http_params *params,
				       http_cb *cb, void *arg);

struct http_request *__wrap_http_start(struct http *http, const struct http_params *params,
				       http_cb *cb, void *arg)
{
	(void)http;
	assert_false(net.open);
	net.open = true;
	net.started++;
	copy_text(net.url, sizeof(net.url), str_of(params->url));
	copy_text(net.proxy, sizeof(net.proxy), str_of(params->proxy));
	copy_text(net.ca_file, sizeof(net.ca_file), str_of(params->ca_file));
	net.metadata[0] = net.authorization[0] = '\0';
	net.header_count = params->header_count;
	for (size_t i = 0; i < params->header_count; i++) {
		const struct http_header *header = &params->headers[i];
		if (strcmp(header->name, "Metadata") == 0)
			copy_text(net.metadata, sizeof(net.metadata), header->value);
		else if (strcmp(header->name, "Authorization") == 0)
			copy_text(net.authorization, sizeof(net.authorization), header->value);
		else
			fail_msg("%s", header->name);
	}
	net.local_http = params->local_http;
	net.post = params->body.p != NULL;
	net.timeout_ms = params->timeout_ms;
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

static struct {
	int reads;
	bool fails;
	char name[64];
} folder;

bool __wrap_arc_challenge_read(const char *path, const char *name, struct secret *out,
			       struct err *err);

/* In the lane. */
bool __wrap_arc_challenge_read(const char *path, const char *name, struct secret *out,
			       struct err *err)
{
	folder.reads++;
	if (strcmp(path, "/var/opt/azcmagent/tokens") != 0)
		abort();
	snprintf(folder.name, sizeof(folder.name), "%s", name);
	if (folder.fails) {
		err_set(err, "add user oauthrelay to group himds");
		err->code = EACCES;
		return false;
	}
	secret_set(out, STR("s3cret-key"));
	return true;
}

static bool lane_full;

bool __real_worker_try_submit(struct worker *worker, enum lane lane, struct job *job);
bool __wrap_worker_try_submit(struct worker *worker, enum lane lane, struct job *job);

bool __wrap_worker_try_submit(struct worker *worker, enum lane lane, struct job *job)
{
	assert_int_equal(lane, LANE_DISK);
	return !lane_full && __real_worker_try_submit(worker, lane, job);
}

/* ---- fixture ---- */

struct fixture {
	struct event_base *base;
	struct worker *worker;
	struct account_config account;
	struct managed_identity *identity;
	bool done;
	int times;
	struct http_reply reply;
	char body[128];
};

static int setup(void **state)
{
	static char scope[] = "https://outlook.office365.com/.default", empty[] = "";
	static char ca_file[] = "/ca.pem", proxy[] = "http://proxy.test:3128";
	struct fixture *f = mem_zalloc(sizeof(*f));
	memset(&net, 0, sizeof(net));
	memset(&folder, 0, sizeof(folder));
	lane_full = false;
	f->base = event_base_new();
	f->worker = worker_new(f->base, worker_default_limits);
	f->account.scope = scope;
	f->account.client_id = empty;
	f->account.identity_endpoint = empty;
	f->account.ca_file = ca_file;
	f->account.proxy.tokens = proxy;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	assert_false(net.open);
	worker_free(f->worker);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void on_done(void *arg, const struct http_reply *reply)
{
	struct fixture *f = arg;
	f->done = true;
	f->times++;
	f->identity = NULL;
	f->reply = *reply;
	copy_text(f->body, sizeof(f->body), reply->body);
}

static void start(struct fixture *f, enum identity_host host)
{
	f->account.identity_host = host;
	f->identity = managed_identity_start(NULL, f->worker, &f->account, on_done, f);
	assert_false(f->done);
	assert_true(net.open);
	assert_int_equal(net.started, 1);
	assert_string_equal(net.metadata, "true");
	assert_string_equal(net.authorization, "");
	assert_string_equal(net.proxy, ""); /* whatever the account's requests go through */
	assert_string_equal(net.ca_file, "/ca.pem");
	assert_true(net.local_http);
	assert_false(net.post);
}

static void answer(long status, const char *authenticate, const char *body)
{
	const struct http_reply reply = { .status = status,
					  .body = str_of(body),
					  .authenticate = str_of(authenticate),
					  .retry_after_ms = 7000,
					  .date_ms = -1 };
	assert_true(net.open);
	net.open = false;
	net.cb(net.arg, &reply);
}

static void challenge(void)
{
	answer(401, "Basic realm=/var/opt/azcmagent/tokens/5b1c.key", "");
}

static void expect_reply(struct fixture *f, long status, const char *body)
{
	assert_int_equal(f->times, 1);
	assert_int_equal(f->reply.failure, HTTP_OK);
	assert_int_equal(f->reply.status, status);
	assert_int_equal(f->reply.retry_after_ms, 7000);
	assert_string_equal(f->body, body);
}

/* ---- an Azure VM ---- */

static void test_vm(void **state)
{
	struct fixture *f = *state;
	start(f, IDENTITY_AZURE_VM);
	assert_string_equal(net.url, "http://169.254.169.254/metadata/identity/oauth2/token"
				     "?api-version=2018-02-01"
				     "&resource=https%3A%2F%2Foutlook.office365.com");
	answer(200, "", "{}");
	expect_reply(f, 200, "{}");
}

static void test_vm_with_several_identities(void **state)
{
	static char id[] = "7777&x", endpoint[] = "http://127.0.0.1:4711/token";
	static char scope[] = "api://one.of/ours";
	struct fixture *f = *state;
	f->account.client_id = id;
	f->account.identity_endpoint = endpoint;
	f->account.scope = scope;
	start(f, IDENTITY_AZURE_VM);
	assert_string_equal(net.url, "http://127.0.0.1:4711/token?api-version=2018-02-01"
				     "&resource=api%3A%2F%2Fone.of%2Fours&client_id=7777%26x");
	answer(200, "", "{}");
	expect_reply(f, 200, "{}");
}

/* Judged elsewhere (identity_reply.h); nothing is asked twice here, and no file is read. */
static void test_vm_refusals(void **state)
{
	static const long statuses[] = { 400, 401, 404, 410, 429, 500 };
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		void *fixture;
		setup(&fixture);
		struct fixture *f = fixture;
		start(f, IDENTITY_AZURE_VM);
		answer(statuses[i], "Basic realm=/var/opt/azcmagent/tokens/5b1c.key", "no");
		expect_reply(f, statuses[i], "no");
		assert_int_equal(net.started, 1);
		assert_int_equal(folder.reads, 0);
		teardown(&fixture);
	}
	(void)state;
}

/* ---- a server with the Arc agent ---- */

static void test_arc(void **state)
{
	static char id[] = "7777";
	struct fixture *f = *state;
	f->account.client_id = id; /* it has one identity only */
	start(f, IDENTITY_AZURE_ARC);
	assert_string_equal(net.url, "http://localhost:40342/metadata/identity/oauth2/token"
				     "?api-version=2020-06-01"
				     "&resource=https%3A%2F%2Foutlook.office365.com");
	int64_t first = net.timeout_ms;
	challenge();
	assert_false(net.open); /* the file is the lane's business */
	assert_true(run_loop_until(f->base, &net.open, 10000));
	assert_string_equal(folder.name, "5b1c.key");
	assert_string_equal(net.metadata, "true");
	assert_string_equal(net.authorization, "Basic s3cret-key");
	assert_string_equal(net.proxy, "");
	assert_true(net.local_http);
	assert_true(net.timeout_ms <= first);
	answer(200, "", "{}");
	expect_reply(f, 200, "{}");
	assert_int_equal(net.started, 2);
}

/* Whoever judges the reply would show it. */
static void test_arc_key_is_not_repeated(void **state)
{
	struct fixture *f = *state;
	start(f, IDENTITY_AZURE_ARC);
	challenge();
	assert_true(run_loop_until(f->base, &net.open, 10000));
	answer(401, "", "{\"error\":\"denied\",\"error_description\":\"Basic s3cret-key\"}");
	expect_reply(f, 401,
		     "{\"error\":\"error\",\"error_description\":\"(not shown, because it repeats "
		     "the key that was shown)\"}");
}

static void test_arc_second_challenge_is_its_answer(void **state)
{
	struct fixture *f = *state;
	start(f, IDENTITY_AZURE_ARC);
	challenge();
	assert_true(run_loop_until(f->base, &net.open, 10000));
	challenge();
	expect_reply(f, 401, "");
	assert_int_equal(folder.reads, 1);
}

static void test_arc_without_challenge(void **state)
{
	struct fixture *f = *state;
	start(f, IDENTITY_AZURE_ARC);
	answer(503, "", "later");
	expect_reply(f, 503, "later");
	assert_int_equal(folder.reads, 0);
}

static void expect_failure(struct fixture *f, int code, const char *words)
{
	assert_int_equal(f->times, 1);
	assert_int_equal(f->reply.failure, HTTP_FAIL_OTHER);
	assert_int_equal(f->reply.err.code, code);
	assert_int_equal(f->reply.retry_after_ms, -1);
	assert_non_null(strstr(f->reply.err.text, words));
	assert_int_equal(net.started, 1); /* nothing was shown to whoever that is */
}

static void test_arc_asks_for_another_file(void **state)
{
	struct fixture *f = *state;
	start(f, IDENTITY_AZURE_ARC);
	answer(401, "Basic realm=/etc/oauthrelay/tls.key", "");
	expect_failure(f, EINVAL, "not in the agent's folder");
	assert_int_equal(folder.reads, 0);
}

static void test_arc_file_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	folder.fails = true;
	start(f, IDENTITY_AZURE_ARC);
	challenge();
	assert_true(run_loop_until(f->base, &f->done, 10000));
	expect_failure(f, EACCES, "group himds");
}

static void test_arc_lane_is_full(void **state)
{
	struct fixture *f = *state;
	lane_full = true;
	start(f, IDENTITY_AZURE_ARC);
	challenge();
	assert_true(run_loop_until(f->base, &f->done, 10000));
	expect_failure(f, EAGAIN, "too busy");
}

static void test_no_reply(void **state)
{
	struct fixture *f = *state;
	struct http_reply reply = { .failure = HTTP_FAIL_CONNECT, .retry_after_ms = -1 };
	err_set(&reply.err, "nobody there");
	start(f, IDENTITY_AZURE_ARC);
	net.open = false;
	net.cb(net.arg, &reply);
	assert_int_equal(f->times, 1);
	assert_int_equal(f->reply.failure, HTTP_FAIL_CONNECT);
	assert_string_equal(f->reply.err.text, "nobody there");
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	managed_identity_cancel(NULL);
	start(f, IDENTITY_AZURE_ARC);
	managed_identity_cancel(f->identity); /* while it waits for the endpoint ... */
	assert_int_equal(net.cancelled, 1);
	net.started = 0;
	start(f, IDENTITY_AZURE_ARC);
	challenge();
	managed_identity_cancel(f->identity); /* ... and for the file */
	run_loop_for(f->base, 50);
	assert_int_equal(f->times, 0);
	assert_int_equal(net.started, 1);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_vm),
		WITH_FIXTURE(test_vm_with_several_identities),
		cmocka_unit_test(test_vm_refusals),
		WITH_FIXTURE(test_arc),
		WITH_FIXTURE(test_arc_key_is_not_repeated),
		WITH_FIXTURE(test_arc_second_challenge_is_its_answer),
		WITH_FIXTURE(test_arc_without_challenge),
		WITH_FIXTURE(test_arc_asks_for_another_file),
		WITH_FIXTURE(test_arc_file_cannot_be_read),
		WITH_FIXTURE(test_arc_lane_is_full),
		WITH_FIXTURE(test_no_reply),
		WITH_FIXTURE(test_cancel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
