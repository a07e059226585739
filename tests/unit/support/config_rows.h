/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_CONFIG_ROWS_H
#define OAUTHRELAY_TESTS_CONFIG_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/support/config_text.h"

/* Configurations in rows: the %s of a format is each row's text, and each gives its findings. */

/* A text, and a finding it must give; NULL: none of that kind at all. */
struct row {
	const char *text;
	const char *error;
	const char *warning;
};

static inline bool gives(const struct strbuf *findings, const char *wanted)
{
	return wanted == NULL ? findings->n == 0 : strstr(strbuf_cstr(findings), wanted) != NULL;
}

static inline void check_rows(const char *format, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct config_report report;
		char *text = NULL;
		char *at = strstr(format, "%s");
		assert_non_null(at);
		assert_true(asprintf(&text, "%.*s%s%s", (int)(at - format), format, rows[i].text,
				     at + 2) > 0);
		struct config *c = config_from_text(text, &report);
		if (!gives(&report.errors, rows[i].error) ||
		    !gives(&report.warnings, rows[i].warning) ||
		    (c == NULL) != (rows[i].error != NULL))
			fail_msg("%s\nerrors: %s\nwarnings: %s", rows[i].text,
				 strbuf_cstr(&report.errors), strbuf_cstr(&report.warnings));
		config_unref(c);
		config_report_done(&report);
		free(text);
	}
}

#endif
