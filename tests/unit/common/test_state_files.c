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

#include "common/mem.h"
#include "common/state_files.h"
#include "tests/unit/common/folder_world.h"

static void expect_stored(const char *name, const char *value)
{
	struct secret got = { 0 };
	struct err err;
	bool found;
	if (!state_file_read(folder, name, &got, &found, &err))
		fail_msg("%s", err.text);
	assert_int_equal(found, value != NULL);
	assert_true(str_eq(secret_reveal(&got), str_of(value)));
	secret_done(&got);
}

static void expect_written(const char *name, const char *value)
{
	struct err err;
	if (!state_file_write(folder, name, str_of(value), &err))
		fail_msg("%s", err.text);
}

/* With these words; and all stays as it was. */
static void expect_unreadable(const char *name, const char *words)
{
	struct secret got = { 0 };
	struct err err = { .text = "" };
	bool found = true;
	secret_set(&got, STR("before"));
	assert_false(state_file_read(folder, name, &got, &found, &err));
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
	assert_true(found);
	assert_true(str_eq(secret_reveal(&got), STR("before")));
	secret_done(&got);
}

static void expect_unwritable(const char *name, struct str value, const char *words)
{
	struct err err = { .text = "" };
	assert_false(state_file_write(folder, name, value, &err));
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

static void expect_removed(const char *name)
{
	struct err err;
	if (!state_files_remove(folder, name, &err))
		fail_msg("%s", err.text);
	expect_stored(name, NULL);
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"",	 "/",	 "a/",	 "/a",	  "a/..",     "../a",
		"a/b/c", "a//b", ".",	 "..",	  ".a",	      "a/.b",
		"a b",	 "a\nb", "a/b ", "a\\b/", "\xc3\xa4", "accounts/../../etc/passwd",
	};
	char longest[201 + 1];
	struct err err;
	int lock;
	(void)state;
	memset(longest, 'a', 201);
	longest[201] = '\0';
	for (size_t i = 0; i <= ARRAY_LEN(bad); i++) {
		const char *name = i < ARRAY_LEN(bad) ? bad[i] : longest;
		assert_false(state_files_name_ok(name));
		expect_unreadable(name, "cannot be the name");
		expect_unwritable(name, STR("x"), "cannot be the name");
		assert_false(state_files_remove(folder, name, &err));
		assert_false(state_file_lock(folder, name, &lock, &err));
		state_files_tidy(folder, name);
	}
	assert_int_equal(entries(folder), 0);
	longest[200] = '\0';
	expect_written(longest, "x");
	expect_stored(longest, "x");
	expect_written("aZ09._-/0.a-_", "x");
}

