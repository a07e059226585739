/* SPDX-License-Identifier: MIT */
#include "spool/draft.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/worker.h"
#include "spool/digest.h"
#include "spool/dirsync.h"
#include "spool/record.h"
#include "spool/store.h"

struct chunk {
	char *p;
	size_t n;
	size_t room;
};

/* What the job under way is to do. */
enum step {
	STEP_WRITE,  /* the chunk */
	STEP_COMMIT, /* the chunk, END, sync, close */
	STEP_REMOVE, /* close, unlink */
};

/* What the owner wants of it. */
enum fate {
	FATE_OPEN,
	FATE_COMMIT,
	FATE_DISCARD
};

struct spool_draft {
	struct store *store;
	struct msgid id;
	enum fate fate;
	bool busy; /* a job is under way, or a directory sync */
	bool paused;
	void (*resume)(void *arg);
	void *resume_arg;
	spool_commit_cb *cb;
	void *cb_arg;
	struct chunk fill;	 /* what write() appends to */
	struct body_stats stats; /* as given to commit() */
	struct dirsync_wait wait;

	/* The job's while busy. */
	struct job job;
	enum step step;
	struct chunk flight;
	struct strbuf envelope; /* JSON; gone once written */
	struct record_end end;
	struct digest *digest; /* NULL until the file is made */
	int fd;
	bool made;	  /* the name exists */
	bool failed;	  /* err says why; the file is gone */
	uint64_t written; /* bytes of content */
	char last;	  /* the last of them */
	struct err err;
};

static struct spool_draft *of_job(struct job *job)
{
	return (void *)((char *)job - offsetof(struct spool_draft, job));
}

/* ------------------------------------------------------------------ jobs */

static bool fail(struct spool_draft *d, int errnum, const char *what)
{
	return store_errno(&d->err, errnum, what, &d->id);
}

