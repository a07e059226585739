/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/clock.h"
#include "inbound/server.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/world_client.h"

#define ENVELOPE "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"
#define BEGIN	 "EHLO client.example\r\n" ENVELOPE "DATA\r\n"
#define BEGUN	 "220 250 250 250 354 "

/* --- what is stored ------------------------------------------------------------------------ */

/* The content without our Received field; checks that it is there. */
static const char *stored(const struct inbound_world *w, size_t i)
{
	const char *text = strbuf_cstr(&w->messages[i].content);
	char want[256];
	snprintf(want, sizeof(want),
		 "Received: from client.example ([192.168.1.9])\r\n"
		 "\tby relay.contoso.com with ESMTP id %s\r\n"
		 "\tfor <d@e.f>;\r\n\t",
		 msgid_text(&w->messages[i].envelope.id).hex);
	assert_memory_equal(text, want, strlen(want));
	const char *end = strstr(text + strlen(want), "\r\n");
	assert_non_null(end);
	/* "Sun, 22 Nov 2026 12:00:00 +0000" */
	struct tm tm;
	assert_ptr_equal(strptime(text + strlen(want), "%a, %d %b %Y %H:%M:%S +0000", &tm), end);
	assert_int_equal(w->messages[i].stats.size, w->messages[i].content.n);
	return end + 2;
}

static const struct content_row {
	const char *name;
	const char *wire; /* up to the final dot */
	const char *content;
} content_rows[] = {
	{ "plain", "A: b\r\n\r\nx\r\n", "A: b\r\n\r\nx\r\n" },
	{ "empty", "", "" },
	{ "one line end", "\r\n", "\r\n" },
	{ "no header", "just text\r\n", "just text\r\n" },
	{ "no body", "A: b\r\n", "A: b\r\n" },
	{ "continuation first", " b\r\nA: b\r\n", " b\r\nA: b\r\n" },
	{ "mbox line", "From a@b Sun Nov 22\r\nA: b\r\n", "From a@b Sun Nov 22\r\nA: b\r\n" },
	{ "dots", "..\r\n...\r\n. x\r\n", ".\r\n..\r\n x\r\n" },
	{ "bare LF", "A: b\n\nx\ny\r\n", "A: b\r\n\r\nx\r\ny\r\n" },
	{ "bare CR", "A: b\r\n\r\nx\ry\r\r\n", "A: b\r\n\r\nx y \r\n" },
	{ "8-bit", "S: \xc3\xbc\r\n\r\n\xff\xfe\r\n", "S: \xc3\xbc\r\n\r\n\xff\xfe\r\n" },
	{ "Bcc stays", "Bcc: x@y\r\n\r\n", "Bcc: x@y\r\n\r\n" },
	{ "commands inside", "QUIT\r\nRSET\r\n", "QUIT\r\nRSET\r\n" },
};

static void content_is_stored_as_it_is(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(content_rows); i++) {
		struct strbuf in;
		strbuf_init(&in, 4096);
		strbuf_addf(&in, BEGIN "%s.\r\nQUIT\r\n", content_rows[i].wire);
		world_dialogue(w, content_rows[i].name, strbuf_str(&in), BEGUN "250 221");
		assert_int_equal(w->message_count, 2);
		for (size_t k = 0; k < 2; k++)
			assert_string_equal(stored(w, k), content_rows[i].content);
		world_clear(w);
		strbuf_done(&in);
	}
	inbound_world_free(w);
}

#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

/* threats.md 2.1, through a whole session: one message, and no reply to what is inside it. The
 * exact content is test_body_in.c's. */
