/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/clock.h"
#include "inbound/server.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/world_client.h"

#define HI	 "EHLO client.example\r\n"
#define ENVELOPE "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"
#define BEGIN	 HI ENVELOPE
#define BEGUN	 "220 250 250 250 "

/* The content without our Received field. */
static const char *stored(const struct inbound_world *w, size_t i)
{
	const char *text = strbuf_cstr(&w->messages[i].content);
	assert_memory_equal(text, "Received: ", 10);
	const char *end = strstr(text, "+0000\r\n");
	assert_non_null(end);
	assert_int_equal(w->messages[i].stats.size, w->messages[i].content.n);
	return end + 7;
}

/* --- dialogues (threats.md 2.5); content NULL: nothing is stored ---------------------------- */

static const struct row {
	const char *name;
	const char *input;
	const char *codes;
	const char *content;
} rows[] = {
	{ "BDT-01", BEGIN "BDAT 11 LAST\r\nA: b\r\n\r\nabcQUIT\r\n", BEGUN "250 221",
	  "A: b\r\n\r\nabc\r\n" },
	{ "BDT-01 chunks", BEGIN "BDAT 7\r\nA: b\r\n\rBDAT 1\r\n\nBDAT 5 LAST\r\nx\r\n.\rQUIT\r\n",
	  BEGUN "250 250 250 221", "A: b\r\n\r\nx\r\n. \r\n" },
	{ "BDT-02 closed", BEGIN "BDAT 9 LAST\r\nA: b\r\n", "220 250 250 250", NULL },
	{ "BDT-03", BEGIN "BDAT 6 LAST\r\nA: b\r\nx\r\nQUIT\r\n", BEGUN "250 500 221", "A: b\r\n" },
	{ "BDT-04 zero", BEGIN "BDAT 0\r\nBDAT 4\r\nA: bBDAT 0\r\nBDAT 0 LAST\r\nQUIT\r\n",
	  BEGUN "250 250 250 250 221", "A: b\r\n" },
	{ "BDT-04 zero only", BEGIN "BDAT 0 LAST\r\nQUIT\r\n", BEGUN "250 221", "" },
	{ "BDT-05 case, zeros", BEGIN "bdat 006 last  \r\nA: b\r\nQUIT\r\n", BEGUN "250 221",
	  "A: b\r\n" },
	{ "BDT-06 nothing",
	  "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n" HI "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
	  "220 503 503 250 503 250", NULL },
	{ "BDT-06 no recipient",
	  HI "MAIL FROM:<a@b.c>\r\nRCPT TO:<a@>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nRSET\r\n"
	     "RCPT TO:<d@e.f>\r\nBDAT 6 LAST\r\nA: b\r\nQUIT\r\n",
	  "220 250 250 501 503 503 250 250 221", "A: b\r\n" },
	{ "BDT-07 other commands",
	  BEGIN "BDAT 3\r\nA: DATA\r\nMAIL FROM:<x@y>\r\nRCPT TO:<x@y>\r\nSTARTTLS\r\n"
		"AUTH PLAIN AGEAYg==\r\nNOOP\r\nVRFY x\r\nHELP\r\nFOO\r\nBDAT 1 LAST\r\nbQUIT\r\n",
	  BEGUN "250 503 503 503 503 503 250 252 214 500 250 221", "A: b\r\n" },
	{ "BDT-07 behind LAST",
	  BEGIN "BDAT 4 LAST\r\nA: bBDAT 6 LAST\r\nQUIT\r\nDATA\r\nRCPT TO:<x@y>\r\nQUIT\r\n",
	  BEGUN "250 503 503 503 221", "A: b\r\n" },
	{ "BDT-07 DATA, then BDAT", BEGIN "DATA\r\nA: b\r\n.\r\nBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n",
	  BEGUN "354 250 503 221", "A: b\r\n" },
	{ "BDT-08 RSET", BEGIN "BDAT 4\r\nA: bRSET\r\nBDAT 6 LAST\r\nQUIT\r\nDATA\r\nQUIT\r\n",
	  BEGUN "250 250 503 503 221", NULL },
	{ "BDT-08 EHLO, HELO", BEGIN "BDAT 4\r\nA: b" BEGIN "BDAT 4\r\nA: bHELO x\r\nDATA\r\n",
	  BEGUN "250 250 250 250 250 250 503", NULL },
	{ "BDT-08 QUIT", BEGIN "BDAT 4\r\nA: bQUIT\r\n", BEGUN "250 221", NULL },
	{ "BDT-11", BEGIN "BDAT 27 LAST\r\nx\r\n.\r\nMAIL FROM:<x@y>\r\n..\r\nQUIT\r\n",
	  BEGUN "250 221", "x\r\n.\r\nMAIL FROM:<x@y>\r\n..\r\n" },
	{ "BDT-15", HI "MAIL FROM:<a@b> BODY=BINARYMIME\r\n", "220 250 555", NULL },
	{ "lone line ends", BEGIN "BDAT 9 LAST\r\n\n.\n\r.\r\n\r\rQUIT\r\n", BEGUN "250 221",
	  "\r\n.\r\n .\r\n  \r\n" },
	{ "two messages",
	  BEGIN "BDAT 1 LAST\r\nx" ENVELOPE "BDAT 1 LAST\r\nx" ENVELOPE "DATA\r\nx\r\n.\r\n",
	  BEGUN "250 250 250 250 250 250 354 250", "x\r\n" },
	{ "HELO", "HELO x\r\n" ENVELOPE "BDAT 1 LAST\r\nxQUIT\r\n", BEGUN "250 221", "x\r\n" },
};

