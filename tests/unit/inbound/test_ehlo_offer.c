/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "config/quirk.h"
#include "inbound/ehlo_offer.h"

static uint64_t size_limit(void *ctx, const struct config *config, const char *device,
			   const struct user *login, const char **whose)
{
	const uint64_t *limit = ctx;
	*whose = NULL;
	(void)config;
	(void)device;
	(void)login;
	return *limit;
}

static struct fixture {
	uint64_t limit;
	struct inbound in;
	struct in_session s;
} f;

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){ .limit = 1000 };
	f.in.ops = (struct inbound_ops){ .size_limit = size_limit, .ctx = &f.limit };
	f.s.in = &f.in;
	f.s.access = (struct access){ .admitted = true, .requirement = AUTH_RULE_NONE };
	return 0;
}

static bool offered(const char *line)
{
	struct strbuf text;
	char wanted[64];
	strbuf_init(&text, 4096);
	ehlo_offer_append(&f.s, &text);
	strbuf_addc(&text, '\n');
	(void)snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	bool found = strstr(strbuf_cstr(&text), wanted) != NULL;
	strbuf_done(&text);
	return found;
}

/* Each line is a keyword as RFC 5321 writes it, said once, and short enough with its parameter. */
static void table(void **state)
{
	const struct ehlo_offer *o, *other;
	(void)state;
	for (size_t i = 0; (o = ehlo_offer_at(i)) != NULL; i++) {
		struct str rest = str_of(o->line), keyword = str_word(&rest);
		assert_true(keyword.n != 0 && ascii_is_alnum(keyword.p[0]));
		for (size_t c = 0; c < keyword.n; c++)
			assert_true(ascii_is_alnum(keyword.p[c]) || keyword.p[c] == '-' ||
				    keyword.p[c] == '=');
		for (size_t c = 0; c < keyword.n; c++)
			assert_int_equal(ascii_lower(keyword.p[c]) == keyword.p[c],
					 !ascii_is_alpha(keyword.p[c]));
		for (size_t j = 0; j < i; j++) {
			other = ehlo_offer_at(j);
			assert_string_not_equal(o->line, other->line);
		}
	}
	assert_null(ehlo_offer_at(1000));
}

static void conditions(void **state)
{
	(void)state;
	assert_true(offered("SIZE 1000"));
	f.limit = 0;
	assert_true(offered("SIZE 0"));
	assert_true(offered("AUTH PLAIN LOGIN"));
	assert_false(offered("AUTH=PLAIN LOGIN"));
	f.s.access.quirks = QUIRK_AUTH_EQUALS;
	assert_true(offered("AUTH=PLAIN LOGIN"));
	f.s.logged_in = true;
	assert_false(offered("AUTH PLAIN LOGIN"));
	assert_false(offered("STARTTLS"));
}

static void quirks_hide(void **state)
{
	static const struct {
		enum quirk quirk;
		const char *line;
	} rows[] = {
		{ QUIRK_NO_8BITMIME, "8BITMIME" },
		{ QUIRK_NO_CHUNKING, "CHUNKING" },
		{ QUIRK_NO_PIPELINING, "PIPELINING" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f.s.access.quirks = ~(unsigned)rows[i].quirk;
		assert_true(offered(rows[i].line));
		f.s.access.quirks = (unsigned)rows[i].quirk;
		assert_false(offered(rows[i].line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(table, setup),
		cmocka_unit_test_setup(conditions, setup),
		cmocka_unit_test_setup(quirks_hide, setup),
	};
	return cmocka_run_group_tests_name("inbound/ehlo_offer", tests, NULL, NULL);
}