static const struct smg_row {
	const char *name;
	struct str eod;
	const char *reply;
} smg_rows[] = {
	{ "SMG-01", BYTES("\n.\n"), "250" },
	{ "SMG-02", BYTES("\n.\r\n"), "250" },
	{ "SMG-03", BYTES("\r\n.\n"), "250" },
	{ "SMG-04", BYTES("\r.\r"), "250" },
	{ "SMG-05", BYTES("\r.\n"), "250" },
	{ "SMG-06", BYTES("\n.\r"), "250" },
	{ "SMG-07", BYTES("\r.\r\n"), "250" },
	{ "SMG-08", BYTES("\r\n.\r"), "250" },
	{ "SMG-09", BYTES("\r\n.\r\r\n"), "250" },
	{ "SMG-10a", BYTES("\r\r\n.\r\r\n"), "250" },
	{ "SMG-11", BYTES("\r\n\0.\r\n"), "554" },
	{ "SMG-12", BYTES("\r\n.\0\r\n"), "554" },
	{ "SMG-13a", BYTES("\r\n.\t\r\n"), "250" },
	{ "SMG-13b", BYTES("\r\n. \r\n"), "250" },
	{ "SMG-14", BYTES("\r\n..\r\n"), "250" },
	{ "SMG-15a", BYTES("\x0b.\x0b"), "250" },
	{ "SMG-15b", BYTES("\x0c.\x0c"), "250" },
	{ "SMG-15c", BYTES("\x85.\x85"), "250" },
	{ "SMG-15d", BYTES("\xe2\x80\xa8.\xe2\x80\xa8"), "250" },
	{ "SMG-16a", BYTES("\r\n\xef\xbb\xbf.\r\n"), "250" },
	{ "SMG-16b", BYTES("\r\n\xff.\r\n"), "250" },
	{ "SMG-21", BYTES("\r\n.\nmail from:<a@b>\nrcpt to:<c@d>\nbdat 86 last\n"), "250" },
	{ "SMG-23", BYTES("\nlast line\n.\nQUIT\n"), "250" },
};

static void smuggling(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(smg_rows); i++) {
		struct strbuf in;
		char codes[64];
		size_t stored_each = strcmp(smg_rows[i].reply, "250") == 0;
		strbuf_init(&in, 4096);
		strbuf_adds(&in, BEGIN "Subject: outer\r\n\r\nbody");
		strbuf_addstr(&in, smg_rows[i].eod);
		strbuf_adds(&in, "MAIL FROM:<smuggled@x>\r\nRCPT TO:<v@x>\r\nDATA\r\n"
				 "Subject: inner\r\n\r\nx\r\n.\r\nQUIT\r\n");
		snprintf(codes, sizeof(codes), BEGUN "%s 221", smg_rows[i].reply);
		world_dialogue(w, smg_rows[i].name, strbuf_str(&in), codes);
		assert_int_equal(w->begun, 2);
		assert_int_equal(w->message_count, 2 * stored_each);
		assert_int_equal(w->abandoned, 2 - 2 * stored_each);
		world_clear(w);
		strbuf_done(&in);
	}
	inbound_world_free(w);
}

/* SMG-23: a device with the quirk bare-lf, from 192.168.9.7, may end its data with LF . LF, as long
 * as its session has never sent a CR; from then on, and for anybody else, only CR LF . CR LF. */
static const struct lf_row {
	const char *name;
	const char *input;
	const char *codes;
	const char *content; /* of all messages that come of it; NULL: none does */
} lf_rows[] = {
#define LF_BEGIN "EHLO x\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\n"
	{ "pure", LF_BEGIN "A: b\n\n..x\n.y\n.\nNOOP\nQUIT\n", BEGUN "250 250 221",
	  "A: b\r\n\r\n.x\r\ny\r\n" },
	{ "twice", LF_BEGIN "x\n.\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\nx\n.\nQUIT\n",
	  BEGUN "250 250 250 354 250 221", "x\r\n" },
	{ "empty", LF_BEGIN ".\nQUIT\n", BEGUN "250 221", "" },
	{ "CR in a command before", "NOOP\r\n" LF_BEGIN "x\n.\nQUIT\n\r\n.\r\n",
	  "220 250 250 250 250 354 250", "x\r\n.\r\nQUIT\r\n\r\n" },
	{ "CR in a command between",
	  "EHLO x\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\r\nDATA\nx\n.\n\r\n.\r\n", BEGUN "250",
	  "x\r\n.\r\n\r\n" },
	{ "CR in a refused command", "NOOP \r\rx\n" LF_BEGIN "x\n.\n\r\n.\r\n",
	  "220 500 250 250 250 354 250", "x\r\n.\r\n\r\n" },
	{ "CR in the data", LF_BEGIN "x\r\n.\nQUIT\n\r\n.\r\nNOOP\n", BEGUN "250 250",
	  "x\r\n\r\nQUIT\r\n\r\n" },
	{ "CR in the end", LF_BEGIN "x\n.\r\nQUIT\r\n.\r\n", BEGUN "250", "x\r\n.\r\nQUIT\r\n" },
	{ "CR in the message before",
	  LF_BEGIN "x\ry\r\n.\r\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\n"
		   "DATA\nx y\n.\nQUIT\n",
	  BEGUN "250 250 250 354", "x y\r\n" },
	{ "CR in a chunk before",
	  "EHLO x\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nBDAT 1\n\rRSET\n" LF_BEGIN "x\n.\nQUIT\n",
	  "220 250 250 250 250 250 250 250 250 354", NULL },
	{ "no CR in a chunk before",
	  "EHLO x\nMAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nBDAT 2 LAST\nx\n" LF_BEGIN "x\n.\nQUIT\n",
	  "220 250 250 250 250 250 250 250 354 250 221", "x\r\n" },
	{ "CR behind the end", LF_BEGIN "x\n.\nNOOP\r\nQUIT\r\n", BEGUN "250 250 221", "x\r\n" },
};

