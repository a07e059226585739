/* SPDX-License-Identifier: MIT */
/* WRAP: pread openat __openat_2 */
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

#include "common/loopguard.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/spool_world.h"

static atomic_int read_errno, open_errno;
static atomic_int preads;
static atomic_bool hold_reads;

ssize_t __real_pread(int fd, void *p, size_t n, off_t offset);
int __real_openat(int dir, const char *path, int flags, ...);

ssize_t __wrap_pread(int fd, void *p, size_t n, off_t offset)
{
	preads++;
	while (hold_reads)
		usleep(500); /* a slow disk; the test ends it */
	if (read_errno == 0)
		return __real_pread(fd, p, n, offset);
	errno = read_errno;
	return -1;
}

static bool open_fails(int flags)
{
	if (open_errno == 0 || (flags & O_ACCMODE) != O_RDONLY)
		return false;
	errno = open_errno;
	return true;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	return open_fails(flags) ? -1 : __real_openat(dir, path, flags, 0600);
}

/* What a fortified build calls where the flags are no constant. */
int __wrap___openat_2(int dir, const char *path, int flags);

int __wrap___openat_2(int dir, const char *path, int flags)
{
	return __wrap_openat(dir, path, flags);
}

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
	read_errno = open_errno = 0;
	hold_reads = false;
	world_stop(&w);
	return 0;
}

static void put(struct str content, struct msgid *id)
{
	struct err err = { .code = 0 };
	assert_true(world_put(&w, content, id, &err));
}

static void assert_got(const struct msgid *id, struct str want_header, struct str want_body)
{
	struct strbuf header, body;
	struct err err = { .code = 0 };
	strbuf_init(&header, 1 << 20);
	strbuf_init(&body, 8 << 20);
	if (!world_get(&w, id, &header, &body, &err))
		fail_msg("%s", err.text);
	assert_true(str_eq(strbuf_str(&header), want_header));
	assert_true(str_eq(strbuf_str(&body), want_body));
	strbuf_done(&header);
	strbuf_done(&body);
}

static void test_header_then_body(void **state)
{
	static const size_t sizes[] = { 60, 65536 + 44, 65536 + 45, 500000 };
	struct msgid id;
	(void)state;
	put(STR("A: b\r\n\r\nbody\r\n"), &id);
	assert_got(&id, STR("A: b\r\n\r\n"), STR("body\r\n"));
	put(STR("A: b\r\n\r\n"), &id); /* a header alone */
	assert_got(&id, STR("A: b\r\n\r\n"), STR(""));
	put(STR("body alone\r\n"), &id);
	assert_got(&id, STR(""), STR("body alone\r\n"));
	put(STR(""), &id);
	assert_got(&id, STR(""), STR(""));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct strbuf content;
		world_content(&content, sizes[i]);
		struct str all = strbuf_str(&content);
		size_t header = (size_t)world_stats(all).header_size;
		put(all, &id);
		assert_got(&id, str_head(all, header), str_skip(all, header));
		strbuf_done(&content);
	}
}

struct reading {
	bool done;
	struct spool_reader *reader;
	struct str chunk;
	struct spool_info info;
	size_t recipients;
	bool failed;
};

static void on_open(void *arg, struct spool_reader *reader, const struct spool_info *info,
		    const struct envelope *envelope, const struct err *err)
{
	struct reading *r = arg;
	assert_null(err);
	r->done = true;
	r->reader = reader;
	r->info = *info;
	r->recipients = envelope->recipient_count;
}

static void on_chunk(void *arg, struct str chunk, const struct err *err)
{
	struct reading *r = arg;
	r->done = true;
	r->chunk = chunk;
	r->failed = err != NULL;
}

static void open_reader(struct reading *r, const struct msgid *id)
{
	*r = (struct reading){ .done = false };
	loopguard_enter();
	w.spool->ops->open(w.spool, id, on_open, r);
	world_wait(&w, &r->done);
	r->done = false;
}

static void read_chunk(struct reading *r)
{
	r->done = false;
	loopguard_enter();
	w.spool->ops->read(r->reader, on_chunk, r);
	assert_false(r->done);
	world_wait(&w, &r->done);
}

