/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "message/address.h"

#define A16  "aaaaaaaaaaaaaaaa"
#define A64  A16 A16 A16 A16
#define L63  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define D255 L63 "." L63 "." L63 "." L63

struct accept_row {
	const char *text; /* behind FROM: or TO: */
	const char *out;  /* as address_append() writes it */
	const char *rest;
};

static const struct accept_row accepted[] = {
	{ "<>", "", "" },
	{ "<> SIZE=1", "", " SIZE=1" },
	{ "<a@b>", "a@b", "" },
	{ "<a@b>\tX", "a@b", "\tX" },
	{ "<Postmaster>", "Postmaster", "" },
	{ "<\"postmaster\">", "postmaster", "" },
	{ "<@h1,@h2:u@d>", "u@d", "" },
	{ "<@us:u@d>", "u@d", "" },
	{ "<@[192.0.2.1]:u@d>", "u@d", "" },
	{ "<\"john doe\"@d>", "\"john doe\"@d", "" },
	{ "<\"a\\\"b\"@d>", "\"a\\\"b\"@d", "" },
	{ "<\"a\\\\b\"@d>", "\"a\\\\b\"@d", "" },
	{ "<\"plain\"@d>", "plain@d", "" },
	{ "<\"pl\\ain\"@d>", "plain@d", "" },
	{ "<\"a..b\"@d>", "\"a..b\"@d", "" },
	{ "<\".a\"@d>", "\".a\"@d", "" },
	{ "<\"a>b\"@d>", "\"a>b\"@d", "" },
	{ "<\"a@b\"@d>", "\"a@b\"@d", "" },
	{ "<a@[192.0.2.1]>", "a@[192.0.2.1]", "" },
	{ "<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "" },
	{ "<a@[ipv6:::1]>", "a@[ipv6:::1]", "" },
	{ "<a+tag@d>", "a+tag@d", "" },
	{ "<a.b.c@d.e.f>", "a.b.c@d.e.f", "" },
	{ "<a@xn--bcher-kva.ch>", "a@xn--bcher-kva.ch", "" },
	{ "<a@1.2.3>", "a@1.2.3", "" },
	{ "<" A64 "@b>", A64 "@b", "" },
	{ "<a@" L63 ".c>", "a@" L63 ".c", "" },
	{ "<a@" D255 ">", "a@" D255, "" },
	/* Odd, but RFC 5321 allows them, and here nothing is ever executed. */
	{ "<|id@x>", "|id@x", "" },
	{ "<`id`@x>", "`id`@x", "" },
	{ "<${run{/bin/id}}@localhost>", "${run{/bin/id}}@localhost", "" },
	{ "<-oQ/tmp@x>", "-oQ/tmp@x", "" },
	{ "<-X/tmp/log@x>", "-X/tmp/log@x", "" },
	{ "<u%d@us>", "u%d@us", "" },
};

static const char *const refused[] = {
	"",
	" ",
	"a@b",
	"a@b>",
	"<",
	"<a@b",
	"<a",
	"<a b@c>",
	"<a@b>x",
	"<a@b>SIZE=1",
	"<<a@b>>",
	"<a@b@c>",
	"<@>",
	"<a@>",
	"<@b>",
	"<@b:>",
	"<@b,>",
	"<@b,c:a@d>",
	"<@b;a@d>",
	"<a@b,c@d>",
	"<Foo <a@b>>",
	"<a@-b>",
	"<a@b->",
	"<a@b-.c>",
	"<a@b..c>",
	"<a@b.>",
	"<a@.b>",
	"<a@b_c>",
	"<\"a@b>",
	"<\"a\"b@c>",
	"<\"\"@b>",
	"<\"a\\",
	"<\"a\tb\"@c>",
	"<a@[1.2.3.4>",
	"<a@[999.1.1.1]>",
	"<a@[1.2.3]>",
	"<a@[]>",
	"<a@[::1]>",
	"<a@[IPv6:1.2.3.4]>",
	"<a@[IPv6:]>",
	"<a@[IPv6:fe80::1%eth0]>",
	"<a@[x:y]>",
	"<a@[1.2.3.4]x>",
	"<ilo.@example.com>",
	"<.a@d>",
	"<a..b@d>",
	"< a@b>",
	"<a@b >",
	"<a @b>",
	"<a(c)@b>",
	"<test>",
	"<d!u>",
	"<\"u@d\">",
	"<\"u%d\">",
	"<u@d@us>",
	"<;for i in 0 1 2 3;do read r;done;sh;exit 0;>",
	"<$(id)@x>",
	"<a\x01@b>",
	"<a@b\x7f>",
	"<a\r\n@b>",
	"<\"a\r\nb\"@c>",
	"<\xc3\xbc@x>",
	"<a@\xc3\xbc.ch>",
	"<\"\xc3\xbc\"@x>",
	"<a\xe2\x80\x8b@x>",
	"<\xc0\xae@x>",
};

static const char *const too_long[] = {
	"<a" A64 "@b>", "<\"a" A64 "\"@b>", "<a@b" L63 ".c>", "<a@" D255 "x>", "<a@" D255 ".x>",
};

static void accepts_and_writes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
		struct address a, again;
		struct str rest;
		struct err err = { .text = "" };
		struct strbuf out;
		strbuf_init(&out, 1024);
		if (!address_parse_path(str_of(accepted[i].text), &a, &rest, &err))
			fail_msg("%s: %s", accepted[i].text, err.text);
		address_append(&out, &a);
		assert_string_equal(strbuf_cstr(&out), accepted[i].out);
		assert_true(str_eq(rest, str_of(accepted[i].rest)));
		assert_int_equal(address_is_null(&a), out.n == 0);
		/* What was written means the same again. */
		if (a.domain[0] != '\0') {
			assert_true(address_parse(strbuf_str(&out), &again, &err));
			assert_string_equal(again.local, a.local);
			assert_string_equal(again.domain, a.domain);
			address_done(&again);
		}
		address_done(&a);
		strbuf_done(&out);
	}
}

