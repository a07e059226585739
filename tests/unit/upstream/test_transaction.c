/* SPDX-License-Identifier: MIT */
/* WRAP: dial_start dial_cancel event_add */
#include "tests/unit/upstream/fixture.h"

/* One message after another on a session, without TLS where TLS makes no difference. */

#define HELLO	       "S:220 hi", "C:EHLO client.test"
#define OFFERS	       HELLO, "S:250-hi", "S:250-PIPELINING", "S:250-SIZE 1000000", "S:250 8BITMIME"
#define OFFERS_NOTHING HELLO, "S:250 hi"
#define UP	       "connected " RELAY " none\nready\n"
#define BYE	       "C:QUIT", "S:221 bye", "EOF"
#define BYE_LOG	       "ready\nended idle 221 bye\n"

#define MAIL	   "C:MAIL FROM:<a@x.test> SIZE=23"
#define MAILED	   OFFERS, MAIL, "C:RCPT TO:<b@y.test>"
#define ACCEPTED   MAILED, "S:250 2.1.0 ok", "S:250 2.1.5 ok", "C:DATA"
#define GO	   ACCEPTED, "S:354 go", "DATA"
#define TWO	   OFFERS, MAIL, "C:RCPT TO:<b@y.test>", "C:RCPT TO:<c@y.test>", "C:RCPT TO:<d@y.test>"
#define ONE_BY_ONE OFFERS_NOTHING, "C:MAIL FROM:<a@x.test>", "QUIET"

#define TO_ONE	"rcpt 0 250 2.1.5 ok\n"
#define CONTENT "Subject: x\r\n\r\nhello\r\n.\r\n"

static const struct letter plain = {
	.from = "a@x.test",
	.to = STEPS("b@y.test"),
	.header = "Subject: x\r\n\r\n",
	.chunks = STEPS("hello\r\n"),
	.size = 23,
};
static const struct letter to_three = {
	.from = "a@x.test",
	.to = STEPS("b@y.test", "c@y.test", "d@y.test"),
	.header = "Subject: x\r\n\r\n",
	.chunks = STEPS("hello\r\n"),
	.size = 23,
};
static const struct letter plain_twice[] = {
	{ .from = "a@x.test",
	  .to = STEPS("b@y.test"),
	  .header = "A: 1\r\n\r\n",
	  .chunks = STEPS("one\r\n"),
	  .size = 1 },
	{ .from = NULL,
	  .to = STEPS("c@y.test"),
	  .header = "A: 2\r\n\r\n",
	  .chunks = STEPS("two\r\n"),
	  .size = 2 },
};

#define SENDS(l) .plain = true, .letters = &(l), .letter_count = 1

