/* SPDX-License-Identifier: MIT */
/* WRAP: dial_start dial_cancel event_add */
#include "tests/unit/upstream/fixture.h"

/* Parameters of MAIL and RCPT: SMTPUTF8 (RFC 6531) and DSN (RFC 3461). */

#define OFFERS_ALL                                                                        \
	"S:220 hi", "C:EHLO client.test", "S:250-hi", "S:250-SMTPUTF8", "S:250-8BITMIME", \
		"S:250-PIPELINING", "S:250 DSN"
#define OFFERS_NOTHING "S:220 hi", "C:EHLO client.test", "S:250 hi"
#define BYE	       "C:QUIT", "S:221 bye", "EOF"
#define UP	       "connected " RELAY " none\nready\n"
#define BYE_LOG	       "ready\nended idle 221 bye\n"
#define BOTH_OK	       "S:250 ok", "S:250 ok", "C:DATA", "S:354 go", "DATA", "S:250 ok", BYE
#define ONE_OK	       UP "rcpt 0 250 ok\nwant\nfinished data 250 ok\n" BYE_LOG
#define LETTER(...)                                                                   \
	.plain = true, .letter_count = 1, .letters = &(const struct letter)           \
	{                                                                             \
		.header = "\r\n", .chunks = STEPS(NULL), .at_once = true, __VA_ARGS__ \
	}

static char report_for[] = "rfc822;a+b=c d@e.f", origin_of[] = "utf-8;\\x{FC}@e.f";
static const struct dsn_request report = { DSN_SUCCESS | DSN_DELAY, report_for };
static const struct dsn_request silence = { DSN_NEVER, NULL };
static const struct dsn_request origin = { 0, origin_of };

static const struct scenario list[] = {
	{ .name = "SMTPUTF8",
	  LETTER(.from = "j\xc3\xbc@x.test", .to = STEPS("\xe4\xb8\xad@\xe4\xb8\xad.test"),
		 .smtputf8 = true, .eight_bit = true),
	  .steps = STEPS(OFFERS_ALL, "C:MAIL FROM:<j\xc3\xbc@x.test> BODY=8BITMIME SMTPUTF8",
			 "C:RCPT TO:<\xe4\xb8\xad@\xe4\xb8\xad.test>", BOTH_OK),
	  .log = ONE_OK,
	  .content = "\r\n.\r\n" },
	{ .name = "SMTPUTF8 for the header alone",
	  LETTER(.from = "a@x.test", .to = STEPS("b@y.test"), .smtputf8 = true),
	  .steps = STEPS(OFFERS_ALL, "C:MAIL FROM:<a@x.test> SMTPUTF8", "C:RCPT TO:<b@y.test>",
			 BOTH_OK),
	  .log = ONE_OK,
	  .content = "\r\n.\r\n" },
	{ .name = "SMTPUTF8 not offered",
	  LETTER(.from = "a@x.test", .to = STEPS("\xc3\xbc@y.test"), .smtputf8 = true),
	  .steps = STEPS(OFFERS_NOTHING, BYE),
	  .log = UP "finished mail 910 " RELAY
		    ": offers no SMTPUTF8, which this message needs\n" BYE_LOG },
	/* Whoever says that it needs no SMTPUTF8 must not have such an address. */
	{ .name = "UTF-8 by mistake",
	  LETTER(.from = "a@x.test", .to = STEPS("\xc3\xbc@y.test")),
	  .steps = STEPS(OFFERS_ALL, BYE),
	  .log = UP "finished mail 909 *\n" BYE_LOG },
	{ .name = "broken UTF-8",
	  LETTER(.from = "a@x.test", .to = STEPS("\xc3@y.test"), .smtputf8 = true),
	  .steps = STEPS(OFFERS_ALL, BYE),
	  .log = UP "finished mail 909 *\n" BYE_LOG },
	{ .name = "hidden in UTF-8",
	  LETTER(.from = "a@x.test", .to = STEPS("a\xe2\x80\xae@y.test"), .smtputf8 = true),
	  .steps = STEPS(OFFERS_ALL, BYE),
	  .log = UP "finished mail 909 *\n" BYE_LOG },
	{ .name = "DSN, one recipient of two",
	  LETTER(.from = "a@x.test", .to = STEPS("b@y.test", "c@y.test"), .ret = DSN_RET_HDRS,
		 .envid = "a b+c", .dsn = &report),
	  .steps = STEPS(OFFERS_ALL, "C:MAIL FROM:<a@x.test> RET=HDRS ENVID=a+20b+2Bc",
			 "C:RCPT TO:<b@y.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb+3Dc+20d@e.f",
			 "C:RCPT TO:<c@y.test>", "S:250 ok", "S:250 ok", "S:250 ok", "C:DATA",
			 "S:354 go", "DATA", "S:250 ok", BYE),
	  .log = UP "rcpt 0 250 ok\nrcpt 1 250 ok\nwant\nfinished data 250 ok\n" BYE_LOG,
	  .content = "\r\n.\r\n" },
	{ .name = "NOTIFY alone",
	  LETTER(.from = "a@x.test", .to = STEPS("b@y.test"), .ret = DSN_RET_FULL, .dsn = &silence),
	  .steps = STEPS(OFFERS_ALL, "C:MAIL FROM:<a@x.test> RET=FULL",
			 "C:RCPT TO:<b@y.test> NOTIFY=NEVER", BOTH_OK),
	  .log = ONE_OK,
	  .content = "\r\n.\r\n" },
	{ .name = "ORCPT alone",
	  LETTER(.from = "a@x.test", .to = STEPS("b@y.test"), .dsn = &origin),
	  .steps = STEPS(OFFERS_ALL, "C:MAIL FROM:<a@x.test>",
			 "C:RCPT TO:<b@y.test> ORCPT=utf-8;\\x{FC}@e.f", BOTH_OK),
	  .log = ONE_OK,
	  .content = "\r\n.\r\n" },
	{ .name = "DSN not offered",
	  LETTER(.from = "a@x.test", .to = STEPS("b@y.test"), .ret = DSN_RET_HDRS, .envid = "x",
		 .dsn = &report),
	  .steps = STEPS(OFFERS_NOTHING, "C:MAIL FROM:<a@x.test>", "S:250 ok",
			 "C:RCPT TO:<b@y.test>", "S:250 ok", "C:DATA", "S:354 go", "DATA",
			 "S:250 ok", BYE),
	  .log = ONE_OK,
	  .content = "\r\n.\r\n" },
};

static void parameters(void **state)
{
	(void)state;
	play_all(list, ARRAY_LEN(list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters),
	};
	return cmocka_run_group_tests(tests, make_tls_files, free_tls_files);
}
