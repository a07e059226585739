/* SPDX-License-Identifier: MIT */
/* WRAP: fsync write close fstatvfs clock_mono_ms */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/loopguard.h"
#include "spool/store.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/spool_world.h"

/* ---- a file system that fails when told to ---- */

static atomic_int file_sync_errno, dir_sync_errno, write_errno, close_errno;
static atomic_int writes_before_errno;
static atomic_bool hold_writes;
static atomic_bool no_space, no_inodes;
static _Atomic int64_t clock_ahead_ms;

int __real_fsync(int fd);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_close(int fd);
int __real_fstatvfs(int fd, struct statvfs *out);
int64_t __real_clock_mono_ms(void);

static mode_t kind(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

static int failing(int errnum)
{
	errno = errnum;
	return -1;
}

int __wrap_fsync(int fd)
{
	int errnum = kind(fd) == S_IFDIR ? dir_sync_errno : file_sync_errno;
	return errnum != 0 ? failing(errnum) : __real_fsync(fd);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	if (kind(fd) != S_IFREG)
		return __real_write(fd, p, n);
	while (hold_writes)
		usleep(1000); /* a slow disk; the test ends it */
	if (write_errno != 0 && atomic_fetch_sub(&writes_before_errno, 1) <= 0)
		return failing(write_errno);
	return __real_write(fd, p, n);
}

int __wrap_close(int fd)
{
	int errnum = close_errno != 0 && kind(fd) == S_IFREG ? close_errno : 0;
	int result = __real_close(fd);
	return errnum != 0 ? failing(errnum) : result;
}

int __wrap_fstatvfs(int fd, struct statvfs *out)
{
	int result = __real_fstatvfs(fd, out);
	if (no_space)
		out->f_bavail = 0;
	if (no_inodes)
		out->f_favail = 999;
	return result;
}

int64_t __wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + clock_ahead_ms;
}

/* ---- fixture ---- */

static struct world w;

static int start(void **state)
{
	(void)state;
	world_start(&w, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	file_sync_errno = dir_sync_errno = write_errno = close_errno = 0;
	writes_before_errno = 0;
	hold_writes = no_space = no_inodes = false;
	world_stop(&w);
	return 0;
}

static void assert_content(const struct msgid *id, struct str want)
{
	struct strbuf content;
	struct err err = { .code = 0 };
	strbuf_init(&content, want.n + 1);
	if (!world_get(&w, id, NULL, &content, &err))
		fail_msg("%s", err.text);
	assert_int_equal(content.n, want.n);
	assert_true(str_eq(strbuf_str(&content), want));
	strbuf_done(&content);
}

/* ---- what must work ---- */

static void test_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 60, 4096, 65535, 65536, 65537, 131072, 200001, 3000000 };
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct strbuf content;
		struct msgid id;
		struct err err = { .code = 0 };
		world_content(&content, sizes[i]);
		assert_int_equal(content.n, sizes[i]);
		assert_true(world_put(&w, strbuf_str(&content), &id, &err));
		assert_content(&id, strbuf_str(&content));
		world_reopen(&w);
		assert_content(&id, strbuf_str(&content));
		strbuf_done(&content);
	}
	assert_int_equal(world_count(&w, "queue"), sizeof(sizes) / sizeof(*sizes));
}

static void test_slices(void **state)
{
	static const size_t slices[] = { 1, 7, 65536, 65537, 300000 };
	struct strbuf content;
	(void)state;
	world_content(&content, 200000);
	struct body_stats stats = world_stats(strbuf_str(&content));
	for (size_t i = 0; i < sizeof(slices) / sizeof(*slices); i++) {
		struct msgid id;
		struct spool_info info;
		struct err err = { .code = 0 };
		struct spool_draft *draft = world_draft(&w, &id);
		world_write(&w, draft, strbuf_str(&content), slices[i]);
		assert_true(world_commit(&w, draft, &stats, &info, &err));
		assert_true(msgid_equal(&info.id, &id));
		assert_int_equal(info.stats.size, 200000);
		assert_int_equal(info.generation, 0);
		assert_content(&id, strbuf_str(&content));
	}
	strbuf_done(&content);
}