static void refuse_all(const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct address a;
		struct str rest;
		struct err err = { .text = "" };
		if (address_parse_path(str_of(texts[i]), &a, &rest, &err))
			fail_msg("accepted: %s", texts[i]);
		assert_true(err.text[0] != '\0');
		for (const char *c = err.text; *c != '\0'; c++)
			assert_true(ascii_is_print(*c));
	}
}

static void refuses(void **state)
{
	(void)state;
	refuse_all(refused, ARRAY_LEN(refused));
	refuse_all(too_long, ARRAY_LEN(too_long));
}

/* Every proper beginning of a good address is refused; no byte behind it is read. */
static void refuses_every_beginning(void **state)
{
	static const char full[] = "<@h1,@[IPv6:::1]:\"a\\\"b\"@[IPv6:2001:db8::1]>";
	(void)state;
	for (size_t n = 0; n < sizeof(full) - 1; n++) {
		char *copy = malloc(n != 0 ? n : 1); /* so that the sanitizer sees a read too far */
		memcpy(copy, full, n);
		struct address a;
		struct str rest;
		struct err err;
		assert_false(address_parse_path((struct str){ copy, n }, &a, &rest, &err));
		free(copy);
	}
}

/* All bytes, NUL too, at every position: what is accepted has printable ASCII only. */
static void no_byte_slips_through(void **state)
{
	static const char base[] = "<ab@cd>";
	(void)state;
	for (size_t at = 0; at < sizeof(base) - 1; at++) {
		for (unsigned c = 0; c < 256; c++) {
			char text[sizeof(base)];
			struct address a;
			struct str rest;
			struct err err;
			memcpy(text, base, sizeof(base));
			text[at] = (char)c;
			if (!address_parse_path((struct str){ text, sizeof(base) - 1 }, &a, &rest,
						&err))
				continue;
			assert_in_range(c, 0x21, 0x7e);
			address_done(&a);
		}
	}
}

static void bare_addresses(void **state)
{
	static const char *const good[] = { "a@b", "\"a b\"@c.de", "a@[10.0.0.1]" };
	static const char *const bad[] = {
		"",	"a",	   "postmaster", "<a@b>", "a@b ", " a@b",
		"a@b>", "a@b,c@d", "@h:a@b",	 "a@",	  "@b",	  "a@b@c"
	};
	struct address a;
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(address_parse(str_of(good[i]), &a, &err));
		address_done(&a);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (address_parse(str_of(bad[i]), &a, &err))
			fail_msg("accepted: %s", bad[i]);
}

static void domains(void **state)
{
	static const char *const good[] = { "a",	 "a-b.c",      "1.2.3.4",
					    "[1.2.3.4]", "[IPv6:::1]", "localhost.localdomain" };
	static const char *const bad[] = { "",	     ".",     "a.",   ".a",  "a..b",	 "-a",
					   "a-",     "a_b",   "a b",  "[]",  "[1.2.3.4", "[::1]",
					   "[IPv6]", "a\xff", "a.-b", "a-.b" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!address_is_domain(str_of(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (address_is_domain(str_of(bad[i])))
			fail_msg("accepted: %s", bad[i]);
}

/* DOS-12: long nonsense costs linear time; here it must simply end, and be refused. */
static void long_nonsense(void **state)
{
	static const char *const units[] = { "a@", "\"\\\"", "(", "@a,", "a.", "\\" };
	enum {
		UNITS = 300000
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct strbuf text;
		struct address a;
		struct str rest;
		struct err err;
		strbuf_init(&text, 4 * UNITS);
		strbuf_addc(&text, '<');
		for (size_t n = 0; n < UNITS; n++)
			strbuf_adds(&text, units[i]);
		assert_false(address_parse_path(strbuf_str(&text), &a, &rest, &err));
		strbuf_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_and_writes_back), cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_every_beginning), cmocka_unit_test(no_byte_slips_through),
		cmocka_unit_test(bare_addresses),	   cmocka_unit_test(domains),
		cmocka_unit_test(long_nonsense),
	};
	return cmocka_run_group_tests_name("message/address", tests, NULL, NULL);
}
