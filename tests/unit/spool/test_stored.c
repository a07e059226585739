/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/loopguard.h"
#include "spool/record.h"
#include "spool/store.h"
#include "spool/stored.h"
#include "spool/view.h"
#include "tests/unit/support/spool_world.h"

/*
 * Files that are damaged in every way: what is delivered must be what was accepted, or nothing.
 */
static struct world w;
static int queue_fd;
static struct msgid id;
static struct strbuf good; /* the file, as committed */
#define CONTENT "From: a@b.example\r\nSubject: x\r\n\r\nThe scan.\r\n"
static const struct str content = { CONTENT, sizeof(CONTENT) - 1 };

static int start(void **state)
{
	struct err err = { .code = 0 };
	char path[128];
	(void)state;
	world_start(&w, NULL);
	snprintf(path, sizeof(path), "%s/queue", w.path);
	queue_fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(world_put(&w, content, &id, &err));
	world_file_read(&w, &id, &good);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	close(queue_fd);
	strbuf_done(&good);
	world_stop(&w);
	return 0;
}

/* The mode that the file has when it is judged. */
static mode_t mode = STORE_MODE_DRAFT;

static enum stored_verdict judge(struct str bytes, struct stored *out, struct err *err)
{
	int fd;
	char path[256];
	world_file_write(&w, &id, bytes);
	world_file_path(&w, &id, path, sizeof(path));
	assert_int_equal(chmod(path, mode), 0);
	enum stored_verdict verdict = stored_open(queue_fd, &id, STORED_ENVELOPE, &fd, out, err);
	if (verdict == STORED_GOOD)
		close(fd);
	return verdict;
}

/* Nothing but what was accepted may come out. */
static bool reads_right(void)
{
	char path[256];
	struct strbuf got;
	struct err err = { .code = 0 };
	strbuf_init(&got, 1 << 20);
	bool ok = world_get(&w, &id, NULL, &got, &err);
	if (ok)
		assert_true(str_eq(strbuf_str(&got), content));
	else
		assert_true(got.n < content.n);
	strbuf_done(&got);
	/* Where it was moved: the next one needs the name. */
	snprintf(path, sizeof(path), "%s/corrupt/%s.msg", w.path, msgid_text(&id).hex);
	unlink(path);
	return ok;
}

static void test_good(void **state)
{
	struct stored stored;
	struct err err;
	(void)state;
	assert_int_equal(judge(strbuf_str(&good), &stored, &err), STORED_GOOD);
	assert_int_equal(stored.end.stats.size, content.n);
	assert_int_equal(stored.end.stats.header_size, content.n - 11);
	assert_int_equal(stored.envelope.recipient_count, 2);
	assert_string_equal(stored.envelope.recipients[1].address.domain, "example.com");
	assert_int_equal(stored.generation, 0);
	assert_int_equal(stored.tail, good.n);
	assert_false(stored.torn);
	stored_done(&stored);
	assert_true(reads_right());
}

static void test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t n = 0; n < good.n; n++) {
		struct stored stored;
		struct err err;
		struct str cut = str_head(strbuf_str(&good), n);
		assert_int_equal(judge(cut, &stored, &err), STORED_DRAFT);
		assert_false(reads_right());
		/* The same, with blocks that were reserved but never written. */
		struct strbuf zeros;
		strbuf_init(&zeros, 1 << 20);
		strbuf_addstr(&zeros, cut);
		for (size_t i = 0; i < 700; i++)
			strbuf_addc(&zeros, '\0');
		/* All of END but its line feed: that is taken for damage, to be safe. */
		assert_int_equal(judge(strbuf_str(&zeros), &stored, &err),
				 n == good.n - 1 ? STORED_DAMAGED : STORED_DRAFT);
		strbuf_done(&zeros);
	}
}

/* What was committed once is never taken for a draft, however little is left of it. */
static void test_cut_after_its_commit(void **state)
{
	(void)state;
	mode = STORE_MODE_COMMITTED;
	for (size_t n = 0; n < good.n; n++) {
		struct stored stored;
		struct err err;
		assert_int_equal(judge(str_head(strbuf_str(&good), n), &stored, &err),
				 STORED_DAMAGED);
		assert_false(reads_right());
	}
	mode = STORE_MODE_DRAFT;
}

