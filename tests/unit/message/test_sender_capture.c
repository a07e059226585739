/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "message/sender_capture.h"

struct passing {
	struct body_in body;
	struct sender_capture capture;
};

static void emit(void *arg, struct str bytes)
{
	struct passing *p = arg;
	sender_capture_feed(&p->capture, bytes, &p->body.stats);
}

/* As a session does it: our own field first, then the client's bytes in pieces of n. */
static void pass(struct passing *p, const char *wire, size_t n)
{
	struct str rest = str_of(wire);
	sender_capture_init(&p->capture);
	body_in_init(&p->body, BODY_IN_DATA, emit, p);
	body_in_prepend(&p->body, STR("Received: from x\r\n\tby y\r\n"));
	while (rest.n != 0) {
		struct str piece = str_head(rest, n);
		rest = str_skip(rest, piece.n);
		assert_false(body_in_feed(&p->body, &piece));
	}
}

static const size_t pieces[] = { 1, 2, 3, 7, 100000 };

static void test_what_is_kept(void **state)
{
	static const struct {
		const char *wire;
		const char *fields;
	} rows[] = {
		{ "", "" },
		{ "Subject: x\r\n\r\nFrom: a@b.c\r\n", "" },
		{ "From: a@b.c\r\n\r\nFrom: d@e.f\r\n", "From: a@b.c\r\n" },
		{ "to: x\r\nFROM : a@b.c\r\nX-From: d@e.f\r\nFroma: x\r\n\r\n", "FROM: a@b.c\r\n" },
		{ "From                         : a@b.c\r\n\r\n", "From: a@b.c\r\n" },
		{ "From\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t:a@b.c\r\n\r\n", "From:a@b.c\r\n" },
		{ "From:\r\n a@b.c\r\n\t(x)\r\nTo: y\r\n z\r\nSender: s@t.u\r\n\r\n",
		  "From:\r\n a@b.c\r\n\t(x)\r\nSender: s@t.u\r\n" },
		{ "Resent-From: a@b.c\r\nresent-sender: d@e.f\r\nFrom: 1\r\nfrom: 2\r\n\r\n",
		  "Resent-From: a@b.c\r\nresent-sender: d@e.f\r\nFrom: 1\r\nfrom: 2\r\n" },
		/* The header is over where body_in says so, and that is what will be sent. */
		{ " From: a@b.c\r\nFrom: d@e.f\r\n", "" },
		{ "Subject: x\r\nno field\r\nFrom: a@b.c\r\n\r\n", "" },
		{ "From a@b Sun Nov 22\r\nFrom: a@b.c\r\n", "" },
		{ "Subject: x\r\nFrom a: b\r\nFrom: a@b.c\r\n", "" },
		/* Line ends that are none of ours are made so before. */
		{ "Subject: x\nFrom: a@b.c\n\nbody\n", "From: a@b.c\r\n" },
		{ "Subject: x\rFrom: a@b.c\r\n\r\n", "" },
		{ "From: a@b.c\r\r\n\r\n", "From: a@b.c \r\n" },
		{ "A:\r\nFrom:\r\n\r\n", "From:\r\n" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t j = 0; j < ARRAY_LEN(pieces); j++) {
			struct passing p;
			pass(&p, rows[i].wire, pieces[j]);
			assert_string_equal(strbuf_cstr(&p.capture.fields), rows[i].fields);
			assert_false(p.capture.fields.overflow);
			sender_capture_done(&p.capture);
		}
}

static void test_it_is_bounded(void **state)
{
	struct strbuf wire;
	struct passing p;
	(void)state;
	strbuf_init(&wire, 1024 * 1024);
	strbuf_adds(&wire, "To: ");
	for (int i = 0; i < SENDER_CAPTURE_MAX; i++)
		strbuf_addc(&wire, 'x');
	strbuf_adds(&wire, "\r\nFrom: a@b.c\r\n");
	pass(&p, strbuf_cstr(&wire), 100);
	assert_false(p.capture.fields.overflow); /* others may be as long as they like */
	sender_capture_done(&p.capture);
	strbuf_adds(&wire, "From: ");
	for (int i = 0; i < SENDER_CAPTURE_MAX; i++)
		strbuf_addc(&wire, 'x');
	strbuf_adds(&wire, "\r\n\r\n");
	for (size_t j = 0; j < ARRAY_LEN(pieces); j++) {
		pass(&p, strbuf_cstr(&wire), pieces[j]);
		assert_true(p.capture.fields.overflow);
		assert_in_range(p.capture.fields.n, 0, SENDER_CAPTURE_MAX);
		sender_capture_done(&p.capture);
	}
	strbuf_done(&wire);
}

static bool is_good(const void *arg, struct str address)
{
	return str_ieq(address, str_of(arg));
}

/* refused: "name address", "name ?" when unreadable; NULL: fine. */
static void check(const char *wire, const char *default_domain, const char *refused)
{
	for (size_t j = 0; j < ARRAY_LEN(pieces); j++) {
		struct sender_field found = { .readable = true };
		struct strbuf scratch, text;
		struct passing p;
		strbuf_init(&scratch, SENDER_CAPTURE_MAX);
		strbuf_init(&text, 1024);
		pass(&p, wire, pieces[j]);
		p.capture.default_domain = default_domain;
		if (!sender_capture_check(&p.capture, is_good, "ok@b.c", &scratch, &found)) {
			strbuf_addstr(&text, found.name);
			strbuf_addc(&text, ' ');
			strbuf_addstr(&text, found.readable ? found.address : STR("?"));
		}
		assert_string_equal(strbuf_cstr(&text), refused != NULL ? refused : "");
		strbuf_done(&scratch);
		strbuf_done(&text);
		sender_capture_done(&p.capture);
	}
}

static void test_every_address_must_be_allowed(void **state)
{
	static const struct {
		const char *wire;
		const char *refused;
	} rows[] = {
		{ "Subject: x\r\n\r\n", NULL },
		{ "From: ok@b.c\r\n\r\n", NULL },
		{ "From: \"Ok\" <OK@B.C>\r\nSender: Ok <ok@b.c>\r\n\r\n", NULL },
		{ "From: ok@b.c, Two (x, y) <ok@b.c>\r\n\r\n", NULL },
		{ "From: =?utf-8?q?a?=\r\n <ok@b.c>\r\n\r\n", NULL },
		{ "From: \"a, b@c.d\" <ok@b.c>\r\n\r\n", NULL },
		{ "From: bad@b.c\r\n\r\n", "From bad@b.c" },
		{ "From: ok@b.c\r\nFrom: bad@b.c\r\n\r\n", "From bad@b.c" },
		{ "From: ok@b.c, bad@b.c\r\n\r\n", "From bad@b.c" },
		{ "From: ok@b.c,\r\n bad@b.c\r\n\r\n", "From bad@b.c" },
		{ "From: ok@b.c\r\nsender: bad@b.c\r\n\r\n", "sender bad@b.c" },
		{ "Resent-From: bad@b.c\r\nFrom: ok@b.c\r\n\r\n", "Resent-From bad@b.c" },
		{ "Resent-Sender: bad@b.c\r\nFrom: ok@b.c\r\n\r\n", "Resent-Sender bad@b.c" },
		{ "From: ok@b.c <bad@b.c>\r\n\r\n", "From ?" },
		{ "From: bad@b.c <ok@b.c>\r\n\r\n", "From ?" },
		{ "From: <ok@b.c> bad@b.c\r\n\r\n", "From ?" },
		{ "From: <ok@b.c><bad@b.c>\r\n\r\n", "From ?" },
		{ "From: Group: ok@b.c, bad@b.c;\r\n\r\n", "From ?" },
		{ "From: <@bad.c,@d:ok@b.c>\r\n\r\n", "From ?" },
		{ "From: bad, name <ok@b.c>\r\n\r\n", "From ?" },
		{ "From:\r\n\r\n", "From ?" },
		{ "From: ok@b.c,\r\n\r\n", "From ?" },
		{ "From: <>\r\n\r\n", "From ?" },
		{ "From: ok\r\n\r\n", "From ?" },
		{ "From: ok@b.c@d.e\r\n\r\n", "From ?" },
		{ "From: bad@x (c) .y\r\n\r\n", "From ?" },
		{ "From: \"ok@b.c\r\n\r\n", "From ?" },
		{ "From: ok@b.c (\r\n\r\n", "From ?" },
		{ "From: <ok@b.c> (a (b), bad@b.c\r\n\r\n", "From ?" },
		{ "From: ok@b.c (\\), bad@b.c\r\n\r\n", "From ?" },
		{ "From: (\\)) \"\\\"\" (a (b)) <ok@b.c> (c)\r\n\r\n", NULL },
		{ "From: \"ok@b.c\"@d.e\r\n\r\n", "From \"ok@b.c\"@d.e" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(rows[i].wire, NULL, rows[i].refused);
}

/* What cron writes, where the configuration says whose root that is. */
static void test_bare_names_are_completed(void **state)
{
	static const struct {
		const char *wire;
		const char *refused;
	} rows[] = {
		{ "From: ok\r\n\r\n", NULL },
		{ "From: ok (Cron Daemon)\r\n\r\n", NULL },
		{ "From: Cron Daemon <ok>\r\nSender: ok\r\n\r\n", NULL },
		{ "From: ok, ok@b.c\r\n\r\n", NULL },
		{ "From: bad\r\n\r\n", "From bad@b.c" },
		{ "From: ok (bad@b.c)\r\n\r\n", "From ?" },
		{ "From: ok%bad\r\n\r\n", "From ?" },
		{ "From: ok (\r\n\r\n", "From ?" },
		{ "From: bad@d.e <ok>\r\n\r\n", "From ?" },
		{ "From:\r\n\r\n", "From ?" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(rows[i].wire, "b.c", rows[i].refused);
	check("From: ok\r\n\r\n", "", "From ?");
	check("From: ok\r\n\r\n", "x.y", "From ok@x.y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_kept),
		cmocka_unit_test(test_it_is_bounded),
		cmocka_unit_test(test_every_address_must_be_allowed),
		cmocka_unit_test(test_bare_names_are_completed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
