/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/log.h"
#include "common/strbuf.h"

/*
 * The log is the process's only global, and it writes to stderr: so every case runs in a child of
 * its own, and what the child has written is looked at.
 */
static char *written_by(void (*body)(void))
{
	struct strbuf out;
	int fds[2];
	int status;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		body();
		_exit(0);
	}
	close(fds[1]);
	strbuf_init(&out, 64U << 20);
	char part[65536];
	ssize_t n;
	while ((n = read(fds[0], part, sizeof(part))) > 0)
		strbuf_add(&out, part, (size_t)n);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return strbuf_steal(&out);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *p = strstr(text, what); p != NULL; p = strstr(p + strlen(what), what))
		n++;
	return n;
}

static void log_a_huge_line(void);

static void log_some(void)
{
	log_info("accepted", lf_str("msg", "5a5a"), lf_int("nrcpt", 2), lf_str("empty", ""),
		 lf_str("from", "a b"), lf_slice("raw", STR("x\r\n\x1b\"\\\0y")),
		 lf_str("null", NULL), lf_int("neg", -5));
	log_debug("hidden", lf_str("a", "b"));
	log_warning("w", lf_str("a", "b"));
	log_event(LOG_LEVEL_ERROR, "alone", NULL, 0);
}

static void a_line_is_one_event(void **state)
{
	(void)state;
	char *text = written_by(log_some);
	const char *line = strchr(text, ' ');
	assert_non_null(line);
	/* 2026-11-22T12:00:00.123Z */
	assert_int_equal(line - text, 24);
	assert_int_equal(text[10], 'T');
	assert_int_equal(text[23], 'Z');
	static const char first[] = " info accepted msg=5a5a nrcpt=2 empty=\"\" from=\"a b\" "
				    "raw=\"x\\r\\n\\x1b\\\"\\\\\\x00y\" null=\"\" neg=-5\n";
	assert_int_equal(strncmp(line, first, sizeof(first) - 1), 0);
	assert_int_equal(count(text, "\n"), 3);
	assert_int_equal(count(text, "hidden"), 0);
	assert_int_equal(count(text, " warning w a=b\n"), 1);
	assert_int_equal(count(text, " error alone\n"), 1);
	free(text);
}

static void log_all_levels(void)
{
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("one", lf_str("a", "b"));
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("two", lf_str("a", "b"));
	log_error("three", lf_str("a", "b"));
}

static void levels_are_obeyed(void **state)
{
	(void)state;
	char *text = written_by(log_all_levels);
	assert_int_equal(count(text, " debug one a=b\n"), 1);
	assert_int_equal(count(text, "two"), 0);
	assert_int_equal(count(text, " error three a=b\n"), 1);
	free(text);
}

static void log_a_long_value(void)
{
	char *value = malloc(100001);
	memset(value, 'v', 100000);
	value[100000] = '\0';
	log_info("long", lf_str("a", value), lf_str("b", "after"));
	free(value);
}

static void long_values_are_cut(void **state)
{
	(void)state;
	char *text = written_by(log_a_long_value);
	assert_in_range(strlen(text), 2048, 2048 + 100);
	assert_non_null(strstr(text, "vvv...\" b=after\n"));
	free(text);
}

/* The reader has stopped reading: what is said is lost, but the process ends. */
static void a_stuck_reader_does_not_keep_us(void **state)
{
	int fds[2];
	int status;
	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(20);
		dup2(fds[1], STDERR_FILENO);
		log_start_writer();
		for (int i = 0; i < 10; i++)
			log_a_huge_line();
		log_stop_writer();
		log_info("late", lf_str("a", "b"));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(fds[0]);
	close(fds[1]);
}

static void log_a_huge_line(void)
{
	struct log_field fields[100];
	char value[2001];
	memset(value, '\x01', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fields[i] = lf_str("k", value);
	log_event(LOG_LEVEL_INFO, "huge", fields, ARRAY_LEN(fields));
	log_info("next", lf_str("a", "b"));
}

static void a_huge_line_keeps_its_end(void **state)
{
	(void)state;
	char *text = written_by(log_a_huge_line);
	const char *end = strchr(text, '\n');
	assert_non_null(end);
	assert_in_range(end - text, 60000, 65536);
	assert_non_null(strstr(end, " info next a=b\n"));
	assert_int_equal(count(text, "\n"), 2);
	free(text);
}

enum {
	THREADS = 4,
	LINES = 2000
};

static void *log_many(void *arg)
{
	const int *thread = arg;
	for (int i = 0; i < LINES; i++)
		log_info("line", lf_int("thread", *thread), lf_int("i", i));
	return NULL;
}

static void log_from_threads(void)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	log_start_writer();
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		if (pthread_create(&threads[i], NULL, log_many, &numbers[i]) != 0)
			_exit(1);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_stop_writer();
	log_info("after", lf_str("the", "writer"));
}

