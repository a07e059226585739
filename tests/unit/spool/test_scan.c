/* SPDX-License-Identifier: MIT */
/* WRAP: openat __openat_2 unlinkat readdir clock_mono_ms */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/loopguard.h"
#include "spool/scan.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/spool_world.h"

static atomic_int open_errno, unlink_errno, readdir_errno;
static atomic_bool hold_scan; /* the scan's next open waits */
static atomic_bool held;
static atomic_bool every_call_is_slow;
static _Atomic int64_t slow_clock;

int __real_openat(int dir, const char *path, int flags, ...);
int __real_unlinkat(int dir, const char *path, int flags);
struct dirent *__real_readdir(DIR *dir);
int64_t __real_clock_mono_ms(void);

static bool is_scan_open(const char *path, int flags)
{
	return strstr(path, ".msg") != NULL && (flags & O_ACCMODE) == O_RDWR;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	if (is_scan_open(path, flags)) {
		held = true;
		while (hold_scan)
			usleep(500);
		if (open_errno != 0) {
			errno = open_errno;
			return -1;
		}
	}
	return __real_openat(dir, path, flags, 0600);
}

/* What a fortified build calls where the flags are no constant. */
int __wrap___openat_2(int dir, const char *path, int flags);

int __wrap___openat_2(int dir, const char *path, int flags)
{
	return __wrap_openat(dir, path, flags);
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	if (unlink_errno == 0)
		return __real_unlinkat(dir, path, flags);
	errno = unlink_errno;
	return -1;
}

struct dirent *__wrap_readdir(DIR *dir)
{
	if (readdir_errno == 0)
		return __real_readdir(dir);
	errno = readdir_errno;
	return NULL;
}

/* Then each callback seems to take the loop's whole time. */
int64_t __wrap_clock_mono_ms(void)
{
	if (!every_call_is_slow)
		return __real_clock_mono_ms();
	return atomic_fetch_add(&slow_clock, 50);
}

static struct world w;
static struct world_scan scan;

static int start(void **state)
{
	(void)state;
	world_start(&w, NULL);
	held = false;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	open_errno = unlink_errno = readdir_errno = 0;
	hold_scan = every_call_is_slow = false;
	world_stop(&w);
	return 0;
}

static void wait_held(void)
{
	for (int ms = 0; ms < WORLD_LIMIT_MS && !held; ms++)
		run_loop_for(w.base, 1);
	assert_true(held);
}

static struct msgid put(void)
{
	struct msgid id;
	struct err err = { .code = 0 };
	assert_true(world_put(&w, STR("A: b\r\n\r\nbody\r\n"), &id, &err));
	return id;
}

static void assert_scanned(size_t messages, size_t drafts, size_t sent, size_t corrupt)
{
	assert_false(scan.failed);
	assert_int_equal(scan.result.messages, messages);
	assert_int_equal(scan.found_count, messages);
	assert_int_equal(scan.result.drafts_removed, drafts);
	assert_int_equal(scan.result.sent_removed, sent);
	assert_int_equal(scan.result.corrupt, corrupt);
	assert_int_equal(scan.corrupt_count, corrupt);
}

/* ---- messages ---- */

static void test_empty(void **state)
{
	(void)state;
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 0);
}

static void test_finds_what_is_there(void **state)
{
	struct msgid ids[3];
	(void)state;
	for (size_t i = 0; i < 3; i++)
		ids[i] = put();
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_scanned(3, 0, 0, 0);
	for (size_t i = 0; i < 3; i++) {
		size_t hits = 0;
		for (size_t f = 0; f < 3; f++)
			hits += msgid_equal(&ids[i], &scan.found[f].info.id);
		assert_int_equal(hits, 1);
	}
	assert_int_equal(scan.found[0].recipients, 2);
	assert_int_equal(scan.found[0].info.stats.size, 14);
	assert_int_equal(scan.found[0].info.stats.header_size, 8);
}

/* Later scans yield what has come since from elsewhere, and nothing that is known. */
static void test_only_new_ones(void **state)
{
	struct strbuf file;
	struct msgid committed, elsewhere;
	(void)state;
	committed = put();
	elsewhere = put();
	world_file_read(&w, &elsewhere, &file);
	struct err err = { .code = 0 };
	assert_true(world_remove(&w, &elsewhere, &err));
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 0); /* committed here */
	world_file_write(&w, &elsewhere, strbuf_str(&file));
	world_scan(&w, &scan);
	assert_scanned(1, 0, 0, 0);
	assert_true(msgid_equal(&scan.found[0].info.id, &elsewhere));
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 0);
	assert_true(world_file_exists(&w, &committed));
	strbuf_done(&file);
}

