/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/session.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/world_client.h"

/* MAIL, RCPT, VRFY: threats.md 2.7, each reply to the letter. */

#define HI     "EHLO x\r\n"
#define BODY   "Subject: x\r\n\r\nhello\r\n.\r\n"
#define UMLAUT "\xc3\xbc"

#define DEVICES                                                                                      \
	"devices = ( { name = \"erp\"; address = \"192.168.1.20\"; quirks = [ \"no-brackets\" ]; }," \
	" { name = \"ilo\"; address = \"192.168.1.21\"; quirks = [ \"odd-dots\" ]; },"               \
	" { name = \"ups\"; address = \"192.168.1.22\"; quirks = [ \"empty-helo\" ]; } );"
#define DEFAULT_DOMAIN "default_domain = \"contoso.com\";"

struct row {
	const char *ask;
	const char *reply; /* all of it, or how it begins */
};

/* Every way in which MAIL and RCPT answer, but for 550 (strangers: test_session.c) and 530
 * (test_login.c). The enhanced code's class is that of the code (RFC 2034). */
static const struct row mail_rows[] = {
	{ "MAIL FROM:<>", "250 2.1.0 OK\r\n" },
	{ "MAIL FROM:<a@b>", "250 2.1.0 " },
	{ "MAIL FROM: <a@b>", "250 2.1.0 " },
	{ "mail from:<a@b>", "250 2.1.0 " },
	{ "MAIL  FROM:<a@b>", "250 2.1.0 " },
	{ "MAIL FROM :<a@b>", "250 2.1.0 " },
	{ "MAIL FROM : <a@b>  ", "250 2.1.0 " },
	{ "MAIL FROM:<a@b> SIZE=1 BODY=8bitmime AUTH=<>", "250 2.1.0 " },
	{ "MAIL FROM:<a@b> size=1048576", "250 2.1.0 " },
	{ "MAIL FROM:<a@b>  BODY=7BIT ", "250 2.1.0 " },
	{ "MAIL FROM:<a@b> AUTH=e+3Dmc2@example.com", "250 2.1.0 " },
	{ "MAIL FROM:<a@b> RET=HDRS ENVID=QQ+2B", "250 2.1.0 " },
	{ "MAIL FROM:<" UMLAUT "@b> SMTPUTF8", "250 2.1.0 " },
	{ "MAIL FROM:<a@b" UMLAUT ".ch> SIZE=1 smtputf8", "250 2.1.0 " },
	{ "MAIL FROM", "501 5.5.2 Syntax: MAIL FROM:<address>\r\n" },
	{ "MAIL FROM<a@b>", "501 5.5.2 " },
	{ "MAIL TO:<a@b>", "501 5.5.2 " },
	{ "MAIL FROM:", "501 5.1.7 Bad sender: the address is missing\r\n" },
	{ "MAIL FROM:a@b",
	  "501 5.1.7 Bad sender: the address must be in angle brackets, as in <a@example.com> "
	  "(quirk no-brackets)\r\n" },
	{ "MAIL FROM:a@b>",
	  "501 5.1.7 Bad sender: the address must be in angle brackets, as in <a@example.com>\r\n" },
	{ "MAIL FROM:Foo <a@b>",
	  "501 5.1.7 Bad sender: the address must be in angle brackets, as in <a@example.com>\r\n" },
	{ "MAIL FROM:<a@b", "501 5.1.7 Bad sender: the address has no closing >\r\n" },
	{ "MAIL FROM:<a@b>x",
	  "501 5.1.7 Bad sender: there must be a space after the closing >\r\n" },
	{ "MAIL FROM:<a@b>SIZE=1", "501 5.1.7 " },
	{ "MAIL FROM:<ilo.@b>",
	  "501 5.1.7 Bad sender: the part before the @ ends with a dot (quirk odd-dots)\r\n" },
	{ "MAIL FROM:<a@b.>",
	  "501 5.1.7 Bad sender: the part after the @ is not a domain (quirk odd-dots)\r\n" },
	{ "MAIL FROM:<a@b..>", "501 5.1.7 Bad sender: the part after the @ is not a domain\r\n" },
	{ "MAIL FROM:<test>",
	  "501 5.1.7 Bad sender: no domain (set default_domain to complete it)\r\n" },
	{ "MAIL FROM:<postmaster>", "501 5.1.7 Bad sender: no domain (set " },
	{ "MAIL FROM:<" UMLAUT "@b>",
	  "553 5.6.7 Bad sender: it is not ASCII, and MAIL did not say SMTPUTF8\r\n" },
	{ "MAIL FROM:<a@b" UMLAUT "> SIZE=1", "553 5.6.7 " },
	{ "MAIL FROM:<\xc0\xae@b> SMTPUTF8",
	  "501 5.1.7 Bad sender: the address is not valid UTF-8\r\n" },
	{ "MAIL FROM:<a\xe2\x80\xae@b> SMTPUTF8",
	  "501 5.1.7 Bad sender: the address has an invisible character\r\n" },
	{ "MAIL FROM:<\xe4@b>", "501 5.1.7 Bad sender: the address is not valid UTF-8\r\n" },
	{ "MAIL FROM:<a@b> SIZE=1 SIZE=2", "501 5.5.4 Parameter SIZE is there twice\r\n" },
	{ "MAIL FROM:<a@b> SIZE=", "501 5.5.4 SIZE must be a number, as in SIZE=12345\r\n" },
	{ "MAIL FROM:<a@b> SIZE", "501 5.5.4 " },
	{ "MAIL FROM:<a@b> SIZE=-1", "501 5.5.4 " },
	{ "MAIL FROM:<a@b> SIZE=1x", "501 5.5.4 " },
	{ "MAIL FROM:<a@b> BODY=FOO", "501 5.5.4 BODY must be 7BIT or 8BITMIME\r\n" },
	{ "MAIL FROM:<a@b> BODY=BINARYMIME", "555 5.5.4 BINARYMIME is not offered here\r\n" },
	{ "MAIL FROM:<a@b> SMTPUTF8=1", "501 5.5.4 SMTPUTF8 takes no value\r\n" },
	{ "MAIL FROM:<a@b> RET=BODY", "501 5.5.4 RET must be FULL or HDRS\r\n" },
	{ "MAIL FROM:<a@b> ENVID=+00",
	  "501 5.5.4 ENVID must be printable xtext of up to 100 bytes\r\n" },
	{ "MAIL FROM:<a@b> =\"", "555 5.5.4 " },
	{ "MAIL FROM:<a@b> NOTIFY=NEVER", "555 5.5.4 Parameter NOTIFY is not supported\r\n" },
	{ "MAIL FROM:<a@b> AUTH=user+0D+0AX", "501 5.5.4 AUTH= needs an address or <>\r\n" },
	{ "MAIL FROM:<a@b> AUTH=", "501 5.5.4 " },
	{ "MAIL FROM:<a@b> AUTH=a+3", "501 5.5.4 " },
	{ "MAIL FROM:<a@b> SIZE=1048577", "552 5.3.4 " },
};

