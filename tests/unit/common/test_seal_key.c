/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/seal_key.h"
#include "tests/unit/common/folder_world.h"
#include "tests/unit/support/seal_of.h"

/* 32 times 'a', 'b', 'c' in base64 */
#define KEY_A "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
#define KEY_B "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="
#define KEY_C "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M="

static char *key_path;

static int start(void **state)
{
	int failed = folder_start(state);
	key_path = below(SEAL_KEY_FILE);
	unsetenv("CREDENTIALS_DIRECTORY");
	return failed;
}

static int stop(void **state)
{
	free(key_path);
	return folder_stop(state);
}

static void close_with(const struct seal *seal, struct strbuf *out)
{
	struct err err;
	strbuf_init(out, 1024);
	assert_true(seal_close(seal, STR("context"), STR("plain"), out, &err));
}

static bool opens(const struct seal *seal, const struct strbuf *sealed)
{
	struct secret plain = { 0 };
	struct err err;
	bool ok = seal_open(seal, STR("context"), strbuf_str(sealed), &plain, &err) == SEAL_OK;
	secret_done(&plain);
	return ok;
}

/* What a seal with this one key seals; it tells which keys another one has. */
static void close_by_key(char fill, struct strbuf *out)
{
	struct seal *seal = seal_of(fill);
	close_with(seal, out);
	seal_free(seal);
}

/* The keys it has, the first of them first. */
static void expect_keys(const struct seal *seal, const char *keys)
{
	struct strbuf sealed;
	for (char fill = 'a'; fill <= 'c'; fill++) {
		close_by_key(fill, &sealed);
		assert_int_equal(opens(seal, &sealed), strchr(keys, fill) != NULL);
		strbuf_done(&sealed);
	}
	close_with(seal, &sealed);
	struct strbuf by_first;
	close_by_key(keys[0], &by_first);
	assert_memory_equal(sealed.p, by_first.p, 13); /* the key's id is among them */
	strbuf_done(&by_first);
	strbuf_done(&sealed);
}

static void expect_loaded(const char *reference, const char *keys)
{
	struct seal *seal = seal_new();
	struct err err;
	if (!seal_key_load(seal, reference, folder, false, &err))
		fail_msg("%s", err.text);
	expect_keys(seal, keys);
	seal_free(seal);
}

static void expect_refused(const char *reference, bool may_make, const char *words)
{
	struct seal *seal = seal_new();
	struct err err = { .text = "" };
	assert_false(seal_key_load(seal, reference, folder, may_make, &err));
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
	assert_null(strstr(err.text, "YWFhY"));
	seal_free(seal);
}

