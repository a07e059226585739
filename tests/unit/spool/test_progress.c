/* SPDX-License-Identifier: MIT */
/* WRAP: fdatasync pwrite unlinkat close */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "spool/record.h"
#include "spool/store.h"
#include "tests/unit/support/spool_world.h"

static atomic_int close_errno, sync_errno, unlink_errno, pwrite_errno, pwrite_short, syncs, pwrites;

int __real_fdatasync(int fd);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t offset);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_unlinkat(int dir, const char *path, int flags);

int __wrap_fdatasync(int fd)
{
	syncs++;
	if (sync_errno == 0)
		return __real_fdatasync(fd);
	errno = sync_errno;
	return -1;
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t offset)
{
	pwrites++;
	if (pwrite_errno != 0) {
		errno = pwrite_errno;
		return -1;
	}
	return __real_pwrite(fd, p, pwrite_short != 0 ? (size_t)pwrite_short : n, offset);
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	if (unlink_errno == 0)
		return __real_unlinkat(dir, path, flags);
	errno = unlink_errno;
	return -1;
}

int __wrap_close(int fd)
{
	int result = __real_close(fd);
	if (close_errno == 0)
		return result;
	errno = close_errno;
	return -1;
}

static struct world w;
static struct msgid id;

static int start(void **state)
{
	struct err err = { .code = 0 };
	(void)state;
	world_start(&w, NULL);
	assert_true(world_put(&w, STR("A: b\r\n\r\nbody\r\n"), &id, &err));
	syncs = pwrites = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	close_errno = sync_errno = unlink_errno = pwrite_errno = pwrite_short = 0;
	world_stop(&w);
	return 0;
}

static const struct progress both[] = {
	{ .recipient = 0, .state = PROGRESS_SENT, .attempts = 2, .reply = { "250 2.0.0 OK", 12 } },
	{ .recipient = 1, .state = PROGRESS_PENDING, .attempts = 2, .next_ms = 1700000060000 },
};

static bool update(uint32_t generation, const struct progress *records, size_t count)
{
	struct err err = { .code = 0 };
	return world_update(&w, &id, generation, records, count, true, &err);
}

static void found_after_restart(struct world_found *out)
{
	static struct world_scan scan;
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_int_equal(scan.found_count, 1);
	*out = scan.found[0];
}

static void test_append(void **state)
{
	struct world_found f;
	const struct progress all = { .recipient = PROGRESS_MESSAGE,
				      .state = PROGRESS_INFLIGHT,
				      .attempts = 3 };
	(void)state;
	assert_true(update(0, both, 2));
	assert_int_equal(syncs, 1);
	assert_int_equal(pwrites, 1);
	assert_true(update(2, &all, 1));
	found_after_restart(&f);
	assert_int_equal(f.info.generation, 3);
	assert_int_equal(f.records, 3);
	assert_int_equal(f.record[0].recipient, 0);
	assert_int_equal(f.record[0].state, PROGRESS_SENT);
	assert_string_equal(f.reply[0], "250 2.0.0 OK");
	assert_int_equal(f.record[1].next_ms, 1700000060000);
	assert_int_equal(f.record[2].recipient, PROGRESS_MESSAGE);
	assert_int_equal(f.record[2].state, PROGRESS_INFLIGHT);
	assert_int_equal(f.record[2].attempts, 3);
}

static void test_not_synced_when_not_wanted(void **state)
{
	struct err err = { .code = 0 };
	(void)state;
	assert_true(world_update(&w, &id, 0, both, 1, false, &err));
	assert_int_equal(syncs, 0);
}

static void test_content_stays(void **state)
{
	struct strbuf got;
	struct err err = { .code = 0 };
	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		assert_true(world_update(&w, &id, i, &both[1], 1, false, &err));
	strbuf_init(&got, 100);
	assert_true(world_get(&w, &id, NULL, &got, &err));
	assert_true(str_eq(strbuf_str(&got), STR("A: b\r\n\r\nbody\r\n")));
	strbuf_done(&got);
}

static void test_generation_mismatch(void **state)
{
	struct err err = { .code = 0 };
	(void)state;
	assert_false(world_update(&w, &id, 1, both, 1, true, &err));
	assert_non_null(strstr(err.text, "changed by another relay"));
	assert_true(update(0, both, 1));
	assert_false(update(0, both, 1));
	assert_true(update(1, both, 1));
}

static void test_torn_tail_is_overwritten(void **state)
{
	struct strbuf file, whole;
	struct world_found f;
	struct err err = { .code = 0 };
	(void)state;
	assert_true(update(0, both, 1));
	world_file_read(&w, &id, &whole);
	size_t one = whole.n;
	strbuf_done(&whole);
	assert_true(update(1, &both[1], 1));
	world_file_read(&w, &id, &whole);
	/* Cut short; then as a power cut leaves it. */
	for (size_t i = 0; i < 2; i++) {
		strbuf_init(&file, 1 << 16);
		strbuf_addstr(&file, str_head(strbuf_str(&whole), whole.n - 10));
		for (size_t n = 0; i == 1 && n < 5000; n++)
			strbuf_addc(&file, '\0');
		world_file_write(&w, &id, strbuf_str(&file));
		strbuf_done(&file);
		if (i == 0)
			assert_false(update(2, &both[1], 1)); /* it counts for nothing */
		assert_true(update(1, &both[1], 1));
		world_file_read(&w, &id, &file);
		assert_true(str_eq(strbuf_str(&file), strbuf_str(&whole)));
		strbuf_done(&file);
	}
	assert_true(one < whole.n);
	found_after_restart(&f);
	assert_int_equal(f.info.generation, 2);
	assert_false(world_update(&w, &id, 1, both, 1, true, &err));
	strbuf_done(&whole);
}

