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

/* What DATA and BDAT share: clients that go away or are slow, a stop, limits.messages. */

#define ENVELOPE   "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"
#define BEGIN	   "EHLO client.example\r\n" ENVELOPE
#define BEGIN_DATA BEGIN "DATA\r\n"

/* --- clients that go away ------------------------------------------------------------------ */

static void vanishing_clients(void **state)
{
	static const char *const begins[] = { BEGIN_DATA, BEGIN_DATA "A: b\r\n\r\nx",
					      BEGIN_DATA "x\r\n.", BEGIN_DATA "x\r\n.\r" };
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	for (unsigned i = 0; i < 2 * ARRAY_LEN(begins); i++) {
		struct world_client *c = world_connect(w, "192.168.1.9");
		client_say(c, begins[i / 2]);
		client_wait(c, "354 ");
		client_vanish(c, i % 2 != 0);
		assert_int_equal(w->abandoned, i + 1);
		assert_int_equal(inbound_session_count(w->in), 0);
	}
	assert_int_equal(w->message_count, 0);
	inbound_world_free(w);
}

/* TLS-12, in clear: FIN behind the final dot; the reply and the message are still ours to give. */
static void half_close_behind_the_dot(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	w->hold_finish = true;
	client_ask(c, BEGIN_DATA "A: b\r\n.\r\n", "354 ");
	client_shut(c);
	run_loop_for(w->base, 50);
	assert_false(c->closed);
	world_finish_held(w);
	client_wait(c, "250 2.0.0 OK queued");
	client_wait_closed(c);
	assert_int_equal(w->message_count, 1);
	client_free(c);
	inbound_world_free(w);
}

/* The client is gone while its message is being committed: the message stays, and is counted. */
static void gone_during_the_commit(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	w->hold_finish = true;
	client_ask(c, BEGIN_DATA "A: b\r\n.\r\n", "354 ");
	run_loop_for(w->base, 20);
	client_reset(c);
	client_free(c);
	assert_int_equal(inbound_session_count(w->in), 1);
	world_finish_held(w);
	run_loop_for(w->base, 20);
	assert_int_equal(w->message_count, 1);
	assert_int_equal(inbound_counters(w->in).accepted_total, 1);
	assert_int_equal(inbound_session_count(w->in), 0);
	inbound_world_free(w);
}

/* Everything at once is over: in DATA, in a commit. */
static void stopping_in_the_middle(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *data = world_connect(w, "192.168.1.9");
	struct world_client *commit = world_connect(w, "192.168.1.9");
	(void)state;
	w->hold_finish = true;
	client_ask(data, BEGIN_DATA "A: b\r\n", "354 ");
	client_ask(commit, BEGIN_DATA "A: b\r\n.\r\n", "354 ");
	run_loop_for(w->base, 20);
	client_free(data);
	inbound_free(w->in);
	w->in = NULL;
	assert_int_equal(w->abandoned, 1);
	assert_int_equal(w->abandoned_after_finish, 1);
	client_free(commit);
	inbound_world_free(w);
}

/* --- time ---------------------------------------------------------------------------------- */

static void silence_in_data(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { data_timeout = \"200ms\"; };");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c, BEGIN_DATA "A: b\r\n", "354 ");
	client_wait(c, "421 4.4.2 Timeout: no data for 200ms\r\n");
	client_wait_closed(c);
	assert_int_equal(w->abandoned, 1);
	client_free(c);
	inbound_world_free(w);
}

/* DOS-06: a byte now and then is no progress. */
static void dos_06_trickle_in_data(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { data_timeout = \"500ms\"; };");
	struct world_client *c = world_connect(w, "192.168.1.9");
	int64_t start = clock_mono_ms();
	(void)state;
	client_ask(c, BEGIN_DATA "A: b\r\n\r\n", "354 ");
	while (strstr(strbuf_cstr(&c->in), "421 ") == NULL && clock_mono_ms() - start < 4000) {
		client_say(c, "x");
		run_loop_for(w->base, 100);
	}
	client_wait(c, "421 4.4.2 Timeout: data comes too slowly\r\n");
	assert_true(clock_mono_ms() - start >= 450);
	client_free(c);
	inbound_world_free(w);
}

/* limits.data_rate: above the default, a client that brings less in data_timeout has to go; with 0
 * it may take its time. */
static void data_rate(void **state)
{
	static const char *const rates[] = { "100000", "0" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		char limits[96];
		snprintf(limits, sizeof(limits),
			 "limits = { data_timeout = \"200ms\"; data_rate = %s; };", rates[i]);
		struct inbound_world *w = inbound_world_new(limits);
		struct world_client *c = world_connect(w, "192.168.1.9");
		client_ask(c, BEGIN "DATA\r\n", "354 ");
		for (unsigned k = 0; k < 12 && !c->closed; k++) {
			run_loop_for(w->base, 50);
			client_say(c, "A: some bytes, more than fifty in a second\r\n");
		}
		if (i == 0) {
			client_wait(c, "421 4.4.2 Timeout: data comes too slowly\r\n");
		} else {
			client_ask(c, "\r\n.\r\n", "250 2.0.0 OK queued");
		}
		client_free(c);
		inbound_world_free(w);
	}
}

