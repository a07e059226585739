/* SPDX-License-Identifier: MIT */
#include "spool/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/mem.h"
#include "spool/dirsync.h"
#include "spool/draft.h"
#include "spool/progress.h"
#include "spool/reader.h"
#include "spool/scan.h"
#include "spool/store.h"

static void claim(struct spool *spool, const struct msgid *id, int64_t until_ms, spool_done_cb *cb,
		  void *arg)
{
	/* The lock on the directory makes every message in it ours. */
	(void)spool;
	(void)id;
	(void)until_ms;
	cb(arg, NULL);
}

static uint64_t room(struct spool *spool)
{
	return room_bytes(store_of(spool)->room);
}

static void close_spool(struct spool *spool)
{
	if (spool != NULL)
		store_close(store_of(spool));
}

static const struct spool_ops ops = {
	.draft = draft_new,
	.write = draft_write,
	.on_resume = draft_on_resume,
	.commit = draft_commit,
	.discard = draft_discard,
	.open = reader_open,
	.read = reader_read,
	.read_header = reader_read_header,
	.close = reader_close,
	.update = progress_update,
	.remove = progress_remove,
	.scan = scan_start,
	.claim = claim,
	.room = room,
	.free = close_spool,
};

/* PATH/NAME, made when missing, opened. */
static bool open_folder(const char *path, const char *name, int *fd, struct err *err)
{
	struct strbuf full;
	strbuf_init(&full, 2 * 4096);
	strbuf_addf(&full, "%s/%s", path, name);
	bool ok = !full.overflow || err_set(err, "%s: the name is too long", path);
	ok = ok && fsx_make_dirs(strbuf_cstr(&full), 0700, err);
	if (ok) {
		*fd = open(strbuf_cstr(&full), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (*fd < 0)
			ok = err_errno(err, errno, "%s", strbuf_cstr(&full));
		else if (faccessat(*fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
			ok = err_errno(err, errno, "%s cannot be written to by user id %ju",
				       strbuf_cstr(&full), (uintmax_t)geteuid());
	}
	strbuf_done(&full);
	return ok;
}

static bool lock(struct store *store, struct err *err)
{
	struct strbuf path;
	strbuf_init(&path, 2 * 4096);
	strbuf_addf(&path, "%s/lock", store->path);
	bool ok = fsx_lock(strbuf_cstr(&path), &store->lock_fd, err);
	strbuf_done(&path);
	return ok;
}

static bool set_up(struct store *store, uint64_t min_free, struct err *err)
{
	if (!fsx_make_dirs(store->path, 0700, err) || !lock(store, err) ||
	    !open_folder(store->path, "queue", &store->queue_fd, err) ||
	    !open_folder(store->path, "corrupt", &store->corrupt_fd, err))
		return false;
	store->dirsync = dirsync_new(store, err);
	if (store->dirsync == NULL)
		return false;
	store->room = room_new(store, min_free, err);
	return store->room != NULL;
}

struct spool *spool_file_open(struct event_base *base, struct worker *worker,
			      const struct spool_file_params *params, struct err *err)
{
	struct store *store = mem_zalloc(sizeof(*store));
	store->spool.ops = &ops;
	store->base = base;
	store->worker = worker;
	store->path = mem_strdup(params->path);
	store->lock_fd = store->queue_fd = store->corrupt_fd = -1;
	store->known = idmap_new(0); /* struct known begins with its id */
	store->scans = scan_list_new(store);
	if (!set_up(store, params->min_free, err)) {
		store_close(store);
		return NULL;
	}
	return &store->spool;
}