static void dialogue_from(struct inbound_world *w, const char *address, const struct lf_row *row)
{
	static const size_t pieces[] = { SIZE_MAX, 1 };
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct world_client *c = world_connect(w, address);
		client_send(c, str_of(row->input), pieces[i]);
		client_shut(c);
		client_wait_closed(c);
		char *codes = client_codes(c);
		if (strcmp(codes, row->codes) != 0)
			fail_msg("%s: expected %s, got %s", row->name, row->codes, codes);
		free(codes);
		client_free(c);
	}
}

static void smg_23_bare_lf(void **state)
{
	struct inbound_world *w = inbound_world_new(
		"devices = ( { name = \"ups\"; address = \"192.168.9.7\"; quirks = [ \"bare-lf\" ]; } );");
	static const struct lf_row others = { "no quirk", LF_BEGIN "x\n.\nQUIT\n",
					      "220 250 250 250 354", NULL };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lf_rows); i++) {
		dialogue_from(w, "192.168.9.7", &lf_rows[i]);
		assert_int_equal(w->message_count != 0, lf_rows[i].content != NULL);
		for (size_t k = 0; k < w->message_count; k++) {
			const char *end = strstr(strbuf_cstr(&w->messages[k].content), "+0000\r\n");
			assert_non_null(end);
			assert_string_equal(end + 7, lf_rows[i].content);
		}
		world_clear(w);
	}
	dialogue_from(w, "192.168.9.8", &others);
	assert_int_equal(w->message_count, 0);
	inbound_world_free(w);
}

static void received_says_how_it_came(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c,
		   "HELO x)\x01y\r\nHELO a(b) =?utf-8?q?=0D=0A?= \xff\r\nMAIL FROM:<>\r\n"
		   "RCPT TO:<d@e.f>\r\nRCPT TO:<g@h.i>\r\nDATA\r\n.\r\n",
		   "250 2.0.0 OK queued");
	const char *text = strbuf_cstr(&w->messages[0].content);
	static const char want[] =
		"Received: from [192.168.1.9] (helo=a?b????utf-8?q??0D?0A????xff)\r\n"
		"\tby relay.contoso.com with SMTP id ";
	assert_memory_equal(text, want, sizeof(want) - 1);
	/* Two recipients: neither is told of the other. */
	assert_null(strstr(text, "for <"));
	client_free(c);
	inbound_world_free(w);
}

/* --- what is refused ----------------------------------------------------------------------- */

static void fill(struct strbuf *out, size_t n)
{
	while (n != 0) {
		size_t line = n < 76 ? n : 76;
		for (size_t i = 2; i < line; i++)
			strbuf_addc(out, 'x');
		strbuf_adds(out, "\r\n");
		n -= line;
	}
}

/* Refused at its end, in step with the client; the next message is not concerned. */
static void refused_at_the_end(struct inbound_world *w, const char *name, struct str content,
			       const char *code)
{
	struct strbuf in;
	char codes[96];
	strbuf_init(&in, 8 * 1024 * 1024);
	strbuf_adds(&in, BEGIN);
	strbuf_addstr(&in, content);
	strbuf_adds(&in, ".\r\nRCPT TO:<x@y>\r\nDATA\r\n" ENVELOPE "DATA\r\nA: b\r\n.\r\nQUIT\r\n");
	snprintf(codes, sizeof(codes), BEGUN "%s 503 503 250 250 354 250 221", code);
	world_dialogue(w, name, strbuf_str(&in), codes);
	assert_int_equal(w->message_count, 2);
	assert_int_equal(w->abandoned, 2);
	assert_string_equal(stored(w, 0), "A: b\r\n");
	world_clear(w);
	strbuf_done(&in);
}

