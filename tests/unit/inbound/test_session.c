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

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/session.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/world_client.h"

#define ENVELOPE "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"
#define BODY	 "Subject: x\r\n\r\nhello\r\n.\r\n"
#define HI	 "EHLO x\r\n"

#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

/* Dialogues of an admitted client; each ends by QUIT, or the client shuts its side. */
static const struct row {
	const char *name;
	struct str input;
	const char *codes;
} rows[] = {
	{ "greeting only", BYTES(""), "220" },
	{ "quit", BYTES("QUIT\r\n"), "220 221" },
	{ "nothing after QUIT", BYTES("QUIT\r\nNOOP\r\nNOOP\r\n"), "220 221" },
	{ "whole", BYTES(HI ENVELOPE "DATA\r\n" BODY "QUIT\r\n"), "220 250 250 250 354 250 221" },
	{ "helo", BYTES("HELO x\r\n" ENVELOPE "DATA\r\n" BODY "QUIT\r\n"),
	  "220 250 250 250 354 250 221" },
	{ "LF commands", BYTES("EHLO x\nMAIL FROM:<>\nRCPT TO:<d@e.f>\nDATA\n" BODY "QUIT\n"),
	  "220 250 250 250 354 250 221" },
	{ "two messages", BYTES(HI ENVELOPE "DATA\r\n" BODY ENVELOPE "DATA\r\n" BODY "QUIT\r\n"),
	  "220 250 250 250 354 250 250 250 354 250 221" },
	{ "SMG-22", BYTES(HI ENVELOPE "DATA\r\na\r\n.\r\nMAIL FROM:<x@y>\r\nRSET\r\n"),
	  "220 250 250 250 354 250 250 250" },
	{ "SMG-20", BYTES(HI ENVELOPE "DATA\r\n.\r\nNOOP\r\n"), "220 250 250 250 354 250 250" },
	/* LEX */
	{ "LEX-03 NUL", BYTES("NOOP\0\r\n\0\0\r\nEHLO a\0b\r\nMAIL FROM:<a\0@b>\r\nNOOP\r\n"),
	  "220 500 500 500 500 250" },
	{ "LEX-05 case", BYTES("ehlo x\r\nnOoP\r\n  NOOP\r\nNOOP  \t\r\nEHLO\tx\r\n"),
	  "220 250 250 250 250 250" },
	{ "LEX-05 no name", BYTES("EHLO\r\nHELO  \r\nNOOP\r\n"), "220 501 501 250" },
	{ "LEX-05 empty lines", BYTES("\r\n\r\n\n \r\nNOOP\r\n"), "220 500 500 500 500 250" },
	{ "LEX-06", BYTES("\xff\xf4NOOP\r\n\xef\xbb\xbfNOOP\r\nNOOP\r\n"), "220 500 500 250" },
	{ "LEX-07 lone CR", BYTES("NOOP\rNOOP\r\nNOOP\r\n"), "220 500 250" },
	{ "LEX-07 CR CR LF", BYTES("NOOP\r\r\nNOOP\r\n"), "220 500 250" },
	{ "LEX-07 LF CR", BYTES("NOOP\n\rNOOP\r\nNOOP\r\n"), "220 250 500 250" },
	{ "LEX-08 names",
	  BYTES("EHLO ${run{/bin/id}}\r\nEHLO %s%s%n\r\nEHLO <script>\r\nEHLO a b c\r\n"
		"EHLO [IPv6:::1]\r\nEHLO []\r\nEHLO under_score\r\nHELO \xc3\xbc.de\r\n"
		"EHLO a\x1b[2Jb\r\n"),
	  "220 250 250 250 250 250 250 250 250 500" },
	{ "LEX-11 early talker", BYTES("EHLO x\r\nNOOP\r\n"), "220 250 250" },
	{ "LEX-12 GET", BYTES("GET / HTTP/1.1\r\nHost: x\r\n\r\n" HI ENVELOPE), "220" },
	{ "LEX-12 POST", BYTES("POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\n"), "220" },
	{ "LEX-12 after EHLO", BYTES(HI "PUT /x HTTP/1.0\r\nNOOP\r\n"), "220 250" },
	{ "TLS-06 ClientHello", BYTES("\x16\x03\x01\x02\x00\x01\x00\nNOOP\r\n"), "220" },
	{ "unfinished command", BYTES(HI "MAIL FROM:<a@b.c"), "220 250" },
	/* SEQ */
	{ "MAIL first", BYTES("MAIL FROM:<a@b.c>\r\n"), "220 503" },
	{ "two MAIL", BYTES(HI "MAIL FROM:<a@b.c>\r\nMAIL FROM:<a@b.c>\r\n"), "220 250 250 503" },
	{ "RCPT first", BYTES(HI "RCPT TO:<a@b.c>\r\nNOOP\r\n"), "220 250 503 250" },
	{ "DATA first", BYTES(HI "DATA\r\nNOOP\r\n"), "220 250 503 250" },
	{ "DATA without RCPT", BYTES(HI "MAIL FROM:<a@b.c>\r\nDATA\r\nNOOP\r\n"),
	  "220 250 250 503 250" },
	{ "all RCPT refused", BYTES(HI "MAIL FROM:<a@b.c>\r\nRCPT TO:<a@>\r\nDATA\r\n"),
	  "220 250 250 501 503" },
	{ "DATA x", BYTES(HI ENVELOPE "DATA x\r\nNOOP\r\n"), "220 250 250 250 501 250" },
	{ "EHLO resets", BYTES(HI ENVELOPE HI "DATA\r\nRCPT TO:<a@b.c>\r\n"),
	  "220 250 250 250 250 503 503" },
	{ "RSET resets", BYTES(HI ENVELOPE "RSET\r\nDATA\r\nRCPT TO:<a@b.c>\r\n"),
	  "220 250 250 250 250 503 503" },
	{ "RSET anywhere", BYTES("RSET\r\n" HI "RSET\r\nRSET x\r\n" ENVELOPE "RSET\r\n"),
	  "220 250 250 250 501 250 250 250" },
	{ "NOOP x, HELP x", BYTES("NOOP x y\r\nHELP MAIL\r\nHELP\r\n"), "220 250 214 214" },
	{ "VRFY", BYTES("VRFY a@b\r\n" HI "VRFY\r\nVRFY <\xc3\xbc@x>\r\n"), "220 252 250 501 553" },
	{ "not offered",
	  BYTES(HI "EXPN x\r\nTURN\r\nETRN x\r\nSEND\r\nSOML\r\nSAML\r\nXCLIENT A=B\r\n"
		   "XFORWARD A=B\r\nBURL x\r\n"),
	  "220 250 502 502 502 502 502 502 502 502 502" },
	{ "unknown", BYTES("PROXY TCP4 1.2.3.4\r\nWIZ\r\nDEBUG\r\nFOO\r\nQUITX\r\nMAILFROM:<>\r\n"),
	  "220 500 500 500 500 500 500" },
	{ "STARTTLS in a message", BYTES(HI ENVELOPE "STARTTLS\r\nNOOP\r\n"),
	  "220 250 250 250 503 250" },
	{ "AUTH in a message", BYTES(HI ENVELOPE "AUTH PLAIN\r\nNOOP\r\n"),
	  "220 250 250 250 503 250" },
	{ "STARTTLS x", BYTES(HI "STARTTLS x\r\nNOOP\r\n"), "220 250 501 250" },
	{ "STARTTLS before EHLO", BYTES("STARTTLS\r\n"), "220 503" },
	{ "AUTH before EHLO", BYTES("AUTH PLAIN\r\n"), "220 503" },
	/* DOS-02 */
	{ "SIZE too large",
	  BYTES(HI "MAIL FROM:<a@b> SIZE=1048577\r\nMAIL FROM:<a@b> SIZE=9223372036854775808\r\n"
		   "MAIL FROM:<a@b> SIZE=18446744073709551616\r\n"
		   "MAIL FROM:<a@b> SIZE=99999999999999999999\r\n"
		   "MAIL FROM:<a@b> SIZE=999999999999999999999\r\n"),
	  "220 250 552 552 552 552 501" },
};

