/* SPDX-License-Identifier: MIT */
#include "spool/progress.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/worker.h"
#include "spool/record.h"
#include "spool/store.h"
#include "spool/stored.h"

/* One update or removal: all of it the job's until done(). */
struct change {
	struct store *store;
	struct msgid id;
	spool_done_cb *cb;
	void *arg;
	struct job job;
	bool ok;
	struct err err;
	/* update only */
	uint32_t generation;
	struct progress *records;
	char **replies;
	size_t count;
	bool sync;
};

static struct change *of_job(struct job *job)
{
	return (void *)((char *)job - offsetof(struct change, job));
}

/* ------------------------------------------------------------------ jobs */

static bool fail(struct change *c, const char *what)
{
	return store_errno(&c->err, errno, what, &c->id);
}

static bool encode(struct change *c, const struct stored *stored, struct strbuf *out)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct progress *p = &c->records[i];
		if (p->recipient >= stored->end.recipients && p->recipient != PROGRESS_MESSAGE)
			return err_set(&c->err, "recipient %ju: the message has only %ju",
				       (uintmax_t)p->recipient, (uintmax_t)stored->end.recipients);
		record_append_progress(out, c->generation + (uint32_t)i + 1, p);
	}
	return !out->overflow || err_set(&c->err, "too many records at once");
}

/* One write, so that a crash leaves at most one torn record behind those that are whole. */
static bool write_records(struct change *c, int fd, const struct stored *stored, struct str bytes)
{
	ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)stored->tail);
	if (n < 0)
		return fail(c, "update");
	if ((size_t)n != bytes.n) {
		/* Regular files are cut short by a full disk or by a limit, and the rest would say
		 * which; it is not worth a second write. */
		errno = ENOSPC;
		return fail(c, "update");
	}
	return !c->sync || fdatasync(fd) == 0 || fail(c, "sync");
}

static bool append(struct change *c, int fd, const struct stored *stored)
{
	struct strbuf bytes;
	if (stored->generation != c->generation)
		return err_set(&c->err, "%s: changed by another relay (%ju records, expected %ju)",
			       store_name(&c->id).text, (uintmax_t)stored->generation,
			       (uintmax_t)c->generation);
	if (c->count > STORED_RECORDS_MAX - stored->generation)
		return err_set(&c->err, "%s: too many progress records", store_name(&c->id).text);
	/* Safe: a torn record was never reported as written (its writer died in the act), or it was
	 * not synced before a power cut; so nobody has acted on it. */
	if (stored->torn && ftruncate(fd, (off_t)stored->tail) != 0)
		return fail(c, "truncate");
	strbuf_init(&bytes, (c->count + 1) * RECORD_LINE_MAX);
	bool ok = encode(c, stored, &bytes) && write_records(c, fd, stored, strbuf_str(&bytes));
	strbuf_done(&bytes);
	/* The caller keeps its generation, so the file must keep its, too. If this fails, the next
	 * update finds other records than it expects and says so. */
	if (!ok && ftruncate(fd, (off_t)stored->tail) != 0)
		err_prefix(&c->err, "cannot be undone");
	return ok;
}

static void run_update(struct job *job)
{
	struct change *c = of_job(job);
	struct stored stored;
	struct err err;
	int fd;
	enum stored_verdict verdict =
		stored_open(c->store->queue_fd, &c->id, STORED_WRITABLE, &fd, &stored, &err);
	if (verdict != STORED_GOOD) {
		/* A delivery that is reading it has it open: moving it does no harm. */
		c->ok = store_refuse(c->store, &c->id, verdict, "updated", &err, &c->err);
		return;
	}
	c->ok = append(c, fd, &stored);
	/* The records are there, and synced where that was asked: what close() says changes
	 * nothing, and to call it a failure would leave the caller with the wrong generation. */
	close(fd);
	stored_done(&stored);
}

static void run_remove(struct job *job)
{
	struct change *c = of_job(job);
	/* No sync of the directory: a file that comes back after a power cut carries its records,
	 * and a scan that finds all recipients sent removes it again. Gone already is as good. */
	c->ok = unlinkat(c->store->queue_fd, store_name(&c->id).text, 0) == 0 || errno == ENOENT ||
		fail(c, "remove");
}

/* ------------------------------------------------------------------ loop */

static void finish(struct change *c)
{
	struct store *store = c->store;
	if (!store->closing)
		c->cb(c->arg, c->ok ? NULL : &c->err);
	for (size_t i = 0; i < c->count; i++)
		free(c->replies[i]);
	free(c->replies);
	free(c->records);
	free(c);
	store_release(store);
}

static void updated(struct job *job)
{
	finish(of_job(job));
}

static void removed(struct job *job)
{
	struct change *c = of_job(job);
	if (c->ok)
		store_forget(c->store, &c->id);
	finish(c);
}

static struct change *change_new(struct spool *spool, const struct msgid *id, spool_done_cb *cb,
				 void *arg)
{
	struct change *c = mem_zalloc(sizeof(*c));
	c->store = store_of(spool);
	c->id = *id;
	c->cb = cb;
	c->arg = arg;
	store_hold(c->store);
	return c;
}

/* Without a slot: the queue's own limits bound the number of changes under way, and an outcome must
 * not get lost because somebody else fills the lane. */
static void submit(struct change *c, void (*run)(struct job *), void (*done)(struct job *))
{
	c->job = (struct job){ .run = run, .done = done };
	worker_submit(c->store->worker, LANE_DISK, &c->job);
}

void progress_update(struct spool *spool, const struct msgid *id, uint32_t generation,
		     const struct progress *records, size_t count, bool sync, spool_done_cb *cb,
		     void *arg)
{
	struct change *c = change_new(spool, id, cb, arg);
	c->generation = generation;
	c->count = count;
	c->sync = sync;
	c->records = mem_zalloc(count * sizeof(*c->records));
	c->replies = mem_zalloc(count * sizeof(*c->replies));
	for (size_t i = 0; i < count; i++) {
		struct str reply = str_head(records[i].reply, RECORD_REPLY_MAX);
		c->records[i] = records[i];
		c->replies[i] = str_dup(reply);
		c->records[i].reply = (struct str){ c->replies[i], reply.n };
	}
	submit(c, run_update, updated);
}

void progress_remove(struct spool *spool, const struct msgid *id, spool_done_cb *cb, void *arg)
{
	struct change *c = change_new(spool, id, cb, arg);
	submit(c, run_remove, removed);
}
