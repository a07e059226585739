/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/worker.h"
#include "tests/unit/support/run_loop.h"

enum {
	LIMIT_MS = 10000
};

static struct event_base *base;
static struct worker *worker;
static pthread_t loop_thread;

static const struct lane_limits limits[LANE_COUNT] = {
	[LANE_COMMIT] = { .threads = 1, .slots = 3 },
	[LANE_DISK] = { .threads = 2, .slots = 2 },
	[LANE_CRYPTO] = { .threads = 1, .slots = 1 },
	[LANE_RESOLVER] = { .threads = 1, .slots = 1 },
};

static int start(void **state)
{
	(void)state;
	base = event_base_new();
	worker = worker_new(base, limits);
	loop_thread = pthread_self();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	worker_free(worker);
	event_base_free(base);
	worker = NULL;
	return 0;
}

/* A job that waits until it is let go. */
struct task {
	struct job job; /* first */
	atomic_bool go;
	atomic_bool running;
	bool on_loop;
	bool signals_blocked;
	bool done;
	bool done_on_loop;
	int order;
};

static atomic_int ended;
static int order;

static void run(struct job *job)
{
	struct task *t = (struct task *)job;
	sigset_t mask;
	t->on_loop = pthread_equal(pthread_self(), loop_thread) != 0;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	t->signals_blocked = sigismember(&mask, SIGTERM) == 1;
	t->running = true;
	while (!t->go)
		usleep(200);
	ended++;
}

static void done(struct job *job)
{
	struct task *t = (struct task *)job;
	t->done_on_loop = pthread_equal(pthread_self(), loop_thread) != 0;
	t->order = ++order;
	t->done = true;
}

static void task_init(struct task *t, bool go)
{
	*t = (struct task){ .job = { .run = run, .done = done } };
	t->go = go;
}

static void wait_done(const struct task *t)
{
	assert_true(run_loop_until(base, &t->done, LIMIT_MS));
}

static void wait_running(const struct task *t)
{
	for (int i = 0; i < LIMIT_MS && !t->running; i++)
		usleep(1000);
	assert_true(t->running);
}

static void test_runs_elsewhere_reports_here(void **state)
{
	struct task t;
	(void)state;
	task_init(&t, true);
	assert_true(worker_try_submit(worker, LANE_DISK, &t.job));
	assert_int_equal(worker_pending(worker), 1);
	assert_false(t.done); /* only by way of the loop */
	wait_done(&t);
	assert_false(t.on_loop);
	assert_true(t.done_on_loop);
	assert_true(t.signals_blocked);
	assert_int_equal(worker_pending(worker), 0);
}

static void test_in_order(void **state)
{
	struct task t[3];
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		task_init(&t[i], i != 0);
		assert_true(worker_try_submit(worker, LANE_COMMIT, &t[i].job));
	}
	order = 0;
	wait_running(&t[0]);
	assert_false(t[1].running); /* one thread */
	t[0].go = true;
	wait_done(&t[2]);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(t[i].order, i + 1);
}

static void test_lanes_do_not_wait_for_each_other(void **state)
{
	struct task stuck, other;
	(void)state;
	task_init(&stuck, false);
	task_init(&other, true);
	assert_true(worker_try_submit(worker, LANE_RESOLVER, &stuck.job));
	wait_running(&stuck);
	assert_true(worker_try_submit(worker, LANE_CRYPTO, &other.job));
	wait_done(&other);
	assert_false(stuck.done);
	stuck.go = true;
	wait_done(&stuck);
}

static void test_threads_of_a_lane_run_at_once(void **state)
{
	struct task a, b;
	(void)state;
	task_init(&a, false);
	task_init(&b, false);
	assert_true(worker_try_submit(worker, LANE_DISK, &a.job));
	assert_true(worker_try_submit(worker, LANE_DISK, &b.job));
	wait_running(&a);
	wait_running(&b);
	a.go = b.go = true;
	wait_done(&a);
	wait_done(&b);
}