static void test_many_in_slices(void **state)
{
	enum {
		MANY = 3 * SCAN_BATCH + 5
	};
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		put();
	world_reopen(&w);
	every_call_is_slow = true; /* one message a turn of the loop */
	world_scan(&w, &scan);
	assert_int_equal(scan.result.messages, MANY);
	assert_int_equal(scan.found_count, MANY);
}

static void test_two_scans_at_once(void **state)
{
	static struct world_scan second;
	(void)state;
	put();
	world_reopen(&w);
	world_scan_start(&w, &scan);
	world_scan_start(&w, &second);
	world_wait(&w, &second.done);
	assert_true(scan.done);
	assert_scanned(1, 0, 0, 0);
	assert_int_equal(second.result.messages, 0);
}

/* ---- drafts ---- */

static void test_leftover_drafts_are_removed(void **state)
{
	struct strbuf file;
	struct msgid id = put();
	(void)state;
	world_file_read(&w, &id, &file);
	for (size_t n = 0; n < file.n - 1; n += 40) {
		struct msgid other = msgid_random();
		world_file_write(&w, &other, str_head(strbuf_str(&file), n));
	}
	size_t drafts = world_count(&w, "queue") - 1;
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_scanned(1, drafts, 0, 0);
	assert_int_equal(world_count(&w, "queue"), 1);
	strbuf_done(&file);
}

static void test_own_draft_is_left_alone(void **state)
{
	struct strbuf content;
	struct spool_info info;
	struct msgid id;
	struct err err = { .code = 0 };
	(void)state;
	world_content(&content, 200000);
	struct body_stats stats = world_stats(strbuf_str(&content));
	struct spool_draft *draft = world_draft(&w, &id);
	world_write(&w, draft, strbuf_str(&content), 5000);
	world_idle(&w);
	assert_true(world_file_exists(&w, &id));
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 0);
	assert_true(world_commit(&w, draft, &stats, &info, &err));
	strbuf_done(&content);
}

/* Intake goes on while a scan runs, and the scan does not report what came in. */
static void test_intake_during_scan(void **state)
{
	struct err err = { .code = 0 };
	struct msgid old, during;
	(void)state;
	old = put();
	world_reopen(&w);
	hold_scan = true;
	world_scan_start(&w, &scan);
	wait_held();
	during = put();
	hold_scan = false;
	world_wait(&w, &scan.done);
	assert_scanned(1, 0, 0, 0);
	assert_true(msgid_equal(&scan.found[0].info.id, &old));
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 0);
	assert_true(world_remove(&w, &during, &err));
}

/* ---- messages that everybody has ---- */

static void record(const struct msgid *id, uint32_t generation, uint32_t recipient,
		   enum progress_state state)
{
	struct progress p = { .recipient = recipient, .state = state };
	struct err err = { .code = 0 };
	assert_true(world_update(&w, id, generation, &p, 1, false, &err));
}

static void test_sent_ones_are_removed(void **state)
{
	struct msgid sent = put(), half = put(), failed = put(), all = put(), twice = put();
	(void)state;
	record(&sent, 0, 0, PROGRESS_SENT);
	record(&sent, 1, 1, PROGRESS_SENT);
	record(&half, 0, 1, PROGRESS_SENT);
	record(&failed, 0, 0, PROGRESS_SENT);
	record(&failed, 1, 1, PROGRESS_FAILED);
	record(&all, 0, 0, PROGRESS_SENT);
	record(&all, 1, PROGRESS_MESSAGE, PROGRESS_SENT);
	record(&twice, 0, 0, PROGRESS_SENT);
	record(&twice, 1, 0, PROGRESS_SENT);
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_scanned(3, 0, 2, 0);
	assert_false(world_file_exists(&w, &sent));
	assert_false(world_file_exists(&w, &all));
	assert_true(world_file_exists(&w, &half));
	assert_true(world_file_exists(&w, &failed));
	assert_true(world_file_exists(&w, &twice));
}

/* ---- everything else that may be there ---- */

static void in_queue(char *out, size_t n, const char *name)
{
	snprintf(out, n, "%s/queue/%s", w.path, name);
}

