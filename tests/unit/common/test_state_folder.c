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

#include "common/state_folder.h"
#include "tests/unit/common/folder_world.h"

enum {
	SERVICE = 4711
};

static void expect(const char *path, mode_t mode, uid_t uid)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, mode);
	assert_int_equal(st.st_uid, uid);
}

static void test_made(void **state)
{
	struct state_owner owner = { 1, 1 };
	struct err err;
	(void)state;
	char *path = below("deep/state");
	assert_true(state_folder_make(path, &owner, &err));
	expect(path, 0700, owner.uid);
	/* There already: it stays as it is. */
	assert_int_equal(chmod(path, 0750), 0);
	assert_true(state_folder_make(path, &owner, &err));
	assert_int_equal(owner.uid, geteuid());
	expect(path, 0750, geteuid());
	free(path);
}

/* What root makes in the service's folder is the service's. */
static void test_owner(void **state)
{
	struct state_owner owner;
	struct err err;
	(void)state;
	if (geteuid() != 0)
		skip();
	char *path = below("state"), *inner = below("state/accounts"), *other = below("state/b");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, SERVICE, SERVICE), 0);
	assert_true(state_folder_make(path, &owner, &err));
	assert_int_equal(owner.uid, SERVICE);
	assert_int_equal(owner.gid, SERVICE);
	assert_true(state_folder_make_inner(inner, &owner, &err));
	expect(inner, 0700, SERVICE);
	/* One that is there is not given away. */
	assert_int_equal(mkdir(other, 0700), 0);
	assert_true(state_folder_make_inner(other, &owner, &err));
	expect(other, 0700, 0);
	free(path);
	free(inner);
	free(other);
}

static void test_in_the_way(void **state)
{
	struct state_owner owner = { 1, 1 };
	struct err err;
	(void)state;
	char *path = below("file"), *inner = below("file/state");
	write_file(path, "x", 0600);
	assert_false(state_folder_make(path, &owner, &err));
	assert_non_null(strstr(err.text, path));
	assert_false(state_folder_make_inner(path, &owner, &err));
	assert_false(state_folder_make(inner, &owner, &err));
	assert_int_equal(owner.uid, 1);
	free(path);
	free(inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_owner, folder_start, folder_stop),
		cmocka_unit_test_setup_teardown(test_in_the_way, folder_start, folder_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