static const struct row rcpt_rows[] = {
	{ "RCPT TO:<Postmaster>", "250 2.1.5 OK\r\n" },
	{ "RCPT TO:<@h1,@h2:u@d>", "250 2.1.5 " },
	{ "RCPT TO: <\"john doe\"@d>", "250 2.1.5 " },
	{ "rcpt to:<a@[192.0.2.1]>", "250 2.1.5 " },
	{ "RCPT  TO:<a@b>  ", "250 2.1.5 " },
	{ "RCPT TO :<a@b>", "250 2.1.5 " },
	{ "RCPT TO:<a@b> NOTIFY=NEVER", "250 2.1.5 " },
	{ "RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c", "250 2.1.5 " },
	{ "RCPT TO", "501 5.5.2 Syntax: RCPT TO:<address>\r\n" },
	{ "RCPT FROM:<a@b>", "501 5.5.2 " },
	{ "RCPT TO:<>", "501 5.1.3 Bad recipient: the address is empty\r\n" },
	{ "RCPT TO:<a>",
	  "501 5.1.3 Bad recipient: no domain (set default_domain to complete it)\r\n" },
	{ "RCPT TO:<a@b@c>", "501 5.1.3 " },
	{ "RCPT TO:<u@d@us>", "501 5.1.3 " },
	{ "RCPT TO:<;for i in 0;do sh;exit 0;>", "501 5.1.3 " },
	{ "RCPT TO:<" UMLAUT "@b>",
	  "553 5.6.7 Bad recipient: it is not ASCII, and MAIL did not say SMTPUTF8\r\n" },
	{ "RCPT TO:<a@b> SMTPUTF8", "555 5.5.4 Parameter SMTPUTF8 is not supported\r\n" },
	{ "RCPT TO:<a@b> SIZE=1", "555 5.5.4 " },
	{ "RCPT TO:<a@b> NOTIFY=NEVER,DELAY",
	  "501 5.5.4 NOTIFY must be NEVER, or of SUCCESS,FAILURE,DELAY\r\n" },
	{ "RCPT TO:<a@b> ORCPT=rfc822;a+0Ab",
	  "501 5.5.4 ORCPT must be as in ORCPT=rfc822;a@example.com\r\n" },
};

