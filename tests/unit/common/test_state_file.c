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
#include <event2/event.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/state.h"
#include "common/worker.h"
#include "tests/unit/common/folder_world.h"
#include "tests/unit/support/run_loop.h"

enum {
	LIMIT_MS = 10000
};

/* ---- a disk that hangs, or is full ---- */

static atomic_int fsync_errno;
static atomic_bool fsync_hangs;

int __real_fsync(int fd);

int __wrap_fsync(int fd)
{
	while (fsync_hangs)
		usleep(200);
	errno = fsync_errno;
	return errno != 0 ? -1 : __real_fsync(fd);
}

/* ---- fixture ---- */

static struct event_base *base;
static struct worker *worker;
static struct state *files;

static const struct lane_limits limits[LANE_COUNT] = {
	[LANE_COMMIT] = { .threads = 1, .slots = 1 },
	[LANE_DISK] = { .threads = 4, .slots = 2 },
	[LANE_CRYPTO] = { .threads = 1, .slots = 1 },
	[LANE_RESOLVER] = { .threads = 1, .slots = 1 },
};

static int start(void **state)
{
	struct err err;
	fsync_errno = 0;
	fsync_hangs = false;
	if (folder_start(state) != 0)
		return -1;
	base = event_base_new();
	worker = worker_new(base, limits);
	files = state_file_open(base, worker, folder, &err);
	return files != NULL ? 0 : -1;
}

static void close_files(void)
{
	if (files != NULL)
		files->ops->free(files);
	files = NULL;
}

static int stop(void **state)
{
	close_files();
	worker_free(worker);
	event_base_free(base);
	return folder_stop(state);
}

/* ---- calls, and what they told ---- */

struct call {
	bool done;
	bool inside; /* still within the call that began it */
	bool ok;
	bool found;
	char *value;
	size_t n;
	struct err err;
	int order;
};

static int order;

static void ended(struct call *call, const struct err *err)
{
	assert_false(call->inside);
	assert_false(call->done);
	call->done = true;
	call->ok = err == NULL;
	call->order = ++order;
	if (err != NULL)
		call->err = *err;
}

static void on_got(void *arg, bool found, struct str value, const struct err *err)
{
	struct call *call = arg;
	ended(call, err);
	call->found = found;
	call->value = str_dup(value);
	call->n = value.n;
}

static void on_put(void *arg, const struct err *err)
{
	ended(arg, err);
}

static void begin_get(struct call *call, const char *name)
{
	*call = (struct call){ .inside = true };
	files->ops->get(files, name, on_got, call);
	call->inside = false;
}

static void begin_put(struct call *call, const char *name, struct str value)
{
	*call = (struct call){ .inside = true };
	files->ops->put(files, name, value, on_put, call);
	call->inside = false;
}

static void begin_remove(struct call *call, const char *name)
{
	*call = (struct call){ .inside = true };
	files->ops->remove(files, name, on_put, call);
	call->inside = false;
}

static void wait_for(const struct call *call)
{
	assert_true(run_loop_until(base, &call->done, LIMIT_MS));
}

static void expect_stored(const char *name, const char *value)
{
	struct call got;
	begin_get(&got, name);
	wait_for(&got);
	if (!got.ok)
		fail_msg("%s", got.err.text);
	assert_int_equal(got.found, value != NULL);
	assert_string_equal(got.value, value != NULL ? value : "");
	free(got.value);
}

static void expect_put(const char *name, const char *value)
{
	struct call put;
	begin_put(&put, name, str_of(value));
	wait_for(&put);
	if (!put.ok)
		fail_msg("%s", put.err.text);
}

