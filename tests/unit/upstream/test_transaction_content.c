/* SPDX-License-Identifier: MIT */
/* WRAP: dial_start dial_cancel event_add */
#include "tests/unit/upstream/fixture.h"

#include <stdio.h>

/* From 354 to the reply to the dot: what interrupts it, what it may hold in memory, and what is
 * allowed in its callbacks. */

#define OFFERS	 "S:220 hi", "C:EHLO client.test", "S:250-hi", "S:250 PIPELINING"
#define MAILED	 OFFERS, "C:MAIL FROM:<a@x.test>", "C:RCPT TO:<b@y.test>"
#define ACCEPTED MAILED, "S:250 ok", "S:250 ok", "C:DATA"
#define GO	 ACCEPTED, "S:354 go"
#define BYE	 "C:QUIT", "S:221 bye", "EOF"
#define UP	 "connected " RELAY " none\nready\n"
#define WANT	 UP "rcpt 0 250 ok\nwant\n"
#define TLS_DATA                                                                                  \
	"S:220 hi", "C:EHLO client.test", "S:250-hi", "S:250 STARTTLS", "C:STARTTLS", "S:220 go", \
		"TLS", "C:EHLO client.test", "S:250-hi", "S:250 AUTH XOAUTH2", "C:AUTH XOAUTH2",  \
		"S:334", "c:dXNlcj1zY2FubmVy", "S:235 ok", "C:MAIL FROM:<a@x.test>", "S:250 ok",  \
		"C:RCPT TO:<b@y.test>", "S:250 ok", "C:DATA"
#define TLS_GO	 TLS_DATA, "S:354 go"
#define TLS_WANT "connected " RELAY " TLSv1.*\nauthenticated\nready\nrcpt 0 250 ok\nwant\n"

#define LINE   "0123456789012345678901234567890123456789012345678901234567890123456789\r\n"
#define LINE10 LINE LINE LINE LINE LINE LINE LINE LINE LINE LINE
#define BLOCK  LINE10 LINE LINE LINE LINE ".12345678901234567890123456789\r\n"

static const struct letter small = { .from = "a@x.test",
				     .to = STEPS("b@y.test"),
				     .header = "A: b\r\n\r\n",
				     .chunks = STEPS("one\r\n", "two\r\n") };
/* Given at once, and far more than sockets hold; the server reads little of it. */
static const struct letter heavy = { .from = "a@x.test",
				     .to = STEPS("b@y.test"),
				     .header = "A: b\r\n\r\n",
				     .chunks = STEPS(BLOCK),
				     .repeat = 8192,
				     .at_once = true };
/* Never ends; 32 KiB for each want_data. */
static const struct letter endless = { .from = "a@x.test",
				       .to = STEPS("b@y.test"),
				       .header = "A: b\r\n\r\n",
				       .chunks = STEPS(BLOCK),
				       .repeat = 32,
				       .endless = true };

#define SENDS(l) .letters = &(l), .letter_count = 1

