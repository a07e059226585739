/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "message/domain.h"

enum { /* may be valid: */
	NEVER,
	IN_UTF8,
	ALWAYS
};

static const struct row {
	const char *text;
	int valid;
} rows[] = {
	{ "a", ALWAYS },
	{ "a-b.c", ALWAYS },
	{ "1.2.3.4", ALWAYS },
	{ "xn--bcher-kva.ch", ALWAYS },
	{ "[192.0.2.1]", ALWAYS },
	{ "[IPv6:2001:db8::1]", ALWAYS },
	{ "", NEVER },
	{ ".", NEVER },
	{ "a.", NEVER },
	{ ".a", NEVER },
	{ "a..b", NEVER },
	{ "-a", NEVER },
	{ "a-", NEVER },
	{ "a.-b", NEVER },
	{ "a-.b", NEVER },
	{ "a_b", NEVER },
	{ "a b", NEVER },
	{ "a@b", NEVER },
	{ "[999.0.2.1]", NEVER },
	{ "[192.0.2.1", NEVER },
	{ "[192.0.2.1].a", NEVER },
	{ "[::1]", NEVER },
	{ "[b\xc3\xbc]", NEVER },
	{ "b\xc3\xbc"
	  "cher.ch",
	  IN_UTF8 },
	{ "\xe4\xb8\xad\xe6\x96\x87.\xe4\xb8\xad\xe5\x9b\xbd", IN_UTF8 },
	{ "col\xc2\xb7lega.cat", IN_UTF8 },
	{ "-\xc3\xbc", NEVER },
	{ "\xc3\xbc-", NEVER },
	{ "\xc3\xbc_", NEVER },
	{ "\xc3", NEVER },
	{ "a.\xff", NEVER },
	{ "a\xc2\x85", NEVER },
	{ "a\xe2\x80\xae", NEVER },
	/* Two readings: ideographic and full-width full stop, full-width a, small full stop, a/c.
	 */
	{ "evil\xe3\x80\x82"
	  "contoso.com",
	  NEVER },
	{ "evil\xef\xbc\x8e"
	  "contoso.com",
	  NEVER },
	{ "evil\xef\xbd\xa1"
	  "contoso.com",
	  NEVER },
	{ "\xef\xbd\x81.com", NEVER },
	{ "a\xef\xb9\x92"
	  "com",
	  NEVER },
	{ "\xe2\x84\x80.com", NEVER },
	{ "a\xc2\xa0.com", NEVER },
};

static void rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str text = str_of(rows[i].text);
		if (domain_is_valid(text, false) != (rows[i].valid == ALWAYS) ||
		    domain_is_valid(text, true) != (rows[i].valid != NEVER))
			fail_msg("%s", rows[i].text);
	}
	assert_false(domain_is_valid(STR("a\0b"), true));
}

static bool of_length(const char *unit, size_t count, bool dots)
{
	struct strbuf text;
	strbuf_init(&text, 4096);
	for (size_t i = 0; i < count; i++)
		strbuf_adds(&text, dots && i % 2 != 0 ? "." : unit);
	bool valid = domain_is_valid(strbuf_str(&text), true);
	strbuf_done(&text);
	return valid;
}

static void lengths(void **state)
{
	(void)state;
	assert_true(of_length("a", 63, false));
	assert_false(of_length("a", 64, false));
	assert_true(of_length("a", 255, true));
	assert_false(of_length("a", 257, true));
	assert_true(of_length("\xc3\xbc", 59, false));
	assert_false(of_length("\xc3\xbc", 60, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),
		cmocka_unit_test(lengths),
	};
	return cmocka_run_group_tests_name("message/domain", tests, NULL, NULL);
}