static void expect_no_value(const char *name, const char *words)
{
	struct call got;
	begin_get(&got, name);
	wait_for(&got);
	assert_false(got.ok);
	assert_false(got.found);
	assert_int_equal(got.n, 0);
	if (strstr(got.err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, got.err.text);
	free(got.value);
}

/* ---- tests ---- */

static void test_there_and_back(void **state)
{
	struct call put;
	struct stat st;
	(void)state;
	mode_t before = umask(0);
	expect_stored("accounts/one", NULL);
	expect_put("accounts/one", "first");
	expect_stored("accounts/one", "first");
	expect_put("accounts/one", "second, and longer");
	expect_stored("accounts/one", "second, and longer");
	expect_put("accounts/one", "");
	expect_stored("accounts/one", "");
	expect_put("one-word", "x");
	expect_stored("one-word", "x");
	umask(before);
	char *path = below("accounts/one"), *inner = below("accounts");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(inner, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(entries(inner), 1);
	for (int i = 0; i < 2; i++) { /* also what is not there any more */
		begin_remove(&put, "accounts/one");
		wait_for(&put);
		assert_true(put.ok);
		expect_stored("accounts/one", NULL);
	}
	begin_remove(&put, "nowhere/one");
	wait_for(&put);
	assert_true(put.ok);
	free(path);
	free(inner);
}

static void test_order_kept(void **state)
{
	enum {
		COUNT = 40
	};
	static struct call puts[COUNT], gets[COUNT];
	char value[16];
	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snprintf(value, sizeof(value), "%d", i);
		begin_put(&puts[i], "accounts/one", str_of(value));
		memset(value, 'x', sizeof(value)); /* it was copied */
		begin_get(&gets[i], "accounts/one");
	}
	wait_for(&gets[COUNT - 1]);
	for (int i = 0; i < COUNT; i++) {
		snprintf(value, sizeof(value), "%d", i);
		assert_true(puts[i].ok);
		assert_string_equal(gets[i].value, value);
		assert_true(puts[i].order < gets[i].order);
		assert_true(i == 0 || gets[i - 1].order < puts[i].order);
		free(gets[i].value);
	}
}

static void no_run(struct job *job)
{
	(void)job;
}

/* The lane is full of others' work: the state has its own slot. */
static void test_never_refused(void **state)
{
	struct job job = { .run = no_run, .done = no_run };
	struct err err;
	(void)state;
	assert_true(worker_slot_take(worker, LANE_DISK));
	assert_false(worker_try_submit(worker, LANE_DISK, &job));
	expect_put("accounts/one", "x");
	expect_stored("accounts/one", "x");
	/* But one that finds no slot is not made. */
	assert_null(state_file_open(base, worker, folder, &err));
	assert_non_null(strstr(err.text, "disk lane"));
	worker_slot_give(worker, LANE_DISK);
}

static void test_refused(void **state)
{
	struct call put, removed;
	(void)state;
	char *path = below("accounts/one"), *inner = below("accounts");
	expect_no_value("../one", "cannot be the name");
	begin_put(&put, "../one", STR("x"));
	begin_remove(&removed, "../one");
	wait_for(&removed);
	assert_false(put.ok);
	assert_false(removed.ok);
	assert_int_equal(mkdir(inner, 0700), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_no_value("accounts/one", "is a pipe");
	expect_put("accounts/one", "x");
	expect_stored("accounts/one", "x");
	free(path);
	free(inner);
}

static void test_get_tidies(void **state)
{
	(void)state;
	char *left = below(".one.0123456789abcdef.tmp");
	write_file(left, "half", 0600);
	expect_put("one", "x");
	assert_int_equal(access(left, F_OK), 0);
	expect_stored("one", "x");
	assert_int_equal(access(left, F_OK), -1);
	free(left);
}

/* No room on the disk: the old value stays, and nothing beside it. */
static void test_disk_full(void **state)
{
	struct call put;
	(void)state;
	char *inner = below("accounts");
	expect_put("accounts/one", "old");
	fsync_errno = ENOSPC;
	begin_put(&put, "accounts/one", STR("new"));
	wait_for(&put);
	assert_false(put.ok);
	assert_int_equal(put.err.code, ENOSPC);
	assert_non_null(strstr(put.err.text, inner));
	fsync_errno = 0;
	assert_int_equal(entries(inner), 1);
	expect_stored("accounts/one", "old");
	expect_put("accounts/one", "new");
	expect_stored("accounts/one", "new");
	free(inner);
}

static void test_forget(void **state)
{
	struct call first, second, kept;
	(void)state;
	fsync_hangs = true;
	begin_put(&first, "one", STR("1"));
	begin_put(&second, "one", STR("2"));
	begin_get(&kept, "one");
	files->ops->forget(files, &first);
	files->ops->forget(files, &second);
	fsync_hangs = false;
	wait_for(&kept);
	assert_false(first.done);
	assert_false(second.done);
	assert_string_equal(kept.value, "2");
	free(kept.value);
}

/* What was begun is on disk when free() returns, without a call. */
static void test_free_finishes(void **state)
{
	struct call puts[3], get;
	struct secret value = { 0 };
	struct err err;
	bool found;
	(void)state;
	begin_put(&puts[0], "one", STR("1"));
	begin_put(&puts[1], "one", STR("2"));
	begin_get(&get, "one");
	begin_put(&puts[2], "two", STR("3"));
	close_files();
	assert_true(state_file_read(folder, "one", &value, &found, &err));
	assert_true(str_eq(secret_reveal(&value), STR("2")));
	assert_true(state_file_read(folder, "two", &value, &found, &err));
	assert_true(str_eq(secret_reveal(&value), STR("3")));
	run_loop_for(base, 20);
	assert_false(puts[0].done || puts[1].done || puts[2].done || get.done);
	secret_done(&value);
}

/* free() from inside a call. */
static void on_put_free(void *arg, const struct err *err)
{
	on_put(arg, err);
	close_files();
}

static void test_free_inside_a_call(void **state)
{
	struct call call = { 0 }, next;
	(void)state;
	files->ops->put(files, "one", STR("1"), on_put_free, &call);
	begin_put(&next, "one", STR("2"));
	wait_for(&call);
	struct secret value = { 0 };
	struct err err;
	bool found;
	assert_true(state_file_read(folder, "one", &value, &found, &err));
	assert_true(str_eq(secret_reveal(&value), STR("2")));
	assert_false(next.done);
	secret_done(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, start, stop),
		cmocka_unit_test_setup_teardown(test_order_kept, start, stop),
		cmocka_unit_test_setup_teardown(test_never_refused, start, stop),
		cmocka_unit_test_setup_teardown(test_refused, start, stop),
		cmocka_unit_test_setup_teardown(test_get_tidies, start, stop),
		cmocka_unit_test_setup_teardown(test_disk_full, start, stop),
		cmocka_unit_test_setup_teardown(test_forget, start, stop),
		cmocka_unit_test_setup_teardown(test_free_finishes, start, stop),
		cmocka_unit_test_setup_teardown(test_free_inside_a_call, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