static const struct scenario hears_early_replies_list[] = {
	/* The dot never comes: nothing is uncertain. */
	{ .name = "552 in the midst",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(GO, "READ:100000", "S:552 5.3.4 too much", "EOF", "NO:\r\n.\r\n"),
	  .log = WANT "finished data 552 5.3.4 too much\nended data 552 5.3.4 too much\n" },
	{ .name = "421 in the midst",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(GO, "READ:100000", "S:421 bye", "EOF"),
	  .log = WANT "finished data 421 bye\nended data 421 bye\n" },
	{ .name = "451 in the midst, over TLS",
	  SENDS(endless),
	  .steps = STEPS(TLS_GO, "READ:100000", "S:451 later", "EOF"),
	  .log = TLS_WANT "finished data 451 later\nended data 451 later\n" },
	{ .name = "250 in the midst: UPS-04",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(GO, "READ:100000", "S:250 ok", "EOF"),
	  .log = WANT "finished data 906 " RELAY
		      ": sent \"250 ok\" before the message was complete\n"
		      "ended data 906 *\n" },
	{ .name = "250 in the midst, over TLS",
	  SENDS(endless),
	  .steps = STEPS(TLS_GO, "READ:100000", "S:250 ok", "EOF"),
	  .log = TLS_WANT "finished data 906 *\nended data 906 *\n" },
	{ .name = "354 again",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(GO, "READ:100000", "S:354 go", "EOF"),
	  .log = WANT "finished data 906 *\nended data 906 *\n" },
	{ .name = "garbage in the midst",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(GO, "READ:100000", "S:ok", "EOF"),
	  .log = WANT "finished data 906 *\nended data 906 *\n" },
	/* The dot is in our buffer, and the server cannot have it. */
	{ .name = "250 before the dot is out",
	  .plain = true,
	  SENDS(heavy),
	  .steps = STEPS(GO, "READ:10000", "DEAF", "S:250 ok"),
	  .log = WANT "finished data 906 " RELAY ": took the message before it was complete "
		      "UNCERTAIN\nended data 906 *\n" },
	{ .name = "552 before the dot is out",
	  .plain = true,
	  SENDS(heavy),
	  .steps = STEPS(GO, "READ:10000", "DEAF", "S:552 no"),
	  .log = WANT "finished data 552 no\nended data 552 no\n" },
};

static void hears_early_replies(void **state)
{
	(void)state;
	play_all(hears_early_replies_list, ARRAY_LEN(hears_early_replies_list));
}

static const struct scenario notices_the_end_list[] = {
	{ .name = "closed",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(GO, "READ:100000", "FIN"),
	  .log = WANT "finished data 905 *\nended data 905 *\n" },
	{ .name = "reset",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(GO, "READ:100000", "RST"),
	  .log = WANT "finished data 905 *\nended data 905 *\n" },
	{ .name = "half closed",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(GO, "READ:100000", "HALF"),
	  .log = WANT "finished data 905 *\nended data 905 *\n" },
	{ .name = "close_notify: TLS-04",
	  SENDS(endless),
	  .steps = STEPS(TLS_GO, "READ:100000", "NOTIFY"),
	  .log = TLS_WANT "finished data 905 *\nended data 905 *\n" },
	{ .name = "truncated: TLS-13",
	  SENDS(endless),
	  .steps = STEPS(TLS_GO, "READ:100000", "FIN"),
	  .log = TLS_WANT "finished data 905 *\nended data 905 *\n" },
	{ .name = "reset, over TLS",
	  SENDS(endless),
	  .steps = STEPS(TLS_GO, "READ:100000", "RST"),
	  .log = TLS_WANT "finished data 905 *\nended data 905 *\n" },
	{ .name = "truncated after the dot",
	  SENDS(small),
	  .steps = STEPS(TLS_GO, "DATA", "FIN"),
	  .log = TLS_WANT "finished data 905 * UNCERTAIN\nended data 905 *\n" },
	{ .name = "close_notify after the dot",
	  SENDS(small),
	  .steps = STEPS(TLS_GO, "DATA", "NOTIFY"),
	  .log = TLS_WANT "finished data 905 * UNCERTAIN\nended data 905 *\n" },
	{ .name = "accepted over TLS, and close_notify at once",
	  SENDS(small),
	  .steps = STEPS(TLS_GO, "DATA", "S:250 ok", "NOTIFY"),
	  .log = TLS_WANT "finished data 250 ok\n*ended idle *\n" },
	{ .name = "deaf",
	  .plain = true,
	  SENDS(endless),
	  .steps = STEPS(ACCEPTED, "FAST:500", "S:354 go", "READ:1000", "DEAF"),
	  .log = WANT
	  "finished data 904 " RELAY
	  ": waited 180 s in vain for the server to take the message\nended data 904 *\n" },
	{ .name = "deaf, over TLS",
	  SENDS(endless),
	  .steps = STEPS(TLS_DATA, "FAST:500", "S:354 go", "READ:1000", "DEAF"),
	  .log = TLS_WANT "finished data 904 *\nended data 904 *\n" },
};

static void notices_the_end(void **state)
{
	(void)state;
	play_all(notices_the_end_list, ARRAY_LEN(notices_the_end_list));
}