static const struct scenario delivers_list[] = {
	{ .name = "pipelined",
	  SENDS(plain),
	  .steps = STEPS(GO, "S:250 2.0.0 OK queued [Hostname=X]", BYE),
	  .log = UP TO_ONE "want\nfinished data 250 2.0.0 OK queued [Hostname=X]\n" BYE_LOG,
	  .content = CONTENT },
	{ .name = "byte by byte",
	  SENDS(plain),
	  .drip = true,
	  .steps = STEPS(GO, "S:250 2.0.0 OK", BYE),
	  .log = UP TO_ONE "want\nfinished data 250 2.0.0 OK\n" BYE_LOG,
	  .content = CONTENT },
	{ .name = "one by one",
	  SENDS(to_three),
	  .steps = STEPS(ONE_BY_ONE, "S:250 ok", "C:RCPT TO:<b@y.test>", "QUIET", "S:250 ok",
			 "C:RCPT TO:<c@y.test>", "QUIET", "S:251 will forward",
			 "C:RCPT TO:<d@y.test>", "QUIET", "S:250 ok", "C:DATA", "QUIET", "S:354 go",
			 "DATA", "S:250 ok", BYE),
	  .log = UP "rcpt 0 250 ok\nrcpt 1 251 will forward\nrcpt 2 250 ok\nwant\n"
		    "finished data 250 ok\n" BYE_LOG,
	  .content = CONTENT },
	{ .name = "some of several: UPS-12",
	  SENDS(to_three),
	  .steps = STEPS(TWO, "s:250 ok\r\n550 5.1.1 b\r\n250 c\r\n452 4.5.3 d\r\n", "C:DATA",
			 "S:354 go", "DATA", "S:250 ok", BYE),
	  .log = UP "rcpt 0 550 5.1.1 b\nrcpt 1 250 c\nrcpt 2 452 4.5.3 d\nwant\n"
		    "finished data 250 ok\n" BYE_LOG },
	{ .name = "two messages, the second from the null path",
	  .plain = true,
	  .letters = plain_twice,
	  .letter_count = 2,
	  .steps = STEPS(OFFERS, "C:MAIL FROM:<a@x.test> SIZE=1", "C:RCPT TO:<b@y.test>",
			 "S:250 ok", "S:250 ok", "C:DATA", "S:354 go", "DATA", "S:250 one",
			 "C:MAIL FROM:<> SIZE=2", "C:RCPT TO:<c@y.test>", "S:250 ok", "S:250 ok",
			 "C:DATA", "S:354 go", "DATA", "S:250 two", BYE),
	  .log = UP "rcpt 0 250 ok\nwant\nfinished data 250 one\nready\n"
		    "rcpt 0 250 ok\nwant\nfinished data 250 two\n" BYE_LOG,
	  .content = "A: 2\r\n\r\ntwo\r\n.\r\n" },
	{ .name = "dots, in chunks of their own, and no line end at the end",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test"),
					     .header = ".A: 1\r\n\r\n",
					     .size = 23,
					     .chunks = STEPS(".", "\r", "\n", ".", ".\r\n", "x") },
	  .letter_count = 1,
	  .steps = STEPS(GO, "S:250 ok", BYE),
	  .log = UP TO_ONE "want\nfinished data 250 ok\n" BYE_LOG,
	  .content = "..A: 1\r\n\r\n..\r\n...\r\nx\r\n.\r\n" },
	{ .name = "empty chunks",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test"),
					     .header = "Subject: x\r\n\r\n",
					     .size = 23,
					     .chunks = STEPS("", "", "hello\r\n", "") },
	  .letter_count = 1,
	  .steps = STEPS(GO, "S:250 ok", BYE),
	  .log = UP TO_ONE "want\nfinished data 250 ok\n" BYE_LOG,
	  .content = CONTENT },
	{ .name = "addresses in need of quotes",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a b>\\\"@x.test",
					     .to = STEPS("<,@y.test"),
					     .header = "\r\n",
					     .size = 2,
					     .chunks = STEPS(NULL) },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, "C:MAIL FROM:<\"a b>\\\\\\\"\"@x.test> SIZE=2",
			 "C:RCPT TO:<\"<,\"@y.test>", "S:250 ok", "S:250 ok", "C:DATA", "S:354 go",
			 "DATA", "S:250 ok", BYE),
	  .log = UP "rcpt 0 250 ok\nwant\nfinished data 250 ok\n" BYE_LOG,
	  .content = "\r\n.\r\n" },
	{ .name = "8-bit",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test"),
					     .header = "\r\n",
					     .size = 4,
					     .chunks = STEPS("\xc3\xa9"),
					     .eight_bit = true },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, "C:MAIL FROM:<a@x.test> SIZE=4 BODY=8BITMIME",
			 "C:RCPT TO:<b@y.test>", "S:250 ok", "S:250 ok", "C:DATA", "S:354 go",
			 "DATA", "S:250 ok", BYE),
	  .log = UP "rcpt 0 250 ok\nwant\nfinished data 250 ok\n" BYE_LOG,
	  .content = "\r\n\xc3\xa9\r\n.\r\n" },
};

static void delivers(void **state)
{
	(void)state;
	play_all(delivers_list, ARRAY_LEN(delivers_list));
}