static void the_writer_loses_nothing(void **state)
{
	(void)state;
	char *text = written_by(log_from_threads);
	assert_int_equal(count(text, "\n"), THREADS * LINES + 1);
	assert_int_equal(count(text, " info line thread="), THREADS * LINES);
	assert_non_null(strstr(text, " info after the=writer\n"));
	for (int i = 0; i < THREADS; i++) {
		char last[64];
		snprintf(last, sizeof(last), "thread=%d i=%d\n", i, LINES - 1);
		assert_non_null(strstr(text, last));
	}
	free(text);
}

/* stderr is a pipe that nobody reads until all is logged: nobody may wait for it. */
static int gate[2];
/* ... and the writer is stopped when the reader has seen the last: it waits only for a second. */
static int seen[2];

static void log_into_a_full_pipe(void)
{
	char value[1001];
	char byte = 'x';
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_start_writer();
	for (int i = 0; i < 5000; i++)
		log_info("flood", lf_str("v", value));
	/* The reader begins only now. */
	if (write(gate[1], &byte, 1) != 1)
		_exit(1);
	if (read(seen[0], &byte, 1) != 1)
		_exit(1);
	log_stop_writer();
}

/* Lines may be dropped more than once: whenever the writer came too late. */
static size_t written_and_dropped(const char *text)
{
	static const char drop[] = "log-lines-dropped count=";
	size_t n = count(text, " info flood ");
	for (const char *p = strstr(text, drop); p != NULL; p = strstr(p, drop)) {
		p += strlen(drop);
		if (strchr(p, '\n') != NULL)
			n += strtoul(p, NULL, 10);
	}
	return n;
}

static void a_full_pipe_drops_lines_and_says_so(void **state)
{
	(void)state;
	int fds[2];
	int status;
	char byte;
	struct strbuf out;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(seen), 0);
	bool told = false;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		log_into_a_full_pipe();
		_exit(0);
	}
	close(fds[1]);
	close(gate[1]);
	assert_int_equal(read(gate[0], &byte, 1), 1); /* all was logged: nobody was blocked */
	strbuf_init(&out, 64U << 20);
	char part[65536];
	ssize_t n;
	while ((n = read(fds[0], part, sizeof(part))) > 0) {
		strbuf_add(&out, part, (size_t)n);
		if (!told && written_and_dropped(strbuf_cstr(&out)) == 5000)
			told = write(seen[1], &byte, 1) == 1;
	}
	close(fds[0]);
	close(gate[0]);
	close(seen[0]);
	close(seen[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(told);
	assert_int_equal(written_and_dropped(strbuf_cstr(&out)), 5000);
	assert_non_null(strstr(strbuf_cstr(&out), "log-lines-dropped count="));
	strbuf_done(&out);
}

static void log_to_the_journal(void)
{
	struct stat st;
	char id[64];
	if (fstat(STDERR_FILENO, &st) != 0)
		_exit(1);
	snprintf(id, sizeof(id), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", id, 1); /* NOLINT(concurrency-mt-unsafe) */
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("a", lf_int("n", 1));
	log_info("b", lf_int("n", 1));
	log_warning("c", lf_int("n", 1));
	log_error("d", lf_int("n", 1));
}

static void the_journal_gets_priorities(void **state)
{
	(void)state;
	char *text = written_by(log_to_the_journal);
	assert_string_equal(text, "<7>a n=1\n<6>b n=1\n<4>c n=1\n<3>d n=1\n");
	free(text);
}

static void log_beside_a_journal(void)
{
	setenv("JOURNAL_STREAM", "1:2", 1); /* NOLINT(concurrency-mt-unsafe) */
	log_info("b", lf_int("n", 1));
}

static void a_redirected_stderr_is_no_journal(void **state)
{
	(void)state;
	char *text = written_by(log_beside_a_journal);
	assert_non_null(strstr(text, "Z info b n=1\n"));
	free(text);
}

static void level_names(void **state)
{
	(void)state;
	enum log_level level = LOG_LEVEL_ERROR;
	assert_true(log_level_of(STR("debug"), &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_true(log_level_of(STR("warning"), &level));
	assert_int_equal(level, LOG_LEVEL_WARNING);
	assert_false(log_level_of(STR("Warning"), &level));
	assert_false(log_level_of(STR(""), &level));
	assert_int_equal(level, LOG_LEVEL_WARNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_one_event),
		cmocka_unit_test(levels_are_obeyed),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(a_stuck_reader_does_not_keep_us),
		cmocka_unit_test(a_huge_line_keeps_its_end),
		cmocka_unit_test(the_writer_loses_nothing),
		cmocka_unit_test(a_full_pipe_drops_lines_and_says_so),
		cmocka_unit_test(the_journal_gets_priorities),
		cmocka_unit_test(a_redirected_stderr_is_no_journal),
		cmocka_unit_test(level_names),
	};
	unsetenv("JOURNAL_STREAM"); /* NOLINT(concurrency-mt-unsafe) */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