/* A server that does not read must not fill our memory: what was taken from the owner is what the
 * sockets hold, and little more. */
static void holds_little_in_memory(void **state)
{
	const struct scenario list[] = {
		{ .name = "deaf",
		  .plain = true,
		  SENDS(endless),
		  .steps = STEPS(ACCEPTED, "FAST:300", "S:354 go", "DEAF"),
		  .log = WANT "finished data 904 *\nended data 904 *\n" },
		{ .name = "deaf, TLS",
		  SENDS(endless),
		  .steps = STEPS(TLS_DATA, "FAST:300", "S:354 go", "DEAF"),
		  .log = TLS_WANT "finished data 904 *\nended data 904 *\n" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		struct client c;
		int sndbuf = 16384, fd;
		start(&c, &list[i]);
		fd = smtp_script_client(c.script);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)), 0);
		run_loop(&c);
		check(&c);
		/* Both sockets' buffers, 32 KiB below the mark and a chunk of 32 KiB above it. */
		assert_in_range(c.given, 32 * 1024, 300 * 1024);
		finish(&c);
	}
}

static void check_large(bool tls)
{
	const struct letter letter = { .from = "a@x.test",
				       .to = STEPS("b@y.test"),
				       .header = "A: b\r\n\r\n",
				       .chunks = STEPS(BLOCK, BLOCK, ".\r\n", BLOCK, BLOCK),
				       .repeat = 512 };
	const struct scenario plain = { .name = "large",
					.plain = true,
					.letters = &letter,
					.letter_count = 1,
					.steps = STEPS(GO, "DATA", "S:250 ok", BYE),
					.log = WANT
					"finished data 250 ok\nready\nended idle 221 bye\n" };
	const struct scenario encrypted = { .name = "large, TLS",
					    .letters = &letter,
					    .letter_count = 1,
					    .steps = STEPS(TLS_GO, "DATA", "S:250 ok", BYE),
					    .log = TLS_WANT
					    "finished data 250 ok\nready\nended idle 221 bye\n" };
	struct client c;
	size_t n = 0, dots = 0;
	start(&c, tls ? &encrypted : &plain);
	run_loop(&c);
	check(&c);
	const char *content = smtp_script_content(c.script, &n);
	/* Every line of BLOCK that begins with a dot, and every lone dot, got a second one. */
	for (size_t i = 0; i + 3 < n; i++)
		if (memcmp(content + i, "\n..", 3) == 0)
			dots++;
	assert_int_equal(dots, 5 * 512);
	assert_int_equal(n, strlen("A: b\r\n\r\n") + c.given + dots + strlen(".\r\n"));
	finish(&c);
}

static void sends_large_messages(void **state)
{
	(void)state;
	check_large(false);
	check_large(true);
}

/* UPS-13: the connection is cut after every byte of the message. */
static void check_cut(const char *const *steps, size_t at, bool tls)
{
	const char *with_read[40];
	char read_step[32];
	size_t n = 0;
	const struct scenario sc = { .name = "cut",
				     .plain = !tls,
				     SENDS(small),
				     .steps = with_read,
				     .log = "*ended data 905 *" };
	struct client c;
	for (; steps[n] != NULL; n++)
		with_read[n] = steps[n];
	snprintf(read_step, sizeof(read_step), "READ:%zu", at);
	with_read[n++] = read_step;
	with_read[n++] = at % 2 == 0 ? "FIN" : "RST";
	with_read[n] = NULL;
	start(&c, &sc);
	run_loop(&c);
	check(&c);
	/* Once, and uncertain exactly when the dot had been given. */
	const char *finished = strstr(strbuf_cstr(&c.log), "finished data 905 ");
	assert_non_null(finished);
	assert_null(strstr(finished + 1, "finished"));
	assert_int_equal(strstr(finished, " UNCERTAIN\n") != NULL, c.dot_given);
	finish(&c);
}

static void survives_a_cut_at_every_byte(void **state)
{
	const char *const *plain = STEPS(GO);
	const char *const *encrypted = STEPS(TLS_GO);
	size_t n = strlen("A: b\r\n\r\none\r\ntwo\r\n.\r\n");
	(void)state;
	for (size_t at = 0; at <= n; at++) {
		check_cut(plain, at, false);
		check_cut(encrypted, at, true);
	}
}