static void dialogues(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		world_dialogue(w, rows[i].name, str_of(rows[i].input), rows[i].codes);
		if (rows[i].content == NULL)
			assert_int_equal(w->message_count, 0);
		else
			assert_true(w->message_count >= 2);
		for (size_t k = 0; k < w->message_count; k++)
			assert_string_equal(stored(w, k), rows[i].content);
		assert_int_equal(w->begun, w->message_count + w->abandoned);
		world_clear(w);
	}
	inbound_world_free(w);
}

/* BDT-05: what is no size ends the connection, wherever it comes, and nothing of it is run. */
static void bdt_05_malformed(void **state)
{
	static const char *const args[] = { "",
					    " ",
					    " -1",
					    " +5",
					    " 5x",
					    " 0x10",
					    " 18446744073709551616",
					    " 99999999999999999999999",
					    " 5 FIRST",
					    " 5 LAST LAST",
					    " 5  LAST",
					    " 5\tLAST",
					    " 5 LASTX",
					    " LAST",
					    " 5\x01",
					    " 5 LAST\x7f" };
	static const char *const openings[] = { "", HI, HI "MAIL FROM:<a@b>\r\n", BEGIN,
						BEGIN "BDAT 1\r\nx" };
	static const char *const codes[] = { "220", "220 250", "220 250 250", "220 250 250 250",
					     "220 250 250 250 250" };
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(args) * ARRAY_LEN(openings); i++) {
		size_t place = i % ARRAY_LEN(openings);
		char in[256], want[64];
		snprintf(in, sizeof(in), "%sBDAT%s\r\nNOOP\r\nQUIT\r\n", openings[place],
			 args[i / ARRAY_LEN(openings)]);
		snprintf(want, sizeof(want), "%s 501", codes[place]);
		world_dialogue(w, in, str_of(in), want);
	}
	assert_int_equal(w->message_count, 0);
	assert_int_equal(w->begun, w->abandoned);
	inbound_world_free(w);
}

static void add_chunk(struct strbuf *in, size_t n, const char *last)
{
	strbuf_addf(in, "BDAT %zu%s\r\n", n, last);
	for (size_t i = 0; i < n; i++)
		strbuf_addc(in, i % 40 == 39 ? '\n' : 'x');
}

