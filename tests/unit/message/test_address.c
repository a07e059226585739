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
		if (!address_parse_path(str_of(accepted[i].text), 0, &a, &rest, &err))
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
		if (address_parse_path(str_of(texts[i]), 0, &a, &rest, &err))
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
		assert_false(address_parse_path((struct str){ copy, n }, 0, &a, &rest, &err));
		free(copy);
	}
}

/* All bytes, NUL too, at every position: what is accepted has printable ASCII only. (No single byte
 * above 0x7f is UTF-8.) */
static void check_every_byte(unsigned flags)
{
	static const char base[] = "<ab@cd>";
	for (size_t at = 0; at < sizeof(base) - 1; at++) {
		for (unsigned c = 0; c < 256; c++) {
			char text[sizeof(base)];
			struct address a;
			struct str rest;
			struct err err;
			memcpy(text, base, sizeof(base));
			text[at] = (char)c;
			if (!address_parse_path((struct str){ text, sizeof(base) - 1 }, flags, &a,
						&rest, &err))
				continue;
			assert_in_range(c, 0x21, 0x7e);
			address_done(&a);
		}
	}
}

static void no_byte_slips_through(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 16; flags++)
		check_every_byte(flags);
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

/* In ASCII; the rest is in test_domain.c. */
static void domains(void **state)
{
	(void)state;
	assert_true(address_is_domain(STR("a-b.c")));
	assert_true(address_is_domain(STR("[IPv6:::1]")));
	assert_false(address_is_domain(STR("a_b")));
	assert_false(address_is_domain(STR("b\xc3\xbc")));
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
		assert_false(address_parse_path(strbuf_str(&text), 15, &a, &rest, &err));
		strbuf_done(&text);
	}
}

/* What the flags add, and to what. */
static const struct flag_row {
	const char *text;
	unsigned flags; /* all that it needs */
	const char *out;
	const char *rest;
} flag_rows[] = {
	{ "a@b", ADDRESS_NO_BRACKETS, "a@b", "" },
	{ "a@b SIZE=1", ADDRESS_NO_BRACKETS, "a@b", " SIZE=1" },
	{ "\"a b\"@[10.0.0.1]\tX", ADDRESS_NO_BRACKETS, "\"a b\"@[10.0.0.1]", "\tX" },
	{ "postmaster", ADDRESS_NO_BRACKETS, "postmaster", "" },
	{ "root", ADDRESS_NO_BRACKETS | ADDRESS_BARE_NAME, "root", "" },
	{ "root X", ADDRESS_NO_BRACKETS | ADDRESS_BARE_NAME, "root", " X" },
	{ "<root>", ADDRESS_BARE_NAME, "root", "" },
	{ "<\"a b\"> X", ADDRESS_BARE_NAME, "\"a b\"", " X" },
	{ "<d!u>", ADDRESS_BARE_NAME, "d!u", "" },
	{ "<@h:root>", ADDRESS_BARE_NAME, "root", "" },
	/* Written as RFC 5321 would have had it. */
	{ "<ilo.@example.com>", ADDRESS_ODD_DOTS, "\"ilo.\"@example.com", "" },
	{ "<.a@d>", ADDRESS_ODD_DOTS, "\".a\"@d", "" },
	{ "<a..b@d>", ADDRESS_ODD_DOTS, "\"a..b\"@d", "" },
	{ "<a@b.c.>", ADDRESS_ODD_DOTS, "a@b.c", "" },
	{ "<.a..@b.>", ADDRESS_ODD_DOTS, "\".a..\"@b", "" },
	{ "ilo.@b.c.", ADDRESS_ODD_DOTS | ADDRESS_NO_BRACKETS, "\"ilo.\"@b.c", "" },
	{ "<ilo.>", ADDRESS_ODD_DOTS | ADDRESS_BARE_NAME, "\"ilo.\"", "" },
	{ "<j\xc3\xbcrgen@x>", ADDRESS_UTF8, "j\xc3\xbcrgen@x", "" },
	{ "<\"j\xc3\xbc r\"@x>", ADDRESS_UTF8, "\"j\xc3\xbc r\"@x", "" },
	{ "<\"\xc3\xbc\"@x>", ADDRESS_UTF8, "\xc3\xbc@x", "" },
	{ "<\"\\\xc3\xbc\"@x>", ADDRESS_UTF8, "\xc3\xbc@x", "" },
	{ "<a@b\xc3\xbc"
	  "cher.ch>",
	  ADDRESS_UTF8,
	  "a@b\xc3\xbc"
	  "cher.ch",
	  "" },
	{ "<\xe4\xb8\xad.\xf0\x9f\x98\x80@x>", ADDRESS_UTF8, "\xe4\xb8\xad.\xf0\x9f\x98\x80@x",
	  "" },
	{ "<a\xe2\x80\x8d"
	  "b@x>",
	  ADDRESS_UTF8,
	  "a\xe2\x80\x8d"
	  "b@x",
	  "" },
};

