/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "common/seal_key.h"
#include "common/worker.h"
#include "config/config.h"
#include "tests/unit/common/folder_world.h"
#include "vault.h"

static struct event_base *base;
static struct worker *worker;
static struct config config;

static int start(void **state)
{
	static char none[] = "";
	unsetenv("CREDENTIALS_DIRECTORY");
	base = event_base_new();
	worker = worker_new(base, worker_default_limits);
	config = (struct config){ .state_dir = folder, .seal_key_ref = none };
	return folder_start(state);
}

static int stop(void **state)
{
	worker_free(worker);
	event_base_free(base);
	return folder_stop(state);
}

static void test_first_start(void **state)
{
	struct vault vault;
	struct err err;
	(void)state;
	char *key = below(SEAL_KEY_FILE);
	assert_true(vault_open(&vault, base, worker, &config, &err));
	assert_non_null(vault.state);
	assert_non_null(vault.seal);
	assert_string_equal(vault.refused.text, "");
	assert_int_equal(access(key, F_OK), 0);
	vault_close(&vault);
	vault_close(&vault); /* all zero by now */
	free(key);
}

/* No key, but a state: who needs no key goes on. */
static void test_key_refused(void **state)
{
	struct vault vault;
	struct err err;
	(void)state;
	char *key = below(SEAL_KEY_FILE);
	write_file(key, "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n", 0644);
	assert_true(vault_open(&vault, base, worker, &config, &err));
	assert_non_null(vault.state);
	assert_null(vault.seal);
	assert_non_null(strstr(vault.refused.text, "chmod 600"));
	vault_close(&vault);
	free(key);
}

static void test_no_folder(void **state)
{
	struct vault vault;
	struct err err;
	(void)state;
	char *path = below("file");
	write_file(path, "", 0600);
	config.state_dir = path;
	assert_false(vault_open(&vault, base, worker, &config, &err));
	assert_non_null(strstr(err.text, path));
	vault_close(&vault);
	free(path);
}

/* And one that cannot be locked, on a disk that is full or read-only, can be used all the same. */
static void test_one_at_a_time(void **state)
{
	struct vault vault, other;
	struct err err;
	(void)state;
	assert_true(vault_open(&vault, base, worker, &config, &err));
	assert_false(vault_open(&other, base, worker, &config, &err));
	assert_non_null(strstr(err.text, "another oauthrelay"));
	assert_non_null(strstr(err.text, folder));
	assert_non_null(strstr(err.text, "state_dir"));
	vault_close(&other);
	vault_close(&vault);
	char *path = below("lock");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(vault_open(&vault, base, worker, &config, &err));
	assert_non_null(vault.seal);
	vault_close(&vault);
	assert_int_equal(rmdir(path), 0);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_start, start, stop),
		cmocka_unit_test_setup_teardown(test_key_refused, start, stop),
		cmocka_unit_test_setup_teardown(test_no_folder, start, stop),
		cmocka_unit_test_setup_teardown(test_one_at_a_time, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
