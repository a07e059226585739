/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/mem.h"
#include "oauth/arc_challenge.h"

/* ---- what the agent asks for ---- */

struct challenge_case {
	const char *field;
	const char *name; /* NULL: refused, with these words */
	const char *words;
};

#define AT "/var/opt/azcmagent/tokens/"

static void test_challenges(void **state)
{
	static const struct challenge_case cases[] = {
		{ "Basic realm=" AT "5b1c-9.key", "5b1c-9.key", NULL },
		{ "basic realm=\"" AT "a.key\"", "a.key", NULL },
		{ "Basic  Realm= " AT "a_b.KEY ", "a_b.KEY", NULL },
		{ "", NULL, "without naming a file" },
		{ "Bearer realm=" AT "a.key", NULL, "without naming a file" },
		{ "Basic", NULL, "without naming a file" },
		{ "Basic x=" AT "a.key", NULL, "without naming a file" },
		{ "Basic realm=/etc/shadow", NULL, "not in the agent's folder" },
		{ "Basic realm=/etc/ssl/a.key", NULL, "not in the agent's folder" },
		{ "Basic realm=a.key", NULL, "not in the agent's folder" },
		{ "Basic realm=", NULL, "not in the agent's folder" },
		{ "Basic realm=" AT, NULL, "does not end in .key" },
		{ "Basic realm=/var/opt/azcmagent/tokens", NULL, "not in the agent's folder" },
		{ "Basic realm=/var/opt/azcmagent/tokens.key", NULL, "not in the agent's folder" },
		{ "Basic realm=/VAR/opt/azcmagent/tokens/a.key", NULL,
		  "not in the agent's folder" },
		{ "Basic realm=" AT "../tokens/a.key", NULL, "not in the agent's folder" },
		{ "Basic realm=" AT "../../../../etc/ssl/private/a.key", NULL,
		  "not in the agent's folder" },
		{ "Basic realm=" AT "x/a.key", NULL, "not in the agent's folder" },
		{ "Basic realm=" AT "/a.key", NULL, "not in the agent's folder" },
		{ "Basic realm=/var/opt/azcmagent/./tokens/a.key", NULL,
		  "not in the agent's folder" },
		{ "Basic realm=/var/opt/azcmagent//tokens/a.key", NULL,
		  "not in the agent's folder" },
		{ "Basic realm=" AT "a.key.txt", NULL, "does not end in .key" },
		{ "Basic realm=" AT "a", NULL, "does not end in .key" },
		{ "Basic realm=" AT ".key", NULL, "not a name such as the agent gives" },
		{ "Basic realm=" AT "..key", NULL, "not a name such as the agent gives" },
		{ "Basic realm=" AT "a b.key", NULL, "not a name such as the agent gives" },
		{ "Basic realm=" AT "a\x1b[2J.key", NULL, "not a name such as the agent gives" },
		{ "Basic realm=" AT "a.key, charset=x.key", NULL,
		  "not a name such as the agent gives" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct challenge_case *c = &cases[i];
		char *name = NULL;
		struct err err = { 0 };
		bool ok = arc_challenge_parse(str_of(c->field), arc_challenge_folder, &name, &err);
		if (ok != (c->name != NULL))
			fail_msg("%s: %s", c->field, err.text);
		if (ok) {
			assert_string_equal(name, c->name);
		} else if (strstr(err.text, c->words) == NULL) {
			fail_msg("%s: %s", c->field, err.text);
		} else {
			assert_null(strchr(err.text, '\x1b'));
			assert_int_equal(err.code, EINVAL);
		}
		free(name);
	}
}

static void test_long_names(void **state)
{
	char field[600] = "Basic realm=" AT, *name = NULL;
	size_t n = strlen(field);
	struct err err;
	(void)state;
	memset(field + n, 'a', 251);
	memcpy(field + n + 251, ".key", 5);
	assert_true(arc_challenge_parse(str_of(field), arc_challenge_folder, &name, &err));
	free(name);
	memset(field + n, 'a', 252);
	memcpy(field + n + 252, ".key", 5);
	assert_false(arc_challenge_parse(str_of(field), arc_challenge_folder, &name, &err));
}

/* ---- the file ---- */

struct fixture {
	char root[64], folder[96];
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	snprintf(f->root, sizeof(f->root), "/tmp/test_arc.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->folder, sizeof(f->folder), "%s/tokens", f->root);
	assert_int_equal(mkdir(f->folder, 0700), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[160];
	snprintf(command, sizeof(command), "rm -rf %s", f->root);
	assert_int_equal(system(command), 0); /* NOLINT(concurrency-mt-unsafe, cert-env33-c) */
	free(f);
	return 0;
}

static void put(const struct fixture *f, const char *name, struct str content)
{
	char path[200];
	struct err err;
	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	if (!fsx_replace_durable(path, content, 0600, &err))
		fail_msg("%s", err.text);
}

static void expect_key(const struct fixture *f, const char *name, struct str key)
{
	struct secret out = { 0 };
	struct err err;
	if (!arc_challenge_read(f->folder, name, &out, &err))
		fail_msg("%s", err.text);
	assert_true(str_eq(secret_reveal(&out), key));
	secret_done(&out);
}

static void expect_error(const char *folder, const char *name, const char *words)
{
	struct secret out = { 0 };
	struct err err = { 0 };
	assert_false(arc_challenge_read(folder, name, &out, &err));
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
	assert_null(out.p);
	assert_int_not_equal(err.code, 0);
	assert_null(strstr(err.text, "s3cret"));
}

static void test_read(void **state)
{
	struct fixture *f = *state;
	char large[ARC_KEY_MAX + 1];
	memset(large, 'k', sizeof(large));
	put(f, "a.key", STR("s3cret-key=="));
	expect_key(f, "a.key", STR("s3cret-key=="));
	put(f, "line.key", STR("s3cret-key\r\n"));
	expect_key(f, "line.key", STR("s3cret-key"));
	put(f, "most.key", (struct str){ large, ARC_KEY_MAX });
	expect_key(f, "most.key", (struct str){ large, ARC_KEY_MAX });
	put(f, "more.key", (struct str){ large, ARC_KEY_MAX + 1 });
	expect_error(f->folder, "more.key", "more than 4096 bytes");
	put(f, "empty.key", STR("\n"));
	expect_error(f->folder, "empty.key", "is empty or does not hold a key");
	put(f, "two.key", STR("s3cret\nX-More: y"));
	expect_error(f->folder, "two.key", "does not hold a key");
	put(f, "nul.key", STR("s3cret\0x"));
	expect_error(f->folder, "nul.key", "does not hold a key");
	expect_error(f->folder, "none.key", "none.key does not exist: is it the Arc agent");
	expect_error("/nonexistent/tokens", "a.key", "does not exist");
}

static void test_what_is_no_file_of_its_own(void **state)
{
	struct fixture *f = *state;
	char path[200], link[200], folder[200];
	put(f, "a.key", STR("s3cret"));
	snprintf(path, sizeof(path), "%s/a.key", f->folder);
	snprintf(link, sizeof(link), "%s/link.key", f->folder);
	assert_int_equal(symlink(path, link), 0);
	expect_error(f->folder, "link.key", "symbolic link");
	snprintf(link, sizeof(link), "%s/other", f->root);
	assert_int_equal(symlink(f->folder, link), 0);
	expect_error(link, "a.key", "symbolic link");
	snprintf(folder, sizeof(folder), "%s/around", f->root);
	assert_int_equal(symlink(f->root, folder), 0);
	snprintf(link, sizeof(link), "%s/around/tokens", f->root);
	expect_error(link, "a.key", "symbolic link");
	snprintf(path, sizeof(path), "%s/pipe.key", f->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_error(f->folder, "pipe.key", "is not a regular file"); /* and does not hang */
	snprintf(path, sizeof(path), "%s/folder.key", f->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_error(f->folder, "folder.key", "is not a regular file");
}

/* Root may read anything, so as somebody else for a moment. */
static void test_not_in_the_group(void **state)
{
	struct fixture *f = *state;
	if (geteuid() != 0)
		skip();
	put(f, "a.key", STR("s3cret"));
	assert_int_equal(chmod(f->root, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	expect_error(f->folder, "a.key",
		     "add user oauthrelay to group himds (usermod -a -G himds oauthrelay)");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(f->folder, 0755), 0); /* the folder open, the file not */
	assert_int_equal(seteuid(65534), 0);
	expect_error(f->folder, "a.key", "add user oauthrelay to group himds");
	assert_int_equal(seteuid(0), 0);
	prctl(PR_SET_DUMPABLE, 1); /* which that has taken from the leak checker */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_file_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_in_the_group, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