static void test_reads_ahead_by_one(void **state)
{
	struct strbuf content;
	struct msgid id;
	struct reading r;
	(void)state;
	world_content(&content, 5 * 65536);
	put(strbuf_str(&content), &id);
	open_reader(&r, &id);
	assert_int_equal(r.info.stats.size, 5 * 65536);
	assert_int_equal(r.recipients, 2);
	preads = 0;
	read_chunk(&r);
	world_idle(&w);
	assert_int_equal(preads, 2); /* not the whole file */
	/* What was handed out stays while the next is read. */
	assert_memory_equal(r.chunk.p, content.p, r.chunk.n);
	assert_int_equal(r.chunk.n, 65536);
	read_chunk(&r);
	assert_memory_equal(r.chunk.p, content.p + 65536, r.chunk.n);
	w.spool->ops->close(r.reader);
	strbuf_done(&content);
}

static void test_info_has_generation(void **state)
{
	struct progress p = { .recipient = 1, .state = PROGRESS_SENT };
	struct err err = { .code = 0 };
	struct reading r;
	struct msgid id;
	(void)state;
	put(STR("A: b\r\n\r\n"), &id);
	assert_true(world_update(&w, &id, 0, &p, 1, false, &err));
	open_reader(&r, &id);
	assert_int_equal(r.info.generation, 1);
	assert_true(msgid_equal(&r.info.id, &id));
	w.spool->ops->close(r.reader);
}

static void fail_if_called(void *arg, struct str chunk, const struct err *err)
{
	(void)arg;
	(void)chunk;
	(void)err;
	fail_msg("a closed reader called back");
}

static void test_close_while_reading(void **state)
{
	struct strbuf content;
	struct msgid id;
	struct reading r;
	(void)state;
	world_content(&content, 300000);
	put(strbuf_str(&content), &id);
	/* During the first read, during reading ahead, with a chunk ready but not delivered. */
	for (int i = 0; i < 3; i++) {
		open_reader(&r, &id);
		if (i > 0)
			read_chunk(&r);
		if (i == 2)
			world_idle(&w);
		hold_reads = i == 0;
		w.spool->ops->read(r.reader, fail_if_called, NULL);
		w.spool->ops->close(r.reader);
		hold_reads = false;
		run_loop_for(w.base, 5);
		world_idle(&w);
	}
	strbuf_done(&content);
}

static void close_in_callback(void *arg, struct str chunk, const struct err *err)
{
	struct reading *r = arg;
	assert_null(err);
	assert_int_equal(chunk.n, 65536);
	w.spool->ops->close(r->reader);
	r->done = true;
}

static void test_close_in_callback(void **state)
{
	struct strbuf content;
	struct msgid id;
	struct reading r;
	(void)state;
	world_content(&content, 300000);
	put(strbuf_str(&content), &id);
	open_reader(&r, &id);
	w.spool->ops->read(r.reader, close_in_callback, &r);
	world_wait(&w, &r.done);
	world_idle(&w);
	strbuf_done(&content);
}

static void test_free_with_reader_closing(void **state)
{
	struct strbuf content;
	struct msgid id;
	struct reading r;
	(void)state;
	world_content(&content, 300000);
	put(strbuf_str(&content), &id);
	open_reader(&r, &id);
	hold_reads = true;
	w.spool->ops->read(r.reader, fail_if_called, NULL);
	w.spool->ops->close(r.reader);
	w.spool->ops->free(w.spool);
	hold_reads = false;
	world_idle(&w);
	struct spool_file_params params = { .path = w.path };
	struct err err;
	w.spool = spool_file_open(w.base, w.worker, &params, &err);
	assert_non_null(w.spool);
	strbuf_done(&content);
}

/* ---- damage ---- */

static void change_byte(const struct msgid *id, ptrdiff_t behind_envelope)
{
	struct strbuf file;
	world_file_read(&w, id, &file);
	file.p[str_chr(strbuf_str(&file), '\n') + 1 + behind_envelope] ^= 0x04;
	world_file_write(&w, id, strbuf_str(&file));
	strbuf_done(&file);
}

