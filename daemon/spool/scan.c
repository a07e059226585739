/* SPDX-License-Identifier: MIT */
#include "spool/scan.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/worker.h"
#include "spool/judge.h"
#include "spool/store.h"

enum {
	SLICE_MS = 4,
	BATCH_BYTES = 1 << 20, /* of envelopes and records in memory, about */
};

struct entry {
	ino_t inode;
	struct msgid id;
};

struct scan {
	struct store *store;
	TAILQ_ENTRY(scan) link;
	spool_scan_cb *found;
	spool_corrupt_cb *corrupt;
	spool_scan_done_cb *done;
	void *arg;
	struct spool_scan_result result;
	struct event *again; /* more of a batch to hand over, after others had their turn */
	bool busy;

	/* The job's while busy. */
	struct job job;
	bool failed;
	struct err err;
	DIR *dir;
	bool at_end;
	struct entry *entries;
	size_t entry_count;
	size_t entry_next;
	char *foreign[SCAN_FOREIGN_MAX];
	size_t foreign_count;
	size_t foreign_more;
	struct msgid batch[SCAN_BATCH];
	size_t batch_count;
	size_t batch_next;
	struct judged judged[SCAN_BATCH];
	size_t judged_count;
	size_t judged_next;
};

TAILQ_HEAD(scan_queue, scan);

struct scan_list {
	struct store *store;
	struct scan_queue scans; /* the first is under way */
};

static struct scan *of_job(struct job *job)
{
	return (void *)((char *)job - offsetof(struct scan, job));
}

/* ------------------------------------------------------------------ jobs */

static void list_failed(struct scan *s)
{
	s->failed = true;
	err_errno(&s->err, errno, "%s/queue", s->store->path);
}

static void open_directory(struct scan *s)
{
	int fd = openat(s->store->queue_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		s->dir = fdopendir(fd);
	if (s->dir != NULL)
		return;
	list_failed(s);
	if (fd >= 0)
		close(fd);
}

static void note_foreign(struct scan *s, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0)
		return;
	if (s->foreign_count < SCAN_FOREIGN_MAX)
		s->foreign[s->foreign_count++] = mem_strdup(name);
	else
		s->foreign_more++;
}

static void add_entry(struct scan *s, const struct dirent *d)
{
	struct entry entry = { .inode = d->d_ino };
	if (!store_name_parse(str_of(d->d_name), &entry.id)) {
		note_foreign(s, d->d_name);
		return;
	}
	size_t n = s->entry_count;
	if ((n & (n - 1)) == 0)
		s->entries = mem_realloc_array(s->entries, n != 0 ? n * 2 : 1, sizeof(entry));
	s->entries[s->entry_count++] = entry;
}

/* Inodes lie on the disk in this order, names do not. */
static int by_inode(const void *a, const void *b)
{
	ino_t x = ((const struct entry *)a)->inode;
	ino_t y = ((const struct entry *)b)->inode;
	return (x > y) - (x < y);
}

static void run_list(struct job *job)
{
	struct scan *s = of_job(job);
	const struct dirent *d = NULL;
	if (s->dir == NULL)
		open_directory(s);
	s->entry_count = s->entry_next = 0;
	while (!s->failed && s->entry_count < SCAN_LIST_MAX) {
		errno = 0;
		/* Safe here: no other thread uses this stream. */
		d = readdir(s->dir); /* NOLINT(concurrency-mt-unsafe) */
		if (d == NULL)
			break;
		add_entry(s, d);
	}
	if (!s->failed && d == NULL) {
		s->at_end = true;
		if (errno != 0)
			list_failed(s);
	}
	if (s->entry_count != 0)
		qsort(s->entries, s->entry_count, sizeof(*s->entries), by_inode);
}

static void run_batch(struct job *job)
{
	struct scan *s = of_job(job);
	uint64_t bytes = 0;
	while (s->batch_next < s->batch_count && bytes < BATCH_BYTES)
		bytes += judge_file(s->store, &s->batch[s->batch_next++],
				    &s->judged[s->judged_count++]);
}

/* ------------------------------------------------------------------ loop */

static void go_on(struct scan *s);

static void done(struct job *job)
{
	struct scan *s = of_job(job);
	s->busy = false;
	go_on(s);
}

static void submit(struct scan *s, void (*run)(struct job *))
{
	s->busy = true;
	s->job = (struct job){ .run = run, .done = done };
	/* Without a slot: there is one scan at a time, and it must get to its end. */
	worker_submit(s->store->worker, LANE_DISK, &s->job);
}

static void report(struct scan *s, const char *name, const char *moved_to, const char *reason)
{
	struct strbuf path;
	strbuf_init(&path, 2 * 4096);
	strbuf_addf(&path, "%s/queue/%s", s->store->path, name);
	s->result.corrupt++;
	s->corrupt(s->arg, strbuf_cstr(&path), moved_to, reason);
	strbuf_done(&path);
}

