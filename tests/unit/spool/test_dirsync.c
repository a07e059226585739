/* SPDX-License-Identifier: MIT */
/* WRAP: fsync */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/loopguard.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/spool_world.h"

enum {
	MANY = 60
};

static atomic_int file_syncs, dir_syncs, dir_sync_errno;
static atomic_int hold_dir_until; /* file syncs that must have been before a directory's ends */
static atomic_int dirs_at_once, dirs_at_once_max;

int __real_fsync(int fd);

static int sync_dir(int fd)
{
	int now = ++dirs_at_once;
	if (now > dirs_at_once_max)
		dirs_at_once_max = now;
	while (file_syncs < hold_dir_until)
		usleep(500); /* a slow disk */
	int result = __real_fsync(fd);
	dir_syncs++;
	dirs_at_once--;
	if (dir_sync_errno == 0)
		return result;
	errno = dir_sync_errno;
	return -1;
}

int __wrap_fsync(int fd)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return sync_dir(fd);
	int result = __real_fsync(fd);
	file_syncs++;
	return result;
}

static struct world w;

static int start(void **state)
{
	(void)state;
	world_start(&w, NULL);
	file_syncs = dir_syncs = dir_sync_errno = hold_dir_until = dirs_at_once_max = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	hold_dir_until = dir_sync_errno = 0;
	world_stop(&w);
	return 0;
}

struct tally {
	size_t good;
	size_t bad;
	bool all;
	size_t want;
};

static void on_commit(void *arg, const struct spool_info *info, const struct err *err)
{
	struct tally *t = arg;
	assert_true((info == NULL) == (err != NULL));
	/* Nobody hears of success before a directory sync. */
	assert_true(dir_syncs > 0);
	t->good += err == NULL;
	t->bad += err != NULL;
	t->all = t->good + t->bad == t->want;
}

static void commit_many(struct tally *t)
{
	struct body_stats stats = { .size = 0 };
	struct msgid id;
	t->want = MANY;
	for (size_t i = 0; i < MANY; i++) {
		struct spool_draft *draft = world_draft(&w, &id);
		loopguard_enter();
		w.spool->ops->commit(draft, &stats, on_commit, t);
	}
}

static void test_commits_share_syncs(void **state)
{
	struct tally t = { .good = 0 };
	(void)state;
	hold_dir_until = MANY;
	commit_many(&t);
	world_wait(&w, &t.all);
	assert_int_equal(t.good, MANY);
	assert_int_equal(file_syncs, MANY);
	/* The first one's own, one for all that came meanwhile, and perhaps a straggler's. */
	assert_in_range(dir_syncs, 2, 3);
	assert_int_equal(dirs_at_once_max, 1);
}

static void test_one_alone_has_its_own(void **state)
{
	struct msgid id;
	struct err err = { .code = 0 };
	(void)state;
	for (int i = 1; i <= 3; i++) {
		assert_true(world_put(&w, STR(""), &id, &err));
		assert_int_equal(dir_syncs, i);
		assert_int_equal(file_syncs, i);
	}
}

static void test_failure_is_everybodys(void **state)
{
	struct tally t = { .good = 0 };
	(void)state;
	hold_dir_until = MANY;
	dir_sync_errno = EIO;
	commit_many(&t);
	world_wait(&w, &t.all);
	assert_int_equal(t.bad, MANY);
	world_idle(&w);
	assert_int_equal(world_count(&w, "queue"), 0);
}

/* The kernel reports a lost block once: what was in it is not made good by the next sync. */
static void test_failure_reaches_earlier_files(void **state)
{
	struct strbuf content;
	struct msgid earlier, failed, later;
	struct spool_info info;
	struct err err = { .code = 0 };
	(void)state;
	world_content(&content, 100000);
	struct body_stats stats = world_stats(strbuf_str(&content));
	struct spool_draft *draft = world_draft(&w, &earlier);
	world_write(&w, draft, strbuf_str(&content), 5000);
	world_idle(&w);
	assert_true(world_file_exists(&w, &earlier));
	dir_sync_errno = EIO;
	assert_false(world_put(&w, STR(""), &failed, &err));
	dir_sync_errno = 0;
	assert_false(world_commit(&w, draft, &stats, &info, &err));
	assert_false(world_file_exists(&w, &earlier));
	assert_false(world_file_exists(&w, &failed));
	assert_true(world_put(&w, STR(""), &later, &err));
	assert_true(world_file_exists(&w, &later));
	strbuf_done(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_commits_share_syncs, start, stop),
		cmocka_unit_test_setup_teardown(test_one_alone_has_its_own, start, stop),
		cmocka_unit_test_setup_teardown(test_failure_is_everybodys, start, stop),
		cmocka_unit_test_setup_teardown(test_failure_reaches_earlier_files, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