/* Single bytes: never taken for a draft, which would be thrown away. */
static void flip_each(struct str file, char mask)
{
	struct strbuf bytes;
	size_t content_at = (size_t)str_chr(file, '\n') + 1;
	strbuf_init(&bytes, 1 << 20);
	strbuf_addstr(&bytes, file);
	for (size_t i = 0; i < bytes.n; i++) {
		struct stored stored;
		struct err err;
		bytes.p[i] = (char)(bytes.p[i] ^ mask);
		enum stored_verdict verdict = judge(strbuf_str(&bytes), &stored, &err);
		bytes.p[i] = (char)(bytes.p[i] ^ mask);
		/* Content is not looked at here, but for the line feed that END must follow. */
		if (i >= content_at && i < content_at + content.n - 1) {
			assert_int_equal(verdict, STORED_GOOD);
			stored_done(&stored);
		} else if (verdict != STORED_DAMAGED) {
			fail_msg("byte %zu ^ %d: verdict %u", i, mask, verdict);
		}
		assert_false(reads_right());
	}
	strbuf_done(&bytes);
}

static const struct progress records[] = {
	{ .recipient = 0, .state = PROGRESS_SENT, .attempts = 1, .reply = { "250 OK", 6 } },
	{ .recipient = 1, .state = PROGRESS_PENDING, .attempts = 1, .next_ms = 1700000060000 },
};

static void test_flip_each_byte(void **state)
{
	(void)state;
	flip_each(strbuf_str(&good), 0x01);
	flip_each(strbuf_str(&good), 0x20);
	flip_each(strbuf_str(&good), (char)0x80);
}

static void with_records(struct strbuf *out)
{
	struct err err = { .code = 0 };
	world_file_write(&w, &id, strbuf_str(&good));
	assert_true(world_update(&w, &id, 0, records, 2, false, &err));
	world_file_read(&w, &id, out);
}

static void test_flip_each_byte_with_records(void **state)
{
	struct strbuf file;
	(void)state;
	with_records(&file);
	flip_each(strbuf_str(&file), 0x01);
	flip_each(strbuf_str(&file), 0x04);
	strbuf_done(&file);
}

static void test_cut_records(void **state)
{
	struct strbuf file;
	(void)state;
	with_records(&file);
	const char *second = strstr(file.p + good.n, "\n") + 1;
	for (size_t n = good.n; n < file.n; n++) {
		struct stored stored;
		struct err err;
		size_t first_end = (size_t)(second - file.p);
		assert_int_equal(judge(str_head(strbuf_str(&file), n), &stored, &err), STORED_GOOD);
		assert_int_equal(stored.generation, n >= first_end);
		assert_int_equal(stored.tail, n >= first_end ? first_end : good.n);
		assert_int_equal(stored.torn, n != good.n && n != first_end);
		stored_done(&stored);
		assert_true(reads_right());
	}
	strbuf_done(&file);
}

static void assert_verdict(struct str bytes, enum stored_verdict want)
{
	struct stored stored;
	struct err err = { .code = 0 };
	enum stored_verdict got = judge(bytes, &stored, &err);
	if (got == STORED_GOOD)
		stored_done(&stored);
	if (got != want)
		fail_msg("%.*s: verdict %u, not %u (%s)", (int)str_head(bytes, 60).n, bytes.p, got,
			 want, err.text);
}

static void append_record(struct strbuf *out, uint32_t number, uint32_t recipient)
{
	struct progress p = { .recipient = recipient, .state = PROGRESS_SENT };
	record_append_progress(out, number, &p);
}

static void test_wrong_records(void **state)
{
	struct strbuf file;
	(void)state;
	static const struct {
		uint32_t number;
		uint32_t recipient;
		enum stored_verdict want;
	} rows[] = {
		{ 1, 1, STORED_GOOD },	  { 1, PROGRESS_MESSAGE, STORED_GOOD },
		{ 0, 1, STORED_DAMAGED }, { 2, 1, STORED_DAMAGED },
		{ 1, 2, STORED_DAMAGED }, /* there are two recipients */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		strbuf_init(&file, 1 << 20);
		strbuf_addstr(&file, strbuf_str(&good));
		append_record(&file, rows[i].number, rows[i].recipient);
		assert_verdict(strbuf_str(&file), rows[i].want);
		strbuf_done(&file);
	}
	/* A record missing from their middle, or twice the same. */
	strbuf_init(&file, 1 << 20);
	strbuf_addstr(&file, strbuf_str(&good));
	append_record(&file, 1, 0);
	append_record(&file, 1, 0);
	assert_verdict(strbuf_str(&file), STORED_DAMAGED);
	strbuf_adds(&file, "\n");
	assert_verdict(strbuf_str(&file), STORED_DAMAGED);
	strbuf_done(&file);
}