static void report_foreign(struct scan *s)
{
	for (size_t i = 0; i < s->foreign_count; i++) {
		report(s, s->foreign[i], NULL, "not a message of the relay's, left alone");
		free(s->foreign[i]);
	}
	s->foreign_count = 0;
	if (!s->at_end || s->foreign_more == 0)
		return;
	struct err reason;
	err_set(&reason, "%zu more files are none of the relay's", s->foreign_more);
	s->foreign_more = 0;
	report(s, "", NULL, reason.text);
}

static void hand_over(struct scan *s, struct judged *j)
{
	switch (j->outcome) {
	case JUDGED_MESSAGE: {
		struct spool_info info = {
			.id = j->id,
			.stats = j->stored.end.stats,
			.generation = j->stored.generation,
		};
		s->result.messages++;
		store_know(s->store, &j->id);
		s->found(s->arg, &info, &j->stored.envelope, j->stored.progress, info.generation);
		break;
	}
	case JUDGED_REMOVED_DRAFT:
		s->result.drafts_removed++;
		break;
	case JUDGED_REMOVED_SENT:
		s->result.sent_removed++;
		break;
	case JUDGED_BAD:
		report(s, store_name(&j->id).text, j->moved_to, j->reason.text);
		break;
	case JUDGED_GONE:
		break;
	}
}

/* False: time is up, there is more. */
static bool hand_over_slice(struct scan *s)
{
	int64_t start = clock_mono_ms();
	while (s->judged_next < s->judged_count) {
		struct judged *j = &s->judged[s->judged_next++];
		if (!s->store->closing)
			hand_over(s, j);
		judged_done(j);
		if (!s->store->closing && clock_mono_ms() - start >= SLICE_MS)
			return s->judged_next == s->judged_count;
	}
	return true;
}

static bool fill_batch(struct scan *s)
{
	s->judged_count = s->judged_next = 0;
	if (s->batch_next < s->batch_count)
		return true;
	s->batch_count = s->batch_next = 0;
	while (s->entry_next < s->entry_count && s->batch_count < SCAN_BATCH) {
		const struct msgid *id = &s->entries[s->entry_next++].id;
		if (!store_knows(s->store, id))
			s->batch[s->batch_count++] = *id;
	}
	return s->batch_count != 0;
}

static void scan_free(struct scan *s)
{
	if (s->dir != NULL)
		closedir(s->dir);
	if (s->again != NULL)
		event_free(s->again);
	for (size_t i = 0; i < s->foreign_count; i++)
		free(s->foreign[i]);
	free(s->entries);
	free(s);
}

static void begin(struct scan_list *list)
{
	struct scan *s = TAILQ_FIRST(&list->scans);
	if (s == NULL)
		return;
	store_scan_begins(list->store);
	submit(s, run_list);
}

static void end(struct scan *s)
{
	struct store *store = s->store;
	TAILQ_REMOVE(&store->scans->scans, s, link);
	store_scan_ended(store);
	if (!store->closing) {
		s->done(s->arg, &s->result, s->failed ? &s->err : NULL);
		begin(store->scans);
	}
	scan_free(s);
	store_release(store);
}

static void go_on(struct scan *s)
{
	static const struct timeval at_once = { .tv_sec = 0 };
	if (!s->store->closing)
		report_foreign(s);
	if (!hand_over_slice(s)) {
		/* By a timer: an event made active now would run before the network is looked at.
		 */
		event_add(s->again, &at_once);
		return;
	}
	bool more = !s->store->closing;
	if (more && fill_batch(s))
		submit(s, run_batch);
	else if (more && !s->at_end && !s->failed)
		submit(s, run_list);
	else
		end(s);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_on(arg);
}

struct scan_list *scan_list_new(struct store *store)
{
	struct scan_list *list = mem_zalloc(sizeof(*list));
	list->store = store;
	TAILQ_INIT(&list->scans);
	return list;
}

void scan_list_free(struct scan_list *list)
{
	free(list);
}

void scan_list_stop(struct scan_list *list)
{
	struct scan *s = TAILQ_FIRST(&list->scans);
	struct scan *next;
	if (s == NULL)
		return;
	while ((next = TAILQ_NEXT(s, link)) != NULL) {
		TAILQ_REMOVE(&list->scans, next, link);
		scan_free(next);
		store_release(list->store);
	}
	if (!s->busy) {
		event_del(s->again);
		go_on(s);
	}
}

void scan_start(struct spool *spool, spool_scan_cb *found, spool_corrupt_cb *corrupt,
		spool_scan_done_cb *done_cb, void *arg)
{
	struct store *store = store_of(spool);
	struct scan *s = mem_zalloc(sizeof(*s));
	s->store = store;
	s->found = found;
	s->corrupt = corrupt;
	s->done = done_cb;
	s->arg = arg;
	s->again = evtimer_new(store->base, on_again, s);
	store_hold(store);
	bool first = TAILQ_EMPTY(&store->scans->scans);
	TAILQ_INSERT_TAIL(&store->scans->scans, s, link);
	if (first)
		begin(store->scans);
}
