/* SPDX-License-Identifier: MIT */
#include "spool/reader.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/worker.h"
#include "spool/digest.h"
#include "spool/store.h"
#include "spool/stored.h"

enum step {
	STEP_OPEN,
	STEP_READ,
	STEP_CLOSE
};

struct piece {
	char *p;
	size_t n;
};

struct spool_reader {
	struct store *store;
	struct msgid id;
	spool_open_cb *open_cb;
	spool_read_cb *read_cb; /* NULL: nobody waits */
	void *arg;
	struct event *deliver; /* calls back when a piece is there before it is asked for */
	struct piece present;  /* what the caller has */
	bool busy;
	bool ready; /* next, or failed, is there to be delivered */
	bool begun; /* read() or read_header() has been called */
	bool closed;

	/* The job's while busy. */
	struct job job;
	enum step step;
	int fd;
	struct stored stored;
	struct digest *digest;
	uint64_t position; /* in the content: what has been read */
	struct piece next;
	bool failed;
	struct err err;
};

static struct spool_reader *of_job(struct job *job)
{
	return (void *)((char *)job - offsetof(struct spool_reader, job));
}

/* ------------------------------------------------------------------ jobs */

static void fail_damaged(struct spool_reader *r, const char *reason)
{
	r->failed = true;
	store_condemn(r->store, &r->id, reason, &r->err);
}

static void open_file(struct spool_reader *r)
{
	struct err err;
	enum stored_verdict verdict =
		stored_open(r->store->queue_fd, &r->id, STORED_ENVELOPE, &r->fd, &r->stored, &err);
	r->failed = verdict != STORED_GOOD;
	if (r->failed)
		store_refuse(r->store, &r->id, verdict, "read", &err, &r->err);
	else
		r->digest = digest_new();
}

