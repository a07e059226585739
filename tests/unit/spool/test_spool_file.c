/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support/spool_world.h"

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
	world_stop(&w);
	return 0;
}

static struct spool *open_at(const char *path, struct err *err)
{
	struct spool_file_params params = { .path = path };
	return spool_file_open(w.base, w.worker, &params, err);
}

static void test_second_is_refused(void **state)
{
	struct err err;
	char want[64];
	(void)state;
	assert_null(open_at(w.path, &err));
	snprintf(want, sizeof(want), "another oauthrelay (pid %d) uses", (int)getpid());
	assert_non_null(strstr(err.text, want));
	assert_non_null(strstr(err.text, w.path));
	/* The first one is none the worse for it. */
	struct msgid id;
	assert_true(world_put(&w, STR(""), &id, &err));
	world_reopen(&w);
}

static void assert_private_folder(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_makes_folders(void **state)
{
	char path[128], sub[160];
	struct err err;
	(void)state;
	snprintf(path, sizeof(path), "%s/a/b", w.path);
	struct spool *spool = open_at(path, &err);
	assert_non_null(spool);
	spool->ops->free(spool);
	assert_private_folder(path);
	snprintf(sub, sizeof(sub), "%s/queue", path);
	assert_private_folder(sub);
	snprintf(sub, sizeof(sub), "%s/corrupt", path);
	assert_private_folder(sub);
}

static void test_what_is_in_the_way(void **state)
{
	char path[128], sub[160];
	struct err err;
	(void)state;
	snprintf(path, sizeof(path), "%s/spool", w.path);
	snprintf(sub, sizeof(sub), "%s/queue", path);
	assert_int_equal(mkdir(path, 0700), 0);
	FILE *file = fopen(sub, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_null(open_at(path, &err));
	assert_non_null(strstr(err.text, sub));
	assert_null(open_at(sub, &err));
	assert_non_null(strstr(err.text, "Not a directory"));
	/* Half-built ones have let go of the lock. */
	assert_int_equal(unlink(sub), 0);
	struct spool *spool = open_at(path, &err);
	assert_non_null(spool);
	spool->ops->free(spool);
}

static void on_claim(void *arg, const struct err *err)
{
	assert_null(err);
	(*(int *)arg)++;
}

static void test_claim(void **state)
{
	struct msgid id = msgid_random();
	int calls = 0;
	(void)state;
	w.spool->ops->claim(w.spool, &id, 0, on_claim, &calls);
	assert_int_equal(calls, 1);
}

static void test_state_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRESS_COUNT; i++) {
		assert_non_null(progress_state_name((enum progress_state)i));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(progress_state_name((enum progress_state)i),
						progress_state_name((enum progress_state)j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_second_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(test_makes_folders, start, stop),
		cmocka_unit_test_setup_teardown(test_what_is_in_the_way, start, stop),
		cmocka_unit_test_setup_teardown(test_claim, start, stop),
		cmocka_unit_test_setup_teardown(test_state_names, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