static const struct scenario goes_on_after_refusals_list[] = {
	{ .name = "MAIL, pipelined",
	  .plain = true,
	  .letters = plain_twice,
	  .letter_count = 2,
	  .steps = STEPS(OFFERS, "C:MAIL FROM:<a@x.test> SIZE=1", "C:RCPT TO:<b@y.test>",
			 "s:550 5.7.60 SendAsDenied\r\n503 5.5.2 need MAIL\r\n", "C:RSET", "QUIET",
			 "S:250 ok", "C:MAIL FROM:<> SIZE=2", "C:RCPT TO:<c@y.test>", "S:250 ok",
			 "S:250 ok", "C:DATA", "S:354 go", "DATA", "S:250 two", BYE),
	  .log = UP "finished mail 550 5.7.60 SendAsDenied\nready\n"
		    "rcpt 0 250 ok\nwant\nfinished data 250 two\n" BYE_LOG },
	{ .name = "MAIL, and a server that takes the RCPT all the same",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "s:451 later\r\n250 ok\r\n", "C:RSET", "S:250 ok", BYE),
	  .log = UP "finished mail 451 later\n" BYE_LOG },
	{ .name = "MAIL, one by one",
	  SENDS(plain),
	  .steps = STEPS(ONE_BY_ONE, "S:550 no", "C:RSET", "QUIET", "S:250 ok", BYE),
	  .log = UP "finished mail 550 no\n" BYE_LOG },
	{ .name = "every RCPT, pipelined",
	  SENDS(to_three),
	  .steps = STEPS(TWO, "s:250 ok\r\n550 b\r\n450 c\r\n551 d\r\n", "C:RSET", "QUIET",
			 "S:250 ok", BYE),
	  .log = UP "rcpt 0 550 b\nrcpt 1 450 c\nrcpt 2 551 d\nfinished rcpt 551 d\n" BYE_LOG },
	{ .name = "every RCPT, one by one",
	  SENDS(plain),
	  .steps = STEPS(ONE_BY_ONE, "S:250 ok", "C:RCPT TO:<b@y.test>", "S:550 b", "C:RSET",
			 "S:250 ok", BYE),
	  .log = UP "rcpt 0 550 b\nfinished rcpt 550 b\n" BYE_LOG },
	{ .name = "DATA",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "S:451 4.3.0 not now", "C:RSET", "S:250 ok", BYE),
	  .log = UP TO_ONE "finished data 451 4.3.0 not now\n" BYE_LOG },
	{ .name = "the message",
	  SENDS(plain),
	  .steps = STEPS(GO, "S:554 5.2.252 SendAsDenied", BYE),
	  .log = UP TO_ONE "want\nfinished data 554 5.2.252 SendAsDenied\n" BYE_LOG },
	/* What becomes of RSET does not change what the message was told. */
	{ .name = "RSET refused",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "S:451 later", "C:RSET", "S:500 what", "EOF"),
	  .log = UP TO_ONE "finished data 451 later\nended idle 500 what\n" },
	{ .name = "RSET not answered",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "FAST:500", "S:451 later", "C:RSET", "EOF"),
	  .log = UP TO_ONE "finished data 451 later\nended idle 904 " RELAY
			   ": waited 60 s in vain for the reply to RSET\n" },
	{ .name = "closed while replies are skipped",
	  SENDS(to_three),
	  .steps = STEPS(TWO, "s:550 no\r\n503 x\r\n", "FIN"),
	  .log = UP "finished mail 550 no\nended idle 905 *\n" },
	{ .name = "354 while replies are skipped",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "s:550 no\r\n354 go\r\n", "EOF"),
	  .log = UP "finished mail 550 no\nended idle 906 *\n" },
};

static void goes_on_after_refusals(void **state)
{
	(void)state;
	play_all(goes_on_after_refusals_list, ARRAY_LEN(goes_on_after_refusals_list));
}

