/* SPDX-License-Identifier: MIT */
#include "spool/dirsync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/worker.h"
#include "spool/store.h"

TAILQ_HEAD(wait_list, dirsync_wait);

struct dirsync {
	struct store *store;
	struct wait_list waiting;
	struct wait_list batch; /* served by the job under way */
	uint64_t epoch;		/* number of failures */
	bool busy;
	struct job job;
	int fd; /* the job's while busy, and so is what follows */
	bool ok;
	struct err err;
};

/* A file description of its own, so that each lost block is reported to us, whoever else syncs. */
static int open_queue(const struct store *store)
{
	return openat(store->queue_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct dirsync *of_job(struct job *job)
{
	return (void *)((char *)job - offsetof(struct dirsync, job));
}

static void run(struct job *job)
{
	struct dirsync *dirsync = of_job(job);
	if (dirsync->fd < 0)
		dirsync->fd = open_queue(dirsync->store);
	dirsync->ok = dirsync->fd >= 0 && fsync(dirsync->fd) == 0;
	if (dirsync->ok)
		return;
	err_errno(&dirsync->err, errno, "sync %s/queue", dirsync->store->path);
	/* Nothing is retried on a descriptor whose sync failed. */
	if (dirsync->fd >= 0)
		close(dirsync->fd);
	dirsync->fd = -1;
}

static void start(struct dirsync *dirsync);

static void done(struct job *job)
{
	struct dirsync *dirsync = of_job(job);
	struct store *store = dirsync->store;
	struct wait_list batch = TAILQ_HEAD_INITIALIZER(batch);
	struct dirsync_wait *wait;
	/* Copies: the next sync may be under way before the last waiter has been told. */
	bool ok = dirsync->ok;
	struct err err = dirsync->err;
	uint64_t epoch = dirsync->epoch;
	dirsync->busy = false;
	TAILQ_CONCAT(&batch, &dirsync->batch, link);
	if (!ok)
		dirsync->epoch++;
	if (!TAILQ_EMPTY(&dirsync->waiting))
		start(dirsync);
	while ((wait = TAILQ_FIRST(&batch)) != NULL) {
		TAILQ_REMOVE(&batch, wait, link);
		if (ok && wait->epoch != epoch) {
			struct err older;
			err_set(&older, "sync %s/queue: failed after the file was made",
				store->path);
			wait->done(wait, &older);
		} else {
			wait->done(wait, ok ? NULL : &err);
		}
	}
	store_release(store);
}

static void start(struct dirsync *dirsync)
{
	TAILQ_CONCAT(&dirsync->batch, &dirsync->waiting, link);
	dirsync->busy = true;
	dirsync->job = (struct job){ .run = run, .done = done };
	store_hold(dirsync->store);
	worker_submit(dirsync->store->worker, LANE_COMMIT, &dirsync->job);
}

struct dirsync *dirsync_new(struct store *store, struct err *err)
{
	int fd = open_queue(store);
	if (fd < 0) {
		err_errno(err, errno, "%s/queue", store->path);
		return NULL;
	}
	struct dirsync *dirsync = mem_zalloc(sizeof(*dirsync));
	TAILQ_INIT(&dirsync->waiting);
	TAILQ_INIT(&dirsync->batch);
	dirsync->store = store;
	dirsync->fd = fd;
	return dirsync;
}

void dirsync_free(struct dirsync *dirsync)
{
	if (dirsync == NULL)
		return;
	if (dirsync->fd >= 0)
		close(dirsync->fd);
	free(dirsync);
}

uint64_t dirsync_epoch(const struct dirsync *dirsync)
{
	return dirsync->epoch;
}

void dirsync_add(struct dirsync *dirsync, struct dirsync_wait *wait)
{
	TAILQ_INSERT_TAIL(&dirsync->waiting, wait, link);
	if (!dirsync->busy)
		start(dirsync);
}