static void dialogues(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		world_dialogue(w, rows[i].name, rows[i].input, rows[i].codes);
	assert_int_equal(w->abandoned, 0);
	inbound_world_free(w);
}

/* LEX-01: 510 bytes to 64 KiB, in a command that means nothing and in one that does. */
static void lex_01_long_lines(void **state)
{
	static const size_t lengths[] = { 510,	511,  512,  513,   998,	  1000,	 2045,
					  2048, 2049, 2050, 12288, 12289, 16384, 65000 };
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct strbuf in;
		strbuf_init(&in, 128 * 1024);
		strbuf_adds(&in, "NOOP ");
		while (in.n + 10 < lengths[i])
			strbuf_addc(&in, 'x');
		/* The tail is a command, if one takes it for a line. */
		strbuf_adds(&in, "\tQUIT ");
		while (in.n < lengths[i])
			strbuf_addc(&in, ' ');
		strbuf_adds(&in, "\r\nNOOP\r\n");
		world_dialogue(w, "LEX-01", strbuf_str(&in),
			       lengths[i] <= 2048 ? "220 250 250" : "220 500 250");
		strbuf_done(&in);
	}
	inbound_world_free(w);
}

/* LEX-02: no line end at all. */
static void lex_02_endless_line(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct strbuf in;
	(void)state;
	strbuf_init(&in, 4 * 1024 * 1024);
	for (size_t i = 0; i < 70 * 1024; i++)
		strbuf_addc(&in, 'x');
	world_dialogue(w, "LEX-02", strbuf_str(&in), "220 421");
	for (size_t i = 0; i < 1024 * 1024; i++)
		strbuf_addc(&in, 'x');
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_send(c, strbuf_str(&in), 8192);
	client_wait(c, "421 4.5.2 Line without end\r\n");
	client_wait_closed(c);
	client_free(c);
	strbuf_done(&in);
	inbound_world_free(w);
}