static void ask(struct world_client *c, const struct row *row)
{
	char line[256];
	snprintf(line, sizeof(line), "%s\r\n", row->ask);
	client_ask(c, line, row->reply);
	assert_int_equal(row->reply[0], row->reply[4]);
}

static void replies(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { errors = 1000; };");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c, HI, "250 ");
	for (size_t i = 0; i < ARRAY_LEN(mail_rows); i++) {
		ask(c, &mail_rows[i]);
		client_ask(c, "RSET\r\n", "250 2.0.0 OK\r\n");
	}
	client_ask(c, "MAIL FROM:<>\r\n", "250 2.1.0");
	for (size_t i = 0; i < ARRAY_LEN(rcpt_rows); i++)
		ask(c, &rcpt_rows[i]);
	client_ask(c, "RSET\r\nMAIL FROM:<> SMTPUTF8\r\n", "250 2.1.0 OK\r\n");
	client_ask(c, "RCPT TO:<" UMLAUT "@b" UMLAUT ".ch>\r\n", "250 2.1.5 OK\r\n");
	client_ask(c, "RCPT TO:<\xed\xa0\x80@b>\r\n",
		   "501 5.1.3 Bad recipient: the address is not valid UTF-8\r\n");
	client_free(c);
	inbound_world_free(w);
}

static void what_a_thousand_parameters_get(void **state)
{
	struct inbound_world *w = inbound_world_new("limits = { line_length = 65536; };");
	struct strbuf in;
	(void)state;
	strbuf_init(&in, 64 * 1024);
	strbuf_adds(&in, HI "MAIL FROM:<a@b>");
	for (unsigned i = 0; i < 1000; i++)
		strbuf_addf(&in, " X%u=%u", i, i);
	strbuf_adds(&in, "\r\nMAIL FROM:<a@b>");
	for (unsigned i = 0; i < 1000; i++)
		strbuf_adds(&in, " SIZE=1");
	strbuf_adds(&in, "\r\nNOOP\r\n");
	world_dialogue(w, "1000 parameters", strbuf_str(&in), "220 250 555 501 250");
	strbuf_done(&in);
	inbound_world_free(w);
}

/* What policy sees and what goes on is the same struct (ADR-diff). */
static void envelope_has_it_all(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c,
		   HI "MAIL FROM:<j" UMLAUT "@b.c> SMTPUTF8 RET=FULL ENVID=Q+2BQ\r\n"
		      "RCPT TO:<a@b.c>\r\nRCPT TO:<" UMLAUT
		      "@b.c> NOTIFY=DELAY ORCPT=rfc822;x+3Dy@z\r\n"
		      "DATA\r\n" BODY,
		   "250 2.0.0 OK queued as ");
	const struct envelope *e = &w->messages[0].envelope;
	assert_string_equal(e->reverse_path.local, "j" UMLAUT);
	assert_true(e->smtputf8);
	assert_int_equal(e->ret, DSN_RET_FULL);
	assert_string_equal(e->envid, "Q+Q");
	assert_int_equal(e->recipient_count, 2);
	assert_null(e->recipients[0].dsn);
	assert_string_equal(e->recipients[1].address.local, UMLAUT);
	assert_int_equal(e->recipients[1].dsn->notify, DSN_DELAY);
	assert_string_equal(e->recipients[1].dsn->orcpt, "rfc822;x=y@z");
	assert_non_null(strstr(strbuf_cstr(&w->messages[0].content), " with UTF8SMTP id "));
	/* Nothing of it is left for the next. */
	client_ask(c, "MAIL FROM:<a@b.c>\r\nRCPT TO:<" UMLAUT "@b.c>\r\n", "553 5.6.7 ");
	client_ask(c, "RCPT TO:<a@b.c>\r\nDATA\r\n" BODY, "250 2.0.0 OK queued as ");
	e = &w->messages[1].envelope;
	assert_false(e->smtputf8);
	assert_null(e->envid);
	assert_int_equal(e->ret, DSN_RET_UNSET);
	client_free(c);
	inbound_world_free(w);
}

