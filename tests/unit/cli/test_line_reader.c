/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/line_reader.h"
#include "common/strbuf.h"

struct world {
	struct event_base *base;
	struct strbuf lines; /* each with "|" behind it */
	size_t count, longest;
	int ends;
};

static void on_line(void *arg, struct str line)
{
	struct world *w = arg;
	if (line.p == NULL) {
		w->ends++;
		return;
	}
	w->count++;
	w->longest = line.n > w->longest ? line.n : w->longest;
	strbuf_addstr(&w->lines, str_head(line, 40));
	strbuf_addc(&w->lines, '|');
}

static int setup(void **state)
{
	static struct world w;
	w = (struct world){ .base = event_base_new() };
	strbuf_init(&w.lines, 4096);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	strbuf_done(&w->lines);
	event_base_free(w->base);
	return 0;
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void turns(struct world *w)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void test_pipe(void **state)
{
	struct world *w = *state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct line_reader *reader = line_reader_new(w->base, ends[0], on_line, w);
	put(ends[1], "one\r\n\ntw");
	turns(w);
	assert_string_equal(strbuf_cstr(&w->lines), "one||");
	put(ends[1], "o\x15\x7f\nrest");
	turns(w);
	assert_string_equal(strbuf_cstr(&w->lines), "one||two\x15\x7f|");
	close(ends[1]);
	turns(w);
	assert_string_equal(strbuf_cstr(&w->lines), "one||two\x15\x7f|rest|");
	assert_int_equal(w->ends, 1);
	line_reader_free(reader);
	close(ends[0]);
}

static void test_too_long(void **state)
{
	struct world *w = *state;
	int ends[2];
	char many[1000];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct line_reader *reader = line_reader_new(w->base, ends[0], on_line, w);
	memset(many, 'x', sizeof(many));
	for (int i = 0; i < 40; i++) {
		assert_int_equal(write(ends[1], many, sizeof(many)), (ssize_t)sizeof(many));
		turns(w);
	}
	put(ends[1], "\nnext\n");
	turns(w);
	assert_int_equal(w->count, 2);
	assert_int_equal(w->longest, LINE_READER_MAX);
	line_reader_free(reader);
	close(ends[0]);
	close(ends[1]);
}

/* What cannot be waited for is read all the same. */
static void test_files(void **state)
{
	struct world *w = *state;
	FILE *file = tmpfile();
	assert_non_null(file);
	put(fileno(file), "a\nb\n");
	rewind(file);
	struct line_reader *reader = line_reader_new(w->base, fileno(file), on_line, w);
	turns(w);
	assert_string_equal(strbuf_cstr(&w->lines), "a|b|");
	assert_int_equal(w->ends, 1);
	line_reader_free(reader);
	fclose(file);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	reader = line_reader_new(w->base, null, on_line, w);
	turns(w);
	assert_int_equal(w->ends, 2);
	line_reader_free(reader);
	close(null);
	line_reader_free(line_reader_new(w->base, -1, on_line, w));
	line_reader_free(NULL);
}

/* A terminal that is not ours to read from is left alone. */
static void test_terminal_of_others(void **state)
{
	struct world *w = *state;
	struct termios before, after;
	int near = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(near >= 0);
	assert_int_equal(grantpt(near), 0);
	assert_int_equal(unlockpt(near), 0);
	char name[64];
	assert_int_equal(ptsname_r(near, name, sizeof(name)), 0);
	int far = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(far >= 0);
	assert_int_equal(tcgetattr(far, &before), 0);
	struct line_reader *reader = line_reader_new(w->base, far, on_line, w);
	put(near, "x\n");
	turns(w);
	assert_int_equal(tcgetattr(far, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(w->count, 0);
	line_reader_free(reader);
	close(far);
	close(near);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terminal_of_others, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
