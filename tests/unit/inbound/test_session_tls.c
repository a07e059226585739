/* SPDX-License-Identifier: MIT */
/* WRAP: event_add */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/server.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/smtp_script.h"
#include "tests/unit/support/world_client.h"

#define HI	 "EHLO client.example\r\n"
#define ENVELOPE "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"

static struct inbound_world *world;

static int make_world(void **state)
{
	(void)state;
	world = inbound_world_new_tls("limits = { tls_timeout = \"7s\"; auto_wait = \"900ms\"; };"
				      "devices = ( { name = \"shy\"; address = \"192.168.1.11\";"
				      "              quirks = [ \"no-starttls\" ]; } );");
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	inbound_world_free(world);
	return 0;
}

static int clear_world(void **state)
{
	(void)state;
	world_clear(world);
	world->listener.tls = LISTENER_TLS_STARTTLS;
	return 0;
}

static struct world_client *secured(void)
{
	struct world_client *c = world_connect(world, "192.168.1.9");
	client_ask(c, HI, "250-STARTTLS\r\n");
	client_ask(c, "STARTTLS\r\n", "220 2.0.0 Ready to start TLS\r\n");
	assert_true(client_handshake(c));
	return c;
}

static void a_message_over_tls(void **state)
{
	static const size_t pieces[] = { SIZE_MAX, 1 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct world_client *c = secured();
		client_send(c, STR(HI ENVELOPE "DATA\r\nA: b\r\n\r\nx\r\n.\r\nQUIT\r\n"),
			    pieces[i]);
		client_wait(c, "250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN\r\n");
		client_wait(c, "221 2.0.0 relay.contoso.com closing\r\n");
		client_wait_closed(c);
		const char *text = strbuf_cstr(&world->messages[i].content);
		assert_non_null(strstr(text, "\tby relay.contoso.com with ESMTPS id "));
		assert_non_null(strstr(text, "\r\nA: b\r\n\r\nx\r\n"));
		client_free(c);
	}
}

static void a_large_message_over_tls(void **state)
{
	struct world_client *c = secured();
	struct strbuf in;
	(void)state;
	world->size_limit = 64 * 1024 * 1024;
	world->pause_every = 3;
	strbuf_init(&in, 8 * 1024 * 1024);
	strbuf_adds(&in, HI ENVELOPE "DATA\r\n");
	size_t head = in.n;
	while (in.n < 4 * 1024 * 1024)
		strbuf_adds(&in,
			    "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRl\r\n");
	size_t body = in.n - head;
	strbuf_adds(&in, ".\r\nQUIT\r\n");
	client_send(c, strbuf_str(&in), SIZE_MAX);
	client_wait(c, "250 2.0.0 OK queued");
	client_wait_closed(c);
	const struct strbuf *content = &world->messages[0].content;
	assert_memory_equal(content->p + content->n - body, in.p + head, body);
	world->pause_every = 0;
	strbuf_done(&in);
	client_free(c);
}

/* TLS-01: clear text behind the command, in its own segment. */
static void tls_01_injection_with_the_command(void **state)
{
	static const char *const injected[] = {
		"NOOP\r\n", "EHLO x\r\n", "MAIL FROM:<a@b>\r\n", "AUTH PLAIN AGEAYg==\r\n", "R",
		"\r\n",	    "\n"
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(injected); i++) {
		struct strbuf in;
		struct world_client *c = world_connect(world, "192.168.1.9");
		strbuf_init(&in, 256);
		strbuf_addf(&in, HI "STARTTLS\r\n%s", injected[i]);
		client_say(c, strbuf_cstr(&in));
		client_wait_closed(c);
		char *codes = client_codes(c);
		assert_string_equal(codes, "220 250 421");
		free(codes);
		client_free(c);
		strbuf_done(&in);
	}
}

/* TLS-01: clear text that comes after the 220, before the handshake or instead of it. */
static void tls_01_injection_after_the_reply(void **state)
{
	(void)state;
	for (unsigned handshake = 0; handshake < 2; handshake++) {
		struct world_client *c = world_connect(world, "192.168.1.9");
		client_ask(c, HI "STARTTLS\r\n", "220 2.0.0 ");
		client_say(c, "NOOP\r\nRSET\r\nQUIT\r\n");
		if (handshake != 0)
			assert_false(client_handshake(c));
		client_wait_closed(c);
		/* Whatever the alert was, no command was answered. */
		assert_null(strstr(strbuf_cstr(&c->in) + c->seen, "250"));
		assert_null(strstr(strbuf_cstr(&c->in) + c->seen, "221"));
		client_free(c);
	}
}