/* After HELO parameters are taken too. */
static void helo_is_lenient(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c, "HELO x\r\nMAIL FROM:<a@b> SIZE=5 BODY=8BITMIME\r\n", "250 2.1.0 OK\r\n");
	client_ask(c, "RCPT TO:<a@b> NOTIFY=NEVER\r\n", "250 2.1.5 OK\r\n");
	client_free(c);
	inbound_world_free(w);
}

static void bare_names_are_completed(void **state)
{
	struct inbound_world *w = inbound_world_new(DEFAULT_DOMAIN);
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c,
		   HI "MAIL FROM:<root>\r\nRCPT TO:<scan>\r\nRCPT TO:<\"a b\">\r\n"
		      "RCPT TO:<postmaster>\r\nDATA\r\n" BODY,
		   "250 2.0.0 OK queued as ");
	const struct envelope *e = &w->messages[0].envelope;
	assert_string_equal(e->reverse_path.local, "root");
	assert_string_equal(e->reverse_path.domain, "contoso.com");
	assert_int_equal(e->recipient_count, 3);
	assert_string_equal(e->recipients[0].address.local, "scan");
	assert_string_equal(e->recipients[0].address.domain, "contoso.com");
	assert_string_equal(e->recipients[1].address.local, "a b");
	assert_string_equal(e->recipients[1].address.domain, "contoso.com");
	/* Not of the house, but who is named in the configuration (RFC 5321 4.5.1). */
	assert_string_equal(e->recipients[2].address.local, "it");
	client_ask(c, "MAIL FROM:<>\r\nRCPT TO:<>\r\n", "501 5.1.3 ");
	client_ask(c, "RCPT TO:<;for i in 0 1 2 3;do read r;done;sh;exit 0;>\r\n", "501 5.1.3 ");
	client_free(c);
	inbound_world_free(w);
}

/* Who has the quirk is forgiven; nobody else is. */
static void quirks_forgive(void **state)
{
	static const struct {
		const char *address;
		struct row row;
	} rows[] = {
		{ "192.168.1.20", { "MAIL FROM:a@b.c", "250 2.1.0 " } },
		{ "192.168.1.20", { "MAIL FROM: a@b.c SIZE=5", "250 2.1.0 " } },
		{ "192.168.1.20", { "MAIL FROM:<a@b.c>", "250 2.1.0 " } },
		{ "192.168.1.20",
		  { "MAIL FROM:", "501 5.1.7 Bad sender: the address is missing\r\n" } },
		{ "192.168.1.20",
		  { "MAIL FROM: SIZE=5", "501 5.1.7 Bad sender: the address is missing\r\n" } },
		{ "192.168.1.20", { "MAIL FROM:a@b>", "501 5.1.7 " } },
		{ "192.168.1.20", { "MAIL FROM:<ilo.@b.c>", "501 5.1.7 " } },
		{ "192.168.1.21", { "MAIL FROM:<ilo.@b.c>", "250 2.1.0 " } },
		{ "192.168.1.21", { "MAIL FROM:<.a@b.c>", "250 2.1.0 " } },
		{ "192.168.1.21", { "MAIL FROM:<a..b@b.c.>", "250 2.1.0 " } },
		{ "192.168.1.21", { "MAIL FROM:a@b.c", "501 5.1.7 " } },
		{ "192.168.1.9", { "MAIL FROM:<ilo.@b.c>", "501 5.1.7 " } },
		{ "192.168.1.9", { "MAIL FROM:a@b.c", "501 5.1.7 " } },
	};
	struct inbound_world *w = inbound_world_new(DEVICES);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world_client *c = world_connect(w, rows[i].address);
		client_ask(c, HI, "250 ");
		ask(c, &rows[i].row);
		client_free(c);
	}
	inbound_world_free(w);
}

