/* SPDX-License-Identifier: MIT */
#include "common/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/idmap.h"
#include "common/mem.h"

bool fsx_write_all(int fd, const void *p, size_t n, struct err *err)
{
	const char *at = p;
	while (n != 0) {
		ssize_t done = write(fd, at, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_errno(err, done < 0 ? errno : EIO, "write");
		at += done;
		n -= (size_t)done;
	}
	return true;
}

static bool read_all(int fd, const char *path, struct strbuf *out, struct err *err)
{
	char piece[8192];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "%s", path);
		if (n == 0)
			return true;
		strbuf_add(out, piece, (size_t)n);
		if (out->overflow)
			return err_set(err, "%s: larger than %zu bytes", path, out->max);
	}
}

ssize_t fsx_read_up_to(int fd, void *p, size_t max)
{
	size_t got = 0;
	while (got < max) {
		ssize_t n = read(fd, (char *)p + got, max - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

bool fsx_read_file(const char *path, struct strbuf *out, struct err *err)
{
	size_t before = out->n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	bool ok = read_all(fd, path, out, err);
	close(fd);
	if (!ok) {
		out->n = before;
		out->overflow = false;
		if (out->p != NULL)
			out->p[before] = '\0';
	}
	return ok;
}

/* The folder a path is in; caller frees. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		return mem_strdup(".");
	return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

static bool sync_folder(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	bool ok = fsync(fd) == 0;
	if (!ok)
		err_errno(err, errno, "sync %s", path);
	close(fd);
	return ok;
}

bool fsx_sync_folder_of(const char *path, struct err *err)
{
	struct err why;
	char *folder = parent_of(path);
	bool ok = sync_folder(folder, &why) || why.code == ENOENT;
	if (!ok)
		*err = why;
	free(folder);
	return ok;
}

/* Asks for a change only where there is one: the service's filter of system calls refuses any
 * chown, be it to ourselves. */
static bool give_to(int fd, const struct stat *as, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_errno(err, errno, "stat");
	bool same = (as->st_uid == (uid_t)-1 || as->st_uid == st.st_uid) &&
		    (as->st_gid == (gid_t)-1 || as->st_gid == st.st_gid);
	return same || fchown(fd, as->st_uid, as->st_gid) == 0 || err_errno(err, errno, "chown");
}

/* The new content under a name of its own, on disk. On failure nothing is left of it. */
static bool write_beside(const char *temporary, struct str content, const struct stat *as,
			 struct err *err)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "%s", temporary);
	bool ok = give_to(fd, as, err) || err_prefix(err, "%s", temporary);
	/* Not by open(): the umask must not decide. */
	if (ok && fchmod(fd, as->st_mode) != 0)
		ok = err_errno(err, errno, "chmod %s", temporary);
	ok = ok && fsx_write_all(fd, content.p, content.n, err);
	if (ok && fsync(fd) != 0)
		ok = err_errno(err, errno, "sync %s", temporary);
	if (close(fd) != 0 && ok)
		ok = err_errno(err, errno, "close %s", temporary);
	if (!ok)
		unlink(temporary);
	return ok;
}

bool fsx_replace_owned(const char *path, struct str content, mode_t mode, uid_t uid, gid_t gid,
		       struct err *err)
{
	const struct stat as = { .st_mode = mode, .st_uid = uid, .st_gid = gid };
	struct msgid id = msgid_random();
	struct strbuf temporary;
	char *folder = parent_of(path);
	/* Hidden and random: neither a reader of the folder nor a second writer meets it. */
	strbuf_init(&temporary, 4096);
	strbuf_addf(&temporary, "%s/.%s.%.16s.tmp", folder, last_part(path), msgid_text(&id).hex);
	bool ok = !temporary.overflow || err_set(err, "%s: the name is too long", path);
	ok = ok && write_beside(strbuf_cstr(&temporary), content, &as, err);
	if (ok && rename(strbuf_cstr(&temporary), path) != 0) {
		ok = err_errno(err, errno, "rename to %s", path);
		unlink(strbuf_cstr(&temporary));
	}
	ok = ok && sync_folder(folder, err);
	strbuf_done(&temporary);
	free(folder);
	return ok;
}

bool fsx_replace_durable(const char *path, struct str content, mode_t mode, struct err *err)
{
	return fsx_replace_owned(path, content, mode, (uid_t)-1, (gid_t)-1, err);
}

/* One level; its parent is there. */
static bool make_dir(const char *path, mode_t mode, struct err *err)
{
	struct stat st;
	if (mkdir(path, mode) != 0) {
		int reason = errno;
		if (stat(path, &st) == 0)
			return S_ISDIR(st.st_mode) || err_errno(err, ENOTDIR, "%s", path);
		return err_errno(err, reason, "mkdir %s", path);
	}
	/* What is stored in it later is only as durable as its own entry. */
	char *parent = parent_of(path);
	bool ok = sync_folder(parent, err);
	free(parent);
	return ok;
}

bool fsx_make_dirs(const char *path, mode_t mode, struct err *err)
{
	char *copy = mem_strdup(path);
	bool ok = true;
	for (char *p = copy; ok && *p != '\0'; p++) {
		if (*p != '/' || p == copy || p[-1] == '/')
			continue;
		*p = '\0';
		ok = make_dir(copy, mode, err);
		*p = '/';
	}
	size_t n = strlen(copy);
	if (ok && n != 0 && copy[n - 1] != '/')
		ok = make_dir(copy, mode, err);
	free(copy);
	return ok;
}

/* Who holds the lock wrote its number into the file. */
static bool locked_by_other(int fd, const char *path, struct err *err)
{
	char text[24];
	uint64_t pid;
	ssize_t n = pread(fd, text, sizeof(text), 0);
	struct str digits = { text, n > 0 ? (size_t)n : 0 };
	if (digits.n != 0 && digits.p[digits.n - 1] == '\n')
		digits.n--;
	if (str_to_u64(digits, INT32_MAX, &pid))
		err_set(err, "another oauthrelay (pid %ju) uses %s", (uintmax_t)pid, path);
	else
		err_set(err, "another oauthrelay uses %s", path);
	err->code = EWOULDBLOCK;
	return false;
}

bool fsx_lock(const char *path, int *out, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			locked_by_other(fd, path, err);
		else
			err_errno(err, errno, "lock %s", path);
		close(fd);
		return false;
	}
	char pid[24];
	int n = snprintf(pid, sizeof(pid), "%jd\n", (intmax_t)getpid());
	/* For the other one's error only: a disk that is full is no reason not to start. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, pid, (size_t)n, 0);
	*out = fd;
	return true;
}

bool fsx_lock_folder_of(const char *path, int *out, struct err *err)
{
	char *folder = parent_of(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0;
	while (ok && flock(fd, LOCK_EX) != 0)
		ok = errno == EINTR;
	if (ok)
		*out = fd;
	else
		err_errno(err, errno, "lock %s", folder);
	if (!ok && fd >= 0)
		close(fd);
	free(folder);
	return ok;
}
