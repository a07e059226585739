/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "message/reply.h"

/* STR() is no constant where a table is initialised. */
#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

struct good_row {
	struct str in;
	unsigned code;
	unsigned enhanced[3];
	const char *text;
	const char *lines;
};

static const struct good_row good[] = {
	{ BYTES("250 OK\r\n"), 250, { 0 }, "OK", "OK" },
	{ BYTES("250 OK\n"), 250, { 0 }, "OK", "OK" },
	{ BYTES("250\r\n"), 250, { 0 }, "", "" },
	{ BYTES("250\n"), 250, { 0 }, "", "" },
	{ BYTES("334 \r\n"), 334, { 0 }, "", "" },
	{ BYTES("334\r\n"), 334, { 0 }, "", "" },
	{ BYTES("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"),
	  334,
	  { 0 },
	  "eyJzdGF0dXMiOiI0MDEifQ==",
	  "eyJzdGF0dXMiOiI0MDEifQ==" },
	{ BYTES("599 x\r\n"), 599, { 0 }, "x", "x" },
	{ BYTES("200 x\r\n"), 200, { 0 }, "x", "x" },
	/* enhanced codes */
	{ BYTES("535 5.7.3 Authentication unsuccessful [X.prod.outlook.com]\r\n"),
	  535,
	  { 5, 7, 3 },
	  "Authentication unsuccessful [X.prod.outlook.com]",
	  "5.7.3 Authentication unsuccessful [X.prod.outlook.com]" },
	{ BYTES("535 5.7.139 a\r\n"), 535, { 5, 7, 139 }, "a", "5.7.139 a" },
	{ BYTES("250 2.1.0\r\n"), 250, { 2, 1, 0 }, "", "2.1.0" },
	{ BYTES("421 4.3.2\tx\r\n"), 421, { 4, 3, 2 }, "x", "4.3.2\tx" },
	{ BYTES("554 5.999.999 x\r\n"), 554, { 5, 999, 999 }, "x", "5.999.999 x" },
	/* what only looks like one: UPS-18 */
	{ BYTES("250 5.0.0 x\r\n"), 250, { 0 }, "5.0.0 x", "5.0.0 x" },
	{ BYTES("550 4.7.1 x\r\n"), 550, { 0 }, "4.7.1 x", "4.7.1 x" },
	{ BYTES("354 3.1.1 x\r\n"), 354, { 0 }, "3.1.1 x", "3.1.1 x" },
	{ BYTES("550 5.1000.1 x\r\n"), 550, { 0 }, "5.1000.1 x", "5.1000.1 x" },
	{ BYTES("550 5.7.1000 x\r\n"), 550, { 0 }, "5.7.1000 x", "5.7.1000 x" },
	{ BYTES("550 5.7 x\r\n"), 550, { 0 }, "5.7 x", "5.7 x" },
	{ BYTES("550 5.7. x\r\n"), 550, { 0 }, "5.7. x", "5.7. x" },
	{ BYTES("550 5.7.1.2 x\r\n"), 550, { 0 }, "5.7.1.2 x", "5.7.1.2 x" },
	{ BYTES("550 5.7.1: x\r\n"), 550, { 0 }, "5.7.1: x", "5.7.1: x" },
	{ BYTES("550 05.7.1 x\r\n"), 550, { 0 }, "05.7.1 x", "05.7.1 x" },
	{ BYTES("550 5\r\n"), 550, { 0 }, "5", "5" },
	{ BYTES("550 5.\r\n"), 550, { 0 }, "5.", "5." },
	/* several lines */
	{ BYTES("250-a\r\n250-b\r\n250 c\r\n"), 250, { 0 }, "a b c", "a\nb\nc" },
	{ BYTES("250-a\n250 b\n"), 250, { 0 }, "a b", "a\nb" },
	{ BYTES("250-\r\n250-b\r\n250\r\n"), 250, { 0 }, "b", "\nb\n" },
	{ BYTES("550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.2 c\r\n"),
	  550,
	  { 5, 7, 1 },
	  "a b 5.7.2 c",
	  "5.7.1 a\n5.7.1 b\n5.7.2 c" },
	{ BYTES("550-a\r\n550 5.7.1 b\r\n"), 550, { 0 }, "a 5.7.1 b", "a\n5.7.1 b" },
	{ BYTES("550-  a \r\n550   b\r\n"), 550, { 0 }, "a b", "  a \n  b" },
	/* any byte but NUL */
	{ BYTES("250 \xc3\xa9\xff\x01\r\n"), 250, { 0 }, "\xc3\xa9\xff\x01", "\xc3\xa9\xff\x01" },
	{ BYTES("250 a\rb\r\r\n"), 250, { 0 }, "a\rb\r", "a\rb\r" },
};