/* A failed update leaves the file as it was, so that the next one finds what it expects. */
static void test_failures_leave_no_trace(void **state)
{
	struct strbuf before, after;
	struct err err = { .code = 0 };
	(void)state;
	assert_true(update(0, both, 1));
	world_file_read(&w, &id, &before);
	for (int i = 0; i < 3; i++) {
		sync_errno = i == 0 ? EIO : 0;
		pwrite_errno = i == 1 ? ENOSPC : 0;
		pwrite_short = i == 2 ? 20 : 0;
		assert_false(world_update(&w, &id, 1, both, 2, true, &err));
		assert_int_equal(err.code, i == 0 ? EIO : ENOSPC);
		world_file_read(&w, &id, &after);
		assert_true(str_eq(strbuf_str(&before), strbuf_str(&after)));
		strbuf_done(&after);
	}
	sync_errno = pwrite_errno = pwrite_short = 0;
	assert_true(update(1, both, 2));
	strbuf_done(&before);
}

/* What is written and synced is there, whatever close() says; so the caller must hear of it. */
static void test_close_fails(void **state)
{
	(void)state;
	close_errno = EIO;
	assert_true(update(0, both, 1));
	close_errno = 0;
	assert_true(update(1, both, 2));
}

static void test_refused(void **state)
{
	struct progress p = { .recipient = 2, .state = PROGRESS_SENT }; /* there are two */
	struct msgid nobody = msgid_random();
	struct err err = { .code = 0 };
	(void)state;
	assert_false(update(0, &p, 1));
	assert_false(world_update(&w, &nobody, 0, both, 1, true, &err));
	assert_non_null(strstr(err.text, "no such file"));
	assert_int_equal(err.code, ENOENT);
	assert_true(update(0, both, 1));
}

static void test_damaged_file(void **state)
{
	struct strbuf file;
	struct err err = { .code = 0 };
	(void)state;
	world_file_read(&w, &id, &file);
	file.p[file.n - 5] ^= 1;
	world_file_write(&w, &id, strbuf_str(&file));
	assert_false(world_update(&w, &id, 0, both, 1, true, &err));
	assert_non_null(strstr(err.text, "damaged"));
	assert_non_null(strstr(err.text, "moved to"));
	assert_int_equal(err.code, EBADMSG);
	assert_false(world_file_exists(&w, &id));
	/* Not to be taken for that: some file systems say so of their own accord. */
	assert_false(store_errno(&err, EBADMSG, "read", &id));
	assert_int_equal(err.code, EIO);
	strbuf_done(&file);
}

static void test_long_replies(void **state)
{
	char text[2000];
	struct world_found f;
	struct progress p[2] = { both[0], both[0] };
	(void)state;
	memset(text, '\xff', sizeof(text));
	p[0].reply = (struct str){ text, sizeof(text) };
	assert_true(update(0, p, 2));
	found_after_restart(&f);
	assert_int_equal(f.records, 2);
}

static void test_remove(void **state)
{
	struct err err = { .code = 0 };
	(void)state;
	unlink_errno = EROFS;
	assert_false(world_remove(&w, &id, &err));
	assert_int_equal(err.code, EROFS);
	unlink_errno = 0;
	assert_true(world_file_exists(&w, &id));
	assert_true(world_remove(&w, &id, &err));
	assert_false(world_file_exists(&w, &id));
	assert_true(world_remove(&w, &id, &err)); /* gone is as good */
}

static void never_called(void *arg, const struct err *err)
{
	(void)arg;
	(void)err;
	fail();
}

static void test_free_while_updating(void **state)
{
	struct world_found f;
	(void)state;
	w.spool->ops->update(w.spool, &id, 0, both, 1, true, never_called, NULL);
	w.spool->ops->free(w.spool);
	world_idle(&w);
	struct spool_file_params params = { .path = w.path };
	struct err err;
	w.spool = spool_file_open(w.base, w.worker, &params, &err);
	assert_non_null(w.spool);
	found_after_restart(&f);
	assert_int_equal(f.info.generation, 1); /* the work was done all the same */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_append, start, stop),
		cmocka_unit_test_setup_teardown(test_not_synced_when_not_wanted, start, stop),
		cmocka_unit_test_setup_teardown(test_content_stays, start, stop),
		cmocka_unit_test_setup_teardown(test_generation_mismatch, start, stop),
		cmocka_unit_test_setup_teardown(test_torn_tail_is_overwritten, start, stop),
		cmocka_unit_test_setup_teardown(test_failures_leave_no_trace, start, stop),
		cmocka_unit_test_setup_teardown(test_close_fails, start, stop),
		cmocka_unit_test_setup_teardown(test_refused, start, stop),
		cmocka_unit_test_setup_teardown(test_damaged_file, start, stop),
		cmocka_unit_test_setup_teardown(test_long_replies, start, stop),
		cmocka_unit_test_setup_teardown(test_remove, start, stop),
		cmocka_unit_test_setup_teardown(test_free_while_updating, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