static void test_file_is_readable_text(void **state)
{
	struct msgid id;
	struct err err = { .code = 0 };
	struct strbuf file;
	struct stat st;
	char path[256];
	(void)state;
	assert_true(world_put(&w, STR("Subject: x\r\n\r\nhello\r\n"), &id, &err));
	world_file_read(&w, &id, &file);
	assert_true(str_starts(strbuf_str(&file), STR("OAR1 envelope ")));
	const char *content = strchr(strbuf_cstr(&file), '\n') + 1;
	assert_memory_equal(content, "Subject: x\r\n\r\nhello\r\nOAR1 end ", 30);
	assert_int_equal(file.p[file.n - 1], '\n');
	strbuf_done(&file);
	world_file_path(&w, &id, path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, STORE_MODE_COMMITTED);
}

static void test_pauses_and_resumes(void **state)
{
	struct msgid id;
	struct spool_info info;
	struct err err = { .code = 0 };
	struct strbuf content;
	bool resumed = false;
	(void)state;
	world_content(&content, 4 * 65536);
	struct str rest = strbuf_str(&content);
	struct body_stats stats = world_stats(rest);
	struct spool_draft *draft = world_draft(&w, &id);
	hold_writes = true;
	assert_true(w.spool->ops->write(draft, str_head(rest, 65537))); /* on its way */
	rest = str_skip(rest, 65537);
	assert_true(w.spool->ops->write(draft, str_head(rest, 65536)));
	rest = str_skip(rest, 65536);
	assert_false(w.spool->ops->write(draft, str_head(rest, 1))); /* over a chunk */
	rest = str_skip(rest, 1);
	/* Slices of input already read are still taken. */
	assert_false(w.spool->ops->write(draft, str_head(rest, 10)));
	rest = str_skip(rest, 10);
	run_loop_until(w.base, &resumed, 20);
	hold_writes = false;
	world_write(&w, draft, rest, 3000);
	assert_true(world_commit(&w, draft, &stats, &info, &err));
	assert_content(&id, strbuf_str(&content));
	strbuf_done(&content);
}

static void never_called(void *arg, const struct spool_info *info, const struct err *err)
{
	(void)arg;
	(void)info;
	(void)err;
	fail();
}

static void test_discard(void **state)
{
	struct msgid id;
	struct strbuf content;
	(void)state;
	world_content(&content, 300000);
	/* Nothing written, a little, a file, a file being written. */
	for (size_t n = 0; n <= 300000; n += n == 0 ? 10 : 299990) {
		struct spool_draft *draft = world_draft(&w, &id);
		world_write(&w, draft, str_head(strbuf_str(&content), n), 5000);
		loopguard_enter();
		w.spool->ops->discard(draft);
		world_idle(&w);
		assert_int_equal(world_count(&w, "queue"), 0);
	}
	hold_writes = true;
	struct spool_draft *draft = world_draft(&w, &id);
	w.spool->ops->write(draft, str_head(strbuf_str(&content), 70000));
	w.spool->ops->discard(draft);
	hold_writes = false;
	world_idle(&w);
	assert_int_equal(world_count(&w, "queue"), 0);
	strbuf_done(&content);
}

static void test_free_while_committing(void **state)
{
	struct msgid id;
	(void)state;
	struct spool_draft *draft = world_draft(&w, &id);
	struct body_stats stats = { .size = 0 };
	w.spool->ops->commit(draft, &stats, never_called, NULL);
	w.spool->ops->free(w.spool);
	world_idle(&w);
	struct spool_file_params params = { .path = w.path };
	struct err err;
	w.spool = spool_file_open(w.base, w.worker, &params, &err);
	assert_non_null(w.spool);
	assert_true(world_file_exists(&w, &id));
}