static const struct str bad[] = {
	BYTES("25\r\n"),
	BYTES("2500 x\r\n"),
	BYTES("abc\r\n"),
	BYTES("250x\r\n"),
	BYTES(" 250 \r\n"),
	BYTES("\r\n"),
	BYTES("\n"),
	BYTES("250-a\r\n354 b\r\n"),
	BYTES("250-a\r\n251 b\r\n"),
	BYTES("250-a\r\nb\r\n"),
	BYTES("250-a\r\n250_b\r\n"),
	BYTES("250 a\0b\r\n"),
	BYTES("250\0\r\n"),
	BYTES("250-a\r\n\0"),
	BYTES("150 x\r\n"),
	BYTES("199 x\r\n"),
	BYTES("000 x\r\n"),
	BYTES("600 x\r\n"),
	BYTES("904 x\r\n"),
	BYTES("+OK\r\n"),
	BYTES("SSH-2.0-OpenSSH_9.2\r\n"),
	BYTES("HTTP/1.1 400 Bad Request\r\n"),
	BYTES("\x15\x03\x01\n"),
	BYTES("-50 x\r\n"),
	BYTES("2 0 x\r\n"),
};

/* What are no replies yet: only more bytes or an end of the connection can tell. */
static const struct str unfinished[] = {
	BYTES(""),
	BYTES("2"),
	BYTES("250"),
	BYTES("250 OK"),
	BYTES("250 OK\r"),
	BYTES("250-a\r\n"),
	BYTES("250-a\r\n250 b"),
};

static enum reply_parse feed(struct str in, size_t step, struct reply_parser *p, struct reply *out,
			     size_t *used)
{
	const char *why = NULL;
	enum reply_parse result = REPLY_PARSE_MORE;
	*used = 0;
	while (*used < in.n && result == REPLY_PARSE_MORE) {
		struct str piece = str_head(str_skip(in, *used), step);
		size_t before = piece.n;
		/* A copy of its own size, so that the sanitizer sees a read past its end. */
		char *copy = malloc(before);
		memcpy(copy, piece.p, before);
		piece.p = copy;
		result = reply_parser_feed(p, &piece, out, &why);
		free(copy);
		*used += before - piece.n;
	}
	if (result == REPLY_PARSE_BAD)
		assert_non_null(why);
	return result;
}

static void check_good(const struct good_row *row, size_t step)
{
	struct reply_parser p;
	struct reply reply = { 0 };
	size_t used;
	reply_parser_init(&p);
	if (feed(row->in, step, &p, &reply, &used) != REPLY_PARSE_DONE)
		fail_msg("not a reply: %s", row->in.p);
	assert_int_equal(used, row->in.n);
	assert_int_equal(reply.code, row->code);
	assert_memory_equal(reply.enhanced, row->enhanced, sizeof(reply.enhanced));
	assert_string_equal(reply.text, row->text);
	assert_string_equal(strbuf_cstr(&p.lines), row->lines);
	reply_done(&reply);
	reply_parser_done(&p);
}

static void parses_good_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		for (size_t step = 1; step < 5; step++)
			check_good(&good[i], step == 4 ? 1000 : step);
}

static void refuses_bad_replies(void **state)
{
	struct reply_parser p;
	struct reply reply = { 0 };
	size_t used;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		for (size_t step = 1; step < 3; step++) {
			reply_parser_init(&p);
			if (feed(bad[i], step == 2 ? 1000 : 1, &p, &reply, &used) !=
			    REPLY_PARSE_BAD)
				fail_msg("taken: %s", bad[i].p);
			assert_null(reply.text);
			reply_parser_done(&p);
		}
	}
}

static void waits_for_the_rest(void **state)
{
	struct reply_parser p;
	struct reply reply = { 0 };
	size_t used;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unfinished); i++) {
		reply_parser_init(&p);
		assert_int_equal(feed(unfinished[i], 1000, &p, &reply, &used), REPLY_PARSE_MORE);
		reply_parser_done(&p);
	}
}