static void refused_content(void **state)
{
	struct inbound_world *w =
		inbound_world_new("limits = { header_size = \"8K\"; received = 20; };");
	struct strbuf text;
	(void)state;
	w->size_limit = 20000;
	strbuf_init(&text, 1024 * 1024);
	strbuf_adds(&text, "A: b\r\n\r\n");
	fill(&text, 25000);
	refused_at_the_end(w, "too large", strbuf_str(&text), "552");
	strbuf_reset(&text);
	strbuf_adds(&text, "A: b\r\n");
	for (unsigned i = 0; i < 1000; i++)
		strbuf_adds(&text, " continued\r\n");
	refused_at_the_end(w, "long header", strbuf_str(&text), "552");
	strbuf_reset(&text);
	strbuf_adds(&text, "A: ");
	for (unsigned i = 0; i < 9000; i++)
		strbuf_addc(&text, 'x');
	strbuf_adds(&text, "\r\n\r\n");
	refused_at_the_end(w, "one long field", strbuf_str(&text), "552");
	refused_at_the_end(w, "NUL", STR("A: b\r\n\r\nx\0y\r\n"), "554");
	refused_at_the_end(w, "NUL in the header", STR("A\0: b\r\n\r\nx\r\n"), "554");
	strbuf_reset(&text);
	for (unsigned i = 0; i < 21; i++)
		strbuf_adds(&text, "Received: from x by y\r\n");
	refused_at_the_end(w, "loop", strbuf_str(&text), "554");
	strbuf_reset(&text);
	strbuf_adds(&text, BEGIN);
	for (unsigned i = 0; i < 20; i++)
		strbuf_adds(&text, "Received: from x by y\r\n");
	strbuf_adds(&text, ".\r\nQUIT\r\n");
	world_dialogue(w, "no loop yet", strbuf_str(&text), BEGUN "250 221");
	strbuf_done(&text);
	inbound_world_free(w);
}

/* RFC 1870: the limit counts the client's bytes, not the Received field that we add. */
static void limit_counts_what_the_client_sent(void **state)
{
	static const char content[] = "Subject: x\r\n\r\nabc\r\n";
	struct strbuf text;
	(void)state;
	strbuf_init(&text, 4096);
	strbuf_addf(&text, BEGIN "%s.\r\nQUIT\r\n", content);
	for (int missing = 0; missing < 2; missing++) {
		struct inbound_world *w = inbound_world_new("");
		w->size_limit = sizeof(content) - 1 - (size_t)missing;
		world_dialogue(w, "limit", strbuf_str(&text),
			       missing == 0 ? BEGUN "250 221" : BEGUN "552 221");
		inbound_world_free(w);
	}
	strbuf_done(&text);
}

/* DOS-02, DOS-03: beyond twice the limit nobody listens any more. */
static void dos_02_much_too_large(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	struct strbuf text;
	(void)state;
	w->size_limit = 20000;
	strbuf_init(&text, 2 * 1024 * 1024);
	strbuf_adds(&text, BEGIN);
	fill(&text, 1000000);
	client_send(c, strbuf_str(&text), 4096);
	client_wait(c, "552 5.3.4 The message is larger than the limit of this relay, 20000\r\n");
	client_wait_closed(c);
	assert_int_equal(w->abandoned, 1);
	assert_int_equal(w->message_count, 0);
	client_free(c);
	strbuf_done(&text);
	inbound_world_free(w);
}

/* Whose limit it is, at MAIL already if the client says how much will come. */
static void whose_limit(void **state)
{
	static const char *const texts[][2] = {
		{ NULL, "is larger than the limit of this relay, 1M\r\n" },
		{ "scanner", "is larger than the limit of account scanner, 1M\r\n" },
	};
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct world_client *c = world_connect(w, "192.168.1.9");
		char want[128];
		struct strbuf body;
		w->limit_of = texts[i][0];
		snprintf(want, sizeof(want), "552 5.3.4 A message of 1048577 bytes %s",
			 texts[i][1]);
		client_ask(c, "EHLO client.example\r\nMAIL FROM:<a@b.c> SIZE=1048577\r\n", want);
		client_ask(c, ENVELOPE "DATA\r\n", "354 ");
		strbuf_init(&body, 2 * 1024 * 1024);
		fill(&body, 1024 * 1024 + 1);
		strbuf_adds(&body, ".\r\n");
		client_send(c, strbuf_str(&body), SIZE_MAX);
		snprintf(want, sizeof(want), "552 5.3.4 The message %s", texts[i][1]);
		client_wait(c, want);
		strbuf_done(&body);
		client_free(c);
	}
	inbound_world_free(w);
}