static void flags_add_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flag_rows); i++) {
		const struct flag_row *row = &flag_rows[i];
		for (unsigned flags = 0; flags < 16; flags++) {
			struct address a;
			struct str rest;
			struct err err;
			struct strbuf out;
			bool enough = (flags & row->flags) == row->flags;
			bool ok = address_parse_path(str_of(row->text), flags, &a, &rest, &err);
			if (ok != enough)
				fail_msg("%s: %d with %u", row->text, ok, flags);
			if (!ok)
				continue;
			strbuf_init(&out, 1024);
			address_append(&out, &a);
			assert_string_equal(strbuf_cstr(&out), row->out);
			assert_true(str_eq(rest, str_of(row->rest)));
			assert_int_equal(address_is_ascii(&a), (row->flags & ADDRESS_UTF8) == 0);
			strbuf_done(&out);
			address_done(&a);
		}
	}
}

/* With all forgiveness there is. */
static void flags_do_not_add(void **state)
{
	static const char *const never[] = {
		"",
		"a@b>",
		"<a@b",
		"a@b,c@d",
		"SIZE=1",
		"<>x",
		"<.@d>",
		"<..>",
		"<a@.>",
		"<a@..>",
		"<a@b..>",
		"<a@.b>",
		"<a@b..c>",
		"<a b@c>",
		"<Foo <a@b>>",
		"<a@[1.2.3.4].>",
		"<;for i in 0 1 2 3;do read r;done;sh;exit 0;>",
		/* not UTF-8: overlong, surrogates, too high, cut */
		"<\xc0\xae@x>",
		"<a@\xc0\xae.ch>",
		"<\xed\xa0\x80@x>",
		"<\xf4\x90\x80\x80@x>",
		"<\xc3@x>",
		"<\"\xc3\"@x>",
		"<a@\xc3.ch>",
		"<\xff@x>",
		/* hidden: U+0085 U+200B U+2060 U+FEFF U+202A U+202E U+2066 U+2069 */
		"<a\xc2\x85@x>",
		"<a\xe2\x80\x8b@x>",
		"<a\xe2\x81\xa0@x>",
		"<a\xef\xbb\xbf@x>",
		"<\xe2\x80\xaa@x>",
		"<\"\xe2\x80\xae\"@x>",
		"<\xe2\x81\xa6@x>",
		"<\"a\\\xe2\x81\xa9\"@x>",
		"<a@b\xe2\x80\xae.ch>",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		struct address a;
		struct str rest;
		struct err err = { .text = "" };
		if (address_parse_path(str_of(never[i]), 15, &a, &rest, &err))
			fail_msg("accepted: %s", never[i]);
		for (const char *c = err.text; *c != '\0'; c++)
			assert_true(ascii_is_print(*c));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_and_writes_back),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_every_beginning),
		cmocka_unit_test(no_byte_slips_through),
		cmocka_unit_test(bare_addresses),
		cmocka_unit_test(domains),
		cmocka_unit_test(long_nonsense),
		cmocka_unit_test(flags_add_what_they_say),
		cmocka_unit_test(flags_do_not_add),
	};
	return cmocka_run_group_tests_name("message/address", tests, NULL, NULL);
}
