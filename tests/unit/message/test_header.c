/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attr.h"
#include "message/header.h"

static bool stays(const void *arg, struct str address)
{
	return str_ieq(address, str_of(arg)) || str_ieq(address, STR("m@x.y"));
}

static const char *edit(const char *header, const char *mailbox, const char *send_as,
			struct strbuf *out)
{
	const struct header_edit how = {
		.mailbox = mailbox,
		.from = "p@x.y",
		.may_stay = stays,
		.arg = send_as,
		.id = "abc",
		.hostname = "relay.x.y",
		.accepted_ms = 0,
	};
	strbuf_init(out, 65536);
	assert_true(header_edit(str_of(header), &how, out));
	return strbuf_cstr(out);
}

#define DATE "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
#define ID   "Message-ID: <abc@relay.x.y>\r\n"

static void test_edit(void **state)
{
	static const struct row {
		const char *header;
		const char *mailbox;
		const char *send_as;
		const char *expected;
	} rows[] = {
		/* the printer's case */
		{ "From: Scanner <scan@printer.local>\r\nSubject: a\r\n\tb\r\n\r\n", "m@x.y", "",
		  "From: Scanner <m@x.y>\r\nSubject: a\r\n\tb\r\n" DATE ID "\r\n" },
		/* may stay: byte for byte, odd spelling included */
		{ "from:  Inv (a@b)\r\n <INVOICES@x.y>\r\n\r\n", "m@x.y", "invoices@x.y",
		  "from:  Inv (a@b)\r\n <INVOICES@x.y>\r\n" DATE ID "\r\n" },
		{ "From: m@x.y (Scan, \xe4)\r\n\r\n", "m@x.y", "",
		  "From: m@x.y (Scan, \xe4)\r\n" DATE ID "\r\n" },
		/* may stay, but Exchange would find another sender in it, or none */
		{ "from :  Inv <INVOICES@x.y>\r\n\r\n", "m@x.y", "invoices@x.y",
		  "From: Inv <INVOICES@x.y>\r\n" DATE ID "\r\n" },
		{ "From: Scan <m@x.y> (a, b@x.y\r\n\r\n", "m@x.y", "",
		  "From: Scan <m@x.y>\r\n" DATE ID "\r\n" },
		{ "From: scan@3f <m@x.y>\r\n\r\n", "m@x.y", "",
		  "From: \"scan@3f\" <m@x.y>\r\n" DATE ID "\r\n" },
		{ "From: Copy [3F] <m @ x.y>\r\n\r\n", "m@x.y", "",
		  "From: \"Copy [3F]\" <m@x.y>\r\n" DATE ID "\r\n" },
		{ "Sender: a@b <m@x.y>\r\nFrom: m@x. y\r\n\r\n", "m@x.y", "",
		  "Sender: \"a@b\" <m@x.y>\r\nFrom: m@x.y\r\n" DATE ID "\r\n" },
		/* nothing there at all */
		{ "", "m@x.y", "", "From: m@x.y\r\n" DATE ID "\r\n" },
		{ "\r\n", "m@x.y", "", "From: m@x.y\r\n" DATE ID "\r\n" },
		/* several From addresses, several From fields */
		{ "From: a@b.c, d@e.f\r\nFrom: g@h.i\r\n\r\n", "m@x.y", "",
		  "From: m@x.y\r\n" DATE ID "\r\n" },
		/* Sender goes, unless it may stay; Bcc and Return-Path go always */
		{ "Sender: a@b.c\r\nBcc: s@e.c\r\nReturn-Path: <q@r.s>\r\nFrom: a@b.c\r\n\r\n",
		  "m@x.y", "", "From: m@x.y\r\n" DATE ID "\r\n" },
		{ "Sender: m@x.y\r\nFrom: m@x.y\r\n\r\n", "m@x.y", "",
		  "Sender: m@x.y\r\nFrom: m@x.y\r\n" DATE ID "\r\n" },
		/* keep: nothing but what is missing */
		{ "From: a@b.c, d@e.f\r\nSender: z@z.z\r\n\r\n", NULL, "",
		  "From: a@b.c, d@e.f\r\nSender: z@z.z\r\n" DATE ID "\r\n" },
		/* RFC 6409 8.1: the reverse-path, where there is no From */
		{ "Subject: a\r\n\r\n", NULL, "", "Subject: a\r\nFrom: p@x.y\r\n" DATE ID "\r\n" },
		{ "", NULL, "", "From: p@x.y\r\n" DATE ID "\r\n" },
		/* what is there is not added again, whatever its case */
		{ "message-id: <1@2>\r\nDATE: x\r\nFrom: m@x.y\r\n\r\n", "m@x.y", "",
		  "message-id: <1@2>\r\nDATE: x\r\nFrom: m@x.y\r\n\r\n" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out;
		assert_string_equal(edit(rows[i].header, rows[i].mailbox, rows[i].send_as, &out),
				    rows[i].expected);
		strbuf_done(&out);
	}
}

static void test_same_for_every_attempt(void **state)
{
	struct strbuf first, second;
	(void)state;
	const char *a = edit("Subject: x\r\n\r\n", "m@x.y", "", &first);
	const char *b = edit("Subject: x\r\n\r\n", "m@x.y", "", &second);
	assert_string_equal(a, b);
	strbuf_done(&first);
	strbuf_done(&second);
}

static void test_overflow_is_told(void **state)
{
	const struct header_edit how = {
		.mailbox = NULL, .from = "", .may_stay = stays, .id = "a", .hostname = "b"
	};
	struct strbuf out;
	(void)state;
	strbuf_init(&out, 20);
	assert_false(header_edit(STR("Subject: longer than twenty\r\n\r\n"), &how, &out));
	strbuf_done(&out);
}

static void test_walk(void **state)
{
	struct str rest = STR("A: 1\r\n 2\r\nB : 3\r\n\r\nC: 4\r\n");
	struct header_field field;
	(void)state;
	assert_true(header_next(&rest, &field));
	assert_true(str_eq(field.name, STR("A")));
	assert_true(str_eq(field.value, STR(" 1\r\n 2\r\n")));
	assert_true(header_next(&rest, &field));
	assert_true(str_eq(field.name, STR("B")));
	assert_false(header_next(&rest, &field));
	assert_true(str_starts(rest, STR("\r\nC")));
	assert_true(header_find(STR("X: 1\r\nfrom: 2\r\n"), STR("From"), &field));
	assert_false(header_find(STR("X: 1\r\n\r\nfrom: 2\r\n"), STR("From"), &field));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_same_for_every_attempt),
		cmocka_unit_test(test_overflow_is_told),
		cmocka_unit_test(test_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