static void test_damaged_content_is_never_sent_whole(void **state)
{
	static const size_t sizes[] = { 60, 65536, 65537, 200000, 5 * 65536 };
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct strbuf content, got;
		struct msgid id;
		struct err err = { .code = 0 };
		world_content(&content, sizes[i]);
		put(strbuf_str(&content), &id);
		change_byte(&id, 50); /* in the first chunk */
		strbuf_init(&got, 8 << 20);
		assert_false(world_get(&w, &id, NULL, &got, &err));
		assert_true(got.n < sizes[i]);
		assert_non_null(strstr(err.text, "/corrupt/"));
		assert_non_null(strstr(err.text, msgid_text(&id).hex));
		assert_false(world_file_exists(&w, &id));
		assert_int_equal(world_count(&w, "corrupt"), i + 1);
		strbuf_done(&got);
		strbuf_done(&content);
	}
}

static void test_damaged_header(void **state)
{
	struct strbuf header, body;
	struct msgid id;
	struct err err = { .code = 0 };
	(void)state;
	put(STR("A: b\r\n\r\n"), &id);
	change_byte(&id, 0);
	strbuf_init(&header, 100);
	strbuf_init(&body, 100);
	assert_false(world_get(&w, &id, &header, &body, &err));
	assert_int_equal(header.n, 0);
	assert_int_equal(world_count(&w, "corrupt"), 1);
	strbuf_done(&header);
	strbuf_done(&body);
}

static void assert_cannot_open(const struct msgid *id, const char *text)
{
	struct strbuf got;
	struct err err = { .code = 0 };
	strbuf_init(&got, 100);
	assert_false(world_get(&w, id, NULL, &got, &err));
	if (strstr(err.text, text) == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(got.n, 0);
	strbuf_done(&got);
}

static void test_cannot_open(void **state)
{
	struct msgid id = msgid_random();
	(void)state;
	assert_cannot_open(&id, "no such file");
	put(STR("A: b\r\n\r\n"), &id);
	open_errno = EACCES;
	assert_cannot_open(&id, "Permission denied");
	open_errno = 0;
	read_errno = EIO;
	assert_cannot_open(&id, "Input/output error");
	read_errno = 0;
	/* An error of the disk is no reason to move the message away. */
	assert_true(world_file_exists(&w, &id));
	assert_got(&id, STR("A: b\r\n\r\n"), STR(""));
	change_byte(&id, 10); /* in END */
	assert_cannot_open(&id, "/corrupt/");
}

static void test_read_error(void **state)
{
	struct strbuf content;
	struct msgid id;
	struct reading r;
	(void)state;
	world_content(&content, 300000);
	put(strbuf_str(&content), &id);
	open_reader(&r, &id);
	read_chunk(&r);
	world_idle(&w);
	read_errno = EIO;
	read_chunk(&r); /* had been read ahead */
	assert_false(r.failed);
	read_chunk(&r);
	assert_true(r.failed);
	read_chunk(&r); /* and again */
	assert_true(r.failed);
	w.spool->ops->close(r.reader);
	world_idle(&w);
	assert_true(world_file_exists(&w, &id));
	strbuf_done(&content);
}

static void test_file_cut_while_reading(void **state)
{
	struct strbuf content;
	struct msgid id;
	struct reading r;
	char path[256];
	(void)state;
	world_content(&content, 300000);
	put(strbuf_str(&content), &id);
	open_reader(&r, &id);
	read_chunk(&r);
	world_idle(&w);
	world_file_path(&w, &id, path, sizeof(path));
	assert_int_equal(truncate(path, 100000), 0);
	while (!r.failed) {
		assert_true(r.chunk.n != 0);
		read_chunk(&r);
	}
	w.spool->ops->close(r.reader);
	world_idle(&w);
	assert_int_equal(world_count(&w, "corrupt"), 1);
	strbuf_done(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_header_then_body, start, stop),
		cmocka_unit_test_setup_teardown(test_reads_ahead_by_one, start, stop),
		cmocka_unit_test_setup_teardown(test_info_has_generation, start, stop),
		cmocka_unit_test_setup_teardown(test_close_while_reading, start, stop),
		cmocka_unit_test_setup_teardown(test_close_in_callback, start, stop),
		cmocka_unit_test_setup_teardown(test_free_with_reader_closing, start, stop),
		cmocka_unit_test_setup_teardown(test_damaged_content_is_never_sent_whole, start,
						stop),
		cmocka_unit_test_setup_teardown(test_damaged_header, start, stop),
		cmocka_unit_test_setup_teardown(test_cannot_open, start, stop),
		cmocka_unit_test_setup_teardown(test_read_error, start, stop),
		cmocka_unit_test_setup_teardown(test_file_cut_while_reading, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
