/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/server.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/world_client.h"

#define CANARY	 "Y2FuYXJ5"
#define CANARY_2 "AGNhbmFyeQBzM2NyZXRjYW5hcnk="
#define ENVELOPE "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"

static const struct roster_entry *seen(const struct inbound_world *w, const char *address)
{
	struct netaddr addr;
	assert_true(netaddr_parse(str_of(address), &addr));
	const struct roster_entry *e = roster_get(inbound_roster(w->in), &addr);
	assert_non_null(e);
	return e;
}

/* A session from 192.168.1.9 that is over. */
static void session(struct inbound_world *w, const char *input)
{
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_say(c, input);
	client_shut(c);
	client_wait_closed(c);
	client_free(c);
}

/* Of the address's last session, without the times. The caller frees. */
static char *last_transcript(const struct inbound_world *w, const char *address)
{
	const struct transcript *t = TAILQ_LAST(&seen(w, address)->transcripts, transcript_list);
	struct strbuf all, out;
	assert_non_null(t);
	strbuf_init(&all, 1024 * 1024);
	strbuf_init(&out, 1024 * 1024);
	transcript_append(&all, t);
	struct str rest = strbuf_str(&all);
	ptrdiff_t lf;
	while ((lf = str_chr(rest, '\n')) >= 0) {
		strbuf_addstr(&out, str_skip(str_head(rest, (size_t)lf + 1), 10));
		rest = str_skip(rest, (size_t)lf + 1);
	}
	strbuf_done(&all);
	return strbuf_steal(&out);
}

static void what_was_said(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	session(w, "HELO printer\r\n" ENVELOPE
		   "DATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nDATA\r\nQUIT\r\n");
	char *text = last_transcript(w, "192.168.1.9");
	char *id = strstr(text, "queued as ") + strlen("queued as ");
	memset(id, 'x', 32);
	assert_string_equal(text, "S: 220 relay.contoso.com ESMTP oauthrelay\n"
				  "C: HELO printer\n"
				  "S: 250 relay.contoso.com\n"
				  "C: MAIL FROM:<a@b.c>\n"
				  "S: 250 2.1.0 OK\n"
				  "C: RCPT TO:<d@e.f>\n"
				  "S: 250 2.1.5 OK\n"
				  "C: DATA\n"
				  "S: 354 End data with <CR><LF>.<CR><LF>\n"
				  "C: (DATA: 24 bytes)\n"
				  "S: 250 2.0.0 OK queued as xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
				  "C: DATA\n"
				  "S: 503 5.5.1 Send MAIL FROM first\n"
				  "C: QUIT\n"
				  "S: 221 2.0.0 relay.contoso.com closing\n");
	free(text);
	const struct roster_entry *e = seen(w, "192.168.1.9");
	assert_string_equal(e->helo, "printer");
	assert_string_equal(e->error, "503 5.5.1 Send MAIL FROM first");
	assert_int_equal(e->accepted, 1);
	assert_int_equal(e->refused, 1);
	assert_int_equal(e->open, 0);
	inbound_world_free(w);
}

/* No credential in any form, wherever the client puts it. */
static void no_credentials(void **state)
{
	static const char *const inputs[] = {
		"EHLO x\r\nAUTH PLAIN " CANARY_2 "\r\n",
		"EHLO x\r\nAUTH PLAIN\r\n" CANARY_2 "\r\n",
		"EHLO x\r\nAUTH LOGIN " CANARY "\r\n" CANARY "\r\n",
		"EHLO x\r\nAUTH LOGIN\r\n" CANARY "\r\n" CANARY "\r\n",
		"EHLO x\r\nAUTH LOGIN\r\n*\r\n" CANARY "\r\n",
		"EHLO x\r\n" CANARY "\r\n",
		"EHLO x\r\nAUTH CRAM-MD5 " CANARY "\r\n",
		"EHLO x\r\nAUTH " CANARY "\r\n",
		"EHLO x\r\nNOOP " CANARY "\r\nDATA " CANARY "\r\n",
		"AUTH PLAIN " CANARY_2 "\r\n",
	};
	struct inbound_world *w = inbound_world_new(
		"limits = { transcripts = 50; }; devices = ( { name = \"nas\"; address = "
		"\"192.168.1.9\"; auth = \"required\"; cleartext_auth = true; } );");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
		session(w, inputs[i]);
		assert_int_equal(seen(w, "192.168.1.9")->transcript_count, i + 1);
		char *text = last_transcript(w, "192.168.1.9");
		if (strstr(text, CANARY) != NULL || strstr(text, CANARY_2) != NULL ||
		    strstr(text, "canary") != NULL)
			fail_msg("%s: %s", inputs[i], text);
		free(text);
	}
	inbound_world_free(w);
}

