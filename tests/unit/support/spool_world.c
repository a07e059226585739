/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/spool_world.h"

#include <dirent.h>
#include <event2/event.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/loopguard.h"
#include "tests/unit/support/run_loop.h"

/* Not cmocka's: this file is linked into tests that do not use it. */
static void must(bool ok, const char *what, const char *why)
{
	if (ok)
		return;
	fprintf(stderr, "spool_world: %s: %s\n", what, why);
	abort();
}

static void open_spool(struct world *w)
{
	struct spool_file_params params = { .path = w->path, .min_free = w->min_free };
	struct err err = { .code = 0 };
	w->spool = spool_file_open(w->base, w->worker, &params, &err);
	must(w->spool != NULL, "open", err.text);
}

void world_start(struct world *w, const struct lane_limits *limits)
{
	*w = (struct world){ .path = "/tmp/oauthrelay-spool-XXXXXX" };
	must(mkdtemp(w->path) != NULL, "mkdtemp", w->path);
	w->base = event_base_new();
	w->worker = worker_new(w->base, limits != NULL ? limits : worker_default_limits);
	open_spool(w);
}

void world_idle(struct world *w)
{
	loopguard_enter();
	while (worker_pending(w->worker) != 0)
		event_base_loop(w->base, EVLOOP_ONCE);
	loopguard_leave();
}

