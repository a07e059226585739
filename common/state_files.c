/* SPDX-License-Identifier: MIT */
#include "common/state_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/mem.h"
#include "common/quote.h"

enum {
	PATH_ROOM = 4096,
	WORD_MAX = 200, /* NAME_MAX less what fsx_replace_durable() adds for its temporary file */
};

/* ---- names ---- */

static bool word_ok(struct str word)
{
	if (word.n == 0 || word.n > WORD_MAX || word.p[0] == '.')
		return false;
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];
		if (!ascii_is_alnum(c) && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

bool state_files_name_ok(const char *name)
{
	struct str all = str_of(name);
	ptrdiff_t slash = str_chr(all, '/');
	if (slash < 0)
		return word_ok(all);
	return word_ok(str_head(all, (size_t)slash)) && word_ok(str_skip(all, (size_t)slash + 1));
}

/* FOLDER/NAME. Caller frees; NULL: it cannot be. */
static char *path_of(const char *folder, const char *name, struct err *err)
{
	struct strbuf path;
	if (!state_files_name_ok(name)) {
		strbuf_init(&path, 1024);
		quote_append(&path, str_of(name), 200);
		err_set(err, "%s cannot be the name of a file of the state", strbuf_cstr(&path));
		strbuf_done(&path);
		return NULL;
	}
	strbuf_init(&path, PATH_ROOM);
	strbuf_addf(&path, "%s/%s", folder, name);
	if (path.overflow) {
		err_set(err, "%s: the name is too long", folder);
		strbuf_done(&path);
		return NULL;
	}
	return strbuf_steal(&path);
}

/* ---- reading ---- */

static bool complain_kind(struct err *err, const char *path, const char *kind)
{
	struct strbuf text;
	strbuf_init(&text, sizeof(err->text) - 1);
	strbuf_addf(&text, "%s is %s, not a file of the relay's: rm -ri ", path, kind);
	quote_append_shell(&text, str_of(path));
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
	return false;
}

static const char *kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a folder";
	if (S_ISFIFO(mode))
		return "a pipe";
	return "a device";
}

