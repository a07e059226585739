/* SPDX-License-Identifier: MIT */
/* WRAP: getaddrinfo freeaddrinfo clock_mono_ms */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/resolver.h"
#include "common/strbuf.h"
#include "common/worker.h"
#include "tests/unit/support/run_loop.h"

/* ---- a name service that does what the names say ---- */

static atomic_int calls;
static atomic_bool broken; /* every name fails */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool silent; /* under lock: "stuck.*" waits until this is over */
static int64_t clock_ahead_ms;

int64_t __real_clock_mono_ms(void);

int64_t __wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + clock_ahead_ms;
}

static void set_silent(bool value)
{
	pthread_mutex_lock(&lock);
	silent = value;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

struct node {
	struct addrinfo info;
	struct sockaddr_storage sa;
};

static void push(struct addrinfo **list, const char *text)
{
	struct node *node = mem_zalloc(sizeof(*node));
	struct endpoint endpoint;
	struct strbuf with_port;
	struct err err;
	strbuf_init(&with_port, 128);
	strbuf_addf(&with_port, strchr(text, ':') != NULL ? "[%s]:1" : "%s:1", text);
	assert_true(endpoint_parse(strbuf_str(&with_port), &endpoint, &err));
	strbuf_done(&with_port);
	node->sa = endpoint.sa;
	node->info.ai_family = endpoint.sa.ss_family;
	node->info.ai_addr = (struct sockaddr *)&node->sa;
	node->info.ai_addrlen = endpoint.len;
	while (*list != NULL)
		list = &(*list)->ai_next;
	*list = &node->info;
}

static void push_many(struct addrinfo **list)
{
	char text[64];
	push(list, "fe80::1");
	for (int i = 1; i <= 20; i++) {
		snprintf(text, sizeof(text), "2001:db8::%d", i);
		push(list, text);
		push(list, text);
	}
	for (int i = 1; i <= 20; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		push(list, text);
	}
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	atomic_fetch_add(&calls, 1);
	assert_null(service);
	assert_int_equal(hints->ai_flags & AI_ADDRCONFIG, 0);
	*list = NULL;
	pthread_mutex_lock(&lock);
	while (silent && strncmp(host, "stuck", 5) == 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (broken || strcmp(host, "none.test") == 0)
		return EAI_NONAME;
	if (strcmp(host, "many.test") == 0) {
		push_many(list);
		return 0;
	}
	push(list, "2001:db8::1");
	push(list, "192.0.2.1");
	return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *list);

void __wrap_freeaddrinfo(struct addrinfo *list)
{
	while (list != NULL) {
		struct addrinfo *next = list->ai_next;
		free((struct node *)list);
		list = next;
	}
}

/* ---- fixture ---- */

struct fixture {
	struct event_base *base;
	struct worker *worker;
	struct resolver *resolver;
};

static int setup(void **state)
{
	static const struct lane_limits limits[LANE_COUNT] = {
		[LANE_COMMIT] = { 1, 1 },
		[LANE_DISK] = { 1, 1 },
		[LANE_CRYPTO] = { 1, 1 },
		[LANE_RESOLVER] = { .threads = 2, .slots = 4 },
	};
	struct fixture *f = mem_zalloc(sizeof(*f));
	f->base = event_base_new();
	f->worker = worker_new(f->base, limits);
	f->resolver = resolver_new(f->worker, f->base);
	calls = 0;
	broken = false;
	clock_ahead_ms = 0;
	set_silent(false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	set_silent(false);
	resolver_free(f->resolver);
	worker_free(f->worker);
	event_base_free(f->base);
	free(f);
	return 0;
}

struct answer {
	bool done;
	int times;
	struct resolved result; /* count 0: failed */
	struct err err;
};

static void take(void *arg, const struct resolved *result, const struct err *err)
{
	struct answer *answer = arg;
	answer->done = true;
	answer->times++;
	if (result != NULL)
		answer->result = *result;
	else
		answer->err = *err;
}

static void wait_for(struct fixture *f, struct answer *answer)
{
	assert_true(run_loop_until(f->base, &answer->done, 10000));
	assert_int_equal(answer->times, 1);
}

static struct answer ask(struct fixture *f, const char *host, int timeout_ms)
{
	struct answer answer = { 0 };
	resolver_lookup(f->resolver, host, timeout_ms, take, &answer);
	assert_false(answer.done);
	wait_for(f, &answer);
	return answer;
}

static void expect_address(const struct answer *answer, size_t i, const char *text)
{
	struct strbuf shown;
	assert_true(i < answer->result.count);
	strbuf_init(&shown, 64);
	netaddr_append(&shown, &answer->result.addr[i]);
	assert_string_equal(strbuf_cstr(&shown), text);
	strbuf_done(&shown);
}

/* ---- tests ---- */

static void test_literals(void **state)
{
	struct answer v4 = ask(*state, "192.0.2.7", 100), v6 = ask(*state, "2001:db8::7", 100);
	assert_int_equal(v4.result.count, 1);
	expect_address(&v4, 0, "192.0.2.7");
	expect_address(&v6, 0, "2001:db8::7");
	assert_int_equal(calls, 0);
}

static void test_names(void **state)
{
	struct answer a = ask(*state, "a.test", 1000);
	assert_int_equal(a.result.count, 2);
	expect_address(&a, 0, "2001:db8::1");
	expect_address(&a, 1, "192.0.2.1");
	a = ask(*state, "none.test", 1000);
	assert_int_equal(a.result.count, 0);
	assert_non_null(strstr(a.err.text, "none.test: no address: "));
}

static void test_senseless_names(void **state)
{
	static const char *const hosts[] = {
		"", "a b", "a,b", "a:1", "[::1]", "a\nb", "\xff.test"
	};
	char endless[300];
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct answer a = ask(*state, hosts[i], 1000);
		assert_int_equal(a.result.count, 0);
		assert_non_null(strstr(a.err.text, "is not a host name"));
		assert_null(strchr(a.err.text, '\n'));
	}
	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	struct answer a = ask(*state, endless, 1000);
	assert_int_equal(a.result.count, 0);
	assert_int_equal(calls, 0);
}

static void test_both_families_have_room(void **state)
{
	struct answer a = ask(*state, "many.test", 1000);
	assert_int_equal(a.result.count, 16);
	expect_address(&a, 0, "2001:db8::1");
	expect_address(&a, 1, "2001:db8::2");
	expect_address(&a, 7, "2001:db8::8");
	expect_address(&a, 8, "192.0.2.1");
	expect_address(&a, 15, "192.0.2.8");
}

static void test_one_question_for_all(void **state)
{
	struct fixture *f = *state;
	struct answer answers[5] = { 0 };
	set_silent(true);
	for (size_t i = 0; i < 5; i++)
		resolver_lookup(f->resolver, i == 3 ? "STUCK.test" : "stuck.test", 5000, take,
				&answers[i]);
	set_silent(false);
	for (size_t i = 0; i < 5; i++) {
		wait_for(f, &answers[i]);
		assert_int_equal(answers[i].result.count, 2);
	}
	assert_int_equal(calls, 1);
}

static void test_answers_are_kept_a_minute(void **state)
{
	ask(*state, "a.test", 1000);
	clock_ahead_ms = 59000;
	struct answer a = ask(*state, "a.test", 1000);
	assert_int_equal(a.result.count, 2);
	assert_int_equal(calls, 1);
	clock_ahead_ms = 61000;
	ask(*state, "a.test", 1000);
	assert_int_equal(calls, 2);
}

static void test_old_answer_when_asking_fails(void **state)
{
	ask(*state, "a.test", 1000);
	clock_ahead_ms = 86400 * 1000;
	broken = true;
	struct answer a = ask(*state, "a.test", 1000);
	assert_int_equal(a.result.count, 2);
	assert_int_equal(calls, 2);
	ask(*state, "a.test", 1000); /* not asked again at once */
	assert_int_equal(calls, 2);
	clock_ahead_ms += 11000;
	broken = false;
	ask(*state, "a.test", 1000);
	assert_int_equal(calls, 3);
}

static void test_old_answer_when_asking_takes_long(void **state)
{
	ask(*state, "stuck.test", 1000);
	clock_ahead_ms = 3600 * 1000;
	set_silent(true);
	int64_t start = clock_mono_ms();
	struct answer a = ask(*state, "stuck.test", 9000);
	assert_int_equal(a.result.count, 2);
	assert_true(clock_mono_ms() - start < 5000);
	/* With less patience than that, too. */
	start = clock_mono_ms();
	a = ask(*state, "stuck.test", 100);
	assert_int_equal(a.result.count, 2);
	assert_true(clock_mono_ms() - start < 1500);
}

static void test_timeout(void **state)
{
	struct fixture *f = *state;
	set_silent(true);
	int64_t start = clock_mono_ms();
	struct answer a = ask(f, "stuck.test", 200);
	assert_int_equal(a.result.count, 0);
	assert_string_equal(a.err.text,
			    "stuck.test: the name servers have not answered within 0.2 s");
	assert_true(clock_mono_ms() - start >= 150);
	/* The question goes on, and its late answer serves the next who asks. */
	set_silent(false);
	a = ask(f, "stuck.test", 5000);
	assert_int_equal(a.result.count, 2);
	assert_int_equal(calls, 1);
}

static void test_stuck_name_holds_one_thread(void **state)
{
	struct fixture *f = *state;
	struct answer stuck[5] = { 0 };
	struct resolver_query *queries[5];
	set_silent(true);
	for (size_t i = 0; i < 5; i++)
		queries[i] = resolver_lookup(f->resolver, "stuck.test", 0, take, &stuck[i]);
	struct answer a = ask(f, "a.test", 5000); /* the lane has two threads */
	assert_int_equal(a.result.count, 2);
	for (size_t i = 0; i < 5; i++) {
		assert_false(stuck[i].done);
		resolver_cancel(queries[i]);
	}
}

static void test_full_lane(void **state)
{
	struct fixture *f = *state;
	struct answer stuck[4] = { 0 };
	struct resolver_query *queries[4];
	char host[32];
	set_silent(true);
	for (size_t i = 0; i < 4; i++) {
		snprintf(host, sizeof(host), "stuck%zu.test", i);
		queries[i] = resolver_lookup(f->resolver, host, 0, take, &stuck[i]);
	}
	struct answer a = ask(f, "a.test", 5000);
	assert_int_equal(a.result.count, 0);
	assert_non_null(strstr(a.err.text, "a.test: too many names"));
	for (size_t i = 0; i < 4; i++)
		resolver_cancel(queries[i]);
}

static void test_cancelled_query_is_silent(void **state)
{
	struct fixture *f = *state;
	struct answer gone[4] = { 0 };
	set_silent(true);
	resolver_cancel(resolver_lookup(f->resolver, "stuck.test", 1, take, &gone[0]));
	resolver_cancel(resolver_lookup(f->resolver, "192.0.2.1", 1, take, &gone[1]));
	resolver_cancel(resolver_lookup(f->resolver, "a b", 1, take, &gone[2]));
	struct resolver_query *query =
		resolver_lookup(f->resolver, "stuck.test", 5000, take, &gone[3]);
	set_silent(false);
	resolver_cancel(query);
	resolver_cancel(NULL);
	struct answer a = ask(f, "stuck.test", 5000);
	assert_int_equal(a.result.count, 2);
	run_loop_for(f->base, 50);
	for (size_t i = 0; i < 4; i++)
		assert_false(gone[i].done);
}

static void test_free_while_a_question_is_stuck(void **state)
{
	struct fixture *f = *state;
	struct answer answer = { 0 };
	set_silent(true);
	resolver_cancel(resolver_lookup(f->resolver, "stuck.test", 0, take, &answer));
	resolver_free(f->resolver);
	f->resolver = NULL;
	set_silent(false);
	while (worker_pending(f->worker) != 0)
		run_loop_for(f->base, 10);
	assert_false(answer.done);
}

struct chain {
	struct fixture *f;
	struct answer second;
	struct resolver_query *victim;
	struct answer cancelled;
	bool done;
};

static void on_first(void *arg, const struct resolved *result, const struct err *err)
{
	struct chain *chain = arg;
	(void)err;
	assert_non_null(result);
	resolver_cancel(chain->victim);
	resolver_lookup(chain->f->resolver, "b.test", 1000, take, &chain->second);
	chain->done = true;
}

static void test_callback_may_start_and_cancel(void **state)
{
	struct chain chain = { .f = *state };
	resolver_lookup(chain.f->resolver, "a.test", 1000, on_first, &chain);
	chain.victim = resolver_lookup(chain.f->resolver, "a.test", 1000, take, &chain.cancelled);
	assert_true(run_loop_until(chain.f->base, &chain.done, 5000));
	wait_for(chain.f, &chain.second);
	assert_false(chain.cancelled.done);
}

static void test_many_names(void **state)
{
	char host[32];
	for (int i = 0; i < 300; i++) {
		snprintf(host, sizeof(host), "host%d.test", i);
		struct answer a = ask(*state, host, 5000);
		assert_int_equal(a.result.count, 2);
		clock_ahead_ms++;
	}
	assert_int_equal(calls, 300);
	ask(*state, "host299.test", 5000); /* still kept */
	assert_int_equal(calls, 300);
	ask(*state, "host0.test", 5000); /* not kept any more */
	assert_int_equal(calls, 301);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_literals),
		WITH_FIXTURE(test_names),
		WITH_FIXTURE(test_senseless_names),
		WITH_FIXTURE(test_both_families_have_room),
		WITH_FIXTURE(test_one_question_for_all),
		WITH_FIXTURE(test_answers_are_kept_a_minute),
		WITH_FIXTURE(test_old_answer_when_asking_fails),
		WITH_FIXTURE(test_old_answer_when_asking_takes_long),
		WITH_FIXTURE(test_timeout),
		WITH_FIXTURE(test_stuck_name_holds_one_thread),
		WITH_FIXTURE(test_full_lane),
		WITH_FIXTURE(test_cancelled_query_is_silent),
		WITH_FIXTURE(test_free_while_a_question_is_stuck),
		WITH_FIXTURE(test_callback_may_start_and_cancel),
		WITH_FIXTURE(test_many_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