/* TLS-02: what was before TLS is forgotten; nothing begins twice. */
static void tls_02_begins_anew(void **state)
{
	struct world_client *c = world_connect(world, "192.168.1.9");
	(void)state;
	client_ask(c, HI "AUTH PLAIN AGEAYg==\r\n", "235 ");
	client_ask(c, "MAIL FROM:<a@b>\r\nSTARTTLS\r\n", "503 5.5.1 Not within a message");
	client_ask(c, "RSET\r\n", "250 2.0.0");
	client_ask(c, "STARTTLS now\r\n", "501 5.5.4 ");
	client_ask(c, "STARTTLS\r\n", "220 ");
	assert_true(client_handshake(c));
	client_ask(c, "MAIL FROM:<a@b>\r\n", "503 5.5.1 Send EHLO or HELO first\r\n");
	client_ask(c, "AUTH PLAIN AGEAYg==\r\n", "503 5.5.1 Send EHLO or HELO first\r\n");
	client_ask(c, "RCPT TO:<a@b>\r\nDATA\r\n", "503 5.5.1 Send EHLO");
	client_wait(c, "503 5.5.1 Send EHLO");
	client_ask(c, HI, "250 AUTH PLAIN LOGIN\r\n");
	assert_null(strstr(strbuf_cstr(&c->in) + c->seen, "STARTTLS"));
	client_ask(c, "STARTTLS\r\n", "503 5.5.1 TLS is on already\r\n");
	client_ask(c, "AUTH PLAIN AGEAYg==\r\n", "235 ");
	client_free(c);
}

static void send_clear(const struct world_client *c, const char *text)
{
	assert_true(send(c->fd, text, strlen(text), MSG_NOSIGNAL) > 0);
}

/* TLS-04, TLS-05, TLS-13: the end of TLS is the end of the session, in each phase; what follows in
 * clear is not looked at, a message that is not whole is dropped. */
static void tls_04_05_13_tls_ends(void **state)
{
	static const char *const before[] = { "NOOP\r\n", ENVELOPE "RCPT TO:<a",
					      ENVELOPE "DATA\r\nA: b",
					      ENVELOPE "DATA\r\nA: b\r\n." };
	(void)state;
	for (unsigned i = 0; i < 3 * ARRAY_LEN(before); i++) {
		struct world_client *c = secured();
		bool data = i / 3 >= 2;
		client_ask(c, HI, "250 AUTH");
		client_ask(c, before[i / 3], data ? "354 " : "250 ");
		size_t said = c->in.n;
		if (i % 3 != 2)
			SSL_shutdown(c->ssl); /* close_notify */
		if (i % 3 == 1)
			send_clear(c, "\r\n.\r\nEHLO x\r\nNOOP\r\n");
		client_shut(c);
		client_wait_closed(c);
		assert_true(c->in.n == said || !data);
		client_free(c);
		assert_int_equal(inbound_session_count(world->in), 0);
	}
	assert_int_equal(world->message_count, 0);
	assert_int_equal(world->abandoned, 6);
}

/* TLS-12: close_notify behind the final dot; the message stays. */
static void tls_12_half_close(void **state)
{
	struct world_client *c = secured();
	(void)state;
	world->hold_finish = true;
	client_ask(c, HI ENVELOPE "DATA\r\n.\r\n", "354 ");
	SSL_shutdown(c->ssl);
	run_loop_for(world->base, 50);
	world->hold_finish = false;
	world_finish_held(world);
	client_wait_closed(c);
	assert_int_equal(world->message_count, 1);
	client_free(c);
	run_loop_for(world->base, 20);
	assert_int_equal(inbound_session_count(world->in), 0);
}