static void test_things_that_are_no_files(void **state)
{
	struct msgid ids[6];
	char path[256], target[256];
	(void)state;
	struct msgid good = put();
	for (size_t i = 0; i < 6; i++)
		ids[i] = msgid_random();
	world_file_path(&w, &good, target, sizeof(target));
	world_file_path(&w, &ids[0], path, sizeof(path));
	assert_int_equal(symlink(target, path), 0);
	world_file_path(&w, &ids[1], path, sizeof(path));
	assert_int_equal(mkfifo(path, 0600), 0);
	world_file_path(&w, &ids[2], path, sizeof(path));
	assert_int_equal(mkdir(path, 0700), 0);
	world_file_path(&w, &ids[3], path, sizeof(path));
	assert_int_equal(symlink("/nowhere", path), 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	world_file_path(&w, &ids[4], address.sun_path, sizeof(address.sun_path));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_scanned(1, 0, 0, 5);
	assert_int_equal(world_count(&w, "corrupt"), 5);
	assert_int_equal(world_count(&w, "queue"), 1);
	assert_non_null(world_report(&scan, "not a regular file"));
}

static void test_hard_link(void **state)
{
	char path[256], other[256];
	(void)state;
	struct msgid id = put();
	world_file_path(&w, &id, path, sizeof(path));
	snprintf(other, sizeof(other), "%s/second-name", w.path);
	assert_int_equal(link(path, other), 0);
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 1);
	assert_non_null(world_report(&scan, "hard links"));
	assert_int_equal(world_count(&w, "corrupt"), 1);
}

static void test_foreign_names(void **state)
{
	static const char *const names[] = {
		"README",
		"00112233445566778899aabbccddeeff",
		"00112233445566778899AABBCCDDEEFF.msg",
		"00112233445566778899aabbccddeeff.msg.1",
		"\xff\x1b[31m.msg",
		".hidden",
	};
	char path[256];
	(void)state;
	put();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		in_queue(path, sizeof(path), names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	in_queue(path, sizeof(path), "lost+found"); /* the file system's own */
	assert_int_equal(mkdir(path, 0700), 0);
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_scanned(1, 0, 0, 6);
	assert_non_null(world_report(&scan, "/queue/README|-|"));
	assert_int_equal(world_count(&w, "corrupt"), 0);
	for (size_t i = 0; i < 150; i++) {
		char name[32];
		snprintf(name, sizeof(name), "foreign-%zu", i);
		in_queue(path, sizeof(path), name);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	world_scan(&w, &scan);
	assert_int_equal(scan.result.corrupt, SCAN_FOREIGN_MAX + 1);
}

static void test_damaged_ones_are_moved(void **state)
{
	struct strbuf file;
	(void)state;
	struct msgid id = put(), fine = put();
	world_file_read(&w, &id, &file);
	file.p[file.n - 3] ^= 1;
	/* Three times the same name: nothing in corrupt/ is overwritten. */
	for (size_t i = 1; i <= 3; i++) {
		world_file_write(&w, &id, strbuf_str(&file));
		world_reopen(&w);
		world_scan(&w, &scan);
		assert_scanned(1, 0, 0, 1);
		assert_int_equal(world_count(&w, "corrupt"), i);
		assert_false(world_file_exists(&w, &id));
	}
	assert_non_null(world_report(&scan, ".msg.2|"));
	assert_non_null(world_report(&scan, "END record is damaged"));
	assert_true(world_file_exists(&w, &fine));
	strbuf_done(&file);
}

static void test_copy_under_another_name(void **state)
{
	struct strbuf file;
	(void)state;
	struct msgid id = put(), other = msgid_random();
	world_file_read(&w, &id, &file);
	world_file_write(&w, &other, strbuf_str(&file));
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_int_equal(scan.result.messages, 1);
	assert_true(msgid_equal(&scan.found[0].info.id, &id));
	assert_false(world_file_exists(&w, &other));
	strbuf_done(&file);
}

static void test_newer_version_is_left(void **state)
{
	struct msgid id = msgid_random();
	(void)state;
	world_file_write(&w, &id, STR("OAR2 envelope 2 0123456789abcdef {}\nwhatever\n"));
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 1);
	assert_non_null(world_report(&scan, "newer"));
	assert_true(world_file_exists(&w, &id));
}

static void test_another_owners_file_is_left(void **state)
{
	char path[256];
	(void)state;
	if (geteuid() != 0)
		skip();
	struct msgid id = put();
	world_file_path(&w, &id, path, sizeof(path));
	assert_int_equal(chown(path, 65534, 65534), 0);
	world_reopen(&w);
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 1);
	assert_non_null(world_report(&scan, "belongs to user id 65534"));
	assert_true(world_file_exists(&w, &id));
}