static void the_other_side_refuses(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	/* Known at MAIL: it is no use to send on. */
	w->refuse_account = (struct inbound_refusal){ 451, "4.3.5 No account is configured" };
	world_dialogue(w, "no account", STR("EHLO x\r\n" ENVELOPE "DATA\r\nQUIT\r\n"),
		       "220 250 451 503 503 221");
	w->refuse_account.code = 0;
	w->refuse_begin = (struct inbound_refusal){ 452, "4.3.1 The relay's disk is full" };
	world_dialogue(w, "begin", STR(BEGIN "RCPT TO:<x@y>\r\nDATA\r\nQUIT\r\n"),
		       "220 250 250 250 452 503 503 221");
	w->refuse_begin.code = 0;
	w->refuse_finish = (struct inbound_refusal){ 451, "4.3.0 Could not store" };
	world_dialogue(w, "finish", STR(BEGIN ".\r\nRCPT TO:<x@y>\r\nDATA\r\nQUIT\r\n"),
		       BEGUN "451 503 503 221");
	w->refuse_finish.code = 0;
	world_dialogue(w, "then", STR(BEGIN ".\r\nQUIT\r\n"), BEGUN "250 221");
	assert_int_equal(w->message_count, 2);
	assert_int_equal(w->abandoned, 0);
	inbound_world_free(w);
}

/* --- pauses -------------------------------------------------------------------------------- */

static void pauses_lose_nothing(void **state)
{
	static const size_t pieces[] = { SIZE_MAX, 7, 1000, 8192 };
	struct inbound_world *w = inbound_world_new("");
	struct strbuf body, in;
	(void)state;
	strbuf_init(&body, 1024 * 1024);
	strbuf_init(&in, 1024 * 1024);
	/* Bare line ends make many small slices, so that pauses fall inside one read. */
	for (unsigned i = 0; i < 2000; i++)
		strbuf_addf(&body, "line %u\n", i);
	strbuf_adds(&in, BEGIN);
	strbuf_addstr(&in, strbuf_str(&body));
	strbuf_adds(&in, "\r\n.\r\nQUIT\r\n");
	for (unsigned i = 0; i < 12; i++) {
		struct world_client *c = world_connect(w, "192.168.1.9");
		w->pause_every = 1 + i / 4;
		client_send(c, strbuf_str(&in), pieces[i % 4]);
		client_wait_closed(c);
		char *codes = client_codes(c);
		assert_string_equal(codes, BEGUN "250 221");
		free(codes);
		const char *at = stored(w, i);
		for (unsigned k = 0; k < 2000; k++) {
			char line[32];
			int n = snprintf(line, sizeof(line), "line %u\r\n", k);
			assert_memory_equal(at, line, (size_t)n);
			at += n;
		}
		assert_string_equal(at, "\r\n");
		client_free(c);
	}
	strbuf_done(&in);
	strbuf_done(&body);
	inbound_world_free(w);
}

/* While the other side pauses, the socket is not read: what is kept does not grow. */
static void a_pause_stops_reading(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { data_timeout = \"200ms\"; };");
	struct world_client *c = world_connect(w, "192.168.1.9");
	struct strbuf in;
	(void)state;
	w->size_limit = 64 * 1024 * 1024;
	w->pause_every = 4;
	w->hold_resume = true;
	strbuf_init(&in, 32 * 1024 * 1024);
	strbuf_adds(&in, BEGIN);
	fill(&in, 10 * 1024 * 1024);
	strbuf_adds(&in, ".\r\nQUIT\r\n");
	bufferevent_write(c->bev, in.p, in.n);
	/* Longer than the time-out, which is not for pauses that we make. */
	run_loop_for(w->base, 500);
	assert_non_null(w->held);
	assert_true(evbuffer_get_length(bufferevent_get_output(c->bev)) > 9 * 1024 * 1024);
	w->hold_resume = false;
	world_resume_held(w);
	client_wait(c, "250 2.0.0 OK queued");
	client_wait_closed(c);
	assert_int_equal(w->messages[0].content.n -
				 (size_t)(stored(w, 0) - strbuf_cstr(&w->messages[0].content)),
			 10 * 1024 * 1024);
	client_free(c);
	strbuf_done(&in);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_is_stored_as_it_is),
		cmocka_unit_test(smuggling),
		cmocka_unit_test(smg_23_bare_lf),
		cmocka_unit_test(received_says_how_it_came),
		cmocka_unit_test(refused_content),
		cmocka_unit_test(limit_counts_what_the_client_sent),
		cmocka_unit_test(dos_02_much_too_large),
		cmocka_unit_test(whose_limit),
		cmocka_unit_test(the_other_side_refuses),
		cmocka_unit_test(pauses_lose_nothing),
		cmocka_unit_test(a_pause_stops_reading),
	};
	return cmocka_run_group_tests_name("inbound/data", tests, NULL, NULL);
}