static void leaves_what_follows(void **state)
{
	struct reply_parser p;
	struct reply reply = { 0 };
	struct str in = STR("250-a\r\n250 b\r\n354 go\r\n22");
	const char *why;
	(void)state;
	reply_parser_init(&p);
	assert_int_equal(reply_parser_feed(&p, &in, &reply, &why), REPLY_PARSE_DONE);
	assert_string_equal(reply.text, "a b");
	reply_done(&reply);
	reply_parser_reset(&p);
	assert_int_equal(reply_parser_feed(&p, &in, &reply, &why), REPLY_PARSE_DONE);
	assert_int_equal(reply.code, 354);
	assert_string_equal(strbuf_cstr(&p.lines), "go");
	reply_done(&reply);
	reply_parser_reset(&p);
	assert_int_equal(in.n, 2);
	assert_int_equal(reply_parser_feed(&p, &in, &reply, &why), REPLY_PARSE_MORE);
	assert_int_equal(p.bytes, 2);
	reply_parser_done(&p);
}

/* The first reply's enhanced code must not stick to the next one (Postfix 20260708). */
static void forgets_the_last_reply(void **state)
{
	struct reply_parser p;
	struct reply reply = { 0 };
	struct str in = STR("550-5.7.1 a\r\n550 5.7.1 b\r\n550 c\r\n");
	const char *why;
	(void)state;
	reply_parser_init(&p);
	assert_int_equal(reply_parser_feed(&p, &in, &reply, &why), REPLY_PARSE_DONE);
	reply_done(&reply);
	reply_parser_reset(&p);
	assert_int_equal(reply_parser_feed(&p, &in, &reply, &why), REPLY_PARSE_DONE);
	assert_true(reply_enhanced_is(&reply, 0, 0, 0));
	assert_string_equal(reply.text, "c");
	reply_done(&reply);
	reply_parser_done(&p);
}

/* Feeds `unit` again and again; returns how many bytes went in before the parser gave up. */
static size_t flood(struct str unit)
{
	struct reply_parser p;
	struct reply reply = { 0 };
	const char *why = NULL;
	size_t sum = 0;
	reply_parser_init(&p);
	while (sum < 1000000) {
		struct str in = unit;
		sum += in.n;
		if (reply_parser_feed(&p, &in, &reply, &why) == REPLY_PARSE_BAD)
			break;
	}
	assert_non_null(why);
	reply_parser_done(&p);
	return sum;
}

/* "250-zzz...\r\n", n bytes of it. */
static void make_line(struct strbuf *out, char separator, size_t n)
{
	strbuf_reset(out);
	strbuf_addf(out, "250%c", separator);
	while (out->n < n - 2)
		strbuf_addc(out, 'z');
	strbuf_adds(out, "\r\n");
}

static void bounds_what_it_takes(void **state)
{
	(void)state;
	assert_int_equal(flood(STR("250-x\r\n")), (REPLY_LINES_MAX + 1) * 7); /* UPS-01 */
	assert_in_range(flood(STR("xxxxxxxxxxxxxxxx")), REPLY_BYTES_MAX,
			REPLY_BYTES_MAX + 16); /* UPS-02 */
	struct strbuf line;
	strbuf_init(&line, 1024);
	make_line(&line, '-', 1024);
	assert_in_range(flood(strbuf_str(&line)), REPLY_BYTES_MAX, REPLY_BYTES_MAX + 1024);
	strbuf_done(&line);
}

static void takes_as_many_lines_as_it_may(void **state)
{
	struct reply_parser p;
	struct reply reply = { 0 };
	const char *why;
	(void)state;
	reply_parser_init(&p);
	for (size_t i = 1; i < REPLY_LINES_MAX; i++) {
		struct str in = STR("250-x\r\n");
		assert_int_equal(reply_parser_feed(&p, &in, &reply, &why), REPLY_PARSE_MORE);
	}
	struct str in = STR("250 y\r\n");
	assert_int_equal(reply_parser_feed(&p, &in, &reply, &why), REPLY_PARSE_DONE);
	assert_int_equal(strlen(reply.text), REPLY_LINES_MAX * 2 - 1);
	reply_done(&reply);
	reply_parser_done(&p);
}

static void keeps_the_head_of_a_long_text(void **state)
{
	struct reply_parser p;
	struct reply reply = { 0 };
	const char *why;
	struct strbuf line;
	(void)state;
	strbuf_init(&line, 2000);
	reply_parser_init(&p);
	for (int i = 0; i < 4; i++) {
		make_line(&line, i == 3 ? ' ' : '-', 1006);
		struct str in = strbuf_str(&line);
		assert_int_equal(reply_parser_feed(&p, &in, &reply, &why),
				 i == 3 ? REPLY_PARSE_DONE : REPLY_PARSE_MORE);
	}
	assert_int_equal(strlen(reply.text), REPLY_TEXT_MAX);
	assert_int_equal(p.lines.n, 4003);
	strbuf_done(&line);
	reply_done(&reply);
	reply_parser_done(&p);
}