#define FREED(at, text, ...)                                                                   \
	{                                                                                      \
		.name = (at), .plain = true, SENDS(small), .act_at = (at), .action = ACT_FREE, \
		.log = (text), .steps = STEPS(__VA_ARGS__)                                     \
	}

static const struct scenario may_be_freed_list[] = {
	FREED("rcpt", UP "rcpt 0 250 ok\n", MAILED, "S:250 ok", "S:250 ok", "EOF"),
	FREED("want", WANT, GO, "EOF", "NO:.\r\n"),
	FREED("want-more", WANT, GO, "EOF", "NO:.\r\n"),
	FREED("finished", WANT "finished data 250 ok\n", GO, "DATA", "S:250 ok", "EOF"),
	FREED("finished", UP "finished mail 550 no\n", MAILED, "s:550 no\r\n503 x\r\n", "C:RSET",
	      "s:250 ok\r\n421 x\r\n", "EOF"),
	FREED("finished", UP "finished mail 905 *\n", MAILED, "FIN"),
	FREED("finished", UP "finished mail 421 x\n", MAILED, "S:421 x", "EOF"),
	FREED("ended", UP "finished mail 905 *\nended mail 905 *\n", MAILED, "FIN"),
};

static void may_be_freed_in_every_callback(void **state)
{
	(void)state;
	play_all(may_be_freed_list, ARRAY_LEN(may_be_freed_list));
}

#define GIVEN_UP(at, what, text, ...)                                                        \
	{                                                                                    \
		.name = (at), .plain = true, SENDS(small), .act_at = (at), .action = (what), \
		.log = (text), .steps = STEPS(__VA_ARGS__)                                   \
	}

static const struct scenario may_be_given_up_list[] = {
	GIVEN_UP("rcpt", ACT_ABORT,
		 UP "rcpt 0 250 ok\nfinished rcpt 909 the disk is gone\n"
		    "ended rcpt 909 the disk is gone\n",
		 MAILED, "S:250 ok", "S:250 ok", "EOF", "NO:DATA"),
	GIVEN_UP("want", ACT_ABORT, WANT "finished data 909 the disk is gone\nended data 909 *\n",
		 GO, "EOF", "NO:.\r\n"),
	GIVEN_UP("want-more", ACT_ABORT,
		 WANT "finished data 909 the disk is gone\nended data 909 *\n", GO, "EOF",
		 "NO:.\r\n"),
	GIVEN_UP("finished", ACT_ABORT, WANT "finished data 250 ok\nready\nended idle 221 bye\n",
		 GO, "DATA", "S:250 ok", BYE),
	GIVEN_UP("ended", ACT_ABORT, UP "finished mail 905 *\nended mail 905 *\n", MAILED, "FIN"),
	GIVEN_UP("rcpt", ACT_QUIT,
		 UP "rcpt 0 250 ok\nfinished rcpt 905 the session was given up here\n"
		    "ended rcpt 905 *\n",
		 MAILED, "S:250 ok", "S:250 ok", "EOF"),
	GIVEN_UP("want", ACT_QUIT, WANT "finished data 905 *\nended data 905 *\n", GO, "EOF",
		 "NO:.\r\n"),
	GIVEN_UP("finished", ACT_QUIT, WANT "finished data 250 ok\nended data 905 *\n", GO, "DATA",
		 "S:250 ok", "EOF"),
};

static void may_be_given_up(void **state)
{
	(void)state;
	play_all(may_be_given_up_list, ARRAY_LEN(may_be_given_up_list));
}

/* --- an owner that reads its content elsewhere ------------------------------------------------ */

#define HELD .name = "held", .plain = true, SENDS(small), .act_at = "want", .action = ACT_HOLD