static void dropped_dots_are_not_passed_on(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES);
	struct world_client *c = world_connect(w, "192.168.1.21");
	(void)state;
	client_ask(c, HI "MAIL FROM:<ilo.@b.c.>\r\nRCPT TO:<a@d.e.>\r\nDATA\r\n" BODY,
		   "250 2.0.0 OK queued as ");
	const struct envelope *e = &w->messages[0].envelope;
	assert_string_equal(e->reverse_path.local, "ilo.");
	assert_string_equal(e->reverse_path.domain, "b.c");
	assert_string_equal(e->recipients[0].address.domain, "d.e");
	client_free(c);
	inbound_world_free(w);
}

static void empty_helo(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES);
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	client_ask(c, "EHLO\r\n", "501 5.5.4 EHLO needs a name (quirk empty-helo)\r\n");
	client_ask(c, "HELO  \r\n", "501 5.5.4 HELO needs a name (quirk empty-helo)\r\n");
	client_ask(c, "MAIL FROM:<>\r\n", "503 5.5.1 ");
	client_free(c);
	c = world_connect(w, "192.168.1.22");
	client_ask(c, "HELO\r\n", "250 relay.contoso.com\r\n");
	client_ask(c, "EHLO\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n" BODY,
		   "250 2.0.0 OK queued as ");
	assert_non_null(strstr(strbuf_cstr(&w->messages[0].content),
			       "Received: from [192.168.1.22]\r\n\tby "));
	assert_string_equal(w->messages[0].envelope.helo, "");
	client_free(c);
	inbound_world_free(w);
}

static void vrfy(void **state)
{
	static const struct row rows[] = {
		{ "VRFY a@b", "252 2.0.0 " },
		{ "VRFY <a@b> SMTPUTF8", "252 2.0.0 " },
		{ "VRFY <" UMLAUT "@b> SMTPUTF8", "252 2.0.0 " },
		{ "VRFY <" UMLAUT "@b>",
		  "553 5.6.7 It is not ASCII, and VRFY did not say SMTPUTF8\r\n" },
		{ "VRFY <" UMLAUT "@b> SMTPUTF8=1", "553 5.6.7 " },
		{ "VRFY SMTPUTF8", "252 2.0.0 " },
		{ "VRFY <\xff@b> SMTPUTF8", "501 5.1.3 It is not valid UTF-8\r\n" },
	};
	struct inbound_world *w = inbound_world_new("");
	struct world_client *c = world_connect(w, "192.168.1.9");
	(void)state;
	/* Within a message it changes nothing (Postfix 20260812). */
	client_ask(c, HI "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n", "250 2.1.5");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ask(c, &rows[i]);
	client_ask(c, "RCPT TO:<" UMLAUT "@b>\r\n", "553 5.6.7 ");
	client_ask(c, "DATA\r\n" BODY, "250 2.0.0 OK queued as ");
	assert_int_equal(w->messages[0].envelope.recipient_count, 1);
	assert_false(w->messages[0].envelope.smtputf8);
	client_free(c);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies),
		cmocka_unit_test(what_a_thousand_parameters_get),
		cmocka_unit_test(envelope_has_it_all),
		cmocka_unit_test(helo_is_lenient),
		cmocka_unit_test(bare_names_are_completed),
		cmocka_unit_test(quirks_forgive),
		cmocka_unit_test(dropped_dots_are_not_passed_on),
		cmocka_unit_test(empty_helo),
		cmocka_unit_test(vrfy),
	};
	return cmocka_run_group_tests_name("inbound/mail", tests, NULL, NULL);
}