static bool write_all(struct spool_draft *d, struct str bytes)
{
	while (bytes.n != 0) {
		ssize_t n = write(d->fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(d, n < 0 ? errno : EIO, "write");
		bytes = str_skip(bytes, (size_t)n);
	}
	return true;
}

static bool make(struct spool_draft *d)
{
	struct store_name name = store_name(&d->id);
	struct strbuf line;
	/* Under its final name: without END it counts for nothing, so there is nothing to rename.
	 */
	d->fd = openat(d->store->queue_fd, name.text,
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, STORE_MODE_DRAFT);
	if (d->fd < 0)
		return fail(d, errno, "create");
	d->made = true;
	d->digest = digest_new();
	strbuf_init(&line, RECORD_HEAD_MAX + RECORD_ENVELOPE_MAX);
	bool ok = record_append(&line, RECORD_ENVELOPE, strbuf_str(&d->envelope));
	strbuf_done(&d->envelope);
	d->end.content_at = line.n;
	ok = ok ? write_all(d, strbuf_str(&line)) : err_set(&d->err, "the envelope is too long");
	strbuf_done(&line);
	return ok;
}

static bool write_chunk(struct spool_draft *d)
{
	struct str bytes = { d->flight.p, d->flight.n };
	if (!d->made && !make(d))
		return false;
	if (bytes.n == 0)
		return true;
	digest_add(d->digest, bytes);
	d->written += bytes.n;
	d->last = bytes.p[bytes.n - 1];
	return write_all(d, bytes);
}

static bool write_end(struct spool_draft *d)
{
	const struct body_stats *stats = &d->end.stats;
	struct strbuf line;
	/* What END says must be true, and END must begin a line: see find_end() in stored.c. */
	if (stats->size != d->written || stats->header_size > stats->size ||
	    stats->longest_line > stats->size || (stats->size != 0 && d->last != '\n'))
		return err_set(&d->err, "the content is not what its statistics say");
	d->end.sum = digest_end(d->digest);
	strbuf_init(&line, RECORD_LINE_MAX);
	record_append_end(&line, &d->end);
	bool ok = line.overflow ? err_set(&d->err, "END is too long")
				: write_all(d, strbuf_str(&line));
	strbuf_done(&line);
	return ok;
}

static bool commit_file(struct spool_draft *d)
{
	if (!write_chunk(d) || !write_end(d))
		return false;
	if (fchmod(d->fd, STORE_MODE_COMMITTED) != 0)
		return fail(d, errno, "chmod");
	if (fsync(d->fd) != 0)
		return fail(d, errno, "sync");
	int fd = d->fd;
	d->fd = -1;
	return close(fd) == 0 || fail(d, errno, "close");
}

/* Whatever has happened, no trace of it stays. */
static void remove_file(struct spool_draft *d)
{
	struct store_name name = store_name(&d->id);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	if (d->made && unlinkat(d->store->queue_fd, name.text, 0) != 0 && errno != ENOENT)
		err_prefix(&d->err, "%s could not be removed and may come back", name.text);
	d->made = false;
}

static void run(struct job *job)
{
	struct spool_draft *d = of_job(job);
	bool ok = true;
	switch (d->step) {
	case STEP_WRITE:
		ok = write_chunk(d);
		break;
	case STEP_COMMIT:
		ok = !d->failed && commit_file(d);
		break;
	case STEP_REMOVE:
		remove_file(d);
		break;
	}
	if (!ok) {
		d->failed = true;
		remove_file(d);
	}
}

/* ------------------------------------------------------------------ loop */

static void done(struct job *job);

static void submit(struct spool_draft *d, enum step step)
{
	d->busy = true;
	d->step = step;
	d->job = (struct job){ .run = run, .done = done };
	worker_submit(d->store->worker, LANE_COMMIT, &d->job);
}

/* What was collected goes to the job; the buffer it had before is used again. */
static void swap_chunks(struct spool_draft *d)
{
	struct chunk empty = d->flight;
	empty.n = 0;
	d->flight = d->fill;
	d->fill = empty;
}

static bool is_full(const struct spool_draft *d)
{
	return d->fill.n > DRAFT_CHUNK;
}

static void release(struct spool_draft *d, bool forget)
{
	struct store *store = d->store;
	if (forget)
		store_forget(store, &d->id);
	worker_slot_give(store->worker, LANE_COMMIT);
	free(d->fill.p);
	free(d->flight.p);
	strbuf_done(&d->envelope);
	digest_free(d->digest);
	free(d);
	store_release(store);
}

/* The answer to commit(); the draft is gone when it has been given. */
static void finish(struct spool_draft *d)
{
	struct spool_info info = { .id = d->id, .stats = d->stats };
	struct err err = d->err;
	spool_commit_cb *cb = d->cb;
	void *arg = d->cb_arg;
	bool failed = d->failed;
	store_hold(d->store);
	struct store *store = d->store;
	release(d, failed);
	if (!store->closing)
		cb(arg, failed ? NULL : &info, failed ? &err : NULL);
	store_release(store);
}

static void on_dirsync(struct dirsync_wait *wait, const struct err *err)
{
	struct spool_draft *d = (void *)((char *)wait - offsetof(struct spool_draft, wait));
	if (err == NULL) {
		finish(d);
		return;
	}
	/* It has its END, so it must go before the client hears that we do not have it. */
	d->failed = true;
	d->err = *err;
	submit(d, STEP_REMOVE);
}

static void start_commit(struct spool_draft *d)
{
	d->end.stats = d->stats;
	swap_chunks(d);
	submit(d, STEP_COMMIT);
}

static void drop(struct spool_draft *d)
{
	if (d->made)
		submit(d, STEP_REMOVE);
	else
		release(d, true);
}

static void go_on(struct spool_draft *d)
{
	if (d->failed)
		d->fill.n = 0;
	if (is_full(d)) {
		swap_chunks(d);
		submit(d, STEP_WRITE);
	}
	if (!d->paused)
		return;
	d->paused = false;
	if (d->resume != NULL)
		d->resume(d->resume_arg);
}

static void done(struct job *job)
{
	struct spool_draft *d = of_job(job);
	d->busy = false;
	d->flight.n = 0;
	switch (d->fate) {
	case FATE_DISCARD:
		drop(d);
		break;
	case FATE_OPEN:
		go_on(d);
		break;
	case FATE_COMMIT:
		if (d->step == STEP_WRITE) {
			start_commit(d);
		} else if (d->failed) {
			finish(d);
		} else {
			d->busy = true;
			dirsync_add(d->store->dirsync, &d->wait);
		}
		break;
	}
}

struct spool_draft *draft_new(struct spool *spool, struct envelope *envelope, bool *full,
			      struct err *err)
{
	struct store *store = store_of(spool);
	*full = false;
	if (!room_check(store->room, err)) {
		*full = true;
		return NULL;
	}
	if (!worker_slot_take(store->worker, LANE_COMMIT)) {
		err_set(err, "busy");
		return NULL;
	}
	struct spool_draft *d = mem_zalloc(sizeof(*d));
	d->store = store;
	d->id = envelope->id = msgid_random();
	d->fd = -1;
	d->wait.done = on_dirsync;
	d->wait.epoch = dirsync_epoch(store->dirsync);
	d->end.id = d->id;
	d->end.recipients = (uint32_t)envelope->recipient_count;
	strbuf_init(&d->envelope, RECORD_ENVELOPE_MAX);
	envelope_append_json(&d->envelope, envelope);
	store_hold(store);
	store_know(store, &d->id);
	if (d->envelope.overflow) {
		err_errno(err, EMSGSIZE, "the envelope");
		release(d, true);
		return NULL;
	}
	return d;
}

/* Doubles while small; beyond a full chunk only the last slice has to fit. */
static void append(struct chunk *chunk, struct str bytes)
{
	enum {
		ROOM_FIRST = 4096
	};
	if (bytes.n > chunk->room - chunk->n) {
		size_t need = chunk->n + bytes.n;
		size_t room = chunk->room != 0 ? chunk->room : ROOM_FIRST;
		while (room < need)
			room += room < DRAFT_CHUNK ? room : DRAFT_CHUNK / 4;
		chunk->p = mem_realloc_array(chunk->p, room, 1);
		chunk->room = room;
	}
	memcpy(chunk->p + chunk->n, bytes.p, bytes.n);
	chunk->n += bytes.n;
}

bool draft_write(struct spool_draft *d, struct str bytes)
{
	assert(d->fate == FATE_OPEN);
	if (bytes.n == 0 || (!d->busy && d->failed))
		return !d->paused;
	room_spend(d->store->room, bytes.n);
	append(&d->fill, bytes);
	if (!is_full(d))
		return true;
	if (d->busy) {
		d->paused = true;
		return false;
	}
	swap_chunks(d);
	submit(d, STEP_WRITE);
	return true;
}

void draft_on_resume(struct spool_draft *d, void (*resume)(void *arg), void *arg)
{
	d->resume = resume;
	d->resume_arg = arg;
}

void draft_commit(struct spool_draft *d, const struct body_stats *stats, spool_commit_cb *cb,
		  void *arg)
{
	assert(d->fate == FATE_OPEN);
	d->fate = FATE_COMMIT;
	d->cb = cb;
	d->cb_arg = arg;
	d->stats = *stats;
	if (!d->busy)
		start_commit(d);
}

void draft_discard(struct spool_draft *d)
{
	assert(d->fate == FATE_OPEN);
	d->fate = FATE_DISCARD;
	if (!d->busy)
		drop(d);
}
