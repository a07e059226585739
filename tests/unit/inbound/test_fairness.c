/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attr.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/world_client.h"

/*
 * One who floods does not starve another. Counted in turns of the loop and in what the floods get
 * done meanwhile, not in time: a quiet client's NOOP is answered within TURNS turns, in which each
 * flood is served STEPS at most.
 */
enum {
	TURNS = 4,
	STEPS_A_TURN = 64, /* of daemon/inbound/session_io.c */
	CALLS_A_TURN = 3,  /* something came, output went out, its own wake-up */
	FLOODS = 50,
	ASKED = 5,
};

static size_t replies_of(const struct world_client *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->in.n; i++)
		n += c->in.p[i] == '\n';
	return n;
}

/* Keeps the client's output full. */
static void pour(struct world_client *c, struct str what)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	while (evbuffer_get_length(out) < 64 * 1024)
		bufferevent_write(c->bev, what.p, what.n);
}

/* Asks one question and turns the loop, with all floods going on, until it is answered. */
static unsigned turns_to_answer(struct inbound_world *w, struct world_client *quiet,
				struct world_client **floods, size_t count, struct str what)
{
	size_t had = replies_of(quiet);
	unsigned turns = 0;
	bufferevent_write(quiet->bev, "NOOP\r\n", 6);
	while (replies_of(quiet) == had) {
		for (size_t i = 0; i < count; i++)
			pour(floods[i], what);
		event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		if (turns++ == 10 * TURNS)
			fail_msg("the quiet one is not answered");
	}
	return turns;
}

static void nobody_starves(struct inbound_world *w, struct world_client **floods, size_t count,
			   struct str what)
{
	struct world_client *quiet = world_connect(w, "192.168.2.2");
	client_wait(quiet, "220 ");
	size_t all_turns = 0;
	for (unsigned i = 0; i < ASKED; i++) {
		unsigned turns = turns_to_answer(w, quiet, floods, count, what);
		if (turns > TURNS)
			fail_msg("answered after %u turns", turns);
		all_turns += turns;
	}
	for (size_t k = 0; k < count; k++)
		assert_true(replies_of(floods[k]) <= STEPS_A_TURN * CALLS_A_TURN * all_turns);
	client_free(quiet);
}

static void noops_of_one(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *flood = world_connect(w, "192.168.1.9");
	(void)state;
	client_wait(flood, "220 ");
	nobody_starves(w, &flood, 1, STR("NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"));
	assert_true(replies_of(flood) > ASKED);
	client_free(flood);
	inbound_world_free(w);
}

static void content_of_one(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *flood = world_connect(w, "192.168.1.9");
	static const char line[] = "A line of content, as long as one in the mail usually is.\r\n";
	(void)state;
	w->size_limit = UINT64_C(1) << 30;
	client_ask(flood, "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n", "354 ");
	nobody_starves(w, &flood, 1, STR(line));
	client_free(flood);
	inbound_world_free(w);
}

/* All sessions have their turn, whoever has opened them. */
static void fifty_of_one_address(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *floods[FLOODS];
	(void)state;
	for (size_t i = 0; i < FLOODS; i++) {
		floods[i] = world_connect(w, "192.168.1.9");
		client_wait(floods[i], "220 ");
	}
	nobody_starves(w, floods, FLOODS, STR("NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"));
	for (size_t i = 0; i < FLOODS; i++) {
		assert_true(replies_of(floods[i]) != 0);
		client_free(floods[i]);
	}
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(noops_of_one),
		cmocka_unit_test(content_of_one),
		cmocka_unit_test(fifty_of_one_address),
	};
	return cmocka_run_group_tests_name("inbound/fairness", tests, NULL, NULL);
}
