/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "common/err.h"

static void texts_are_put_together(void **state)
{
	(void)state;
	struct err err = { 0 };
	assert_false(err_set(&err, "no %s", "luck"));
	assert_string_equal(err.text, "no luck");
	assert_false(err_errno(&err, ENOENT, "open %s", "/x"));
	assert_string_equal(err.text, "open /x: No such file or directory");
	assert_int_equal(err.code, ENOENT);
	assert_false(err_prefix(&err, "account %d", 5));
	assert_string_equal(err.text, "account 5: open /x: No such file or directory");
	assert_int_equal(err.code, ENOENT);
	assert_false(err_set(&err, "other"));
	assert_int_equal(err.code, 0);
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	struct err err = { 0 };
	char text[2000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, "context");
	assert_int_equal(strncmp(err.text, "context: xxx", 12), 0);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_errno(&err, EIO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_put_together),
		cmocka_unit_test(long_texts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
