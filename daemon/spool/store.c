/* SPDX-License-Identifier: MIT */
#include "spool/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "spool/dirsync.h"
#include "spool/scan.h"

struct known {
	struct msgid id;
};

static void destroy(struct store *store)
{
	size_t at = 0;
	struct known *known;
	while (store->known != NULL && (known = idmap_next(store->known, &at)) != NULL)
		free(known);
	idmap_free(store->known);
	free(store->forgotten);
	scan_list_free(store->scans);
	room_free(store->room);
	dirsync_free(store->dirsync);
	/* Directories and a lock: nothing here is dirty, so closing does not wait for a disk. */
	if (store->queue_fd >= 0)
		close(store->queue_fd);
	if (store->corrupt_fd >= 0)
		close(store->corrupt_fd);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store->path);
	free(store);
}

void store_hold(struct store *store)
{
	store->pending++;
}

void store_release(struct store *store)
{
	assert(store->pending != 0);
	if (--store->pending == 0 && store->closing)
		destroy(store);
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	store->closing = true;
	store_hold(store);
	if (store->scans != NULL)
		scan_list_stop(store->scans);
	store_release(store);
}

void store_know(struct store *store, const struct msgid *id)
{
	struct known *known = mem_alloc(sizeof(*known));
	known->id = *id;
	idmap_put(store->known, known);
}

bool store_knows(const struct store *store, const struct msgid *id)
{
	return idmap_get(store->known, id) != NULL;
}

static void drop(struct store *store, const struct msgid *id)
{
	struct known *known = idmap_get(store->known, id);
	if (known == NULL)
		return;
	idmap_remove(store->known, id);
	free(known);
}

void store_forget(struct store *store, const struct msgid *id)
{
	if (!store->scanning) {
		drop(store, id);
		return;
	}
	if (store->forgotten_count == store->forgotten_room) {
		store->forgotten_room = store->forgotten_room * 2 + 16;
		store->forgotten = mem_realloc_array(store->forgotten, store->forgotten_room,
						     sizeof(*store->forgotten));
	}
	store->forgotten[store->forgotten_count++] = *id;
}

void store_scan_begins(struct store *store)
{
	store->scanning = true;
}

void store_scan_ended(struct store *store)
{
	store->scanning = false;
	for (size_t i = 0; i < store->forgotten_count; i++)
		drop(store, &store->forgotten[i]);
	free(store->forgotten);
	store->forgotten = NULL;
	store->forgotten_count = store->forgotten_room = 0;
}

static const struct str suffix = { ".msg", 4 };

struct store_name store_name(const struct msgid *id)
{
	struct store_name name;
	struct msgid_text hex = msgid_text(id);
	memcpy(name.text, hex.hex, MSGID_HEX);
	memcpy(name.text + MSGID_HEX, suffix.p, suffix.n + 1);
	return name;
}

bool store_name_parse(struct str name, struct msgid *out)
{
	return name.n == MSGID_HEX + suffix.n && str_eq(str_skip(name, MSGID_HEX), suffix) &&
	       msgid_parse(str_head(name, MSGID_HEX), out);
}

/* renameat2() where the file system has it: no other process can slip a file in between. */
static int rename_if_free(const struct store *store, const char *name, const char *as)
{
	struct stat st;
	int result = renameat2(store->queue_fd, name, store->corrupt_fd, as, RENAME_NOREPLACE);
	if (result == 0 || (errno != EINVAL && errno != ENOSYS))
		return result;
	if (fstatat(store->corrupt_fd, as, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(store->queue_fd, name, store->corrupt_fd, as);
}

bool store_quarantine(const struct store *store, const char *name, char **moved_to, struct err *err)
{
	struct strbuf as;
	int result = -1;
	strbuf_init(&as, 4096);
	for (unsigned i = 0; i < 1000; i++) {
		strbuf_reset(&as);
		strbuf_adds(&as, name);
		if (i != 0)
			strbuf_addf(&as, ".%u", i);
		result = rename_if_free(store, name, strbuf_cstr(&as));
		if (result == 0 || errno != EEXIST)
			break;
	}
	if (result == 0) {
		struct strbuf path;
		strbuf_init(&path, 2 * 4096);
		strbuf_addf(&path, "%s/corrupt/%s", store->path, strbuf_cstr(&as));
		*moved_to = strbuf_steal(&path);
	} else {
		err_errno(err, errno, "%s/queue/%s cannot be moved to corrupt/", store->path, name);
	}
	strbuf_done(&as);
	return result == 0;
}

bool store_condemn(const struct store *store, const struct msgid *id, const char *reason,
		   struct err *err)
{
	struct store_name name = store_name(id);
	struct err moving;
	char *moved_to = NULL;
	if (store_quarantine(store, name.text, &moved_to, &moving))
		err_set(err, "%s is damaged (%s), moved to %s", name.text, reason, moved_to);
	else
		err_set(err, "%s is damaged (%s), but %s", name.text, reason, moving.text);
	free(moved_to);
	err->code = EBADMSG; /* spool.h: it will never be readable */
	return false;
}

/* ext4 and XFS say EBADMSG for a checksum of their own; in spool.h it means something else. */
static int foreign_code(int errnum)
{
	return errnum == EBADMSG ? EIO : errnum;
}

bool store_refuse(const struct store *store, const struct msgid *id, enum stored_verdict verdict,
		  const char *what, const struct err *why, struct err *err)
{
	if (verdict == STORED_DAMAGED || verdict == STORED_DRAFT || verdict == STORED_STRANGE)
		return store_condemn(store, id, why->text, err);
	err_set(err, "%s cannot be %s: %s", store_name(id).text, what, why->text);
	err->code = verdict == STORED_GONE ? ENOENT : foreign_code(why->code);
	return false;
}

bool store_errno(struct err *err, int errnum, const char *what, const struct msgid *id)
{
	struct store_name name = store_name(id);
	if (errnum == ENOSPC || errnum == EDQUOT)
		return err_errno(err, errnum, STORE_FULL " (%s %s)", what, name.text);
	err_errno(err, errnum, "%s %s", what, name.text);
	err->code = foreign_code(errnum);
	return false;
}