static void test_unreadable_is_left(void **state)
{
	(void)state;
	struct msgid id = put();
	world_reopen(&w);
	open_errno = EACCES;
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 1);
	assert_non_null(world_report(&scan, "|-|open: Permission denied"));
	assert_true(world_file_exists(&w, &id));
	/* Found as soon as it can be read. */
	open_errno = 0;
	world_scan(&w, &scan);
	assert_scanned(1, 0, 0, 0);
}

static void test_read_only_file_system(void **state)
{
	struct msgid id = msgid_random();
	(void)state;
	world_file_write(&w, &id, STR("OAR1 envelope 7"));
	unlink_errno = EROFS;
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 1);
	assert_non_null(world_report(&scan, "cannot be removed"));
}

static void test_directory_cannot_be_read(void **state)
{
	(void)state;
	put();
	world_reopen(&w);
	readdir_errno = EIO;
	world_scan(&w, &scan);
	assert_true(scan.failed);
	readdir_errno = 0;
	world_scan(&w, &scan);
	assert_scanned(1, 0, 0, 0);
}

static void test_vanished_file(void **state)
{
	char path[256];
	(void)state;
	struct msgid id = put();
	world_reopen(&w);
	world_file_path(&w, &id, path, sizeof(path));
	assert_int_equal(unlink(path), 0);
	world_scan(&w, &scan);
	assert_scanned(0, 0, 0, 0);
}

/* ---- the end in the middle ---- */

static void test_free_during_scan(void **state)
{
	(void)state;
	for (size_t i = 0; i < 5; i++)
		put();
	for (int way = 0; way < 2; way++) {
		world_reopen(&w);
		hold_scan = way == 0; /* in a job, or between two slices */
		every_call_is_slow = way == 1;
		world_scan_start(&w, &scan);
		if (way == 0)
			wait_held();
		for (int turns = 0; way == 1 && scan.found_count == 0; turns++) {
			assert_true(turns < 1000);
			event_base_loop(w.base, EVLOOP_ONCE);
		}
		size_t found = scan.found_count;
		w.spool->ops->free(w.spool);
		hold_scan = every_call_is_slow = false;
		world_idle(&w);
		run_loop_for(w.base, 5);
		assert_false(scan.done);
		assert_int_equal(scan.found_count, found);
		struct spool_file_params params = { .path = w.path };
		struct err err;
		w.spool = spool_file_open(w.base, w.worker, &params, &err);
		assert_non_null(w.spool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, start, stop),
		cmocka_unit_test_setup_teardown(test_finds_what_is_there, start, stop),
		cmocka_unit_test_setup_teardown(test_only_new_ones, start, stop),
		cmocka_unit_test_setup_teardown(test_many_in_slices, start, stop),
		cmocka_unit_test_setup_teardown(test_two_scans_at_once, start, stop),
		cmocka_unit_test_setup_teardown(test_leftover_drafts_are_removed, start, stop),
		cmocka_unit_test_setup_teardown(test_own_draft_is_left_alone, start, stop),
		cmocka_unit_test_setup_teardown(test_intake_during_scan, start, stop),
		cmocka_unit_test_setup_teardown(test_sent_ones_are_removed, start, stop),
		cmocka_unit_test_setup_teardown(test_things_that_are_no_files, start, stop),
		cmocka_unit_test_setup_teardown(test_hard_link, start, stop),
		cmocka_unit_test_setup_teardown(test_foreign_names, start, stop),
		cmocka_unit_test_setup_teardown(test_damaged_ones_are_moved, start, stop),
		cmocka_unit_test_setup_teardown(test_copy_under_another_name, start, stop),
		cmocka_unit_test_setup_teardown(test_newer_version_is_left, start, stop),
		cmocka_unit_test_setup_teardown(test_another_owners_file_is_left, start, stop),
		cmocka_unit_test_setup_teardown(test_unreadable_is_left, start, stop),
		cmocka_unit_test_setup_teardown(test_read_only_file_system, start, stop),
		cmocka_unit_test_setup_teardown(test_directory_cannot_be_read, start, stop),
		cmocka_unit_test_setup_teardown(test_vanished_file, start, stop),
		cmocka_unit_test_setup_teardown(test_free_during_scan, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
