/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "tests/unit/support/inbound_world.h"

/*
 * The state machine against a model of it: random walks (threats.md 2.8), each pipelined whole, in
 * one segment and in one-byte segments. The model is a table: what a step answers in each phase,
 * and where it leads.
 */
enum phase {
	START,
	HELLO,
	MAIL,
	RCPT,
	PHASES
};

struct step {
	const char *text;
	const char *codes[PHASES]; /* the replies, by phase */
	const char *then;	   /* the phase behind it, a letter for each: S H M R, or '=' */
	bool login;		   /* 503 once it has succeeded */
	bool message;		   /* one message more, where the codes begin with 354 */
};

#define LATE	"503"
#define CONTENT "Subject: x\r\n\r\nQUIT\r\n..\r\n.\r\n"

/* DATA is sent with content only where the model says 354: else that would be commands. */
static const struct step steps[] = {
	{ "EHLO x\r\n", { "250", "250", "250", "250" }, "HHHH", false, false },
	{ "HELO x\r\n", { "250", "250", "250", "250" }, "HHHH", false, false },
	{ "EHLO\r\n", { "501", "501", "501", "501" }, "====", false, false },
	{ "MAIL FROM:<a@b.c>\r\n", { LATE, "250", LATE, LATE }, "=M==", false, false },
	{ "MAIL FROM:<>\r\n", { LATE, "250", LATE, LATE }, "=M==", false, false },
	{ "MAIL FROM:<a@b\r\n", { LATE, "501", LATE, LATE }, "====", false, false },
	{ "MAIL FROM:<a@b> SIZE=9999999\r\n", { LATE, "552", LATE, LATE }, "====", false, false },
	{ "MAIL FROM:<a@b> FOO=1\r\n", { LATE, "555", LATE, LATE }, "====", false, false },
	{ "RCPT TO:<a@b.c>\r\n", { LATE, LATE, "250", "250" }, "==RR", false, false },
	{ "RCPT TO:<\"d e\"@f>\r\n", { LATE, LATE, "250", "250" }, "==RR", false, false },
	{ "RCPT TO:<>\r\n", { LATE, LATE, "501", "501" }, "====", false, false },
	{ "DATA\r\n", { LATE, LATE, LATE, "354 250" }, "===H", false, true },
	{ "DATA\r\n", { LATE, LATE, LATE, "354 250" }, "===H", false, true },
	{ "DATA x\r\n", { LATE, LATE, LATE, "501" }, "====", false, false },
	{ "RSET\r\n", { "250", "250", "250", "250" }, "=HHH", false, false },
	{ "NOOP\r\n", { "250", "250", "250", "250" }, "====", false, false },
	{ "VRFY x\r\n", { "252", "252", "252", "252" }, "====", false, false },
	{ "HELP\r\n", { "214", "214", "214", "214" }, "====", false, false },
	{ "FOO\r\n", { "500", "500", "500", "500" }, "====", false, false },
	{ "\r\n", { "500", "500", "500", "500" }, "====", false, false },
	{ "EXPN x\r\n", { "502", "502", "502", "502" }, "====", false, false },
	{ "STARTTLS\r\n", { LATE, "502", LATE, LATE }, "====", false, false },
	{ "AUTH PLAIN AGEAYg==\r\n", { LATE, "235", LATE, LATE }, "====", true, false },
	{ "AUTH LOGIN YQ==\r\n*\r\n",
	  { "503 500", "334 501", "503 500", "503 500" },
	  "====",
	  false,
	  false },
};

static enum phase phase_after(const struct step *step, enum phase phase)
{
	static const char letters[] = "SHMR";
	const char *at = strchr(letters, step->then[phase]);
	return at != NULL ? (enum phase)(at - letters) : phase;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

/* One walk as text and expected codes; returns how many messages it hands over. */
static size_t walk(uint64_t *seed, struct strbuf *text, struct strbuf *codes)
{
	enum phase phase = START;
	bool logged_in = false;
	size_t messages = 0;
	strbuf_adds(codes, "220");
	for (unsigned i = 0; i < 60; i++) {
		const struct step *step = &steps[next_random(seed) % ARRAY_LEN(steps)];
		const char *want = step->codes[phase];
		bool auth = strncmp(step->text, "AUTH", 4) == 0;
		if (auth && logged_in && phase == HELLO)
			want = step->login ? "503" : "503 500";
		strbuf_adds(text, step->text);
		if (step->message && strncmp(want, "354", 3) == 0) {
			strbuf_adds(text, CONTENT);
			messages++;
		}
		strbuf_addf(codes, " %s", want);
		logged_in |= strcmp(want, "235") == 0;
		phase = phase_after(step, phase);
	}
	strbuf_adds(text, "QUIT\r\n");
	strbuf_adds(codes, " 221");
	return messages;
}

static void random_walks(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { errors = 10000; };");
	uint64_t seed = 20261122;
	size_t total = 0;
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct strbuf text, codes;
		char name[32];
		strbuf_init(&text, 64 * 1024);
		strbuf_init(&codes, 64 * 1024);
		snprintf(name, sizeof(name), "walk %u", i);
		size_t messages = walk(&seed, &text, &codes);
		world_dialogue(w, name, strbuf_str(&text), strbuf_cstr(&codes));
		assert_int_equal(w->message_count, 2 * messages);
		assert_int_equal(w->begun, 2 * messages);
		for (size_t k = 0; k < w->message_count; k++)
			assert_non_null(strstr(strbuf_cstr(&w->messages[k].content),
					       "\r\nSubject: x\r\n\r\nQUIT\r\n.\r\n"));
		total += messages;
		world_clear(w);
		strbuf_done(&text);
		strbuf_done(&codes);
	}
	assert_true(total > 100);
	inbound_world_free(w);
}

/* Bytes without sense, from a dictionary of what hurts: no crash, and replies that are replies. */
static void random_bytes(void **state)
{
	static const char *const words[] = { "EHLO x",
					     "MAIL FROM:<a@b>",
					     "RCPT TO:<c@d>",
					     "DATA",
					     "AUTH PLAIN",
					     "AUTH LOGIN",
					     "\r\n",
					     "\n",
					     "\r",
					     ".",
					     "\r\n.\r\n",
					     "<",
					     ">",
					     "@",
					     " ",
					     "\t",
					     "*",
					     "=",
					     "QUIT",
					     "RSET",
					     "BDAT 9",
					     "\xff",
					     "\x01",
					     "AGEAYg==",
					     "SIZE=1",
					     "BODY=",
					     "AUTH=<>",
					     ":",
					     "STARTTLS",
					     "\"\\" };
	struct inbound_world *w = inbound_world_new("limits = { errors = 10000; };");
	uint64_t seed = 42;
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct strbuf text;
		struct world_client *c = world_connect(w, "192.168.1.9");
		strbuf_init(&text, 64 * 1024);
		w->pause_every = (unsigned)next_random(&seed) % 4;
		for (unsigned k = 0; k < 80; k++) {
			strbuf_adds(&text, words[next_random(&seed) % ARRAY_LEN(words)]);
			if (next_random(&seed) % 3 == 0)
				strbuf_adds(&text, "\r\n");
		}
		client_send(c, strbuf_str(&text), 1 + next_random(&seed) % 200);
		client_shut(c);
		client_wait_closed(c);
		free(client_codes(c)); /* checks their form */
		client_free(c);
		strbuf_done(&text);
		assert_int_equal(w->begun, w->abandoned + w->message_count);
		world_clear(w);
	}
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_walks),
		cmocka_unit_test(random_bytes),
	};
	return cmocka_run_group_tests_name("inbound/model", tests, NULL, NULL);
}