static void test_made_once(void **state)
{
	struct seal *seal = seal_new(), *again = seal_new();
	struct strbuf sealed;
	struct stat st;
	struct err err;
	(void)state;
	mode_t before = umask(0);
	assert_true(seal_key_load(seal, "", folder, true, &err));
	umask(before);
	assert_int_equal(stat(key_path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(entries(folder), 1);
	close_with(seal, &sealed);
	assert_true(seal_key_load(again, "", folder, true, &err));
	assert_true(opens(again, &sealed));
	strbuf_done(&sealed);
	/* Another machine makes another one. */
	assert_int_equal(unlink(key_path), 0);
	struct seal *other = seal_new();
	assert_true(seal_key_load(other, "", folder, true, &err));
	close_with(other, &sealed);
	assert_false(opens(again, &sealed));
	strbuf_done(&sealed);
	seal_free(seal);
	seal_free(again);
	seal_free(other);
}

static void test_missing(void **state)
{
	(void)state;
	expect_refused("", false, key_path);
	expect_refused("", false, "oauthrelay login");
	assert_int_equal(access(key_path, F_OK), -1);
	/* A reference is followed, and nothing made instead. */
	char *reference = NULL;
	assert_true(asprintf(&reference, "file:%s/other.key", folder) > 0);
	expect_refused(reference, true, "seal_key: \"");
	expect_refused(reference, true, "does not exist");
	assert_int_equal(entries(folder), 0);
	free(reference);
}

static void test_folder_missing(void **state)
{
	struct seal *seal = seal_new();
	struct err err;
	struct stat st;
	(void)state;
	char *state_dir = below("var/state"), *path = below("var/state/" SEAL_KEY_FILE);
	assert_false(seal_key_load(seal, "", state_dir, false, &err));
	assert_int_equal(access(state_dir, F_OK), -1);
	assert_true(seal_key_load(seal, "", state_dir, true, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(stat(state_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	seal_free(seal);
	free(path);
	free(state_dir);
}

static void test_order(void **state)
{
	char *credentials = below("credentials"), *reference = NULL;
	char *credential = below("credentials/" SEAL_KEY_FILE), *other = below("other.key");
	(void)state;
	assert_int_equal(mkdir(credentials, 0700), 0);
	write_file(key_path, KEY_A "\n", 0600);
	expect_loaded("", "a");
	/* systemd's comes first; the old file goes on opening what it has sealed. */
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", credentials, 1), 0);
	expect_loaded("", "a");
	write_file(credential, KEY_B "\n", 0400);
	expect_loaded("", "ba");
	/* The configuration's comes instead of systemd's. */
	write_file(other, KEY_C, 0600);
	assert_true(asprintf(&reference, "file:%s", other) > 0);
	expect_loaded(reference, "ca");
	/* Without the file: the credential alone, and no file is made. */
	assert_int_equal(unlink(key_path), 0);
	expect_loaded("", "b");
	struct seal *seal = seal_new();
	struct err err;
	assert_true(seal_key_load(seal, "", folder, true, &err));
	assert_int_equal(access(key_path, F_OK), -1);
	seal_free(seal);
	assert_int_equal(unlink(credential), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "relative", 1), 0);
	expect_loaded(reference, "c");
	unsetenv("CREDENTIALS_DIRECTORY");
	free(credentials);
	free(credential);
	free(other);
	free(reference);
}

static void test_no_key(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"short",
		KEY_A KEY_A,
		"YWFh",
		" " KEY_A,
		/* 31 and 33 bytes; not the alphabet */
		"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ==",
		"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh",
		"-WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",
		KEY_A "\n" KEY_A,
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		write_file(key_path, texts[i], 0600);
		expect_refused("", true, "holds no sealing key");
		expect_refused("", true, "openssl rand -base64 32");
	}
	write_bytes(key_path, "\0\1\2\3", 4, 0600);
	expect_refused("", true, "holds no sealing key");
	assert_int_equal(entries(folder), 1);
	write_file(key_path, KEY_A "\r\n", 0600); /* an editor of Windows */
	expect_loaded("", "a");
}

/* Others could open what is sealed: the command that mends it is named. */
static void test_open_to_others(void **state)
{
	static const mode_t modes[] = { 0644, 0640, 0660, 0604, 0602, 0601, 0610 };
	char *command = NULL;
	(void)state;
	assert_true(asprintf(&command, ": chmod 600 %s", key_path) > 0);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		write_file(key_path, KEY_A "\n", modes[i]);
		expect_refused("", true, command);
	}
	write_file(key_path, KEY_A "\n", 0400);
	expect_loaded("", "a");
	free(command);
}

static void test_in_its_place(void **state)
{
	char *elsewhere = below("elsewhere");
	(void)state;
	write_file(elsewhere, KEY_A "\n", 0600);
	assert_int_equal(symlink(elsewhere, key_path), 0);
	expect_refused("", true, "is a symbolic link: rm ");
	assert_int_equal(unlink(key_path), 0);
	assert_int_equal(mkdir(key_path, 0700), 0);
	expect_refused("", true, "is not a regular file");
	assert_int_equal(rmdir(key_path), 0);
	assert_int_equal(mkfifo(key_path, 0600), 0);
	expect_refused("", true, "is not a regular file");
	free(elsewhere);
}

/* Made by root for the service, and read by root from the service. */
static void test_owner(void **state)
{
	struct seal *seal = seal_new();
	struct stat st;
	struct err err;
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(folder, 4711, 4712), 0);
	assert_true(seal_key_load(seal, "", folder, true, &err));
	assert_int_equal(stat(key_path, &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(st.st_gid, 4712);
	assert_true(seal_key_load(seal, "", folder, false, &err));
	assert_int_equal(chown(key_path, 4713, 4713), 0);
	expect_refused("", true, "belongs to another user: chown 4711: ");
	seal_free(seal);
}

/* Of several that start at once, one makes the key. */
static void test_race(void **state)
{
	enum {
		CHILDREN = 8
	};
	int results[2], go[2];
	char heads[CHILDREN][13];
	(void)state;
	assert_int_equal(pipe(results), 0);
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < CHILDREN; i++) {
		if (fork() != 0)
			continue;
		char c;
		close(go[1]);
		struct seal *seal = seal_new();
		struct strbuf sealed;
		struct err err;
		strbuf_init(&sealed, 1024);
		bool ok = read(go[0], &c, 1) == 0 && seal_key_load(seal, "", folder, true, &err) &&
			  seal_close(seal, STR("c"), STR("p"), &sealed, &err) &&
			  write(results[1], sealed.p, sizeof(heads[0])) == sizeof(heads[0]);
		_exit(ok ? 0 : 1);
	}
	close(go[0]);
	close(go[1]);
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(read(results[0], heads, sizeof(heads)), sizeof(heads));
	for (int i = 1; i < CHILDREN; i++)
		assert_memory_equal(heads[0], heads[i], sizeof(heads[0]));
	close(results[0]);
	close(results[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made_once, start, stop),
		cmocka_unit_test_setup_teardown(test_missing, start, stop),
		cmocka_unit_test_setup_teardown(test_folder_missing, start, stop),
		cmocka_unit_test_setup_teardown(test_order, start, stop),
		cmocka_unit_test_setup_teardown(test_no_key, start, stop),
		cmocka_unit_test_setup_teardown(test_open_to_others, start, stop),
		cmocka_unit_test_setup_teardown(test_in_its_place, start, stop),
		cmocka_unit_test_setup_teardown(test_owner, start, stop),
		cmocka_unit_test_setup_teardown(test_race, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