/* TLS-06: no handshake, or garbage instead of one: bounded time, then closed. */
static void tls_06_no_handshake(void **state)
{
	static const char *const garbage[] = { "", "\x16\x03\x01", "SSH-2.0-x\r\n",
					       "GET / HTTP/1.1\r\n" };
	(void)state;
	fake_time_divide(300);
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		struct world_client *c = world_connect(world, "192.168.1.9");
		client_ask(c, HI "STARTTLS\r\n", "220 2.0.0 ");
		client_say(c, garbage[i]);
		client_wait_closed(c);
		client_free(c);
	}
	fake_time_divide(1);
	assert_int_equal(inbound_session_count(world->in), 0);
}

/* limits.tls_timeout is for the whole handshake: what drips in does not prolong it. */
static void the_handshake_is_bounded(void **state)
{
	(void)state;
	world->listener.tls = LISTENER_TLS_IMPLICIT;
	fake_time_divide(70);
	(void)fake_time_longest_ms();
	struct world_client *c = world_connect(world, "192.168.1.9");
	assert_int_equal(fake_time_longest_ms(), 7000);
	struct strbuf half;
	strbuf_init(&half, 8192);
	strbuf_adds(&half, "\x16\x03\x01\x02");
	while (half.n < 400)
		strbuf_addc(&half, 'x');
	/* A byte each turn of the loop: it would take longer than the hundred milliseconds. */
	for (size_t i = 0; i < half.n && !c->closed; i++) {
		(void)!send(c->fd, half.p + i, 1, MSG_NOSIGNAL);
		run_loop_for(world->base, 2);
	}
	client_wait_closed(c);
	assert_int_equal(c->in.n, 0);
	fake_time_divide(1);
	strbuf_done(&half);
	client_free(c);
}

/* tls = "implicit": nothing in clear text, then a session that is in TLS from its greeting on. */
static void tls_from_the_first_byte(void **state)
{
	struct world_client *c;
	(void)state;
	world->listener.tls = LISTENER_TLS_IMPLICIT;
	c = world_connect(world, "192.168.1.9");
	run_loop_for(world->base, 30);
	assert_int_equal(c->in.n, 0);
	assert_true(client_handshake(c));
	client_wait(c, "220 relay.contoso.com ESMTP oauthrelay\r\n");
	client_ask(c, HI, "250 AUTH PLAIN LOGIN\r\n");
	assert_null(strstr(strbuf_cstr(&c->in), "STARTTLS"));
	client_ask(c, "STARTTLS\r\n", "503 5.5.1 TLS is on already\r\n");
	client_ask(c, ENVELOPE "DATA\r\n", "354 ");
	client_ask(c, "x\r\n.\r\n", "250 2.0.0 OK queued");
	client_free(c);
	assert_non_null(strstr(strbuf_cstr(&world->messages[0].content), " with ESMTPS id "));
	/* Clear text is no command there. */
	c = world_connect(world, "192.168.1.9");
	client_say(c, "QUIT\r\n");
	client_wait_closed(c);
	assert_null(strstr(strbuf_cstr(&c->in), "22"));
	client_free(c);
}

/* tls = "auto": who begins with TLS has it. */
static void auto_tls(void **state)
{
	(void)state;
	world->listener.tls = LISTENER_TLS_AUTO;
	struct world_client *c = world_connect(world, "192.168.1.9");
	assert_true(client_handshake(c));
	client_wait(c, "220 relay.contoso.com ESMTP oauthrelay\r\n");
	client_ask(c, HI "QUIT\r\n", "221 ");
	client_wait_closed(c);
	client_free(c);
}

/* Who says nothing is greeted after limits.auto_wait, and may use STARTTLS. */
static void auto_silent(void **state)
{
	(void)state;
	world->listener.tls = LISTENER_TLS_AUTO;
	fake_time_divide(10);
	(void)fake_time_longest_ms();
	struct world_client *c = world_connect(world, "192.168.1.9");
	assert_int_equal(fake_time_longest_ms(), 900);
	client_wait(c, "220 relay.contoso.com ESMTP oauthrelay\r\n");
	fake_time_divide(1);
	client_ask(c, HI, "250-STARTTLS\r\n");
	client_ask(c, "STARTTLS\r\n", "220 2.0.0 Ready to start TLS\r\n");
	assert_true(client_handshake(c));
	client_ask(c, HI, "250 AUTH PLAIN LOGIN\r\n");
	assert_null(strstr(strbuf_cstr(&c->in) + c->seen, "220"));
	client_free(c);
}

