/* SPDX-License-Identifier: MIT */
#include "common/state.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/mem.h"
#include "common/state_files.h"
#include "common/worker.h"

/* The asynchronous side: one operation after the other, each a job (common/state_files.h does it).
 * So operations on one name, and on all others, keep their order. */

enum kind {
	GET,
	PUT,
	REMOVE
};

struct operation {
	TAILQ_ENTRY(operation) link;
	enum kind kind;
	char *name;
	struct secret value; /* to be written; or what was read */
	state_got_cb *got;   /* both NULL: nobody wants to know any more */
	state_put_cb *put;
	void *arg;
	bool ok;
	bool found;
	struct err err;
};

TAILQ_HEAD(operation_list, operation);

struct state_job {
	struct job job; /* first */
	struct state_file *file;
};

struct state_file {
	struct state state; /* first */
	struct worker *worker;
	char *folder;
	struct operation_list waiting;
	struct operation *current; /* with the job, until done() */
	struct state_job job;
	bool closing; /* freed by done() */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool running; /* under lock: from submit to the end of run() */
};

static struct state_file *file_of(struct state *state)
{
	return (struct state_file *)state;
}

static struct state_file *file_of_job(struct job *job)
{
	return ((struct state_job *)job)->file;
}

/* ---- one operation ---- */

static void operation_free(struct operation *op)
{
	secret_done(&op->value);
	free(op->name);
	free(op);
}

/* In the job; or at the end, in place. */
static void perform(const struct state_file *file, struct operation *op)
{
	switch (op->kind) {
	case GET:
		state_files_tidy(file->folder, op->name);
		op->ok = state_file_read(file->folder, op->name, &op->value, &op->found, &op->err);
		break;
	case PUT:
		op->ok = state_file_write(file->folder, op->name, secret_reveal(&op->value),
					  &op->err);
		break;
	case REMOVE:
		op->ok = state_files_remove(file->folder, op->name, &op->err);
		break;
	}
}

static void tell(const struct operation *op)
{
	const struct err *err = op->ok ? NULL : &op->err;
	if (op->got != NULL)
		op->got(op->arg, op->ok && op->found, secret_reveal(&op->value), err);
	else if (op->put != NULL)
		op->put(op->arg, err);
}

/* ---- the job ---- */

static void run(struct job *job)
{
	struct state_file *file = file_of_job(job);
	perform(file, file->current);
	pthread_mutex_lock(&file->lock);
	file->running = false;
	pthread_cond_signal(&file->changed);
	pthread_mutex_unlock(&file->lock);
}

static void start_next(struct state_file *file)
{
	struct operation *op = TAILQ_FIRST(&file->waiting);
	if (file->current != NULL || op == NULL)
		return;
	TAILQ_REMOVE(&file->waiting, op, link);
	file->current = op;
	file->running = true;
	worker_submit(file->worker, LANE_DISK, &file->job.job);
}

static void release(struct state_file *file)
{
	worker_slot_give(file->worker, LANE_DISK);
	pthread_cond_destroy(&file->changed);
	pthread_mutex_destroy(&file->lock);
	free(file->folder);
	free(file);
}

static void done(struct job *job)
{
	struct state_file *file = file_of_job(job);
	struct operation *op = file->current;
	if (file->closing) {
		operation_free(op);
		release(file);
		return;
	}
	file->current = NULL;
	/* The next one's turn first: the call may free all this. */
	start_next(file);
	tell(op);
	operation_free(op);
}

static void add(struct state *state, enum kind kind, const char *name, struct operation with)
{
	struct state_file *file = file_of(state);
	struct operation *op = mem_alloc(sizeof(*op));
	*op = with;
	op->kind = kind;
	op->name = mem_strdup(name);
	TAILQ_INSERT_TAIL(&file->waiting, op, link);
	start_next(file);
}

/* ---- the table ---- */

static void get(struct state *state, const char *name, state_got_cb *cb, void *arg)
{
	add(state, GET, name, (struct operation){ .got = cb, .arg = arg });
}

static void put(struct state *state, const char *name, struct str value, state_put_cb *cb,
		void *arg)
{
	struct operation op = { .put = cb, .arg = arg };
	secret_set(&op.value, value);
	add(state, PUT, name, op);
}

static void remove_value(struct state *state, const char *name, state_put_cb *cb, void *arg)
{
	add(state, REMOVE, name, (struct operation){ .put = cb, .arg = arg });
}

static void forget_one(struct operation *op, const void *arg)
{
	if (op->arg != arg)
		return;
	op->got = NULL;
	op->put = NULL;
}

static void forget(struct state *state, void *arg)
{
	struct state_file *file = file_of(state);
	struct operation *op;
	for (op = TAILQ_FIRST(&file->waiting); op != NULL; op = TAILQ_NEXT(op, link))
		forget_one(op, arg);
	if (file->current != NULL)
		forget_one(file->current, arg);
}

/* The loop turns no more when this is called, so the rest is done here and now. */
static void free_file(struct state *state)
{
	if (state == NULL)
		return;
	struct state_file *file = file_of(state);
	struct operation *op;
	pthread_mutex_lock(&file->lock);
	while (file->running)
		pthread_cond_wait(&file->changed, &file->lock);
	pthread_mutex_unlock(&file->lock);
	while ((op = TAILQ_FIRST(&file->waiting)) != NULL) {
		TAILQ_REMOVE(&file->waiting, op, link);
		if (op->kind != GET)
			perform(file, op);
		operation_free(op);
	}
	/* The worker still has the job, and calls done(). */
	file->closing = true;
	if (file->current == NULL)
		release(file);
}

static const struct state_ops ops = {
	.get = get,
	.put = put,
	.remove = remove_value,
	.forget = forget,
	.free = free_file,
};

struct state *state_file_open(struct event_base *base, struct worker *worker, const char *folder,
			      struct err *err)
{
	struct state_owner owner;
	(void)base; /* the worker knows its loop */
	if (!state_folder_make(folder, &owner, err))
		return NULL;
	if (!worker_slot_take(worker, LANE_DISK)) {
		err_set(err, "the disk lane has no place for the state");
		return NULL;
	}
	struct state_file *file = mem_zalloc(sizeof(*file));
	file->state.ops = &ops;
	file->worker = worker;
	file->folder = mem_strdup(folder);
	file->job = (struct state_job){ .job = { .run = run, .done = done }, .file = file };
	TAILQ_INIT(&file->waiting);
	pthread_mutex_init(&file->lock, NULL);
	pthread_cond_init(&file->changed, NULL);
	return &file->state;
}
