/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/secret.h"
#include "common/strbuf.h"

struct place {
	char folder[64];
	char path[96];
	char reference[128];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	snprintf(place->folder, sizeof(place->folder), "/tmp/test_secret.XXXXXX");
	if (mkdtemp(place->folder) == NULL) {
		free(place);
		return -1;
	}
	snprintf(place->path, sizeof(place->path), "%s/x.secret", place->folder);
	snprintf(place->reference, sizeof(place->reference), "file:%s", place->path);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	unlink(place->path);
	rmdir(place->folder);
	free(place);
	return 0;
}

static void put(const struct place *place, const char *p, size_t n, mode_t mode)
{
	unlink(place->path);
	int fd = open(place->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Resolves and compares; want NULL: it must fail, with this in the text and no "canary" in it. */
static void expect(struct str reference, const char *want, const char *text)
{
	struct secret s = { 0 };
	struct err err = { .text = "" };
	bool literal = true;
	bool ok = secret_resolve(reference, &s, &literal, &err);
	if (want != NULL) {
		if (!ok)
			fail_msg("%s", err.text);
		assert_true(str_eq(secret_reveal(&s), str_of(want)));
	} else {
		assert_false(ok);
		if (strstr(err.text, text) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", text, err.text);
		assert_null(strstr(err.text, "canary"));
		assert_null(s.p);
	}
	assert_int_equal(literal, ok && !str_starts(reference, STR("file:")) &&
					  !str_starts(reference, STR("env:")));
	secret_done(&s);
}

static void test_values(void **state)
{
	struct secret a = { 0 }, b = { 0 };
	(void)state;
	assert_int_equal(secret_reveal(&a).n, 0);
	assert_non_null(secret_reveal(&a).p);
	assert_true(secret_equal(&a, &b));
	secret_set(&a, STR("one"));
	assert_false(secret_equal(&a, &b));
	secret_set(&b, STR("onf"));
	assert_false(secret_equal(&a, &b));
	secret_set(&b, STR("one"));
	assert_true(secret_equal(&a, &b));
	secret_set(&b, str_skip(secret_reveal(&b), 1)); /* a part of itself */
	assert_true(str_eq(secret_reveal(&b), STR("ne")));
	secret_done(&a);
	secret_done(&a);
	secret_done(&b);
}

static void test_file_contents(void **state)
{
	struct place *place = *state;
	struct str ref = str_of(place->reference);
	char big[SECRET_MAX + 2];
	put(place, "canary", 6, 0600);
	expect(ref, "canary", NULL);
	put(place, "canary\n", 7, 0400);
	expect(ref, "canary", NULL);
	put(place, "canary \r\n", 9, 0600);
	expect(ref, "canary ", NULL);
	put(place, "", 0, 0600);
	expect(ref, NULL, "is empty");
	put(place, "\n", 1, 0600);
	expect(ref, NULL, "is empty");
	put(place, "canary\n\n", 8, 0600);
	expect(ref, NULL, "more than one line");
	put(place, "can\rary", 7, 0600);
	expect(ref, NULL, "more than one line");
	put(place, "canary\0x", 8, 0600);
	expect(ref, NULL, "NUL");
	put(place,
	    "\xef\xbb\xbf"
	    "canary",
	    9, 0600);
	expect(ref, NULL, "byte order mark");
	memset(big, 'c', sizeof(big));
	big[SECRET_MAX] = '\0';
	put(place, big, SECRET_MAX, 0600);
	expect(ref, big, NULL);
	put(place, "", 0, 0600);
	big[SECRET_MAX] = 'c';
	put(place, big, SECRET_MAX + 1, 0600);
	expect(ref, NULL, "too long");
}

static void test_file_access(void **state)
{
	struct place *place = *state;
	struct str ref = str_of(place->reference);
	char command[256];
	put(place, "canary", 6, 0644);
	snprintf(command, sizeof(command), "\"%s\" can be read by others (mode 0644): chmod 600 %s",
		 place->path, place->path);
	expect(ref, NULL, command);
	put(place, "canary", 6, 0602);
	expect(ref, NULL, "others (mode 0602): chmod 600");
	put(place, "canary", 6, 0620);
	expect(ref, NULL, "changed by its group (mode 0620)");
	put(place, "canary", 6, 0640); /* our own group */
	expect(ref, "canary", NULL);
	unlink(place->path);
	expect(ref, NULL, "does not exist");
	assert_int_equal(mkfifo(place->path, 0600), 0);
	expect(ref, NULL, "not a regular file");
	unlink(place->path);
	assert_int_equal(symlink("/dev/null", place->path), 0);
	expect(ref, NULL, "not a regular file");
	unlink(place->path);
	expect(STR("file:"), NULL, "complete path");
	expect(STR("file:x.secret"), NULL, "complete path");
}

/* As the README has it, root:oauthrelay: "chmod 600" would take it from the service. */
static void test_file_of_root_and_the_services_group(void **state)
{
	struct place *place = *state;
	gid_t before[64], service = 4321;
	int count = getgroups((int)ARRAY_LEN(before), before);
	if (geteuid() != 0 || count < 0)
		skip();
	assert_int_equal(setgroups(1, &service), 0);
	put(place, "canary", 6, 0640);
	assert_int_equal(chown(place->path, (uid_t)-1, service), 0);
	expect(str_of(place->reference), "canary", NULL);
	assert_int_equal(chmod(place->path, 0644), 0);
	expect(str_of(place->reference), NULL, "read by others (mode 0644): chmod o= /");
	assert_int_equal(chmod(place->path, 0604), 0);
	expect(str_of(place->reference), NULL, "read by others (mode 0604): chmod 600 /");
	assert_int_equal(setgroups((size_t)count, before), 0);
}

static void test_symbolic_link(void **state)
{
	struct place *place = *state;
	char link[128], ref[160];
	put(place, "canary", 6, 0600);
	snprintf(link, sizeof(link), "%s/link", place->folder);
	snprintf(ref, sizeof(ref), "file:%s", link);
	assert_int_equal(symlink("x.secret", link), 0);
	expect(str_of(ref), "canary", NULL);
	put(place, "canary", 6, 0604);
	expect(str_of(ref), NULL, "read by others");
	unlink(link);
}

static void test_strange_name(void **state)
{
	struct place *place = *state;
	char path[160], ref[192];
	snprintf(path, sizeof(path), "%s/it's $(x).secret", place->folder);
	snprintf(ref, sizeof(ref), "file:%s", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	close(fd);
	expect(str_of(ref), NULL, "/it'\\''s $(x).secret'");
	unlink(path);
}

static void test_owner(void **state)
{
	struct place *place = *state;
	if (geteuid() != 0)
		skip(); /* only root can give files away */
	put(place, "canary", 6, 0600);
	assert_int_equal(chown(place->path, 12345, 0), 0);
	expect(str_of(place->reference), NULL, "belongs to user 12345: chown oauthrelay: ");
	assert_int_equal(chown(place->path, 0, 23456), 0);
	assert_int_equal(chmod(place->path, 0640), 0);
	expect(str_of(place->reference), NULL, "read by group 23456 (mode 0640)");
}

/* NULL: takes it away. No other thread looks at the environment then. */
static void set_environment(const char *name, const char *value)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe) */
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

static void test_environment(void **state)
{
	(void)state;
	set_environment("TEST_SECRET_A", "canary");
	set_environment("TEST_SECRET_B", "");
	set_environment("TEST_SECRET_C", "canary\nx");
	set_environment("TEST_SECRET_D", NULL);
	expect(STR("env:TEST_SECRET_A"), "canary", NULL);
	expect(STR("env:TEST_SECRET_B"), NULL, "variable TEST_SECRET_B is empty");
	expect(STR("env:TEST_SECRET_C"), NULL, "variable TEST_SECRET_C holds more than one line");
	expect(STR("env:TEST_SECRET_D"), NULL, "variable TEST_SECRET_D is not set");
	expect(STR("env:"), NULL, "is not set");
	expect(STR("env:A\nB"), NULL, "variable A\\nB is not set");
}

static void test_literal(void **state)
{
	(void)state;
	expect(STR("abc~Q.canary"), "abc~Q.canary", NULL);
	expect(STR(""), NULL, "the secret is empty");
	expect(STR("canary\n"), NULL, "more than one line");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test_setup_teardown(test_file_contents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_access, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_of_root_and_the_services_group, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_symbolic_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strange_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_literal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
