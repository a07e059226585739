/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/server.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/world_client.h"

#define HELLO	 "EHLO x\r\n"
#define ENVELOPE "MAIL FROM:<a@contoso.com>\r\nRCPT TO:<d@e.f>\r\n"
#define DATA	 ENVELOPE "DATA\r\n"
#define DEVICE	 "name = \"xerox-3f\"; address = \"192.168.1.9\"; "

static void senders_and_recipients(void **state)
{
	struct inbound_world *w =
		inbound_world_new("devices = ( { " DEVICE "senders = [ \"contoso.com\" ]; "
				  "recipients = [ \"e.f\", \"*.e.f\" ]; } );");
	(void)state;
	world_dialogue(w, "the null sender", STR(HELLO "MAIL FROM:<>\r\n"), "220 250 250");
	world_dialogue(w, "another sender",
		       STR(HELLO "MAIL FROM:<b@fabrikam.com>\r\nRCPT TO:<d@e.f>\r\n" ENVELOPE
				 "RCPT TO:<d@x.e.f>\r\nRCPT TO:<d@fabrikam.com>\r\nRSET\r\n"),
		       "220 250 550 503 250 250 250 550 250");
	world_dialogue(w, "the same in the header",
		       STR(HELLO DATA "From: b@fabrikam.com\r\n\r\nx\r\n.\r\n" DATA
				      "Subject: x\r\n\r\nFrom: b@fabrikam.com\r\n.\r\nNOOP\r\n"),
		       "220 250 250 250 354 550 250 250 354 250 250");
	struct world_client *c = world_connect(w, "192.168.1.9");
	client_ask(c, HELLO, "250 ");
	client_ask(c, "MAIL FROM:<b@fabrikam.com>\r\n",
		   "550 5.7.1 xerox-3f may not send as b@fabrikam.com\r\n");
	client_ask(c, ENVELOPE "RCPT TO:<b@fabrikam.com>\r\n",
		   "550 5.7.1 xerox-3f may not send to b@fabrikam.com\r\n");
	client_ask(c, "DATA\r\nFrom: b@fabrikam.com\r\n\r\nx\r\n.\r\n",
		   "550 5.7.1 xerox-3f may not write From: b@fabrikam.com\r\n");
	client_free(c);
	/* Others are not its concern. */
	c = world_connect(w, "192.168.1.10");
	client_ask(c, HELLO "MAIL FROM:<b@fabrikam.com>\r\n", "250 2.1.0");
	client_free(c);
	inbound_world_free(w);
}

/* What is refused for its header is not handed on, and what is accepted is as it was. */
static void the_content_is_untouched(void **state)
{
	struct inbound_world *w =
		inbound_world_new("devices = ( { " DEVICE "senders = [ \"contoso.com\" ]; } );");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_send(c, STR(HELLO DATA "From:\r\n Scan\r\n\t<a@contoso.com>\r\n\r\n..b\r\n.\r\n"),
		    1);
	client_wait(c, "queued as");
	assert_non_null(strstr(strbuf_cstr(&w->messages[0].content),
			       "\r\nFrom:\r\n Scan\r\n\t<a@contoso.com>\r\n\r\n.b\r\n"));
	client_send(c, STR(DATA "From: b@c.d\r\n\r\n.\r\n"), 1);
	client_wait(c, "550 5.7.1");
	assert_int_equal(w->message_count, 1);
	assert_int_equal(w->abandoned, 1);
	client_free(c);
	inbound_world_free(w);
}

/* The same for BDAT, where a field may lie in two chunks. */
static void chunks_are_looked_at(void **state)
{
	struct inbound_world *w =
		inbound_world_new("devices = ( { " DEVICE "senders = [ \"contoso.com\" ]; } );");
	(void)state;
	world_dialogue(w, "BDAT",
		       STR(HELLO ENVELOPE "BDAT 8\r\nFrom: b@"
					  "BDAT 9 LAST\r\nc.d\r\n\r\nx\n" ENVELOPE
					  "BDAT 8\r\nFrom: b@"
					  "BDAT 17 LAST\r\ncontoso.com\r\n\r\nx\n"
					  "NOOP\r\n"),
		       "220 250 250 250 250 550 250 250 250 250 250");
	inbound_world_free(w);
}

static const struct envelope *newest(const struct inbound_world *w)
{
	return &w->messages[w->message_count - 1].envelope;
}

static void above_the_rate_the_envelope_says_so(void **state)
{
	static const char message[] = DATA "A: b\r\n\r\n.\r\n";
	struct inbound_world *w =
		inbound_world_new("devices = ( { " DEVICE "hold_above = \"3/h\"; } );");
	struct world_client *c = world_connect(w, "192.168.1.9");
	struct world_client *other = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c, HELLO, "250 ");
	client_ask(other, HELLO, "250 ");
	/* Refused at each stage: none of these counts. */
	w->refuse_begin = (struct inbound_refusal){ 452, "4.3.1 full" };
	client_ask(c, DATA, "452 ");
	w->refuse_begin.code = 0;
	w->refuse_finish = (struct inbound_refusal){ 451, "4.3.0 no" };
	client_ask(c, message, "451 ");
	w->refuse_finish.code = 0;
	client_ask(c,
		   DATA "A: b\r\n\r\n"
			"Received: x\r\n\r\n.\r\n",
		   "250 2.0.0");
	assert_int_equal(newest(w)->hold, ENVELOPE_HOLD_NONE);
	/* One that is being received has its place. */
	client_ask(other, DATA "A: b\r\n", "354 ");
	client_ask(c, message, "250 2.0.0");
	assert_int_equal(newest(w)->hold, ENVELOPE_HOLD_NONE);
	client_ask(c, message, "250 2.0.0");
	assert_int_equal(newest(w)->hold, ENVELOPE_HOLD_RATE);
	client_ask(other, "\r\n.\r\n", "250 2.0.0");
	assert_int_equal(newest(w)->hold, ENVELOPE_HOLD_NONE);
	/* A release makes room. */
	inbound_release(w->in, STR("xerox-3f"));
	client_ask(c, message, "250 2.0.0");
	assert_int_equal(newest(w)->hold, ENVELOPE_HOLD_NONE);
	/* And one that breaks off gives its place back. */
	client_ask(other, DATA "A: b\r\n", "354 ");
	client_reset(other);
	client_free(other);
	client_ask(c, message, "250 2.0.0");
	client_ask(c, message, "250 2.0.0");
	assert_int_equal(newest(w)->hold, ENVELOPE_HOLD_NONE);
	client_ask(c, message, "250 2.0.0");
	assert_int_equal(newest(w)->hold, ENVELOPE_HOLD_RATE);
	client_free(c);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_and_recipients),
		cmocka_unit_test(the_content_is_untouched),
		cmocka_unit_test(chunks_are_looked_at),
		cmocka_unit_test(above_the_rate_the_envelope_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