static void who_logged_in(void **state)
{
	struct inbound_world *w = inbound_world_new(
		"devices = ( { name = \"nas\"; address = \"192.168.1.9\"; auth = \"required\"; "
		"cleartext_auth = true; } );");
	(void)state;
	char *plain = world_base64(STR("\0anna\0s3cret"));
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_ask(c, "EHLO x\r\nAUTH PLAIN\r\n", "334 ");
	client_say(c, plain);
	client_ask(c, "\r\n", "235 ");
	assert_string_equal(seen(w, "192.168.1.9")->login, "PLAIN");
	assert_string_equal(seen(w, "192.168.1.9")->user, "anna");
	client_free(c);
	free(plain);
	/* Any password: the name counts for nothing. */
	c = world_connect(w, "192.168.1.10");
	client_ask(c, "EHLO x\r\nAUTH LOGIN\r\n", "334 ");
	client_ask(c, CANARY "\r\n", "334 ");
	client_ask(c, CANARY "\r\n", "235 ");
	assert_string_equal(seen(w, "192.168.1.10")->login, "LOGIN");
	assert_string_equal(seen(w, "192.168.1.10")->user, "");
	client_free(c);
	inbound_world_free(w);
}

/* log.transcript, limits.transcripts and limits.transcript_size */
static void kept_as_configured(void **state)
{
	static const struct {
		const char *extra;
		size_t kept;
	} rows[] = {
		{ "log = { transcript = \"none\"; };", 0 },
		{ "log = { transcript = \"failed\"; };", 3 },
		{ "log = { transcript = \"all\"; };", 5 }, /* the default of limits.transcripts */
		{ "log = { transcript = \"all\"; }; limits = { transcripts = 2; };", 2 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct inbound_world *w = inbound_world_new(rows[i].extra);
		for (unsigned k = 0; k < 3; k++) {
			session(w, "EHLO x\r\nQUIT\r\n");
			session(w, "EHLO x\r\nDATA\r\nQUIT\r\n");
		}
		assert_int_equal(seen(w, "192.168.1.9")->transcript_count, rows[i].kept);
		inbound_world_free(w);
	}
	struct inbound_world *w = inbound_world_new("limits = { transcript_size = \"1K\"; };");
	struct strbuf many;
	strbuf_init(&many, 1024 * 1024);
	for (unsigned i = 0; i < 500; i++)
		strbuf_adds(&many, "NOOP\r\n");
	strbuf_adds(&many, "DATA\r\n");
	session(w, strbuf_cstr(&many));
	strbuf_done(&many);
	char *text = last_transcript(w, "192.168.1.9");
	assert_true(strlen(text) < 1024);
	assert_non_null(strstr(text, "S: 220 "));
	assert_non_null(strstr(text, "lines left out)"));
	assert_non_null(strstr(text, "S: 503 "));
	free(text);
	inbound_world_free(w);
}

static void a_lost_connection_is_a_failure(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_ask(c, "EHLO x\r\n" ENVELOPE "DATA\r\n", "354 ");
	client_say(c, "half of it");
	client_reset(c);
	while (seen(w, "192.168.1.9")->open != 0)
		run_loop_for(w->base, 5);
	char *text = last_transcript(w, "192.168.1.9");
	assert_non_null(strstr(text, "C: (DATA: 10 bytes)\n("));
	free(text);
	client_free(c);
	inbound_world_free(w);
}

/* Handshakes are in it too, with what was wrong. */
static void one_lost_between_messages_is_none(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (int quit = 0; quit < 2; quit++) {
		struct world_client *c = world_connect(w, "192.168.1.9");
		client_ask(c, "EHLO printer\r\n", "250");
		if (quit != 0)
			client_ask(c, "QUIT\r\n", "221");
		client_reset(c);
		client_free(c);
		while (seen(w, "192.168.1.9")->open != 0)
			event_base_loop(w->base, EVLOOP_ONCE);
		assert_int_equal(seen(w, "192.168.1.9")->transcript_count, 0);
	}
	inbound_world_free(w);
}

static void a_failed_handshake_is_in_it(void **state)
{
	struct inbound_world *w = inbound_world_new_tls("");
	(void)state;
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_ask(c, "EHLO x\r\nSTARTTLS\r\n", "220 2.0.0");
	client_say(c, "this is no ClientHello\r\n");
	client_wait_closed(c);
	client_free(c);
	char *text = last_transcript(w, "192.168.1.9");
	assert_non_null(strstr(text, "C: STARTTLS\nS: 220 2.0.0 Ready to start TLS\n(TLS "));
	free(text);
	c = world_connect(w, "192.168.1.9");
	client_ask(c, "EHLO x\r\nSTARTTLS\r\n", "220 2.0.0");
	assert_true(client_handshake(c));
	client_ask(c, "EHLO x\r\n", "250 ");
	assert_non_null(strstr(seen(w, "192.168.1.9")->tls, "TLSv1."));
	assert_non_null(seen(w, "192.168.1.9")->cipher);
	client_free(c);
	inbound_world_free(w);
}

static void who_may_not_send_is_marked(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	struct world_client *c = world_connect(w, "10.0.0.1");
	client_ask(c, "HELO scan-7\r\nRCPT\r\n", "503 ");
	assert_false(seen(w, "10.0.0.1")->not_allowed);
	client_ask(c, "MAIL FROM:<a@b.c>\r\n", "550 5.7.1 10.0.0.1 is not allowed here");
	assert_true(seen(w, "10.0.0.1")->not_allowed);
	client_free(c);
	inbound_world_free(w);
}

/* devices.connections: over all addresses of the device, and of this device only. */
static void a_device_has_its_own_limit(void **state)
{
	struct inbound_world *w = inbound_world_new(
		"devices = ( { name = \"erp\"; address = \"192.168.7.0/24\"; connections = 2; } );");
	(void)state;
	struct world_client *a = world_connect(w, "192.168.7.1");
	struct world_client *b = world_connect(w, "192.168.7.2");
	client_wait(a, "220 ");
	client_wait(b, "220 ");
	struct world_client *third = world_connect(w, "192.168.7.3");
	client_wait(third, "421 4.7.0 Too many connections from erp: 2 are allowed\r\n");
	client_wait_closed(third);
	client_free(third);
	assert_int_equal(seen(w, "192.168.7.3")->refused, 1);
	struct world_client *other = world_connect(w, "192.168.8.1");
	client_wait(other, "220 ");
	client_ask(a, "QUIT\r\n", "221 ");
	client_wait_closed(a);
	client_free(a);
	while (seen(w, "192.168.7.1")->open != 0)
		run_loop_for(w->base, 5);
	third = world_connect(w, "192.168.7.3");
	client_wait(third, "220 ");
	client_free(third);
	client_free(b);
	client_free(other);
	inbound_world_free(w);
}

/* limits.unread_replies: from there on nothing is read, and nothing is lost. */
static void unread_replies_stop_the_reading(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { unread_replies = \"1K\"; };");
	enum {
		ASKED = 60000
	};
	(void)state;
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_wait(c, "220 ");
	bufferevent_disable(c->bev, EV_READ);
	for (unsigned i = 0; i < ASKED; i++)
		bufferevent_write(c->bev, "NOOP\r\n", 6);
	run_loop_for(w->base, 100);
	size_t unsent = evbuffer_get_length(bufferevent_get_output(c->bev));
	assert_true(unsent != 0);
	run_loop_for(w->base, 50);
	assert_int_equal(evbuffer_get_length(bufferevent_get_output(c->bev)), unsent);
	bufferevent_enable(c->bev, EV_READ);
	client_ask(c, "QUIT\r\n", "221 ");
	size_t replies = 0;
	for (size_t i = 0; i < c->in.n; i++)
		replies += c->in.p[i] == '\n';
	assert_int_equal(replies, 1 + ASKED + 1);
	client_free(c);
	inbound_world_free(w);
}

static void listeners_are_counted(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { connections = 2; };");
	(void)state;
	struct world_client *a = world_connect(w, "192.168.7.1");
	struct world_client *b = world_connect(w, "192.168.7.2");
	struct world_client *c = world_connect(w, "192.168.7.3");
	client_wait(c, "421 4.3.2 Too many connections: 2 are allowed, try again later\r\n");
	assert_int_equal(w->listener.connections, 2);
	assert_int_equal(w->listener.connections_total, 3);
	client_free(a);
	client_free(b);
	client_free(c);
	run_loop_for(w->base, 50);
	assert_int_equal(w->listener.connections, 0);
	assert_int_equal(inbound_listener_counters(w->in, "no such").connections_total, 0);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_said),
		cmocka_unit_test(no_credentials),
		cmocka_unit_test(who_logged_in),
		cmocka_unit_test(kept_as_configured),
		cmocka_unit_test(a_lost_connection_is_a_failure),
		cmocka_unit_test(one_lost_between_messages_is_none),
		cmocka_unit_test(a_failed_handshake_is_in_it),
		cmocka_unit_test(who_may_not_send_is_marked),
		cmocka_unit_test(a_device_has_its_own_limit),
		cmocka_unit_test(unread_replies_stop_the_reading),
		cmocka_unit_test(listeners_are_counted),
	};
	return cmocka_run_group_tests_name("inbound/session_notes", tests, NULL, NULL);
}