struct text_row {
	unsigned code;
	const char *text;
	const char *whole;
	const char *dsn;
};

static const struct text_row texts[] = {
	{ 535, "5.7.3 Authentication unsuccessful", "535 5.7.3 Authentication unsuccessful",
	  "5.7.3" },
	{ 535, "5.7.3", "535 5.7.3", "5.7.3" },
	{ 250, "OK", "250 OK", "2.0.0" },
	{ 250, "", "250", "2.0.0" },
	{ 250, NULL, "250", "2.0.0" },
	{ 451, "5.7.1 x", "451 5.7.1 x", "4.0.0" },
	{ 554, "no", "554 no", "5.0.0" },
	{ 354, "go", "354 go", "4.0.0" },
	{ REPLY_LOCAL_DNS, "no address", "no address", "4.4.3" },
	{ REPLY_LOCAL_CONNECT, "x", "x", "4.4.1" },
	{ REPLY_LOCAL_TLS, "x", "x", "4.7.5" },
	{ REPLY_LOCAL_TIMEOUT, "x", "x", "4.4.2" },
	{ REPLY_LOCAL_LOST, "x", "x", "4.4.2" },
	{ REPLY_LOCAL_PROTOCOL, "x", "x", "4.5.0" },
	{ REPLY_LOCAL_NO_XOAUTH2, "x", "x", "4.7.4" },
	{ REPLY_LOCAL_TOKEN, "x", "x", "4.7.8" },
	{ REPLY_LOCAL_MESSAGE, "x", "x", "4.3.0" },
	{ REPLY_LOCAL_EXTENSION, "x", "x", "5.3.3" },
	{ 950, "x", "x", "4.0.0" },
};

static void writes_replies(void **state)
{
	struct reply a = { 0 }, b = { 0 };
	struct strbuf out;
	(void)state;
	strbuf_init(&out, 4096);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		reply_set(&a, texts[i].code, texts[i].text);
		reply_copy(&b, &a);
		strbuf_reset(&out);
		reply_append(&out, &b);
		assert_string_equal(strbuf_cstr(&out), texts[i].whole);
		strbuf_reset(&out);
		reply_append_dsn(&out, &b);
		assert_string_equal(strbuf_cstr(&out), texts[i].dsn);
	}
	/* What is set wins over what a local failure stands for. */
	a.enhanced[0] = 5;
	a.enhanced[1] = 3;
	a.enhanced[2] = 4;
	strbuf_reset(&out);
	reply_append_dsn(&out, &a);
	assert_string_equal(strbuf_cstr(&out), "5.3.4");
	strbuf_done(&out);
	reply_done(&a);
	reply_done(&b);
	reply_done(&b);
	assert_null(b.text);
}

static void knows_classes(void **state)
{
	struct reply r = { .code = 421 };
	(void)state;
	assert_int_equal(reply_class(&r), 4);
	r.code = REPLY_LOCAL_LOST;
	assert_int_equal(reply_class(&r), 9);
	r.enhanced[0] = 4;
	r.enhanced[2] = 2;
	assert_true(reply_enhanced_is(&r, 4, 0, 2));
	assert_false(reply_enhanced_is(&r, 4, 0, 3));
}

static void cuts_a_long_text_that_is_set(void **state)
{
	char *text = malloc(5001);
	struct reply r = { 0 };
	(void)state;
	memset(text, 'x', 5000);
	text[5000] = '\0';
	reply_set(&r, 550, text);
	assert_int_equal(strlen(r.text), REPLY_TEXT_MAX);
	reply_done(&r);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_good_replies),
		cmocka_unit_test(refuses_bad_replies),
		cmocka_unit_test(waits_for_the_rest),
		cmocka_unit_test(leaves_what_follows),
		cmocka_unit_test(forgets_the_last_reply),
		cmocka_unit_test(bounds_what_it_takes),
		cmocka_unit_test(takes_as_many_lines_as_it_may),
		cmocka_unit_test(keeps_the_head_of_a_long_text),
		cmocka_unit_test(writes_replies),
		cmocka_unit_test(knows_classes),
		cmocka_unit_test(cuts_a_long_text_that_is_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