/* Who talks early in clear text is served, in sync, whatever the size of its segments. */
static void auto_early_talker(void **state)
{
	(void)state;
	world->listener.tls = LISTENER_TLS_AUTO;
	world_dialogue(world, "early", STR(HI ENVELOPE "DATA\r\nx\r\n.\r\nNOOP\r\nQUIT\r\n"),
		       "220 250 250 250 354 250 250 221");
	world_dialogue(world, "blank first", STR("\r\nQUIT\r\n"), "220 500 221");
	world_dialogue(world, "eight bits first", STR("\xef\xbb\xbfNOOP\r\nQUIT\r\n"),
		       "220 500 221");
	assert_int_equal(world->message_count, 2);
}

/* Hanging up, a reset, the relay's stop: while the first byte is waited for, and in a handshake. */
static void leaving_before_the_greeting(void **state)
{
	static const enum listener_tls kinds[] = { LISTENER_TLS_AUTO, LISTENER_TLS_IMPLICIT };
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(kinds); i++) {
		world->listener.tls = kinds[i / 2];
		struct world_client *c = world_connect(world, "192.168.1.9");
		run_loop_for(world->base, 5);
		if (i % 2 == 0) {
			client_shut(c);
			client_wait_closed(c);
		} else {
			client_reset(c);
		}
		client_free(c);
		run_loop_for(world->base, 20);
		assert_int_equal(inbound_session_count(world->in), 0);
	}
}

static void a_stop_does_not_wait_for_handshakes(void **state)
{
	static const enum listener_tls kinds[] = { LISTENER_TLS_AUTO, LISTENER_TLS_IMPLICIT };
	struct world_client *c[2];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		world->listener.tls = kinds[i];
		c[i] = world_connect(world, "192.168.1.9");
	}
	run_loop_for(world->base, 5);
	inbound_drain(world->in);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		client_wait_closed(c[i]);
		assert_int_equal(c[i]->in.n, 0);
		client_free(c[i]);
	}
	run_loop_for(world->base, 20);
	assert_int_equal(inbound_session_count(world->in), 0);
}

/* quirk no-starttls */
static void not_offered_to_the_shy(void **state)
{
	struct world_client *c = world_connect(world, "192.168.1.11");
	(void)state;
	client_ask(c, HI, "250 AUTH PLAIN LOGIN\r\n");
	assert_null(strstr(strbuf_cstr(&c->in), "STARTTLS"));
	client_ask(c, "STARTTLS\r\n", "502 5.5.1 STARTTLS is not offered here\r\n");
	client_ask(c, "NOOP\r\n", "250 ");
	client_free(c);
	/* It concerns what is offered: TLS from the first byte on is as for others. */
	world->listener.tls = LISTENER_TLS_AUTO;
	c = world_connect(world, "192.168.1.11");
	assert_true(client_handshake(c));
	client_wait(c, "220 ");
	client_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_message_over_tls, clear_world),
		cmocka_unit_test_setup(a_large_message_over_tls, clear_world),
		cmocka_unit_test_setup(tls_01_injection_with_the_command, clear_world),
		cmocka_unit_test_setup(tls_01_injection_after_the_reply, clear_world),
		cmocka_unit_test_setup(tls_02_begins_anew, clear_world),
		cmocka_unit_test_setup(tls_04_05_13_tls_ends, clear_world),
		cmocka_unit_test_setup(tls_12_half_close, clear_world),
		cmocka_unit_test_setup(tls_06_no_handshake, clear_world),
		cmocka_unit_test_setup(the_handshake_is_bounded, clear_world),
		cmocka_unit_test_setup(tls_from_the_first_byte, clear_world),
		cmocka_unit_test_setup(auto_tls, clear_world),
		cmocka_unit_test_setup(auto_silent, clear_world),
		cmocka_unit_test_setup(auto_early_talker, clear_world),
		cmocka_unit_test_setup(leaving_before_the_greeting, clear_world),
		cmocka_unit_test_setup(not_offered_to_the_shy, clear_world),
		/* The last: it drains the server. */
		cmocka_unit_test_setup(a_stop_does_not_wait_for_handshakes, clear_world),
	};
	return cmocka_run_group_tests_name("inbound/session_tls", tests, make_world, free_world);
}
