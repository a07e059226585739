/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "message/xtext.h"

static const struct row {
	const char *xtext;
	const char *text; /* NULL: refused */
	const char *again;
} rows[] = {
	{ "abc", "abc", "abc" },
	{ "a+2Bb", "a+b", "a+2Bb" },
	{ "e+3Dmc2@x", "e=mc2@x", "e+3Dmc2@x" },
	{ "a+20b", "a b", "a+20b" },
	{ "+41", "A", "A" },
	{ "<>", "<>", "<>" },
	{ "\\x{FC}", "\\x{FC}", "\\x{FC}" },
	{ "+7E", "~", "~" },
	{ "", NULL, NULL },
	{ "+", NULL, NULL },
	{ "a+", NULL, NULL },
	{ "+4", NULL, NULL },
	{ "+2b", NULL, NULL },
	{ "+G1", NULL, NULL },
	{ "a=b", NULL, NULL },
	{ "a b", NULL, NULL },
	{ "+00", NULL, NULL },
	{ "a+0Ab", NULL, NULL },
	{ "a+0D+0Ab", NULL, NULL },
	{ "+1B[2J", NULL, NULL },
	{ "+7F", NULL, NULL },
	{ "+80", NULL, NULL },
	{ "+C3+BC", NULL, NULL },
	{ "\xc3\xbc", NULL, NULL },
	{ "a\tb", NULL, NULL },
};

static void both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out;
		strbuf_init(&out, 256);
		strbuf_adds(&out, "before ");
		bool ok = xtext_decode(str_of(rows[i].xtext), &out);
		if (ok != (rows[i].text != NULL))
			fail_msg("%s", rows[i].xtext);
		struct str text = str_skip(strbuf_str(&out), 7);
		assert_true(str_eq(text, str_of(rows[i].text)));
		if (ok) {
			struct strbuf again;
			strbuf_init(&again, 256);
			xtext_append(&again, text);
			assert_string_equal(strbuf_cstr(&again), rows[i].again);
			strbuf_done(&again);
		}
		strbuf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
	};
	return cmocka_run_group_tests_name("message/xtext", tests, NULL, NULL);
}
