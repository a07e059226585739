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

#include "oauth/assertion_file.h"

static char folder[64];
static char path[96];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_assertion.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/token", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void put(struct str content)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content.p, content.n), content.n);
	close(fd);
}

/* It fails, naming the file, with this in its text and nothing of the content. */
static void expect_refused(const char *text)
{
	struct secret out = { 0 };
	struct err err = { .text = "" };
	assert_false(assertion_file_read(path, &out, &err));
	assert_null(out.p);
	if (strstr(err.text, text) == NULL || strstr(err.text, path) == NULL)
		fail_msg("%s", err.text);
	assert_null(strstr(err.text, "canary"));
}

static void test_taken_as_it_is(void **state)
{
	static const char *const rows[] = { "aGVhZA.cGF5_bG9h-Q.c2ln", "aGVhZA.cGF5_bG9h-Q.c2ln\n",
					    "aGVhZA.cGF5_bG9h-Q.c2ln\r\n" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct secret out = { 0 };
		struct err err;
		put(str_of(rows[i]));
		if (!assertion_file_read(path, &out, &err))
			fail_msg("%s", err.text);
		assert_true(str_eq(secret_reveal(&out), STR("aGVhZA.cGF5_bG9h-Q.c2ln")));
		secret_done(&out);
	}
}

static void test_refused(void **state)
{
	static const struct {
		struct str content;
		const char *text;
	} rows[] = {
		{ { "", 0 }, "is empty" },
		{ { "\n", 1 }, "is empty" },
		{ { "\r\n", 2 }, "is empty" },
		{ { "canary", 6 }, "one JWT" },
		{ { "canary.b", 8 }, "one JWT" },
		{ { "canary.b.", 9 }, "one JWT" },
		{ { ".canary.b", 9 }, "one JWT" },
		{ { "canary..b", 9 }, "one JWT" },
		{ { "canary.b.c.d", 12 }, "one JWT" },
		{ { "canary.b.c=", 11 }, "one JWT" },
		{ { "canary.b.c\n\n", 12 }, "one JWT" },
		{ { "canary.b.c\r", 11 }, "one JWT" },
		{ { " canary.b.c", 11 }, "one JWT" },
		{ { "canary.b\0.c", 11 }, "one JWT" },
		{ { "\xef\xbb\xbf"
		    "canary.b.c",
		    13 },
		  "one JWT" },
		{ { "{\"token\":\"canary.b.c\"}", 22 }, "one JWT" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put(rows[i].content);
		expect_refused(rows[i].text);
	}
}

static void test_length(void **state)
{
	static char text[SECRET_MAX + 3];
	struct secret out = { 0 };
	struct err err;
	(void)state;
	memset(text, 'a', sizeof(text));
	text[1] = text[3] = '.';
	memcpy(&text[SECRET_MAX], "\r\n", 2);
	put((struct str){ text, SECRET_MAX + 2 });
	assert_true(assertion_file_read(path, &out, &err));
	assert_int_equal(out.n, SECRET_MAX);
	secret_done(&out);
	memcpy(&text[SECRET_MAX], "aaa", 3);
	put((struct str){ text, SECRET_MAX + 1 });
	expect_refused("too large");
	put((struct str){ text, sizeof(text) });
	expect_refused("too large");
}

static void test_not_a_file(void **state)
{
	(void)state;
	expect_refused("does not exist");
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refused("is not a regular file"); /* and does not wait for a writer */
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_refused("is not a regular file");
	rmdir(path);
	if (geteuid() == 0)
		return;
	put(STR("a.b.c"));
	assert_int_equal(chmod(path, 0), 0);
	expect_refused("may not be read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_taken_as_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_a_file, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