/* What is no value is not followed and not waited for. */
static void test_in_its_place(void **state)
{
	char *path = below("accounts/one"), *elsewhere = below("elsewhere");
	char *inner = below("accounts");
	(void)state;
	write_file(elsewhere, "stolen", 0600);
	assert_int_equal(mkdir(inner, 0700), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
	expect_unreadable("accounts/one", "is a symbolic link");
	expect_unreadable("accounts/one", path);
	expect_written("accounts/one", "mine"); /* takes the link's place, not the target's */
	expect_stored("accounts/one", "mine");
	expect_stored("elsewhere", "stolen");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_unreadable("accounts/one", "is a pipe");
	expect_written("accounts/one", "mine");
	expect_stored("accounts/one", "mine");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_unreadable("accounts/one", "is a folder");
	expect_unreadable("accounts/one", ": rm -ri ");
	expect_unwritable("accounts/one", STR("mine"), path);
	assert_int_equal(entries(inner), 1);
	free(path);
	free(elsewhere);
	free(inner);
}

static void test_file_for_a_folder(void **state)
{
	(void)state;
	char *inner = below("accounts");
	write_file(inner, "x", 0600);
	expect_unreadable("accounts/one", inner);
	expect_unwritable("accounts/one", STR("x"), inner);
	free(inner);
}

static void test_sizes(void **state)
{
	char *big = mem_alloc(STATE_VALUE_MAX + 1), *path = below("one");
	struct secret got = { 0 };
	struct err err;
	bool found;
	(void)state;
	memset(big, 'v', STATE_VALUE_MAX + 1);
	expect_unwritable("one", (struct str){ big, STATE_VALUE_MAX + 1 }, "more than 524288");
	expect_stored("one", NULL);
	assert_true(state_file_write(folder, "one", (struct str){ big, STATE_VALUE_MAX }, &err));
	assert_true(state_file_read(folder, "one", &got, &found, &err));
	assert_true(str_eq(secret_reveal(&got), (struct str){ big, STATE_VALUE_MAX }));
	secret_done(&got);
	write_bytes(path, big, STATE_VALUE_MAX + 1, 0600);
	expect_unreadable("one", "larger than 524288 bytes");
	/* Sparse, and far larger than memory. */
	assert_int_equal(truncate(path, (off_t)1 << 40), 0);
	expect_unreadable("one", "larger than");
	free(path);
	free(big);
}

static void test_remove(void **state)
{
	(void)state;
	expect_written("accounts/one", "x");
	expect_removed("accounts/one");
	expect_removed("accounts/one");
	expect_removed("nowhere/one");
	char *path = below("accounts/one");
	struct err err;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(state_files_remove(folder, "accounts/one", &err));
	assert_non_null(strstr(err.text, path));
	free(path);
}

static void test_what_a_crash_left(void **state)
{
	static const char *const others[] = {
		"accounts/two",
		"accounts/.two.0123456789abcdef.tmp",
		"accounts/.one.tmp",
		"accounts/.one.0123456789abcdef.txt",
		"accounts/.onex0123456789abcdef.tmp",
	};
	struct err err;
	int lock = -1;
	(void)state;
	char *inner = below("accounts"), *left = below("accounts/.one.0123456789abcdef.tmp");
	state_files_tidy(folder, "accounts/one"); /* no folder yet */
	assert_int_equal(mkdir(inner, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		char *path = below(others[i]);
		write_file(path, "x", 0600);
		free(path);
	}
	write_file(left, "half", 0600);
	/* Not while a command has the lock: it may be writing this. */
	assert_true(state_file_lock(folder, "accounts/one", &lock, &err));
	state_files_tidy(folder, "accounts/one");
	assert_int_equal(access(left, F_OK), 0);
	close(lock);
	state_files_tidy(folder, "accounts/one");
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(entries(inner), ARRAY_LEN(others));
	free(inner);
	free(left);
}

/* A folder that is not there yet. */
static void test_command_line(void **state)
{
	struct secret value = { 0 };
	struct err err;
	struct stat st;
	bool found = true;
	int lock = -1;
	(void)state;
	mode_t before = umask(0);
	char *other = below("other/state"), *path = below("other/state/accounts/one");
	assert_true(state_file_read(other, "accounts/one", &value, &found, &err));
	assert_false(found);
	assert_null(value.p);
	assert_int_equal(access(other, F_OK), -1);
	assert_true(state_file_lock(other, "accounts/one", &lock, &err));
	assert_true(state_file_write(other, "accounts/one", STR("a\0b"), &err));
	assert_true(state_file_read(other, "accounts/one", &value, &found, &err));
	close(lock);
	umask(before);
	assert_true(found);
	assert_true(str_eq(secret_reveal(&value), STR("a\0b")));
	secret_done(&value);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	free(path);
	free(other);
}

/* Root writes for the service. */
static void test_owner(void **state)
{
	struct stat st;
	(void)state;
	if (geteuid() != 0)
		skip();
	char *inner = below("accounts"), *path = below("accounts/one");
	assert_int_equal(chown(folder, 4711, 4712), 0);
	expect_written("accounts/one", "x");
	assert_int_equal(stat(inner, &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(st.st_gid, 4712);
	free(inner);
	free(path);
}

/* The service's user has put a link there, to where only root may write, and waits for root. */
static void test_link_for_a_folder(void **state)
{
	struct stat st;
	(void)state;
	if (geteuid() != 0)
		skip();
	char *elsewhere = below("elsewhere"), *link = below("accounts");
	char *there = below("elsewhere/scanner");
	assert_int_equal(mkdir(elsewhere, 0700), 0);
	assert_int_equal(symlink(elsewhere, link), 0);
	assert_int_equal(lchown(link, 65534, 65534), 0);
	assert_int_equal(chown(folder, 65534, 65534), 0);
	expect_unwritable("accounts/scanner", STR("x"), "accounts is a symbolic link");
	assert_int_not_equal(stat(there, &st), 0);
	assert_int_equal(unlink(link), 0);
	expect_written("accounts/scanner", "x");
	expect_stored("accounts/scanner", "x");
	free(elsewhere);
	free(link);
	free(there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_in_its_place, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_file_for_a_folder, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_sizes, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_remove, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_what_a_crash_left, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_command_line, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_owner, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_link_for_a_folder, folder_start, folder_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