/* Into a buffer that never moves: what a growing one leaves behind is not wiped. */
static bool read_bytes(int fd, const char *path, size_t size, struct secret *value, struct err *err)
{
	struct secret got = { .p = mem_alloc(size + 1) };
	ssize_t n = 1;
	/* A byte more than there should be, to notice one that is growing. */
	while (got.n <= size && n != 0) {
		n = read(fd, got.p + got.n, size + 1 - got.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		got.n += (size_t)n;
	}
	int reason = n < 0 ? errno : EBUSY;
	if (n < 0 || got.n > size) {
		got.n = size;
		secret_done(&got);
		return err_errno(err, reason, "%s", path);
	}
	got.p[got.n] = '\0';
	secret_done(value);
	*value = got;
	return true;
}

static bool read_open(int fd, const char *path, struct secret *value, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return complain_kind(err, path, kind_of(st.st_mode));
	if (st.st_size > STATE_VALUE_MAX)
		return err_set(err, "%s: larger than %d bytes", path, (int)STATE_VALUE_MAX);
	return read_bytes(fd, path, (size_t)st.st_size, value, err);
}

bool state_file_read(const char *folder, const char *name, struct secret *value, bool *found,
		     struct err *err)
{
	char *path = path_of(folder, name, err);
	if (path == NULL)
		return false;
	/* O_NONBLOCK: neither a FIFO nor a device in its place must hang us. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	bool there = fd >= 0 || errno != ENOENT;
	bool ok = !there;
	if (fd >= 0) {
		ok = read_open(fd, path, value, err);
		close(fd);
	} else if (there) {
		ok = errno == ELOOP ? complain_kind(err, path, "a symbolic link")
				    : err_errno(err, errno, "%s", path);
	}
	if (ok)
		*found = there;
	free(path);
	return ok;
}

/* ---- writing ---- */

/* The folder that path is in, for names of two words. */
static bool make_inner(const char *path, const char *name, const struct state_owner *owner,
		       struct err *err)
{
	if (strchr(name, '/') == NULL)
		return true;
	char *inner = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
	bool ok = state_folder_make_inner(inner, owner, err);
	free(inner);
	return ok;
}

static bool make_folders(const char *folder, const char *path, const char *name,
			 struct state_owner *owner, struct err *err)
{
	return state_folder_make(folder, owner, err) && make_inner(path, name, owner, err);
}

/* As root, in a folder of the service's: of what the service puts into the place of the folder that
 * path is in, a link to one of root's, nothing may be written to, nor while we are at it. So that
 * folder is held by a descriptor, and the file named by that. */
static bool write_as_root(const char *path, const char *name, const struct state_owner *owner,
			  struct str value, struct err *err)
{
	struct strbuf held;
	if (strchr(name, '/') == NULL)
		return fsx_replace_owned(path, value, 0600, owner->uid, owner->gid, err);
	const char *last = strrchr(path, '/');
	char *inner = mem_strndup(path, (size_t)(last - path));
	int fd = open(inner, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	strbuf_init(&held, PATH_ROOM);
	strbuf_addf(&held, "/proc/self/fd/%d%s", fd, last);
	bool ok = false;
	if (fd >= 0)
		ok = fsx_replace_owned(strbuf_cstr(&held), value, 0600, owner->uid, owner->gid,
				       err) ||
		     err_prefix(err, "%s", path);
	else if (errno == ENOTDIR || errno == ELOOP)
		complain_kind(err, inner, "a symbolic link");
	else
		err_errno(err, errno, "%s", inner);
	if (fd >= 0)
		close(fd);
	strbuf_done(&held);
	free(inner);
	return ok;
}

bool state_file_write(const char *folder, const char *name, struct str value, struct err *err)
{
	struct state_owner owner;
	char *path = path_of(folder, name, err);
	bool ok = path != NULL;
	if (ok && value.n > STATE_VALUE_MAX)
		ok = err_set(err, "%s: %zu bytes are more than %d", path, value.n,
			     (int)STATE_VALUE_MAX);
	ok = ok && make_folders(folder, path, name, &owner, err);
	if (ok && geteuid() == 0)
		ok = write_as_root(path, name, &owner, value, err);
	else if (ok)
		ok = fsx_replace_durable(path, value, 0600, err);
	free(path);
	return ok;
}

bool state_files_remove(const char *folder, const char *name, struct err *err)
{
	char *path = path_of(folder, name, err);
	bool ok = path != NULL;
	if (ok && unlink(path) != 0 && errno != ENOENT)
		ok = err_errno(err, errno, "remove %s", path);
	ok = ok && fsx_sync_folder_of(path, err);
	free(path);
	return ok;
}

bool state_file_lock(const char *folder, const char *name, int *lock, struct err *err)
{
	struct state_owner owner;
	char *path = path_of(folder, name, err);
	bool ok = path != NULL && make_folders(folder, path, name, &owner, err) &&
		  fsx_lock_folder_of(path, lock, err);
	free(path);
	return ok;
}

/* ---- what a crash has left ---- */

/* ".NAME.0123456789abcdef.tmp", as fsx_replace_durable() calls it. */
static bool is_left_of(struct str entry, struct str last)
{
	return entry.n == last.n + 22 && entry.p[0] == '.' &&
	       str_starts(str_skip(entry, 1), last) && entry.p[1 + last.n] == '.' &&
	       str_eq(str_skip(entry, entry.n - 4), STR(".tmp"));
}

static void tidy_folder(DIR *dir, struct str last)
{
	const struct dirent *entry;
	while ((entry = readdir(dir)) != NULL)
		if (is_left_of(str_of(entry->d_name), last))
			unlinkat(dirfd(dir), entry->d_name, 0);
}

void state_files_tidy(const char *folder, const char *name)
{
	struct err ignored;
	char *path = path_of(folder, name, &ignored);
	if (path == NULL)
		return;
	char *slash = strrchr(path, '/');
	*slash = '\0';
	DIR *dir = opendir(path);
	/* A command may be writing just now; then there is another time. */
	if (dir != NULL && flock(dirfd(dir), LOCK_EX | LOCK_NB) == 0)
		tidy_folder(dir, str_of(slash + 1));
	if (dir != NULL)
		closedir(dir);
	free(path);
}