static void test_not_ours(void **state)
{
	static const struct {
		struct str bytes;
		enum stored_verdict want;
	} rows[] = {
		{ { "", 0 }, STORED_DRAFT },
		{ { "O", 1 }, STORED_DRAFT },
		{ { "OAR1 envelope 9999", 18 }, STORED_DRAFT },
		{ { "\0\0\0\0", 4 }, STORED_DRAFT },
		{ { "OAR1 env\0\0\0\0", 12 }, STORED_DRAFT },
		{ { "\0\0\0\0x", 5 }, STORED_DAMAGED },
		{ { "x", 1 }, STORED_DAMAGED },
		{ { "\n", 1 }, STORED_DAMAGED },
		{ { "From: me\r\n\r\nhello\r\n", 19 }, STORED_DAMAGED },
		{ { "OAR2 envelope 7 0123456789abcdef {}\n", 36 }, STORED_LEFT },
		{ { "OAR0 envelope 7 0123456789abcdef {}\n", 36 }, STORED_DAMAGED },
		{ { "OAR12 other 7 0123456789abcdef {}\n", 34 }, STORED_DAMAGED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_verdict(rows[i].bytes, rows[i].want);
}

/* Another message's file under this name: its parts are valid, but not here. */
static void test_another_messages_file(void **state)
{
	struct msgid other;
	struct strbuf file;
	struct err err = { .code = 0 };
	(void)state;
	assert_true(world_put(&w, content, &other, &err));
	world_file_read(&w, &other, &file);
	assert_verdict(strbuf_str(&file), STORED_DAMAGED);
	/* Two files in one. */
	strbuf_addstr(&file, strbuf_str(&good));
	assert_verdict(strbuf_str(&file), STORED_DAMAGED);
	strbuf_done(&file);
}

/* Content that looks like the end of a file, even with the right id, is content. */
static void test_forged_end(void **state)
{
	struct strbuf forged;
	struct record_end end;
	struct spool_info info;
	struct msgid mine;
	struct err err = { .code = 0 };
	(void)state;
	struct spool_draft *draft = world_draft(&w, &mine);
	strbuf_init(&forged, 1 << 20);
	strbuf_adds(&forged, "A: b\r\n\r\n");
	end = (struct record_end){ .id = mine, .content_at = 200, .recipients = 2 };
	end.stats.size = 8;
	end.sum = digest_of(STR("A: b\r\n\r\n"));
	for (size_t i = 0; i < 2000; i++) {
		record_append_end(&forged, &end);
		append_record(&forged, 1, 0);
	}
	struct body_stats stats = world_stats(strbuf_str(&forged));
	world_write(&w, draft, strbuf_str(&forged), 5000);
	assert_true(world_commit(&w, draft, &stats, &info, &err));
	struct strbuf got;
	strbuf_init(&got, 1 << 20);
	assert_true(world_get(&w, &mine, NULL, &got, &err));
	assert_true(str_eq(strbuf_str(&got), strbuf_str(&forged)));
	strbuf_done(&got);
	strbuf_done(&forged);
}

/* The END record on every position relative to a window's border. */
static void test_window_borders(void **state)
{
	struct strbuf text, file;
	struct stored stored;
	struct progress p = { .recipient = 0,
			      .state = PROGRESS_PENDING,
			      .reply = STR("450 later") };
	uint32_t n = 0;
	(void)state;
	world_content(&text, 70000);
	struct err err = { .code = 0 };
	assert_true(world_put(&w, strbuf_str(&text), &id, &err));
	world_file_read(&w, &id, &file);
	size_t end_line = file.n;
	/* Grow the records until END has crossed the border of the last window in small steps. */
	while (file.n - end_line < VIEW_STEP + 1000) {
		p.reply.n = n % 9;
		record_append_progress(&file, ++n, &p);
		if (file.n - end_line < VIEW_STEP - 1500 && n % 50 != 0)
			continue;
		assert_int_equal(judge(strbuf_str(&file), &stored, &err), STORED_GOOD);
		assert_int_equal(stored.generation, n);
		stored_done(&stored);
	}
	strbuf_done(&file);
	strbuf_done(&text);
}

/* Memory for a message that waited for days: a reply goes when a newer one replaces it, and only
 * then. */
static void test_older_replies_are_dropped(void **state)
{
	static const struct {
		uint32_t recipient;
		enum progress_state state;
		const char *reply;
		const char *kept;
	} rows[] = {
		{ PROGRESS_MESSAGE, PROGRESS_INFLIGHT, "", "" },
		{ PROGRESS_MESSAGE, PROGRESS_PENDING, "450 one", "" },
		{ 0, PROGRESS_PENDING, "450 two", "" },
		{ PROGRESS_MESSAGE, PROGRESS_HELD, "535 three", "535 three" },
		{ 0, PROGRESS_PENDING, "450 four", "" },
		{ 1, PROGRESS_PENDING, "450 five", "450 five" },
		{ 0, PROGRESS_SENT, "250 six", "250 six" },
		{ PROGRESS_MESSAGE, PROGRESS_PENDING, "450 seven", "450 seven" },
		{ PROGRESS_MESSAGE, PROGRESS_INFLIGHT, "", "" },
		{ 1, PROGRESS_INFLIGHT, "", "" },
	};
	enum {
		COUNT = sizeof(rows) / sizeof(*rows)
	};
	struct strbuf file;
	struct stored stored;
	struct err err = { .code = 0 };
	(void)state;
	strbuf_init(&file, 1 << 20);
	strbuf_addstr(&file, strbuf_str(&good));
	for (uint32_t i = 0; i < COUNT; i++) {
		struct progress p = { .recipient = rows[i].recipient,
				      .state = rows[i].state,
				      .attempts = i,
				      .reply = str_of(rows[i].reply) };
		record_append_progress(&file, i + 1, &p);
	}
	assert_int_equal(judge(strbuf_str(&file), &stored, &err), STORED_GOOD);
	assert_int_equal(stored.generation, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(stored.progress[i].attempts, i);
		assert_int_equal(stored.progress[i].state, rows[i].state);
		if (!str_eq(stored.progress[i].reply, str_of(rows[i].kept)))
			fail_msg("row %u", i);
	}
	stored_done(&stored);
	strbuf_done(&file);
}

static void test_huge_hole(void **state)
{
	char path[256];
	(void)state;
	/* 1 GiB of nothing behind the beginning of a draft: bounded memory, and soon done. */
	world_file_write(&w, &id, str_head(strbuf_str(&good), 100));
	world_file_path(&w, &id, path, sizeof(path));
	assert_int_equal(chmod(path, STORE_MODE_DRAFT), 0);
	assert_int_equal(truncate(path, (off_t)1 << 30), 0);
	struct stored stored;
	struct err err;
	int fd;
	assert_int_equal(stored_open(queue_fd, &id, STORED_ENVELOPE, &fd, &stored, &err),
			 STORED_DRAFT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, start, stop),
		cmocka_unit_test_setup_teardown(test_cut_anywhere, start, stop),
		cmocka_unit_test_setup_teardown(test_cut_after_its_commit, start, stop),
		cmocka_unit_test_setup_teardown(test_flip_each_byte, start, stop),
		cmocka_unit_test_setup_teardown(test_flip_each_byte_with_records, start, stop),
		cmocka_unit_test_setup_teardown(test_cut_records, start, stop),
		cmocka_unit_test_setup_teardown(test_wrong_records, start, stop),
		cmocka_unit_test_setup_teardown(test_not_ours, start, stop),
		cmocka_unit_test_setup_teardown(test_another_messages_file, start, stop),
		cmocka_unit_test_setup_teardown(test_forged_end, start, stop),
		cmocka_unit_test_setup_teardown(test_window_borders, start, stop),
		cmocka_unit_test_setup_teardown(test_older_replies_are_dropped, start, stop),
		cmocka_unit_test_setup_teardown(test_huge_hole, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
