/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/quirk.h"
#include "tests/unit/support/config_text.h"

/* The schema reads bit i for quirk_names[i]; the rows explain the same words. */
static void the_rows_and_the_names_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < quirk_count; i++) {
		assert_string_equal(quirk_rows[i].name, quirk_names[i]);
		assert_int_equal(quirk_rows[i].bit, 1u << i);
		assert_true(strlen(quirk_rows[i].help) > 10);
		assert_true(strlen(quirk_rows[i].needed_by) > 10);
	}
	assert_null(quirk_names[quirk_count]);
}

static void words_become_bits(void **state)
{
	(void)state;
	struct config *c = config_must_load(
		CONFIG_SMALLEST "devices = ( { name = \"ups\"; address = \"10.0.0.9\"; quirks = "
				"[ \"bare-lf\", \"empty-helo\" ]; }, { name = \"b\"; address = "
				"\"10.0.0.8\"; } );");
	assert_int_equal(c->devices[0].quirks, QUIRK_BARE_LF | QUIRK_EMPTY_HELO);
	assert_int_equal(c->devices[1].quirks, 0);
	config_unref(c);
}

static void unknown_words_are_told(void **state)
{
	(void)state;
	struct config_report report;
	struct config *c = config_from_text(
		CONFIG_SMALLEST "devices = ( { name = \"ups\"; address = \"10.0.0.9\"; quirks = "
				"[ \"bare-fl\", \"wonders\" ]; } );",
		&report);
	assert_null(c);
	assert_non_null(strstr(strbuf_cstr(&report.errors),
			       "quirks: \"bare-fl\" is not known; did you mean \"bare-lf\"?"));
	assert_non_null(strstr(strbuf_cstr(&report.errors), "`oauthrelay config keys quirks`"));
	assert_int_equal(report.error_count, 2);
	config_report_done(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rows_and_the_names_agree),
		cmocka_unit_test(words_become_bits),
		cmocka_unit_test(unknown_words_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