/* LEX-04: each byte as a command, and at every place of a verb. */
static void lex_04_all_bytes(void **state)
{
	static const char line[] = "NOOP\r\n";
	struct inbound_world *w = inbound_world_new("limits = { errors = 10000; };");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t at = 0; at < sizeof(line) - 1; at++) {
			char text[sizeof(line) + 1];
			memcpy(text, line, at);
			text[at] = (char)byte;
			memcpy(text + at + 1, line + at, sizeof(line) - 1 - at);
			client_send(c, (struct str){ text, sizeof(line) }, SIZE_MAX);
		}
		char one[] = { (char)byte, '\r', '\n' };
		client_send(c, (struct str){ one, 3 }, SIZE_MAX);
	}
	client_ask(c, "HELP\r\n", "214 2.0.0 QUIT\r\n");
	client_free(c);
	inbound_world_free(w);
}

static void lex_10_too_many_errors(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct strbuf in, codes;
	(void)state;
	strbuf_init(&in, 1024 * 1024);
	strbuf_init(&codes, 4096);
	strbuf_adds(&codes, "220");
	for (unsigned i = 0; i < 10000; i++)
		strbuf_adds(&in, "FOO\r\n");
	for (unsigned i = 0; i < 20; i++)
		strbuf_adds(&codes, " 500");
	strbuf_adds(&codes, " 421");
	world_dialogue(w, "LEX-10", strbuf_str(&in), strbuf_cstr(&codes));
	strbuf_done(&in);
	strbuf_done(&codes);
	inbound_world_free(w);
}

static void ehlo_says_what_there_is(void **state)
{
	struct inbound_world *w = inbound_world_new_tls("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c, "EHLO x\r\n",
		   "220 relay.contoso.com ESMTP oauthrelay\r\n"
		   "250-relay.contoso.com Hello 192.168.1.9\r\n"
		   "250-SIZE 1048576\r\n"
		   "250-PIPELINING\r\n"
		   "250-8BITMIME\r\n"
		   "250-CHUNKING\r\n"
		   "250-SMTPUTF8\r\n"
		   "250-DSN\r\n"
		   "250-ENHANCEDSTATUSCODES\r\n"
		   "250-STARTTLS\r\n"
		   "250 AUTH PLAIN LOGIN\r\n");
	client_ask(c, "HELO x\r\n", "250 relay.contoso.com\r\n");
	client_free(c);
	w->listener.tls = LISTENER_TLS_NONE;
	c = world_connect(w, "fd00::1");
	client_ask(c, "EHLO x\r\n",
		   "Hello fd00::1\r\n250-SIZE 1048576\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
		   "250-CHUNKING\r\n250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n");
	client_ask(c, "STARTTLS\r\n", "502 5.5.1 ");
	client_free(c);
	inbound_world_free(w);
}