static const struct scenario sends_nothing_unfit_list[] = {
	{ .name = "larger than SIZE",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test"),
					     .header = "\r\n",
					     .chunks = STEPS(NULL),
					     .size = 1000001 },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, BYE),
	  .log = UP "finished mail 910 " RELAY
		    ": 552 5.3.4 the message has 1000001 bytes, more than "
		    "the 1000000 that this server takes\n" BYE_LOG },
	{ .name = "8-bit without 8BITMIME",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test"),
					     .header = "\r\n",
					     .chunks = STEPS(NULL),
					     .size = 2,
					     .eight_bit = true },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS_NOTHING, BYE),
	  .log = UP "finished mail 910 " RELAY
		    ": offers no 8BITMIME, which this message needs\n" BYE_LOG },
	{ .name = "a line end in the sender",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a\r\nRSET@x.test",
					     .to = STEPS("b@y.test"),
					     .header = "\r\n",
					     .chunks = STEPS(NULL) },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, BYE),
	  .log = UP "finished mail 909 an address of the message is not fit to be sent\n" BYE_LOG },
	{ .name = "a line end in a recipient",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test", "evil>\r\nRCPT TO:<c@y.test"),
					     .header = "\r\n",
					     .chunks = STEPS(NULL) },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, BYE),
	  .log = UP "finished mail 909 *\n" BYE_LOG },
	{ .name = "parameters in a domain",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .domain = "x.test> SIZE=1",
					     .to = STEPS("b@y.test"),
					     .header = "\r\n",
					     .chunks = STEPS(NULL) },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, BYE),
	  .log = UP "finished mail 909 *\n" BYE_LOG },
	{ .name = "a control byte",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a\x7f@x.test",
					     .to = STEPS("b@y.test"),
					     .header = "\r\n",
					     .chunks = STEPS(NULL) },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, BYE),
	  .log = UP "finished mail 909 *\n" BYE_LOG },
	{ .name = "the null path as recipient",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS(""),
					     .header = "\r\n",
					     .chunks = STEPS(NULL) },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, BYE),
	  .log = UP "finished mail 909 *\n" BYE_LOG },
	{ .name = "no recipients",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS(NULL),
					     .header = "\r\n",
					     .chunks = STEPS(NULL) },
	  .letter_count = 1,
	  .steps = STEPS(OFFERS, BYE),
	  .log = UP "finished mail 909 *\n" BYE_LOG },
	/* From 354 on there is no way back but to close. */
	{ .name = "a bare LF in the header",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test"),
					     .size = 23,
					     .header = "Subject: x\n.\r\nMAIL\r\n",
					     .chunks = STEPS(NULL) },
	  .letter_count = 1,
	  .steps = STEPS(ACCEPTED, "S:354 go", "EOF", "QUIET"),
	  .log = UP TO_ONE "finished data 909 *\nended data 909 *\n" },
	{ .name = "a bare LF in the content",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test"),
					     .size = 23,
					     .header = "Subject: x\r\n\r\n",
					     .chunks = STEPS("a\r\n", "b\n.\r\nMAIL\r\n") },
	  .letter_count = 1,
	  .steps = STEPS(ACCEPTED, "S:354 go", "EOF", "NO:b", "NO:\r\n.\r\n"),
	  .log = UP TO_ONE
	  "want\nrefused\nfinished data 909 not sent: the message has a bare CR, LF "
	  "or NUL\nended data 909 *\n" },
	{ .name = "a bare CR at the end",
	  .plain = true,
	  .letters = &(const struct letter){ .from = "a@x.test",
					     .to = STEPS("b@y.test"),
					     .size = 23,
					     .header = "Subject: x\r\n\r\n",
					     .chunks = STEPS("a\r") },
	  .letter_count = 1,
	  .steps = STEPS(ACCEPTED, "S:354 go", "EOF", "NO:.\r\n"),
	  .log = UP TO_ONE "want\nfinished data 909 not sent: the message ends in a bare CR\n"
			   "ended data 909 *\n" },
};

static void sends_nothing_unfit(void **state)
{
	(void)state;
	play_all(sends_nothing_unfit_list, ARRAY_LEN(sends_nothing_unfit_list));
}