/* Fills next, whose size says how much is wanted. */
static void read_piece(struct spool_reader *r)
{
	const struct record_end *end = &r->stored.end;
	size_t have = 0;
	while (have < r->next.n) {
		ssize_t n = pread(r->fd, r->next.p + have, r->next.n - have,
				  (off_t)(end->content_at + r->position + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r->failed = true;
			store_errno(&r->err, errno, "read", &r->id);
			return;
		}
		if (n == 0) {
			fail_damaged(r, "its content has become shorter");
			return;
		}
		have += (size_t)n;
	}
	digest_add(r->digest, (struct str){ r->next.p, r->next.n });
	r->position += r->next.n;
	if (r->position != end->stats.size)
		return;
	struct sha256 sum = digest_end(r->digest);
	if (!sha256_equal(&sum, &end->sum))
		fail_damaged(r, "its content has changed");
}

static void run(struct job *job)
{
	struct spool_reader *r = of_job(job);
	switch (r->step) {
	case STEP_OPEN:
		open_file(r);
		break;
	case STEP_READ:
		read_piece(r);
		break;
	case STEP_CLOSE:
		/* A job, because this may be the last hold on a large file that has been removed:
		 * then the file system frees its blocks now. */
		close(r->fd);
		break;
	}
}

/* ------------------------------------------------------------------ loop */

static void done(struct job *job);

static void submit(struct spool_reader *r, enum step step)
{
	r->busy = true;
	r->step = step;
	r->job = (struct job){ .run = run, .done = done };
	/* Without a slot: who reads is bounded by the number of deliveries under way, and a
	 * delivery must not fail half-way because somebody else fills the lane. */
	worker_submit(r->store->worker, LANE_DISK, &r->job);
}

static void destroy(struct spool_reader *r)
{
	struct store *store = r->store;
	if (r->deliver != NULL)
		event_free(r->deliver);
	stored_done(&r->stored);
	digest_free(r->digest);
	free(r->present.p);
	free(r->next.p);
	free(r);
	store_release(store);
}

static void submit_read(struct spool_reader *r, uint64_t n)
{
	free(r->next.p);
	r->next = (struct piece){ .p = mem_alloc((size_t)n), .n = (size_t)n };
	submit(r, STEP_READ);
}

static void read_ahead(struct spool_reader *r)
{
	uint64_t left = r->stored.end.stats.size - r->position;
	submit_read(r, left < READER_CHUNK ? left : READER_CHUNK);
}

/* Hands over what is there and gets what comes then. The caller may close the reader meanwhile, so
 * its callback is the last that happens. */
static void deliver(struct spool_reader *r)
{
	spool_read_cb *cb = r->read_cb;
	r->read_cb = NULL;
	if (r->failed) {
		struct err err = r->err;
		cb(r->arg, STR(""), &err); /* stays ready: whoever asks again hears it again */
		return;
	}
	free(r->present.p);
	r->present = r->next;
	r->next = (struct piece){ NULL, 0 };
	struct str bytes = { r->present.n != 0 ? r->present.p : "", r->present.n };
	if (r->position < r->stored.end.stats.size) {
		r->ready = false;
		read_ahead(r);
	} /* else the next one is the empty chunk, ready now */
	cb(r->arg, bytes, NULL);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct spool_reader *r = arg;
	(void)fd;
	(void)what;
	if (r->read_cb != NULL && r->ready)
		deliver(r);
}

static void opened(struct spool_reader *r)
{
	spool_open_cb *cb = r->open_cb;
	void *arg = r->arg;
	if (r->failed) {
		struct err err = r->err;
		struct store *store = r->store;
		store_hold(store);
		destroy(r);
		if (!store->closing)
			cb(arg, NULL, NULL, NULL, &err);
		store_release(store);
		return;
	}
	struct spool_info info = {
		.id = r->id,
		.stats = r->stored.end.stats,
		.generation = r->stored.generation,
	};
	if (r->store->closing) {
		submit(r, STEP_CLOSE);
		return;
	}
	r->deliver = event_new(r->store->base, -1, 0, on_deliver, r);
	cb(arg, r, &info, &r->stored.envelope, NULL);
}

static void done(struct job *job)
{
	struct spool_reader *r = of_job(job);
	r->busy = false;
	if (r->step == STEP_CLOSE) {
		destroy(r);
	} else if (r->closed) {
		submit(r, STEP_CLOSE);
	} else if (r->step == STEP_OPEN) {
		opened(r);
	} else {
		r->ready = true;
		if (r->read_cb != NULL)
			deliver(r);
	}
}

void reader_open(struct spool *spool, const struct msgid *id, spool_open_cb *cb, void *arg)
{
	struct spool_reader *r = mem_zalloc(sizeof(*r));
	r->store = store_of(spool);
	r->id = *id;
	r->fd = -1;
	r->open_cb = cb;
	r->arg = arg;
	store_hold(r->store);
	submit(r, STEP_OPEN);
}

/* Starts the first job, or sees to it that what is there already is delivered. */
static void ask(struct spool_reader *r, spool_read_cb *cb, void *arg, uint64_t first)
{
	assert(r->read_cb == NULL && !r->closed);
	r->read_cb = cb;
	r->arg = arg;
	if (!r->begun) {
		r->begun = true;
		submit_read(r, first);
	} else if (r->ready) {
		event_active(r->deliver, EV_TIMEOUT, 1);
	}
}

void reader_read(struct spool_reader *r, spool_read_cb *cb, void *arg)
{
	uint64_t size = r->stored.end.stats.size;
	ask(r, cb, arg, size < READER_CHUNK ? size : READER_CHUNK);
}

void reader_read_header(struct spool_reader *r, spool_read_cb *cb, void *arg)
{
	uint64_t size = r->stored.end.stats.header_size;
	assert(!r->begun);
	if (size > READER_HEADER_MAX) {
		r->begun = r->ready = r->failed = true;
		err_set(&r->err, "%s: its header has %ju bytes, more than %d",
			msgid_text(&r->id).hex, (uintmax_t)size, READER_HEADER_MAX);
	}
	ask(r, cb, arg, size);
}

void reader_close(struct spool_reader *r)
{
	assert(!r->closed);
	r->closed = true;
	r->read_cb = NULL;
	if (!r->busy)
		submit(r, STEP_CLOSE);
}