/* 3 min are 200 ms. */
static const struct scenario slow_disk = {
	HELD, .steps = STEPS(ACCEPTED, "FAST:900", "S:354 go", "DATA", "FAST:1", "S:250 ok", BYE),
	.log = WANT "finished data 250 ok\nready\nended idle 221 bye\n"
};
static const struct scenario aborted = { HELD, .steps = STEPS(GO, "EOF", "NO:.\r\n"),
					 .log = WANT
					 "finished data 909 no more\nended data 909 no more\n" };
static const struct scenario aborted_late = {
	HELD, .steps = STEPS(GO, "EOF"),
	.log = WANT "finished data 909 no more UNCERTAIN\nended data 909 no more\n"
};
static const struct scenario begun_early = {
	HELD, .steps = STEPS(GO, "READ:8", "s:250 o", "DATA", "s:k\r\n", "EOF"),
	.log = WANT "finished data 906 " RELAY ": took the message before it was complete "
		    "UNCERTAIN\nended data 906 *\n"
};

/* Until the owner has been asked for content, and the server has come to a step. */
static void run_until(struct client *c, const char *step)
{
	const struct timeval guard = { .tv_sec = 10 };
	event_base_once(c->base, -1, EV_TIMEOUT, on_guard, c, &guard);
	while (!c->guard && (strcmp(smtp_script_step(c->script), step) != 0 ||
			     strstr(strbuf_cstr(&c->log), "want\n") == NULL))
		event_base_loop(c->base, EVLOOP_ONCE);
	assert_false(c->guard);
}

/* The time-out of content is the server's; the owner's disk may be slower. */
static void lets_the_owner_take_its_time(void **state)
{
	struct client c;
	(void)state;
	const struct timeval longer = { .tv_usec = 500000 };
	start(&c, &slow_disk);
	run_until(&c, "DATA");
	event_base_loopexit(c.base, &longer);
	event_base_dispatch(c.base);
	/* Asked once, and not again although the header has drained. */
	assert_true(like(strbuf_cstr(&c.log), WANT));
	c.in_call = true;
	assert_true(upstream_data(c.up, STR("late\r\n")));
	c.in_call = false;
	c.next_chunk = 2;
	run_loop(&c);
	check(&c);
	finish(&c);
}

/* The reply to the dot began before the dot was sent. */
static void sees_that_a_reply_began_early(void **state)
{
	struct client c;
	(void)state;
	start(&c, &begun_early);
	run_until(&c, "DATA");
	c.in_call = true;
	c.dot_given = true;
	upstream_data_end(c.up);
	c.in_call = false;
	run_loop(&c);
	check(&c);
	finish(&c);
}

static void aborts_from_outside(void **state)
{
	struct client c;
	(void)state;
	start(&c, &aborted);
	run_until(&c, "EOF");
	c.in_call = true;
	assert_true(upstream_data(c.up, STR("x\r\n")));
	upstream_abort(c.up, "no more");
	/* Too late for anything else. */
	assert_false(upstream_data(c.up, STR("y\r\n")));
	upstream_data_end(c.up);
	upstream_abort(c.up, "again");
	upstream_quit(c.up);
	assert_false(upstream_is_ready(c.up));
	c.in_call = false;
	run_loop(&c);
	check(&c);
	finish(&c);
}

static void aborts_after_the_dot(void **state)
{
	struct client c;
	(void)state;
	start(&c, &aborted_late);
	run_until(&c, "EOF");
	c.in_call = true;
	c.dot_given = true;
	upstream_data_end(c.up);
	upstream_abort(c.up, "no more");
	c.in_call = false;
	run_loop(&c);
	check(&c);
	finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_early_replies),
		cmocka_unit_test(notices_the_end),
		cmocka_unit_test(holds_little_in_memory),
		cmocka_unit_test(sends_large_messages),
		cmocka_unit_test(survives_a_cut_at_every_byte),
		cmocka_unit_test(may_be_freed_in_every_callback),
		cmocka_unit_test(may_be_given_up),
		cmocka_unit_test(lets_the_owner_take_its_time),
		cmocka_unit_test(sees_that_a_reply_began_early),
		cmocka_unit_test(aborts_from_outside),
		cmocka_unit_test(aborts_after_the_dot),
	};
	return cmocka_run_group_tests(tests, make_tls_files, free_tls_files);
}