/* REL: a stranger hears no at MAIL, and nothing else it tries makes a difference. */
static void strangers_are_refused(void **state)
{
	static const char *const tries[] = { "MAIL FROM:<>\r\n", "MAIL FROM:<a@localhost>\r\n",
					     "MAIL FROM:<it@contoso.com> AUTH=it@contoso.com\r\n",
					     "MAIL FROM:<@relay.contoso.com:a@b.c>\r\n" };
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "10.0.0.1");
	(void)state;
	client_ask(c, "EHLO x\r\n", "250 ENHANCEDSTATUSCODES\r\n");
	for (size_t i = 0; i < ARRAY_LEN(tries); i++)
		client_ask(c, tries[i], "550 5.7.1 10.0.0.1 is not allowed here\r\n");
	client_ask(c, "RCPT TO:<a@b.c>\r\n", "503 5.5.1 ");
	client_ask(c, "AUTH PLAIN AGEAYg==\r\n", "503 5.5.1 ");
	client_free(c);
	c = world_connect(w, "2001:db8::1");
	client_ask(c, "EHLO x\r\nMAIL FROM:<>\r\n",
		   "550 5.7.1 2001:db8::1 is not allowed here\r\n");
	client_free(c);
	assert_int_equal(w->begun, 0);
	inbound_world_free(w);
}

static void envelope_arrives_whole(void **state)
{
	struct inbound_world *w = inbound_world_new(
		"devices = ( { name = \"xerox-3f\"; address = \"192.168.10.21\"; } );");
	struct world_client *c = world_connect(w, "192.168.10.21");
	(void)state;
	client_ask(c,
		   "EHLO Xerox 3\xc3\xbc\r\nMAIL FROM:<Scan@printer.local> BODY=8BITMIME\r\n"
		   "RCPT TO:<postmaster>\r\nRCPT TO:<@x:\"j d\"@contoso.com>\r\nDATA\r\n" BODY,
		   "250 2.0.0 OK queued as ");
	assert_int_equal(w->message_count, 1);
	const struct envelope *e = &w->messages[0].envelope;
	assert_string_equal(e->peer, "192.168.10.21:1025");
	assert_string_equal(e->helo, "Xerox 3\\xc3\\xbc");
	assert_string_equal(e->device, "xerox-3f");
	assert_null(e->user);
	assert_string_equal(e->reverse_path.local, "Scan");
	assert_int_equal(e->recipient_count, 2);
	assert_string_equal(e->recipients[0].address.local, "it");
	assert_string_equal(e->recipients[0].address.domain, "contoso.com");
	assert_string_equal(e->recipients[1].address.local, "j d");
	assert_int_equal(e->body, BODY_8BITMIME);
	client_wait(c, msgid_text(&e->id).hex);
	client_free(c);
	inbound_world_free(w);
}

static void dos_01_recipients(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { recipients = 5; };");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c, HI "MAIL FROM:<>\r\n", "250 2.1.0");
	for (unsigned i = 0; i < 5; i++)
		client_ask(c, "RCPT TO:<a@b.c>\r\n", "250 2.1.5");
	/* As many as it likes: a mailing list is no attack. */
	for (unsigned i = 0; i < 100; i++)
		client_ask(c, "RCPT TO:<a@b.c>\r\n",
			   "452 4.5.3 Too many recipients: 5 in one message\r\n");
	client_ask(c, "DATA\r\n" BODY, "250 2.0.0 OK");
	assert_int_equal(w->messages[0].envelope.recipient_count, 5);
	client_free(c);
	inbound_world_free(w);
}

/* Asks more than it is told, and reads no answer; until the server reads no more. */
static struct world_client *deaf_client(struct inbound_world *w)
{
	struct world_client *c = world_connect(w, "192.168.1.9");
	struct strbuf in;
	strbuf_init(&in, 32 * 1024 * 1024);
	for (unsigned i = 0; i < 1000000; i++)
		strbuf_adds(&in, "NOOP\r\n");
	bufferevent_disable(c->bev, EV_READ);
	bufferevent_write(c->bev, in.p, in.n);
	bool blocked = false;
	for (unsigned i = 0; i < 100 && !blocked; i++) {
		size_t before = evbuffer_get_length(bufferevent_get_output(c->bev));
		for (unsigned k = 0; k < 200; k++)
			event_base_loop(w->base, EVLOOP_NONBLOCK);
		blocked = before == evbuffer_get_length(bufferevent_get_output(c->bev));
	}
	assert_true(blocked);
	assert_true(evbuffer_get_length(bufferevent_get_output(c->bev)) > in.n / 2);
	strbuf_done(&in);
	return c;
}