static void test_slots(void **state)
{
	struct task t, mine;
	(void)state;
	assert_true(worker_slot_take(worker, LANE_COMMIT));
	assert_true(worker_slot_take(worker, LANE_COMMIT));
	assert_true(worker_slot_take(worker, LANE_COMMIT));
	assert_false(worker_slot_take(worker, LANE_COMMIT));
	task_init(&t, true);
	assert_false(worker_try_submit(worker, LANE_COMMIT, &t.job));
	/* A holder is never refused, and keeps its slot. */
	task_init(&mine, true);
	worker_submit(worker, LANE_COMMIT, &mine.job);
	wait_done(&mine);
	assert_false(worker_slot_take(worker, LANE_COMMIT));
	worker_slot_give(worker, LANE_COMMIT);
	assert_true(worker_try_submit(worker, LANE_COMMIT, &t.job));
	assert_false(worker_slot_take(worker, LANE_COMMIT));
	wait_done(&t); /* and its slot is free again */
	assert_true(worker_slot_take(worker, LANE_COMMIT));
	assert_true(worker_slot_take(worker, LANE_DISK)); /* another lane's count */
}

static void test_skipped(void **state)
{
	struct task t;
	(void)state;
	assert_true(worker_slot_take(worker, LANE_CRYPTO));
	task_init(&t, true);
	assert_false(worker_try_submit(worker, LANE_CRYPTO, &t.job));
	worker_skip(worker, LANE_CRYPTO, &t.job);
	assert_false(t.done); /* only by way of the loop */
	assert_int_equal(worker_lane_pending(worker, LANE_CRYPTO), 1);
	wait_done(&t);
	assert_true(t.done_on_loop);
	assert_false(t.running);
	assert_int_equal(worker_pending(worker), 0);
	assert_false(worker_slot_take(worker, LANE_CRYPTO)); /* the taken slot stays taken */
}

static void again(struct job *job)
{
	struct task *t = (struct task *)job;
	t->job.done = done;
	t->running = false;
	worker_submit(worker, LANE_COMMIT, job);
}

static void test_submits_itself_from_done(void **state)
{
	struct task t;
	(void)state;
	task_init(&t, true);
	t.job.done = again;
	assert_true(worker_slot_take(worker, LANE_COMMIT));
	worker_submit(worker, LANE_COMMIT, &t.job);
	wait_done(&t);
	assert_true(t.running);
}

static void test_free_finishes_what_is_queued(void **state)
{
	struct task t[3];
	(void)state;
	ended = 0;
	for (size_t i = 0; i < 3; i++) {
		task_init(&t[i], true);
		assert_true(worker_try_submit(worker, LANE_COMMIT, &t[i].job));
	}
	worker_free(worker);
	worker = NULL;
	assert_int_equal(ended, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(t[i].done && t[i].done_on_loop);
}

static void test_many(void **state)
{
	enum {
		MANY = 2000
	};
	static struct task t[MANY];
	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		task_init(&t[i], true);
		worker_submit(worker, LANE_DISK, &t[i].job);
	}
	for (size_t i = 0; i < MANY; i++)
		wait_done(&t[i]);
	assert_int_equal(worker_pending(worker), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_runs_elsewhere_reports_here, start, stop),
		cmocka_unit_test_setup_teardown(test_in_order, start, stop),
		cmocka_unit_test_setup_teardown(test_lanes_do_not_wait_for_each_other, start, stop),
		cmocka_unit_test_setup_teardown(test_threads_of_a_lane_run_at_once, start, stop),
		cmocka_unit_test_setup_teardown(test_slots, start, stop),
		cmocka_unit_test_setup_teardown(test_skipped, start, stop),
		cmocka_unit_test_setup_teardown(test_submits_itself_from_done, start, stop),
		cmocka_unit_test_setup_teardown(test_free_finishes_what_is_queued, start, stop),
		cmocka_unit_test_setup_teardown(test_many, start, stop),
	};
	worker_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
