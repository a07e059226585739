/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/mem.h"
#include "inbound/received.h"

static struct envelope envelope_of(const char *helo)
{
	struct envelope e = { .helo = mem_strdup(helo), .body = BODY_7BIT };
	struct address a = { mem_strdup("j d"), mem_strdup("contoso.com") };
	memset(&e.id, 0xab, sizeof(e.id));
	envelope_add_recipient(&e, &a, NULL);
	address_done(&a);
	return e;
}

static void assert_received(struct envelope *e, const struct received_facts *f, const char *want)
{
	struct strbuf out;
	strbuf_init(&out, 4096);
	received_append(&out, e, f);
	assert_string_equal(strbuf_cstr(&out), want);
	strbuf_done(&out);
	envelope_done(e);
}

static struct received_facts facts(const char *address)
{
	struct received_facts f = { .hostname = "relay.contoso.com", .wall_ms = 1795348800000 };
	assert_true(netaddr_parse(str_of(address), &f.addr));
	return f;
}

#define ID  "abababababababababababababababab"
#define FOR "\r\n\tfor <\"j d\"@contoso.com>;\r\n\tSun, 22 Nov 2026 12:00:00 +0000\r\n"

static void protocols(void **state)
{
	/* RFC 3848, RFC 6531 4.3; HELO has no names for more. */
	static const char *const names[] = {
		"SMTP", "SMTP", "SMTP", "SMTP", "ESMTP",    "ESMTPA",	 "ESMTPS",    "ESMTPSA",
		"SMTP", "SMTP", "SMTP", "SMTP", "UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA",
	};
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		struct envelope e = envelope_of("printer.local");
		struct received_facts f = facts("192.168.1.9");
		struct strbuf want;
		e.smtputf8 = (i & 8) != 0;
		f.esmtp = (i & 4) != 0;
		f.tls = (i & 2) != 0;
		f.logged_in = (i & 1) != 0;
		strbuf_init(&want, 1024);
		strbuf_addf(&want,
			    "Received: from printer.local ([192.168.1.9])\r\n"
			    "\tby relay.contoso.com with %s id " ID FOR,
			    names[i]);
		assert_received(&e, &f, strbuf_cstr(&want));
		strbuf_done(&want);
	}
}

static void names(void **state)
{
	static const struct {
		const char *helo;
		const char *from;
	} rows[] = {
		{ "[192.168.1.9]", "[192.168.1.9] ([IPv6:fd00::9])" },
		{ "under_score", "[IPv6:fd00::9] (helo=under_score)" },
		{ "a b", "[IPv6:fd00::9] (helo=a?b)" },
		/* In halves, because of trigraphs. */
		{ "a) (\"\\\r\n=?utf-8?q?x?=", "[IPv6:fd00::9] (helo=a?????????utf-8?q?x?"
					       "?)" },
		{ "${run{/bin/id}}", "[IPv6:fd00::9] (helo=??run??bin?id?"
				     "?)" },
		{ "", "[IPv6:fd00::9]" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct envelope e = envelope_of(rows[i].helo);
		struct received_facts f = facts("fd00::9");
		struct strbuf out;
		strbuf_init(&out, 4096);
		received_append(&out, &e, &f);
		*strstr(out.p, "\r\n") = '\0';
		assert_string_equal(out.p + strlen("Received: from "), rows[i].from);
		strbuf_done(&out);
		envelope_done(&e);
	}
}

static void long_name_is_cut(void **state)
{
	char helo[256];
	struct strbuf out;
	(void)state;
	memset(helo, 'x', sizeof(helo) - 1);
	helo[sizeof(helo) - 1] = '\0';
	struct envelope e = envelope_of(helo);
	struct received_facts f = facts("10.0.0.1");
	strbuf_init(&out, 4096);
	received_append(&out, &e, &f);
	assert_true((size_t)(strstr(out.p, "\r\n") - out.p) < 120);
	strbuf_done(&out);
	envelope_done(&e);
}

static void several_recipients_are_not_named(void **state)
{
	struct envelope e = envelope_of("x");
	struct received_facts f = facts("10.0.0.1");
	(void)state;
	envelope_add_recipient(&e, &e.recipients[0].address, NULL);
	assert_received(&e, &f,
			"Received: from x ([10.0.0.1])\r\n"
			"\tby relay.contoso.com with SMTP id " ID ";\r\n"
			"\tSun, 22 Nov 2026 12:00:00 +0000\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocols),
		cmocka_unit_test(names),
		cmocka_unit_test(long_name_is_cut),
		cmocka_unit_test(several_recipients_are_not_named),
	};
	return cmocka_run_group_tests_name("inbound/received", tests, NULL, NULL);
}
