/* SPDX-License-Identifier: MIT */
/* WRAP: write fsync rename fchown */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fsx.h"

/* ---- calls that misbehave when told to ---- */

static size_t write_at_most;
static int interrupts, write_errno, file_sync_errno, dir_sync_errno, rename_errno;
static int dir_syncs;

ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (interrupts > 0) {
		interrupts--;
		errno = EINTR;
		return -1;
	}
	if (write_errno != 0) {
		errno = write_errno;
		return -1;
	}
	return __real_write(fd, p, write_at_most != 0 && n > write_at_most ? write_at_most : n);
}

int __wrap_fsync(int fd)
{
	struct stat st;
	bool dir = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	dir_syncs += dir;
	errno = dir ? dir_sync_errno : file_sync_errno;
	return errno != 0 ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	errno = rename_errno;
	return errno != 0 ? -1 : __real_rename(from, to);
}

/* As under systemd's filter of system calls. */
static bool chown_filtered;
int __real_fchown(int fd, uid_t uid, gid_t gid);

int __wrap_fchown(int fd, uid_t uid, gid_t gid)
{
	errno = EPERM;
	return chown_filtered ? -1 : __real_fchown(fd, uid, gid);
}

/* ---- fixture ---- */

static char folder[64];
static char path[128];

static int start(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/oauthrelay-fsx-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int remove_entry(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static int stop(void **state)
{
	(void)state;
	write_at_most = 0;
	interrupts = write_errno = file_sync_errno = dir_sync_errno = rename_errno = 0;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static size_t files(void)
{
	size_t n = 0;
	DIR *dir = opendir(folder);
	for (const struct dirent *d; (d = readdir(dir)) != NULL;)
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static void assert_file(const char *want)
{
	struct strbuf out;
	struct err err;
	strbuf_init(&out, 1000);
	assert_true(fsx_read_file(path, &out, &err));
	assert_string_equal(strbuf_cstr(&out), want);
	strbuf_done(&out);
}

/* ---- tests ---- */

static void test_write_all(void **state)
{
	struct err err;
	(void)state;
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	write_at_most = 3;
	interrupts = 2;
	assert_true(fsx_write_all(fd, "0123456789", 10, &err));
	assert_true(fsx_write_all(fd, "", 0, &err));
	write_errno = ENOSPC;
	assert_false(fsx_write_all(fd, "x", 1, &err));
	assert_int_equal(err.code, ENOSPC);
	close(fd);
	assert_file("0123456789");
}

static void test_read_file(void **state)
{
	struct strbuf out;
	struct err err;
	(void)state;
	assert_true(fsx_replace_durable(path, STR("0123456789"), 0600, &err));
	strbuf_init(&out, 14);
	strbuf_adds(&out, "kept");
	assert_true(fsx_read_file(path, &out, &err));
	assert_string_equal(strbuf_cstr(&out), "kept0123456789");
	strbuf_done(&out);
	strbuf_init(&out, 13);
	strbuf_adds(&out, "kept");
	assert_false(fsx_read_file(path, &out, &err));
	assert_non_null(strstr(err.text, "larger than 13"));
	assert_string_equal(strbuf_cstr(&out), "kept");
	assert_false(out.overflow);
	assert_false(fsx_read_file(folder, &out, &err));
	assert_int_equal(err.code, EISDIR);
	assert_false(fsx_read_file("/nowhere/at/all", &out, &err));
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	strbuf_done(&out);
}

static void test_read_up_to(void **state)
{
	char text[16];
	struct err err;
	(void)state;
	assert_true(fsx_replace_durable(path, STR("0123456789"), 0600, &err));
	int fd = open(path, O_RDONLY);
	assert_int_equal(fsx_read_up_to(fd, text, 4), 4);
	assert_memory_equal(text, "0123", 4);
	assert_int_equal(fsx_read_up_to(fd, text, sizeof(text)), 6);
	assert_memory_equal(text, "456789", 6);
	assert_int_equal(fsx_read_up_to(fd, text, sizeof(text)), 0);
	close(fd);
	assert_int_equal(fsx_read_up_to(-1, text, sizeof(text)), -1);
	assert_int_equal(errno, EBADF);
}

static void test_replace(void **state)
{
	struct err err;
	struct stat st;
	(void)state;
	mode_t old = umask(077);
	dir_syncs = 0;
	assert_true(fsx_replace_durable(path, STR("one"), 0644, &err));
	umask(old);
	assert_file("one");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(dir_syncs, 1);
	assert_true(fsx_replace_durable(path, STR("two"), 0600, &err));
	assert_file("two");
	assert_true(fsx_replace_durable(path, STR(""), 0600, &err));
	assert_file("");
	assert_int_equal(files(), 1);
	/* To another owner as root; else to ourselves, which is all that is allowed. */
	uid_t uid = geteuid() == 0 ? 4242 : geteuid();
	gid_t gid = geteuid() == 0 ? 4243 : getegid();
	assert_true(fsx_replace_owned(path, STR("theirs"), 0640, uid, gid, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	if (geteuid() != 0)
		assert_false(fsx_replace_owned(path, STR("no"), 0640, 0, gid, &err));
	assert_file("theirs");
	assert_int_equal(files(), 1);
}

/* The service may not call chown, and does not. */
static void test_replace_without_chown(void **state)
{
	struct err err;
	(void)state;
	chown_filtered = true;
	assert_true(fsx_replace_durable(path, STR("one"), 0600, &err));
	assert_true(fsx_replace_owned(path, STR("two"), 0600, geteuid(), getegid(), &err));
	assert_file("two");
	assert_false(fsx_replace_owned(path, STR("no"), 0600, geteuid() + 1, getegid(), &err));
	chown_filtered = false;
	assert_int_equal(err.code, EPERM);
	assert_non_null(strstr(err.text, folder));
	assert_file("two");
	assert_int_equal(files(), 1);
}

static void test_replace_fails(void **state)
{
	static int *const causes[] = { &write_errno, &file_sync_errno, &rename_errno };
	struct err err;
	(void)state;
	assert_true(fsx_replace_durable(path, STR("old"), 0600, &err));
	for (size_t i = 0; i < 3; i++) {
		*causes[i] = EIO;
		assert_false(fsx_replace_durable(path, STR("new"), 0600, &err));
		assert_int_equal(err.code, EIO);
		*causes[i] = 0;
		assert_file("old");
		assert_int_equal(files(), 1);
	}
	dir_sync_errno = EIO;
	assert_false(fsx_replace_durable(path, STR("new"), 0600, &err));
	dir_sync_errno = 0;
	assert_int_equal(files(), 1);
	assert_false(fsx_replace_durable("/nowhere/file", STR("x"), 0600, &err));
}

static void test_replace_in_working_directory(void **state)
{
	struct err err;
	(void)state;
	assert_int_equal(chdir(folder), 0);
	assert_true(fsx_replace_durable("file", STR("here"), 0600, &err));
	assert_int_equal(chdir("/"), 0);
	assert_file("here");
}

static void test_make_dirs(void **state)
{
	struct err err;
	struct stat st;
	(void)state;
	snprintf(path, sizeof(path), "%s/a//b/c/", folder);
	dir_syncs = 0;
	assert_true(fsx_make_dirs(path, 0700, &err));
	assert_int_equal(dir_syncs, 3); /* each one's entry is durable */
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(fsx_make_dirs(path, 0700, &err));
	assert_int_equal(dir_syncs, 3);
	assert_true(fsx_make_dirs("/", 0700, &err));
	snprintf(path, sizeof(path), "%s/d", folder);
	dir_sync_errno = EIO;
	assert_false(fsx_make_dirs(path, 0700, &err));
	assert_int_equal(err.code, EIO);
}

static void test_make_dirs_in_the_way(void **state)
{
	char below[160];
	struct err err;
	(void)state;
	assert_true(fsx_replace_durable(path, STR(""), 0600, &err));
	assert_false(fsx_make_dirs(path, 0700, &err));
	assert_int_equal(err.code, ENOTDIR);
	snprintf(below, sizeof(below), "%s/below", path);
	assert_false(fsx_make_dirs(below, 0700, &err));
	snprintf(path, sizeof(path), "%s/dangling", folder);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	assert_false(fsx_make_dirs(path, 0700, &err));
	snprintf(path, sizeof(path), "%s/link", folder);
	assert_int_equal(symlink(folder, path), 0);
	assert_true(fsx_make_dirs(path, 0700, &err));
}

static void test_lock(void **state)
{
	struct err err;
	char want[256];
	int first, second = -7;
	(void)state;
	assert_true(fsx_lock(path, &first, &err));
	assert_false(fsx_lock(path, &second, &err));
	assert_int_equal(second, -7);
	assert_int_equal(err.code, EWOULDBLOCK);
	snprintf(want, sizeof(want), "another oauthrelay (pid %d) uses %s", (int)getpid(), path);
	assert_non_null(strstr(err.text, want));
	assert_int_equal(fcntl(first, F_GETFD), FD_CLOEXEC);
	close(first);
	assert_true(fsx_lock(path, &second, &err)); /* a file left behind does not matter */
	close(second);
}

static void test_lock_of_another_process(void **state)
{
	struct err err;
	int fd, ready[2], end[2];
	char byte;
	(void)state;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid_t child = fork();
	if (child == 0) {
		bool ok = fsx_lock(path, &fd, &err);
		close(end[1]);
		_exit(ok && write(ready[1], "x", 1) == 1 && read(end[0], &byte, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_false(fsx_lock(path, &fd, &err));
	close(end[1]); /* the child ends, and with it the lock */
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(fsx_lock(path, &fd, &err));
	close(fd);
	close(end[0]);
	close(ready[0]);
	close(ready[1]);
}

static void test_lock_is_no_link(void **state)
{
	struct err err;
	int fd;
	(void)state;
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	assert_false(fsx_lock(path, &fd, &err));
	assert_false(fsx_lock("/nowhere/lock", &fd, &err));
}

static void test_lock_of_a_folder(void **state)
{
	struct err err;
	int fd = -7, other = -7;
	(void)state;
	assert_false(fsx_lock_folder_of("/nowhere/file", &fd, &err));
	assert_int_equal(fd, -7);
	assert_non_null(strstr(err.text, "lock /nowhere: "));
	assert_true(fsx_lock_folder_of(path, &fd, &err)); /* path itself need not be there */
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	char *parent = strdup(path);
	*strrchr(parent, '/') = '\0';
	other = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	close(fd);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	free(parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_write_all, start, stop),
		cmocka_unit_test_setup_teardown(test_read_file, start, stop),
		cmocka_unit_test_setup_teardown(test_read_up_to, start, stop),
		cmocka_unit_test_setup_teardown(test_replace, start, stop),
		cmocka_unit_test_setup_teardown(test_replace_without_chown, start, stop),
		cmocka_unit_test_setup_teardown(test_replace_fails, start, stop),
		cmocka_unit_test_setup_teardown(test_replace_in_working_directory, start, stop),
		cmocka_unit_test_setup_teardown(test_make_dirs, start, stop),
		cmocka_unit_test_setup_teardown(test_make_dirs_in_the_way, start, stop),
		cmocka_unit_test_setup_teardown(test_lock, start, stop),
		cmocka_unit_test_setup_teardown(test_lock_of_another_process, start, stop),
		cmocka_unit_test_setup_teardown(test_lock_is_no_link, start, stop),
		cmocka_unit_test_setup_teardown(test_lock_of_a_folder, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
