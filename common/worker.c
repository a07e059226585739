/* SPDX-License-Identifier: MIT */
#include "common/worker.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/mem.h"

/* The commit lane has more threads than a small box has cores: its threads wait for the disk,
 * and file systems merge the syncs that wait together. The resolver lane has many, because a name
 * whose servers are silent keeps a thread for many seconds. */
const struct lane_limits worker_default_limits[LANE_COUNT] = {
	[LANE_COMMIT] = { .threads = 8, .slots = 1024 },
	[LANE_DISK] = { .threads = 4, .slots = 4096 },
	[LANE_CRYPTO] = { .threads = 2, .slots = 64 },
	[LANE_RESOLVER] = { .threads = 16, .slots = 64 },
};

TAILQ_HEAD(job_list, job);

struct lane_state {
	struct worker *worker;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job_list queue; /* under lock */
	bool stop;	       /* under lock */
	pthread_t *threads;
	unsigned thread_count;
	unsigned slots;	      /* loop only */
	unsigned slots_taken; /* loop only */
	size_t pending;	      /* loop only */
};

struct worker {
	struct lane_state lanes[LANE_COUNT];
	pthread_mutex_t lock;
	struct job_list finished; /* under lock */
	int wake_fd;
	struct event *wake_event;
};

static void report(struct worker *worker, struct job *job)
{
	uint64_t one = 1;
	pthread_mutex_lock(&worker->lock);
	bool first = TAILQ_EMPTY(&worker->finished);
	TAILQ_INSERT_TAIL(&worker->finished, job, link);
	pthread_mutex_unlock(&worker->lock);
	if (first) {
		ssize_t ignored = write(worker->wake_fd, &one, sizeof(one));
		(void)ignored; /* an eventfd that is full is readable anyway */
	}
}

static void *lane_main(void *arg)
{
	struct lane_state *lane = arg;
	pthread_mutex_lock(&lane->lock);
	for (;;) {
		while (TAILQ_EMPTY(&lane->queue) && !lane->stop)
			pthread_cond_wait(&lane->wake, &lane->lock);
		struct job *job = TAILQ_FIRST(&lane->queue);
		if (job == NULL)
			break;
		TAILQ_REMOVE(&lane->queue, job, link);
		pthread_mutex_unlock(&lane->lock);
		job->run(job);
		report(lane->worker, job);
		pthread_mutex_lock(&lane->lock);
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

static void deliver_finished(struct worker *worker)
{
	struct job_list mine = TAILQ_HEAD_INITIALIZER(mine);
	struct job *job;
	pthread_mutex_lock(&worker->lock);
	TAILQ_CONCAT(&mine, &worker->finished, link);
	pthread_mutex_unlock(&worker->lock);
	while ((job = TAILQ_FIRST(&mine)) != NULL) {
		TAILQ_REMOVE(&mine, job, link);
		if (job->own_slot)
			worker_slot_give(worker, job->lane);
		worker->lanes[job->lane].pending--;
		job->done(job);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;
	ssize_t ignored = read(fd, &count, sizeof(count));
	(void)ignored;
	(void)what;
	deliver_finished(arg);
}

static void lane_start(struct worker *worker, struct lane_state *lane, struct lane_limits limits)
{
	pthread_attr_t attr;
	lane->worker = worker;
	lane->slots = limits.slots;
	lane->thread_count = limits.threads;
	lane->threads = mem_zalloc(limits.threads * sizeof(*lane->threads));
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->wake, NULL);
	TAILQ_INIT(&lane->queue);
	pthread_attr_init(&attr);
	/* Enough for getaddrinfo and crypt(3), which keep 32 KiB and more on the stack. */
	pthread_attr_setstacksize(&attr, 512 * 1024);
	for (unsigned i = 0; i < limits.threads; i++)
		if (pthread_create(&lane->threads[i], &attr, lane_main, lane) != 0)
			abort();
	pthread_attr_destroy(&attr);
}

static void lane_stop(struct lane_state *lane)
{
	pthread_mutex_lock(&lane->lock);
	lane->stop = true;
	pthread_cond_broadcast(&lane->wake);
	pthread_mutex_unlock(&lane->lock);
	for (unsigned i = 0; i < lane->thread_count; i++)
		pthread_join(lane->threads[i], NULL);
	free(lane->threads);
	pthread_mutex_destroy(&lane->lock);
	pthread_cond_destroy(&lane->wake);
}

struct worker *worker_new(struct event_base *base, const struct lane_limits *limits)
{
	struct worker *worker = mem_zalloc(sizeof(*worker));
	sigset_t all, old;
	pthread_mutex_init(&worker->lock, NULL);
	TAILQ_INIT(&worker->finished);
	worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	worker->wake_event =
		event_new(base, worker->wake_fd, EV_READ | EV_PERSIST, on_wake, worker);
	event_add(worker->wake_event, NULL);
	/* Signals belong to the loop's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (size_t i = 0; i < LANE_COUNT; i++)
		lane_start(worker, &worker->lanes[i], limits[i]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return worker;
}

void worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	for (size_t i = 0; i < LANE_COUNT; i++)
		lane_stop(&worker->lanes[i]);
	deliver_finished(worker);
	event_free(worker->wake_event);
	close(worker->wake_fd);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

bool worker_slot_take(struct worker *worker, enum lane lane)
{
	struct lane_state *state = &worker->lanes[lane];
	if (state->slots_taken == state->slots)
		return false;
	state->slots_taken++;
	return true;
}

void worker_slot_give(struct worker *worker, enum lane lane)
{
	worker->lanes[lane].slots_taken--;
}

static void enqueue(struct worker *worker, enum lane lane, struct job *job)
{
	struct lane_state *state = &worker->lanes[lane];
	job->lane = lane;
	state->pending++;
	pthread_mutex_lock(&state->lock);
	TAILQ_INSERT_TAIL(&state->queue, job, link);
	pthread_cond_signal(&state->wake);
	pthread_mutex_unlock(&state->lock);
}

void worker_submit(struct worker *worker, enum lane lane, struct job *job)
{
	job->own_slot = false;
	enqueue(worker, lane, job);
}

bool worker_try_submit(struct worker *worker, enum lane lane, struct job *job)
{
	if (!worker_slot_take(worker, lane))
		return false;
	job->own_slot = true;
	enqueue(worker, lane, job);
	return true;
}

void worker_skip(struct worker *worker, enum lane lane, struct job *job)
{
	job->lane = lane;
	job->own_slot = false;
	worker->lanes[lane].pending++;
	report(worker, job);
}

size_t worker_lane_pending(const struct worker *worker, enum lane lane)
{
	return worker->lanes[lane].pending;
}

size_t worker_pending(const struct worker *worker)
{
	size_t count = 0;
	for (size_t i = 0; i < LANE_COUNT; i++)
		count += worker->lanes[i].pending;
	return count;
}
