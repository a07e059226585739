/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/secret.h"
#include "common/strbuf.h"

/* systemd's credentials, and secrets of several lines. */

struct place {
	char folder[64];
};

static void set_directory(const char *path)
{
	if (path != NULL)
		setenv("CREDENTIALS_DIRECTORY", path, 1); /* NOLINT(concurrency-mt-unsafe) */
	else
		unsetenv("CREDENTIALS_DIRECTORY"); /* NOLINT(concurrency-mt-unsafe) */
}

static void put(const struct place *place, const char *name, const char *text, mode_t mode)
{
	char path[128];
	assert_true(snprintf(path, sizeof(path), "%s/%s", place->folder, name) > 0);
	unlink(path);
	if (text == NULL)
		return;
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	snprintf(place->folder, sizeof(place->folder), "/tmp/test_credential.XXXXXX");
	*state = place;
	if (mkdtemp(place->folder) == NULL)
		return -1;
	put(place, "scanner.secret", "canary\n", 0400);
	put(place, "open", "canary\n", 0444);
	put(place, "key", "two\nlines\n", 0400);
	put(place, "empty", "", 0400);
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	static const char *const names[] = { "scanner.secret", "open", "key", "empty" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put(place, names[i], NULL, 0);
	rmdir(place->folder);
	free(place);
	set_directory(NULL);
	return 0;
}

/* want NULL: it fails and says text, and nothing of what is in the files. */
static void expect(const char *reference, bool whole, const char *want, const char *text)
{
	struct secret s = { 0 };
	struct err err = { .text = "" };
	bool literal = false;
	bool ok = whole ? secret_load(str_of(reference), &s, &err)
			: secret_resolve(str_of(reference), &s, &literal, &err);
	assert_false(literal);
	if (ok != (want != NULL))
		fail_msg("%s: %s", reference, ok ? "accepted" : err.text);
	if (ok)
		assert_true(str_eq(secret_reveal(&s), str_of(want)));
	else if (strstr(err.text, text) == NULL || strstr(err.text, "canary") != NULL)
		fail_msg("%s: \"%s\" is not in \"%s\"", reference, text, err.text);
	secret_done(&s);
}

static void a_credential_is_found_by_its_name(void **state)
{
	struct place *place = *state;
	set_directory(place->folder);
	assert_false(secret_out_of_reach(STR("credential:scanner.secret")));
	expect("credential:scanner.secret", false, "canary", NULL);
	expect("credential:scanner.secret", true, "canary\n", NULL);
	expect("credential:other", false, NULL,
	       "no credential other: add LoadCredential=other:/PATH");
	expect("credential:empty", false, NULL, "is empty");
	expect("credential:empty", true, NULL, "is empty");
	expect("credential:key", false, NULL, "more than one line");
	expect("credential:open", false, NULL, "can be read by others (mode 0444): chmod 600");
}

static void a_name_is_no_path(void **state)
{
	struct place *place = *state;
	static const char *const names[] = {
		"credential:",	     "credential:.",   "credential:..",	 "credential:../x",
		"credential:/etc/x", "credential:a/b", "credential:a:b", "credential:a\nb",
	};
	set_directory(place->folder);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		expect(names[i], false, NULL, "must be followed by the name that LoadCredential=");
}

static void without_systemd_it_is_out_of_reach(void **state)
{
	(void)state;
	static const char *const folders[] = { NULL, "", "relative" };
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		set_directory(folders[i]);
		assert_true(secret_out_of_reach(STR("credential:scanner.secret")));
		assert_false(secret_out_of_reach(STR("file:/scanner.secret")));
		expect("credential:scanner.secret", false, NULL,
		       "the service's unit needs LoadCredential=scanner.secret:/PATH or "
		       "LoadCredentialEncrypted=; and only the service sees them, no command line");
	}
}

static void keys_have_several_lines(void **state)
{
	struct place *place = *state;
	char ref[128];
	assert_true(snprintf(ref, sizeof(ref), "file:%s/key", place->folder) > 0);
	expect(ref, true, "two\nlines\n", NULL);
	put(place, "key", "two\nlines\n", 0644);
	expect(ref, true, NULL, "can be read by others (mode 0644): chmod 600 /tmp/test_cred");
	expect("canary", true, NULL, "this must be in a file: \"file:/path\" or");
	expect("env:canary", true, NULL, "this must be in a file");
	expect("file:canary", true, NULL, "must be followed by the complete path");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_credential_is_found_by_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_is_no_path, setup, teardown),
		cmocka_unit_test_setup_teardown(without_systemd_it_is_out_of_reach, setup,
						teardown),
		cmocka_unit_test_setup_teardown(keys_have_several_lines, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
