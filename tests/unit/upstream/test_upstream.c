/* SPDX-License-Identifier: MIT */
/* WRAP: dial_start dial_cancel event_add */
#include "tests/unit/upstream/fixture.h"

#include <stdio.h>

/*
 * The contract of upstream.h against servers that behave at random: whatever comes, each message is
 * finished once, the session ends once, nothing is called afterwards, and a message counts as
 * delivered only when the server had its dot and said 250 to it.
 */

enum {
	RUNS = 1500,
	STEPS_MAX = 64
};

struct run {
	uint32_t random;
	const char *steps[STEPS_MAX];
	size_t n;
};

static uint32_t pick(struct run *r, uint32_t n)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 17;
	r->random ^= r->random << 5;
	return r->random % n;
}

static void add(struct run *r, const char *step)
{
	if (r->n < STEPS_MAX - 1)
		r->steps[r->n++] = step;
	r->steps[r->n] = NULL;
}

/* Mostly what is due, else anything. False when nothing can follow. */
static bool answer(struct run *r, const char *due)
{
	static const char *const odd[] = {
		"S:250 ok",
		"S:250 ok\r\n250 ok",
		"S:354 go",
		"S:550 5.1.1 no",
		"S:451 later",
		"S:421 4.3.2 bye",
		"S:220 hi",
		"S:235 ok",
		"S:334",
		"S:garbage",
		"S:250-a\r\n250 b",
		"s:250-a\r\n",
		"S:250 ok\r\n421 bye",
		"S:250-a\r\n451 b",
		"S:554 no\r\n421 x",
		"S:221 bye",
		"S:252 maybe",
		"s:250 ok\n",
		"S:",
		"S:250",
	};
	uint32_t dice = pick(r, 12);
	if (dice == 0) {
		const char *step = odd[pick(r, ARRAY_LEN(odd))];
		add(r, step);
		/* Nobody would speak after half a reply. */
		if (strstr(step, "250-a\r\n") == NULL || step[0] == 'S')
			return true;
		add(r, "FIN");
		return false;
	}
	if (dice == 1) {
		static const char *const ends[] = { "FIN", "RST", "HALF" };
		add(r, ends[pick(r, 3)]);
		return false;
	}
	add(r, due);
	return true;
}

/* A server's way through two messages, with what the client says where it would say it. */
static void make_steps(struct run *r, bool pipelining)
{
	if (!answer(r, "S:220 hi"))
		return;
	add(r, "c:EHLO");
	if (!answer(r, pipelining ? "S:250-hi\r\n250-PIPELINING\r\n250 SIZE" : "S:250 hi"))
		return;
	for (int message = 0; message < 2; message++) {
		add(r, "c:MAIL");
		if (!answer(r, "S:250 ok"))
			return;
		for (int i = 0; i < 3; i++) {
			add(r, "c:RCPT");
			if (!answer(r, pick(r, 4) == 0 ? "S:550 no" : "S:250 ok"))
				return;
		}
		add(r, "c:DATA");
		if (!answer(r, "S:354 go"))
			return;
		if (pick(r, 8) == 0 && !answer(r, "S:552 enough"))
			return;
		add(r, "DATA");
		if (!answer(r, "S:250 final"))
			return;
	}
	add(r, "c:QUIT");
	answer(r, "S:221 bye");
}

static size_t count(const char *text, const char *needle)
{
	size_t n = 0;
	for (const char *p = strstr(text, needle); p != NULL; p = strstr(p + 1, needle))
		n++;
	return n;
}

/* "ended" is there once, and is the last line. */
static bool ends_once(const char *log)
{
	const char *ended = strstr(log, "ended ");
	const char *end = ended != NULL ? strchr(ended, '\n') : NULL;
	return end != NULL && end[1] == '\0';
}

/* The server may stop anywhere (its script no longer fits): then it closes. */
static void drive(struct client *c)
{
	const struct timeval guard = { .tv_sec = 10 };
	event_base_once(c->base, -1, EV_TIMEOUT, on_guard, c, &guard);
	while (!c->guard && !c->over) {
		event_base_loop(c->base, EVLOOP_NONBLOCK);
		if (smtp_script_is_done(c->script))
			smtp_script_cut(c->script);
	}
	for (int i = 0; i < 5; i++)
		event_base_loop(c->base, EVLOOP_NONBLOCK);
}

static void keeps_its_contract(void **state)
{
	const struct letter letters[] = {
		{ .from = "a@x.test",
		  .to = STEPS("b@y.test", "c@y.test", "d@y.test"),
		  .header = "A: b\r\n\r\n",
		  .chunks = STEPS("one\r\n", "two\r\n"),
		  .size = 10 },
		{ .from = "a@x.test",
		  .to = STEPS("b@y.test", "c@y.test", "d@y.test"),
		  .header = "A: b\r\n\r\n",
		  .chunks = STEPS(NULL),
		  .size = 10 },
	};
	struct run r = { .random = 20261122 };
	size_t delivered = 0, uncertain = 0, lost = 0;
	(void)state;
	for (int i = 0; i < RUNS; i++) {
		struct scenario sc = { .name = "random",
				       .plain = true,
				       .letters = letters,
				       .letter_count = 2,
				       .steps = r.steps,
				       .divide = 100,
				       .drip = i % 5 == 0 };
		struct client c;
		r.n = 0;
		make_steps(&r, i % 3 != 0);
		start(&c, &sc);
		drive(&c);
		const char *log = strbuf_cstr(&c.log);
		size_t finals = count(log, "finished data 250 final\n");
		if (c.guard || !ends_once(log) || count(log, "finished ") != c.next_letter)
			fail_msg("run %d: %s", i, log);
		if (count(log, "finished data 25") > c.dots_given)
			fail_msg("run %d: delivered without a dot: %s", i, log);
		delivered += finals;
		uncertain += count(log, "UNCERTAIN");
		lost += count(log, "finished") - finals;
		finish(&c);
	}
	/* The dice do reach every kind of end. */
	assert_true(delivered > 300 && uncertain > 50 && lost > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_contract),
	};
	return cmocka_run_group_tests(tests, make_tls_files, free_tls_files);
}