void world_wait(struct world *w, const bool *done)
{
	loopguard_enter();
	must(run_loop_until(w->base, done, WORLD_LIMIT_MS), "wait", "nothing happened");
	loopguard_leave();
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void world_stop(struct world *w)
{
	world_idle(w);
	w->spool->ops->free(w->spool);
	world_idle(w);
	worker_free(w->worker);
	event_base_free(w->base);
	must(nftw(w->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, "remove", w->path);
}

void world_reopen(struct world *w)
{
	world_idle(w);
	w->spool->ops->free(w->spool);
	world_idle(w);
	open_spool(w);
}

/* ---- messages ---- */

void world_envelope(struct envelope *e, size_t recipients)
{
	char local[] = "a", domain[] = "example.com", user[] = "scanner", mail[] = "contoso.com";
	const struct address to = { local, domain };
	*e = (struct envelope){ .accepted_ms = 1700000000000, .body = BODY_7BIT };
	e->peer = strdup("192.168.10.21:1025");
	e->helo = strdup("xerox");
	e->reverse_path = (struct address){ strdup(user), strdup(mail) };
	for (size_t i = 0; i < recipients; i++)
		envelope_add_recipient(e, &to, NULL);
}

struct body_stats world_stats(struct str content)
{
	struct body_stats stats = { .size = content.n };
	const char *end = memmem(content.p, content.n, "\r\n\r\n", 4);
	uint64_t line = 0;
	stats.header_size = end != NULL ? (uint64_t)(end - content.p) + 4 : 0;
	stats.header_done = end != NULL;
	for (size_t i = 0; i < content.n; i++) {
		stats.eight_bit = stats.eight_bit || (content.p[i] & 0x80) != 0;
		line = content.p[i] == '\n' ? 0 : line + 1;
		if (line > stats.longest_line)
			stats.longest_line = line;
	}
	return stats;
}

void world_content(struct strbuf *out, size_t size)
{
	strbuf_init(out, size + 256);
	if (size != 0)
		strbuf_adds(out, "From: scanner@contoso.com\r\nSubject: scan\r\n\r\n");
	for (unsigned i = 0; out->n + 2 < size; i++)
		strbuf_addc(out, i % 61 == 60 ? '\n' : (char)('!' + i * 7 % 90));
	if (out->n < size)
		strbuf_adds(out, "\r\n");
}

struct spool_draft *world_draft(struct world *w, struct msgid *id)
{
	struct envelope e;
	struct err err = { .code = 0 };
	bool full;
	world_envelope(&e, 2);
	loopguard_enter();
	struct spool_draft *draft = w->spool->ops->draft(w->spool, &e, &full, &err);
	loopguard_leave();
	must(draft != NULL, "draft", err.text);
	*id = e.id;
	envelope_done(&e);
	/* cppcheck-suppress returnDanglingLifetime */
	return draft;
}

static void on_resume(void *arg)
{
	*(bool *)arg = true;
}

void world_write(struct world *w, struct spool_draft *draft, struct str content, size_t slice)
{
	bool resumed = false;
	loopguard_enter();
	w->spool->ops->on_resume(draft, on_resume, &resumed);
	while (content.n != 0) {
		resumed = false;
		bool more = w->spool->ops->write(draft, str_head(content, slice));
		content = str_skip(content, slice);
		if (!more)
			world_wait(w, &resumed);
	}
	w->spool->ops->on_resume(draft, NULL, NULL);
	loopguard_leave();
}

struct answer {
	bool done;
	bool ok;
	struct spool_info *info;
	struct err *err;
};

static void take(struct answer *a, const struct err *err)
{
	must(!a->done, "callback", "came twice");
	a->done = true;
	a->ok = err == NULL;
	if (err != NULL)
		*a->err = *err;
}

static void on_commit(void *arg, const struct spool_info *info, const struct err *err)
{
	struct answer *a = arg;
	take(a, err);
	if (err == NULL)
		*a->info = *info;
}

static void on_done(void *arg, const struct err *err)
{
	take(arg, err);
}

static bool wait_for(struct world *w, struct answer *a)
{
	must(!a->done, "callback", "came from inside the call");
	world_wait(w, &a->done);
	return a->ok;
}

bool world_commit(struct world *w, struct spool_draft *draft, const struct body_stats *stats,
		  struct spool_info *info, struct err *err)
{
	struct answer a = { .info = info, .err = err };
	loopguard_enter();
	w->spool->ops->commit(draft, stats, on_commit, &a);
	return wait_for(w, &a);
}

bool world_put(struct world *w, struct str content, struct msgid *id, struct err *err)
{
	struct body_stats stats = world_stats(content);
	struct spool_info info;
	struct spool_draft *draft = world_draft(w, id);
	world_write(w, draft, content, 5000);
	return world_commit(w, draft, &stats, &info, err);
}

bool world_update(struct world *w, const struct msgid *id, uint32_t generation,
		  const struct progress *records, size_t count, bool sync, struct err *err)
{
	struct answer a = { .err = err };
	loopguard_enter();
	w->spool->ops->update(w->spool, id, generation, records, count, sync, on_done, &a);
	return wait_for(w, &a);
}

bool world_remove(struct world *w, const struct msgid *id, struct err *err)
{
	struct answer a = { .err = err };
	loopguard_enter();
	w->spool->ops->remove(w->spool, id, on_done, &a);
	return wait_for(w, &a);
}

/* ---- reading ---- */

struct getting {
	bool done;
	bool ok;
	struct spool_reader *reader;
	struct strbuf *out;
	struct err *err;
	size_t got;
};

static void on_open(void *arg, struct spool_reader *reader, const struct spool_info *info,
		    const struct envelope *envelope, const struct err *err)
{
	struct getting *g = arg;
	g->done = true;
	g->ok = err == NULL;
	g->reader = reader;
	must((reader == NULL) == (err != NULL) && (info == NULL) == (err != NULL) &&
		     (envelope == NULL) == (err != NULL),
	     "open", "half a result");
	if (err != NULL)
		*g->err = *err;
}

static void on_read(void *arg, struct str chunk, const struct err *err)
{
	struct getting *g = arg;
	g->done = true;
	g->ok = err == NULL;
	g->got = chunk.n;
	if (err != NULL)
		*g->err = *err;
	else
		strbuf_addstr(g->out, chunk);
}

static bool get_content(struct world *w, struct getting *g, struct strbuf *header,
			struct strbuf *content)
{
	if (header != NULL) {
		g->done = false;
		g->out = header;
		w->spool->ops->read_header(g->reader, on_read, g);
		must(!g->done, "read_header", "called back from inside");
		world_wait(w, &g->done);
		if (!g->ok)
			return false;
	}
	g->out = content;
	do {
		g->done = false;
		loopguard_enter();
		w->spool->ops->read(g->reader, on_read, g);
		must(!g->done, "read", "called back from inside");
		world_wait(w, &g->done);
	} while (g->ok && g->got != 0);
	return g->ok;
}

bool world_get(struct world *w, const struct msgid *id, struct strbuf *header,
	       struct strbuf *content, struct err *err)
{
	struct getting g = { .err = err };
	loopguard_enter();
	w->spool->ops->open(w->spool, id, on_open, &g);
	must(!g.done, "open", "called back from inside");
	world_wait(w, &g.done);
	if (!g.ok)
		return false;
	bool ok = get_content(w, &g, header, content);
	w->spool->ops->close(g.reader);
	world_idle(w);
	return ok;
}

/* ---- scans ---- */

static void on_found(void *arg, const struct spool_info *info, const struct envelope *envelope,
		     const struct progress *progress, size_t count)
{
	struct world_scan *scan = arg;
	if (scan->found_count >= WORLD_FOUND_MAX) {
		scan->found_count++;
		return;
	}
	struct world_found *f = &scan->found[scan->found_count++];
	f->info = *info;
	f->recipients = envelope->recipient_count;
	f->records = count;
	for (size_t i = 0; i < count && i < WORLD_RECORDS_MAX; i++) {
		f->record[i] = progress[i];
		f->record[i].reply = STR("");
		struct str reply = str_head(progress[i].reply, sizeof(f->reply[i]) - 1);
		memcpy(f->reply[i], reply.p, reply.n);
	}
}

static void on_corrupt(void *arg, const char *file, const char *moved_to, const char *reason)
{
	struct world_scan *scan = arg;
	if (scan->corrupt_count < WORLD_FOUND_MAX)
		snprintf(scan->corrupt[scan->corrupt_count++], sizeof(scan->corrupt[0]), "%s|%s|%s",
			 file, moved_to != NULL ? moved_to : "-", reason);
}

static void on_scanned(void *arg, const struct spool_scan_result *result, const struct err *err)
{
	struct world_scan *scan = arg;
	must(!scan->done, "scan", "was done twice");
	scan->result = *result;
	scan->failed = err != NULL;
	scan->done = true;
}

void world_scan_start(struct world *w, struct world_scan *scan)
{
	memset(scan, 0, sizeof(*scan));
	loopguard_enter();
	w->spool->ops->scan(w->spool, on_found, on_corrupt, on_scanned, scan);
	loopguard_leave();
	must(!scan->done, "scan", "called back from inside");
}

void world_scan(struct world *w, struct world_scan *scan)
{
	world_scan_start(w, scan);
	world_wait(w, &scan->done);
}

const char *world_report(const struct world_scan *scan, const char *text)
{
	for (size_t i = 0; i < scan->corrupt_count; i++)
		if (strstr(scan->corrupt[i], text) != NULL)
			return scan->corrupt[i];
	return NULL;
}

/* ---- files ---- */

void world_file_path(const struct world *w, const struct msgid *id, char *out, size_t n)
{
	snprintf(out, n, "%s/queue/%s.msg", w->path, msgid_text(id).hex);
}

bool world_file_exists(const struct world *w, const struct msgid *id)
{
	char path[256];
	struct stat st;
	world_file_path(w, id, path, sizeof(path));
	return lstat(path, &st) == 0;
}

void world_file_read(const struct world *w, const struct msgid *id, struct strbuf *out)
{
	char path[256];
	struct err err = { .code = 0 };
	world_file_path(w, id, path, sizeof(path));
	strbuf_init(out, 64 << 20);
	must(fsx_read_file(path, out, &err), "read", err.text);
}

void world_file_write(const struct world *w, const struct msgid *id, struct str bytes)
{
	char path[256];
	world_file_path(w, id, path, sizeof(path));
	FILE *file = fopen(path, "w");
	must(file != NULL, "fopen", path);
	must(fwrite(bytes.p, 1, bytes.n, file) == bytes.n, "fwrite", path);
	must(fclose(file) == 0, "fclose", path);
}

size_t world_count(const struct world *w, const char *folder)
{
	char path[256];
	size_t n = 0;
	struct dirent **names;
	snprintf(path, sizeof(path), "%s/%s", w->path, folder);
	int count = scandir(path, &names, NULL, NULL);
	must(count >= 0, "scandir", path);
	for (int i = 0; i < count; i++) {
		n += names[i]->d_name[0] != '.';
		free(names[i]);
	}
	free((void *)names);
	return n;
}