/* ---- what must not be acknowledged ---- */

static void assert_refused(size_t size, int code)
{
	struct msgid id;
	struct err err = { .code = 0 };
	struct strbuf content;
	world_content(&content, size);
	err.text[0] = '\0';
	assert_false(world_put(&w, strbuf_str(&content), &id, &err));
	assert_int_equal(err.code, code);
	assert_true(err.text[0] != '\0');
	assert_int_equal(world_count(&w, "queue"), 0);
	strbuf_done(&content);
}

static void assert_works(void)
{
	struct msgid id;
	struct err err = { .code = 0 };
	assert_true(world_put(&w, STR("A: b\r\n\r\n"), &id, &err));
	assert_content(&id, STR("A: b\r\n\r\n"));
	assert_true(world_remove(&w, &id, &err));
}

static void test_sync_of_file_fails(void **state)
{
	(void)state;
	file_sync_errno = EIO;
	assert_refused(100, EIO);
	assert_refused(200000, EIO);
	file_sync_errno = 0;
	assert_works();
}

static void test_sync_of_directory_fails(void **state)
{
	(void)state;
	dir_sync_errno = EIO;
	assert_refused(100, EIO);
	assert_refused(200000, EIO);
	dir_sync_errno = 0;
	assert_works();
}

static void test_close_fails(void **state)
{
	(void)state;
	close_errno = EIO;
	assert_refused(100, EIO);
	close_errno = 0;
	assert_works();
}

static void test_disk_full(void **state)
{
	(void)state;
	write_errno = ENOSPC;
	/* In each of the writes: envelope, chunks, END. */
	for (int n = 0; n < 5; n++) {
		writes_before_errno = n;
		assert_refused(200000, ENOSPC);
	}
	for (int n = 0; n < 3; n++) {
		writes_before_errno = n;
		assert_refused(100, ENOSPC);
	}
	write_errno = EDQUOT;
	assert_refused(100, EDQUOT);
	write_errno = 0;
	assert_works();
}

static void test_file_too_large(void **state)
{
	struct rlimit old, small;
	(void)state;
	/* A short write first, the error with the next. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 100000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_refused(200000, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_works();
}

static void test_wrong_statistics(void **state)
{
	struct msgid id;
	struct spool_info info;
	struct err err = { .code = 0 };
	(void)state;
	const struct str texts[] = { STR("A: b\r\n\r\n"), STR("A: b\r\n\r\nunfinished") };
	for (size_t i = 0; i < 2; i++) {
		struct body_stats stats = world_stats(texts[i]);
		struct spool_draft *draft = world_draft(&w, &id);
		stats.size += 1 - i; /* the second lacks its line feed */
		world_write(&w, draft, texts[i], 100);
		assert_false(world_commit(&w, draft, &stats, &info, &err));
	}
	assert_int_equal(world_count(&w, "queue"), 0);
}

static void test_spool_deleted(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof(path), "%s/queue", w.path);
	assert_int_equal(rmdir(path), 0);
	struct msgid id;
	struct err err = { .code = 0 };
	assert_false(world_put(&w, STR("A: b\r\n\r\n"), &id, &err));
	assert_int_equal(err.code, ENOENT);
}

/* ---- what must be refused before 354 ---- */

static struct spool_draft *try_draft(bool *full, struct err *err)
{
	struct envelope e;
	world_envelope(&e, 1);
	loopguard_enter();
	struct spool_draft *draft = w.spool->ops->draft(w.spool, &e, full, err);
	loopguard_leave();
	envelope_done(&e);
	/* cppcheck-suppress returnDanglingLifetime */
	return draft;
}