static const struct scenario trusts_no_liar_list[] = {
	{ .name = "354 to MAIL: UPS-05",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "S:354 go", "EOF"),
	  .log = UP "finished mail 906 " RELAY ": sent \"354 go\" as the reply to MAIL\n"
		    "ended mail 906 *\n" },
	{ .name = "220 to RCPT",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "s:250 ok\r\n220 hi\r\n", "EOF"),
	  .log = UP "finished rcpt 906 *\nended rcpt 906 *\n" },
	{ .name = "250 to DATA",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "S:250 ok", "EOF"),
	  .log = UP TO_ONE "finished data 906 *\nended data 906 *\n" },
	{ .name = "334 to DATA",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "S:334 ok", "EOF"),
	  .log = UP TO_ONE "finished data 906 *\nended data 906 *\n" },
	{ .name = "every reply at once: UPS-04",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "s:250 ok\r\n250 2.1.5 ok\r\n354 go\r\n250 ok\r\n", "EOF"),
	  .log = UP TO_ONE "finished data 906 " RELAY
			   ": sent \"354 go\" without having been asked\n"
			   "ended data 906 *\n" },
	{ .name = "354 and 250 at once",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "s:354 go\r\n250 ok\r\n", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 906 *\nended data 906 *\n" },
	{ .name = "bytes while idle, the rest behind MAIL",
	  SENDS(plain),
	  .steps = STEPS(HELLO, "s:250 hi\r\n250 o", "EOF"),
	  .log = "connected " RELAY " none\nready\nfinished mail 906 *\nended mail 906 *\n" },
	{ .name = "replies in the socket, not yet read",
	  SENDS(plain),
	  .act_at = "ready",
	  .action = ACT_STRAY_AND_SEND,
	  .steps = STEPS(OFFERS, "EOF", "NO:MAIL"),
	  .log = UP "finished mail 906 *\nended mail 906 *\n" },
	{ .name = "421 while idle",
	  SENDS(plain),
	  .steps = STEPS(HELLO, "s:250 hi\r\n421 bye\r\n", "EOF"),
	  .log = "connected " RELAY " none\nended idle 421 bye\n" },
	{ .name = "354 to the message",
	  SENDS(plain),
	  .steps = STEPS(GO, "S:354 go", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 906 * UNCERTAIN\nended data 906 *\n" },
	{ .name = "220 to the message",
	  SENDS(plain),
	  .steps = STEPS(GO, "S:220 hello again", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 906 * UNCERTAIN\nended data 906 *\n" },
	{ .name = "221 to the message",
	  SENDS(plain),
	  .steps = STEPS(GO, "S:221 bye", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 906 * UNCERTAIN\nended data 906 *\n" },
	{ .name = "garbage to the message",
	  SENDS(plain),
	  .steps = STEPS(GO, "S:ok", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 906 * UNCERTAIN\nended data 906 *\n" },
	{ .name = "endless lines to the message: UPS-01",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "FAST:3000", "S:354 go", "DATA", "s:250-", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 904 " RELAY
			   ": waited 600 s in vain for the reply to the message UNCERTAIN\n"
			   "ended data 904 *\n" },
};

static void trusts_no_liar(void **state)
{
	(void)state;
	play_all(trusts_no_liar_list, ARRAY_LEN(trusts_no_liar_list));
}

static const struct scenario tells_how_it_ended_list[] = {
	{ .name = "closed at MAIL",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "FIN"),
	  .log = UP "finished mail 905 *\nended mail 905 *\n" },
	{ .name = "421 at MAIL",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "S:421 4.4.1 bye", "EOF"),
	  .log = UP "finished mail 421 4.4.1 bye\nended mail 421 4.4.1 bye\n" },
	{ .name = "closed between RCPTs",
	  SENDS(to_three),
	  .steps = STEPS(TWO, "s:250 ok\r\n250 b\r\n", "FIN"),
	  .log = UP "rcpt 0 250 b\nfinished rcpt 905 *\nended rcpt 905 *\n" },
	{ .name = "421 between RCPTs",
	  SENDS(to_three),
	  .steps = STEPS(TWO, "s:250 ok\r\n250 b\r\n421 c\r\n", "EOF"),
	  .log = UP "rcpt 0 250 b\nfinished rcpt 421 c\nended rcpt 421 c\n" },
	{ .name = "silence at MAIL",
	  SENDS(plain),
	  .steps = STEPS(HELLO, "S:250-hi", "S:250-SIZE", "FAST:3000", "S:250 PIPELINING", MAIL,
			 "C:RCPT TO:<b@y.test>", "EOF"),
	  .log = UP "finished mail 904 " RELAY ": waited 300 s in vain for the reply to MAIL\n"
		    "ended mail 904 *\n" },
	{ .name = "silence at RCPT",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "FAST:3000", "S:250 ok", "EOF"),
	  .log = UP "finished rcpt 904 " RELAY ": waited 300 s in vain for the reply to RCPT\n"
		    "ended rcpt 904 *\n" },
	{ .name = "silence at DATA",
	  SENDS(plain),
	  .steps = STEPS(MAILED, "S:250 ok", "FAST:1000", "S:250 2.1.5 ok", "C:DATA", "EOF"),
	  .log = UP TO_ONE "finished data 904 " RELAY
			   ": waited 120 s in vain for the reply to DATA\n"
			   "ended data 904 *\n" },
	{ .name = "closed at DATA",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "RST"),
	  .log = UP TO_ONE "finished data 905 *\nended data 905 *\n" },
	{ .name = "closed after the dot",
	  SENDS(plain),
	  .steps = STEPS(GO, "FIN"),
	  .log = UP TO_ONE "want\nfinished data 905 * UNCERTAIN\nended data 905 *\n" },
	{ .name = "closed within the reply",
	  SENDS(plain),
	  .steps = STEPS(GO, "s:250 O", "FIN"),
	  .log = UP TO_ONE "want\nfinished data 905 * UNCERTAIN\nended data 905 *\n" },
	{ .name = "reset after the dot",
	  SENDS(plain),
	  .steps = STEPS(GO, "RST"),
	  .log = UP TO_ONE "want\nfinished data 905 * UNCERTAIN\nended data 905 *\n" },
	{ .name = "half closed after the dot",
	  SENDS(plain),
	  .steps = STEPS(GO, "HALF"),
	  .log = UP TO_ONE "want\nfinished data 905 * UNCERTAIN\nended data 905 *\n" },
	{ .name = "silence after the dot",
	  SENDS(plain),
	  .steps = STEPS(ACCEPTED, "FAST:3000", "S:354 go", "DATA", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 904 " RELAY
			   ": waited 600 s in vain for the reply to "
			   "the message UNCERTAIN\nended data 904 *\n" },
	{ .name = "accepted and closed",
	  SENDS(plain),
	  .steps = STEPS(GO, "s:250 ok\r\n", "FIN"),
	  .log = UP TO_ONE "want\nfinished data 250 ok\n*ended idle *\n" },
	{ .name = "accepted, and 421 in the same segment",
	  .plain = true,
	  .letters = plain_twice,
	  .letter_count = 2,
	  .steps = STEPS(OFFERS, "C:MAIL FROM:<a@x.test> SIZE=1", "C:RCPT TO:<b@y.test>",
			 "S:250 ok", "S:250 2.1.5 ok", "C:DATA", "S:354 go", "DATA",
			 "s:250 ok\r\n421 bye\r\n", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 250 ok\nended idle 421 bye\n" },
	/* An answer, though not a friendly one: nothing is uncertain about it. */
	{ .name = "421 to the message",
	  SENDS(plain),
	  .steps = STEPS(GO, "S:421 4.3.2 bye", "EOF"),
	  .log = UP TO_ONE "want\nfinished data 421 4.3.2 bye\nended data 421 4.3.2 bye\n" },
	/* UPS-15: the queue tries again on another connection. */
	{ .name = "closed just before MAIL",
	  .plain = true,
	  .letters = &plain,
	  .letter_count = 1,
	  .act_at = "ready",
	  .action = ACT_CUT_AND_SEND,
	  .steps = STEPS(OFFERS),
	  .log = UP "finished mail 905 *\nended mail 905 *\n" },
};

static void tells_how_it_ended(void **state)
{
	(void)state;
	play_all(tells_how_it_ended_list, ARRAY_LEN(tells_how_it_ended_list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivers),
		cmocka_unit_test(goes_on_after_refusals),
		cmocka_unit_test(sends_nothing_unfit),
		cmocka_unit_test(trusts_no_liar),
		cmocka_unit_test(tells_how_it_ended),
	};
	return cmocka_run_group_tests(tests, make_tls_files, free_tls_files);
}