/* BDT-09: refused at once, read to its end; but not when that is beyond twice the limit. */
static void bdt_09_sizes(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct strbuf in;
	(void)state;
	w->size_limit = 20000;
	w->limit_of = "scanner";
	strbuf_init(&in, 1024 * 1024);
	strbuf_adds(&in, BEGIN);
	add_chunk(&in, 20001, " LAST");
	strbuf_adds(&in, "DATA\r\nQUIT\r\n");
	world_dialogue(w, "one chunk", strbuf_str(&in), BEGUN "552 503 221");
	strbuf_reset(&in);
	strbuf_adds(&in, BEGIN);
	for (unsigned i = 0; i < 3; i++)
		add_chunk(&in, 10001, i == 2 ? " LAST" : "");
	strbuf_adds(&in, ENVELOPE);
	add_chunk(&in, 100, " LAST");
	world_dialogue(w, "sum", strbuf_str(&in), BEGUN "250 552 552 250 250 250");
	assert_int_equal(w->message_count, 2);
	/* The line ends that we add count too. */
	strbuf_reset(&in);
	strbuf_adds(&in, BEGIN "BDAT 20000 LAST\r\n");
	for (unsigned i = 0; i < 10000; i++)
		strbuf_adds(&in, "x\n");
	strbuf_adds(&in, "QUIT\r\n");
	world_dialogue(w, "canonical", strbuf_str(&in), BEGUN "552 221");
	static const char *const far[] = { "40001", "40001 LAST", "9223372036854775808",
					   "18446744073709551615 LAST" };
	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		strbuf_reset(&in);
		strbuf_addf(&in, BEGIN "BDAT %s\r\nNOOP\r\nQUIT\r\n", far[i]);
		world_dialogue(w, far[i], strbuf_str(&in), BEGUN "552");
		strbuf_reset(&in);
		strbuf_addf(&in, "BDAT %s\r\nNOOP\r\nQUIT\r\n", far[i]);
		world_dialogue(w, far[i], strbuf_str(&in), "220 503");
	}
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_ask(c, BEGIN "BDAT 40001\r\n",
		   "552 5.3.4 The message is larger than the limit of account scanner, 20000\r\n");
	client_wait_closed(c);
	client_free(c);
	strbuf_done(&in);
	inbound_world_free(w);
}

/* BDT-10: as many chunks as there are bytes; each is answered, nothing piles up. */
static void bdt_10_many_chunks(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	struct strbuf in;
	(void)state;
	strbuf_init(&in, 8 * 1024 * 1024);
	strbuf_adds(&in, BEGIN);
	for (unsigned i = 0; i < 20000; i++)
		strbuf_adds(&in, "BDAT 1\r\nx");
	strbuf_adds(&in, "BDAT 0 LAST\r\nQUIT\r\n");
	client_send(c, strbuf_str(&in), 4096);
	client_wait_closed(c);
	assert_int_equal(w->message_count, 1);
	assert_int_equal(strlen(stored(w, 0)), 20002);
	client_free(c);
	strbuf_done(&in);
	inbound_world_free(w);
}

/* BDT-12, BDT-14: a failure is told for its chunk and all further ones, in step. */
static void bdt_12_failures(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	static const char three[] = BEGIN
		"BDAT 3\r\na\r\nBDAT 6\r\nQUIT\r\nNOOP\r\nBDAT 3 LAST\r\nc\r\nDATA\r\nQUIT\r\n";
	(void)state;
	w->refuse_begin = (struct inbound_refusal){ 452, "4.3.1 The relay's disk is full" };
	world_dialogue(w, "begin", str_of(three), BEGUN "452 452 250 452 503 221");
	w->refuse_begin.code = 0;
	w->refuse_finish = (struct inbound_refusal){ 451, "4.3.0 Could not store" };
	world_dialogue(w, "finish", str_of(three), BEGUN "250 250 250 451 503 221");
	w->refuse_finish.code = 0;
	world_dialogue(w, "NUL",
		       (struct str){ BEGIN
				     "BDAT 1\r\naBDAT 1\r\n\0BDAT 1\r\ncBDAT 1 LAST\r\ndNOOP\r\n",
				     sizeof(BEGIN "BDAT 1\r\naBDAT 1\r\n\0BDAT 1\r\ncBDAT 1 "
						  "LAST\r\ndNOOP\r\n") -
					     1 },
		       BEGUN "250 554 554 554 250");
	world_dialogue(w, "RSET ends it",
		       STR(BEGIN "BDAT 1\r\n\0RSET\r\n" ENVELOPE "BDAT 1 LAST\r\nxQUIT\r\n"),
		       BEGUN "554 250 250 250 250 221");
	assert_int_equal(w->message_count, 2);
	assert_string_equal(stored(w, 0), "x\r\n");
	inbound_world_free(w);
}

/* Chunks that nobody wants are errors like others. */
static void unwanted_chunks_are_limited(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { errors = 3; };");
	(void)state;
	world_dialogue(w, "errors", STR("BDAT 1\r\nxBDAT 1\r\nxBDAT 1\r\nxBDAT 1\r\nxNOOP\r\n"),
		       "220 503 503 503 421");
	inbound_world_free(w);
}