static void wait_until_full_is(bool want)
{
	bool never = false;
	for (int i = 0; i < 200; i++) {
		struct err err;
		bool full;
		clock_ahead_ms += 1001;
		struct spool_draft *draft = try_draft(&full, &err);
		if (draft != NULL)
			w.spool->ops->discard(draft);
		if (full == want)
			return;
		run_loop_until(w.base, &never, 5);
	}
	fail_msg("full stays %d", !want);
}

static void test_reserves(void **state)
{
	struct err err;
	bool full;
	(void)state;
	uint64_t before = w.spool->ops->room(w.spool);
	assert_true(before > 0);
	no_space = true;
	wait_until_full_is(true);
	assert_int_equal(w.spool->ops->room(w.spool), 0);
	assert_null(try_draft(&full, &err));
	assert_true(full);
	assert_int_equal(err.code, ENOSPC);
	no_space = false;
	wait_until_full_is(false);
	no_inodes = true;
	wait_until_full_is(true);
	assert_null(try_draft(&full, &err));
	assert_non_null(strstr(err.text, "inodes"));
	assert_int_equal(w.spool->ops->room(w.spool), 0);
	/* Nobody asks, and yet it is seen that there is room again. */
	no_inodes = false;
	run_loop_for(w.base, 1500);
	struct spool_draft *draft = try_draft(&full, &err);
	assert_non_null(draft);
	w.spool->ops->discard(draft);
}

static void test_burst_is_seen(void **state)
{
	struct msgid id;
	(void)state;
	uint64_t before = w.spool->ops->room(w.spool);
	struct spool_draft *draft = world_draft(&w, &id);
	w.spool->ops->write(draft, STR("0123456789"));
	assert_int_equal(w.spool->ops->room(w.spool), before - 10);
	w.spool->ops->discard(draft);
}

static void test_busy(void **state)
{
	struct lane_limits limits[LANE_COUNT];
	struct spool_draft *drafts[3];
	struct msgid id;
	struct err err;
	bool full = true;
	(void)state;
	memcpy(limits, worker_default_limits, sizeof(limits));
	limits[LANE_COMMIT].slots = 3;
	world_stop(&w);
	world_start(&w, limits);
	for (size_t i = 0; i < 3; i++)
		drafts[i] = world_draft(&w, &id);
	assert_null(try_draft(&full, &err));
	assert_false(full);
	struct body_stats stats = { .size = 0 };
	struct spool_info info;
	/* Three slots, all taken: that the directory's sync needs none of its own shows here. */
	assert_true(world_commit(&w, drafts[0], &stats, &info, &err));
	drafts[0] = try_draft(&full, &err);
	assert_non_null(drafts[0]);
	for (size_t i = 0; i < 3; i++)
		w.spool->ops->discard(drafts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, start, stop),
		cmocka_unit_test_setup_teardown(test_slices, start, stop),
		cmocka_unit_test_setup_teardown(test_file_is_readable_text, start, stop),
		cmocka_unit_test_setup_teardown(test_pauses_and_resumes, start, stop),
		cmocka_unit_test_setup_teardown(test_discard, start, stop),
		cmocka_unit_test_setup_teardown(test_free_while_committing, start, stop),
		cmocka_unit_test_setup_teardown(test_sync_of_file_fails, start, stop),
		cmocka_unit_test_setup_teardown(test_sync_of_directory_fails, start, stop),
		cmocka_unit_test_setup_teardown(test_close_fails, start, stop),
		cmocka_unit_test_setup_teardown(test_disk_full, start, stop),
		cmocka_unit_test_setup_teardown(test_file_too_large, start, stop),
		cmocka_unit_test_setup_teardown(test_wrong_statistics, start, stop),
		cmocka_unit_test_setup_teardown(test_spool_deleted, start, stop),
		cmocka_unit_test_setup_teardown(test_reserves, start, stop),
		cmocka_unit_test_setup_teardown(test_burst_is_seen, start, stop),
		cmocka_unit_test_setup_teardown(test_busy, start, stop),
	};
	/* RLIMIT_FSIZE: the error, not the signal. */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