/* Of this process, so that others on the machine do not count. */
static int64_t processor_ms(void)
{
	return (int64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

/* DOS-09: a header of many lines costs linear time. */
static void dos_09_many_lines(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { header_size = \"1M\"; };");
	int64_t took[2];
	(void)state;
	w->size_limit = 64 * 1024 * 1024;
	for (unsigned i = 0; i < 2; i++) {
		struct strbuf in;
		struct world_client *c = world_connect(w, "192.168.1.9");
		strbuf_init(&in, 32 * 1024 * 1024);
		strbuf_adds(&in, BEGIN_DATA "A: b\r\n");
		for (unsigned k = 0; k < (i + 1) * 100000; k++)
			strbuf_adds(&in, " x\r\n");
		strbuf_adds(&in, "\r\n.\r\nQUIT\r\n");
		int64_t start = processor_ms();
		client_send(c, strbuf_str(&in), SIZE_MAX);
		client_wait_closed(c);
		took[i] = processor_ms() - start;
		assert_int_equal(w->message_count, i + 1);
		client_free(c);
		strbuf_done(&in);
	}
	assert_true(took[1] < 4 * took[0] + 200);
	inbound_world_free(w);
}

/* --- a stop --------------------------------------------------------------------------------- */

/* Silent clients do not hold it up, whatever data_timeout is; the one that goes on is let go on. */
static void stop_with_clients_in_content(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *data = world_connect(w, "192.168.1.9");
	struct world_client *chunk = world_connect(w, "192.168.1.9");
	struct world_client *between = world_connect(w, "192.168.1.9");
	struct world_client *busy = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(data, BEGIN "DATA\r\nA: b\r\n", "354 ");
	client_say(chunk, BEGIN "BDAT 9 LAST\r\nA: b\r\n");
	client_ask(between, BEGIN "BDAT 6\r\nA: b\r\n", "6 octets received");
	client_ask(busy, BEGIN "DATA\r\n", "354 ");
	inbound_drain(w->in);
	client_wait(between, "421 4.3.2 relay.contoso.com is shutting down\r\n");
	int64_t start = clock_mono_ms();
	while (!(data->closed && chunk->closed) && clock_mono_ms() - start < 5000) {
		client_say(busy, "A: b\r\n");
		run_loop_for(w->base, 100);
	}
	client_wait(data, "421 4.3.2 relay.contoso.com is shutting down\r\n");
	client_wait(chunk, "421 4.3.2 relay.contoso.com is shutting down\r\n");
	client_ask(busy, ".\r\n", "250 2.0.0 OK queued");
	client_wait_closed(busy);
	assert_int_equal(w->message_count, 1);
	client_free(data);
	client_free(chunk);
	client_free(between);
	client_free(busy);
	inbound_world_free(w);
}

/* --- limits.messages ------------------------------------------------------------------------ */

static void messages_at_once(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { messages = 10; };");
	struct world_client *c[11];
	(void)state;
	/* Alone, one address may have them up to half, and a share of four above that. */
	for (unsigned i = 0; i < 6; i++) {
		c[i] = world_connect(w, "192.168.1.9");
		client_ask(c[i], i % 2 == 0 ? BEGIN "DATA\r\n" : BEGIN "BDAT 0\r\n",
			   i % 2 == 0 ? "354 " : " 0 octets");
	}
	c[6] = world_connect(w, "192.168.1.9");
	client_ask(c[6], BEGIN "DATA\r\n",
		   "451 4.3.1 The relay is busy with 6 messages of yours\r\n");
	client_ask(c[6], ENVELOPE "BDAT 1 LAST\r\nx",
		   "451 4.3.1 The relay is busy with 6 messages of yours\r\n");
	for (unsigned i = 7; i < 11; i++) {
		c[i] = world_connect(w, "192.168.1.10");
		client_ask(c[i], BEGIN "DATA\r\n", "354 ");
	}
	client_ask(c[6], "NOOP\r\n", "250 ");
	struct world_client *other = world_connect(w, "192.168.1.11");
	client_ask(other, BEGIN "DATA\r\n",
		   "451 4.3.1 The relay is busy with 10 messages, try again\r\n");
	/* One is over, however it ends: by its end, RSET, a lost connection. */
	client_ask(c[0], "x\r\n.\r\n", "250 ");
	client_ask(other, ENVELOPE "DATA\r\n", "354 ");
	client_ask(other, ".\r\n", "250 ");
	client_ask(c[1], "RSET\r\n", "250 ");
	client_reset(c[2]);
	for (unsigned i = 0; i < 2; i++) {
		struct world_client *more = world_connect(w, "192.168.1.12");
		client_ask(more, BEGIN "DATA\r\n", "354 ");
		client_ask(more, ".\r\n", "250 ");
		client_free(more);
	}
	client_free(other);
	for (unsigned i = 0; i < 11; i++)
		client_free(c[i]);
	assert_int_equal(w->in->messages_now, 0);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vanishing_clients),
		cmocka_unit_test(half_close_behind_the_dot),
		cmocka_unit_test(gone_during_the_commit),
		cmocka_unit_test(stopping_in_the_middle),
		cmocka_unit_test(silence_in_data),
		cmocka_unit_test(dos_06_trickle_in_data),
		cmocka_unit_test(data_rate),
		cmocka_unit_test(dos_09_many_lines),
		cmocka_unit_test(stop_with_clients_in_content),
		cmocka_unit_test(messages_at_once),
	};
	return cmocka_run_group_tests_name("inbound/content", tests, NULL, NULL);
}