static void pauses_lose_nothing(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct strbuf in;
	(void)state;
	strbuf_init(&in, 1024 * 1024);
	strbuf_adds(&in, BEGIN);
	for (unsigned i = 0; i < 300; i++)
		strbuf_addf(&in, "BDAT 10\r\n\nline %03u\n", i);
	strbuf_adds(&in, "BDAT 1 LAST\r\n\rQUIT\r\n");
	for (unsigned every = 1; every <= 3; every++) {
		struct world_client *c = world_connect(w, "192.168.1.9");
		w->pause_every = every;
		client_send(c, strbuf_str(&in), every == 2 ? 7 : SIZE_MAX);
		client_wait_closed(c);
		assert_int_equal(w->message_count, every);
		const char *at = stored(w, every - 1);
		for (unsigned k = 0; k < 300; k++) {
			char line[32];
			int n = snprintf(line, sizeof(line), "\r\nline %03u\r\n", k);
			assert_memory_equal(at, line, (size_t)n);
			at += n;
		}
		assert_string_equal(at, " \r\n");
		client_free(c);
	}
	strbuf_done(&in);
	inbound_world_free(w);
}

/* --- time, and clients that go away --------------------------------------------------------- */

static void expect_421(const char *limits, const char *said, const char *text)
{
	struct inbound_world *w = inbound_world_new(limits);
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_say(c, said);
	client_wait(c, text);
	client_wait_closed(c);
	assert_int_equal(w->abandoned, 1);
	client_free(c);
	inbound_world_free(w);
}

/* BDT-02, and the pause between chunks. */
static void silence(void **state)
{
	(void)state;
	expect_421("limits = { data_timeout = \"200ms\"; };", BEGIN "BDAT 9 LAST\r\nA: b\r\n",
		   "421 4.4.2 Timeout: no data for 200ms\r\n");
	expect_421("limits = { command_timeout = \"200ms\"; };", BEGIN "BDAT 6\r\nA: b\r\n",
		   "421 4.4.2 Timeout: no complete command within 200ms\r\n");
}

/* Neither NOOP nor a byte now and then keeps a message open. */
static void no_real_progress(void **state)
{
	static const struct {
		const char *limits, *said, *text;
	} cases[] = {
		{ "limits = { command_timeout = \"400ms\"; };", "NOOP\r\n",
		  "421 4.4.2 Timeout: no complete command within 400ms\r\n" },
		{ "limits = { data_timeout = \"400ms\"; };", "BDAT 1\r\nx",
		  "421 4.4.2 Timeout: data comes too slowly\r\n" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct inbound_world *w = inbound_world_new(cases[i].limits);
		struct world_client *c = world_connect(w, "192.168.1.9");
		int64_t start = clock_mono_ms();
		client_say(c, BEGIN "BDAT 1\r\nx");
		while (strstr(strbuf_cstr(&c->in), "421 ") == NULL &&
		       clock_mono_ms() - start < 4000) {
			run_loop_for(w->base, 60);
			client_say(c, cases[i].said);
		}
		client_wait(c, cases[i].text);
		client_free(c);
		inbound_world_free(w);
	}
}

/* BDT-13: in a chunk, and between two. */
static void bdt_13_vanishing_clients(void **state)
{
	static const char *const begins[] = { BEGIN "BDAT 8\r\nHey", BEGIN "BDAT 3\r\nHey" };
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_LEN(begins); i++) {
		struct world_client *c = world_connect(w, "192.168.1.9");
		client_say(c, begins[i / 2]);
		client_vanish(c, i % 2 != 0);
		assert_int_equal(w->abandoned, i + 1);
		assert_int_equal(inbound_session_count(w->in), 0);
	}
	assert_int_equal(w->message_count, 0);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues),
		cmocka_unit_test(bdt_05_malformed),
		cmocka_unit_test(bdt_09_sizes),
		cmocka_unit_test(bdt_10_many_chunks),
		cmocka_unit_test(bdt_12_failures),
		cmocka_unit_test(unwanted_chunks_are_limited),
		cmocka_unit_test(pauses_lose_nothing),
		cmocka_unit_test(silence),
		cmocka_unit_test(no_real_progress),
		cmocka_unit_test(bdt_13_vanishing_clients),
	};
	return cmocka_run_group_tests_name("inbound/bdat", tests, NULL, NULL);
}