/* DOS-05: replies that nobody reads; the server stops listening, its memory stays bounded. */
static void dos_05_deaf_client(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = deaf_client(w);
	(void)state;
	/* The time-out still runs; it need not be waited for. */
	in_session_set_timer(TAILQ_FIRST(&w->in->sessions), 0);
	bufferevent_enable(c->bev, EV_READ);
	client_wait_closed(c);
	client_free(c);
	inbound_world_free(w);
}

/* Our last words are offered for a moment only, whether they were said before or after it began. */
static void dos_05_a_stop_does_not_wait_for_the_deaf(void **state)
{
	(void)state;
	for (unsigned before = 0; before < 2; before++) {
		struct inbound_world *w = inbound_world_new("");
		struct world_client *c = deaf_client(w);
		if (before == 1)
			in_session_finish(TAILQ_FIRST(&w->in->sessions), "QUIT");
		run_loop_for(w->base, 5);
		inbound_drain(w->in);
		assert_int_equal(inbound_session_count(w->in), 1);
		world_settle(w);
		client_free(c);
		inbound_world_free(w);
	}
}

/* A whole command must come in time, however often a byte does. */
static void command_timeout(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { command_timeout = \"1s\"; };");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_wait(c, "220 ");
	client_say(c, "NO");
	client_wait(c, "421 4.4.2 Timeout: no complete command within 1s\r\n");
	client_wait_closed(c);
	client_free(c);
	inbound_world_free(w);
}

static void drains(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *idle = world_connect(w, "192.168.1.9");
	struct world_client *silent = world_connect(w, "192.168.1.9");
	struct world_client *busy = world_connect(w, "192.168.1.9");
	(void)state;
	w->hold_finish = true;
	client_wait(idle, "220 ");
	client_ask(silent, HI ENVELOPE, "250 2.1.5 OK\r\n");
	client_ask(busy, HI ENVELOPE "DATA\r\n" BODY, "354 ");
	inbound_drain(w->in);
	client_wait(idle, "421 4.3.2 relay.contoso.com is shutting down\r\n");
	client_wait_closed(idle);
	client_wait(silent, "421 4.3.2 ");
	client_wait_closed(silent);
	assert_int_equal(inbound_session_count(w->in), 1);
	while (w->held == NULL)
		event_base_loop(w->base, EVLOOP_ONCE);
	world_finish_held(w);
	client_wait(busy, "250 2.0.0 OK queued as ");
	client_wait(busy, "421 4.3.2 ");
	client_wait_closed(busy);
	client_free(idle);
	client_free(silent);
	client_free(busy);
	inbound_world_free(w);
}

/* 1000 messages over one connection, pipelined. */
static void many_messages(void **state)
{
	enum {
		COUNT = 1000
	};
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	struct strbuf in;
	(void)state;
	strbuf_init(&in, 1024 * 1024);
	strbuf_adds(&in, HI);
	for (unsigned i = 0; i < COUNT; i++)
		strbuf_addf(&in, "MAIL FROM:<a%u@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nn: %u\r\n.\r\n",
			    i, i);
	strbuf_adds(&in, "QUIT\r\n");
	client_send(c, strbuf_str(&in), 1460);
	client_wait_closed(c);
	assert_int_equal(w->message_count, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		char want[32];
		snprintf(want, sizeof(want), "\r\nn: %u\r\n", i);
		assert_int_equal(w->messages[i].envelope.recipient_count, 1);
		assert_non_null(strstr(strbuf_cstr(&w->messages[i].content), want));
	}
	client_free(c);
	strbuf_done(&in);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues),
		cmocka_unit_test(lex_01_long_lines),
		cmocka_unit_test(lex_02_endless_line),
		cmocka_unit_test(lex_04_all_bytes),
		cmocka_unit_test(lex_10_too_many_errors),
		cmocka_unit_test(ehlo_says_what_there_is),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(envelope_arrives_whole),
		cmocka_unit_test(dos_01_recipients),
		cmocka_unit_test(dos_05_deaf_client),
		cmocka_unit_test(dos_05_a_stop_does_not_wait_for_the_deaf),
		cmocka_unit_test(command_timeout),
		cmocka_unit_test(drains),
		cmocka_unit_test(many_messages),
	};
	return cmocka_run_group_tests_name("inbound/session", tests, NULL, NULL);
}
