/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/mem.h"
#include "message/envelope.h"

static void add(struct envelope *e, const char *local, const char *domain)
{
	struct address a = { mem_strdup(local), mem_strdup(domain) };
	envelope_add_recipient(e, &a);
	address_done(&a);
}

static struct envelope sample(void)
{
	struct envelope e = {
		.id = msgid_random(),
		.accepted_ms = 1795348800123,
		.peer = mem_strdup("192.168.10.21:1025"),
		.helo = mem_strdup("xerox \"3f\" \\x00"),
		.device = mem_strdup("xerox-3f"),
		.user = mem_strdup("b\xc3\xbc"
				   "ro"),
		.reverse_path = { mem_strdup("scan"), mem_strdup("printer.local") },
		.body = BODY_8BITMIME,
	};
	add(&e, "john doe", "contoso.com");
	add(&e, "a\"b\\c", "[IPv6:2001:db8::1]");
	add(&e, "postmaster", "");
	return e;
}

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a != NULL)
		assert_string_equal(a, b);
}

static void assert_round_trip(const struct envelope *e)
{
	struct strbuf json;
	struct envelope back, copy;
	struct err err = { .text = "" };
	strbuf_init(&json, 1024 * 1024);
	envelope_copy(&copy, e); /* nothing may be lost there either */
	envelope_append_json(&json, &copy);
	envelope_done(&copy);
	assert_int_equal(str_chr(strbuf_str(&json), '\n'), -1);
	if (!envelope_parse_json(strbuf_str(&json), &back, &err))
		fail_msg("%s: %s", strbuf_cstr(&json), err.text);
	assert_true(msgid_equal(&back.id, &e->id));
	assert_int_equal(back.accepted_ms, e->accepted_ms);
	assert_same_text(back.peer, e->peer);
	assert_same_text(back.helo, e->helo);
	assert_same_text(back.device, e->device);
	assert_same_text(back.user, e->user);
	assert_string_equal(back.reverse_path.local, e->reverse_path.local);
	assert_string_equal(back.reverse_path.domain, e->reverse_path.domain);
	assert_int_equal(back.recipient_count, e->recipient_count);
	for (size_t i = 0; i < e->recipient_count; i++) {
		assert_string_equal(back.recipients[i].local, e->recipients[i].local);
		assert_string_equal(back.recipients[i].domain, e->recipients[i].domain);
	}
	assert_int_equal(back.body, e->body);
	assert_int_equal(back.hold, e->hold);
	envelope_done(&back);
	strbuf_done(&json);
}

static void comes_back_as_it_went(void **state)
{
	struct envelope e = sample();
	(void)state;
	assert_round_trip(&e);
	/* Nothing optional, the null path, many recipients. */
	mem_replace_str(&e.device, NULL);
	mem_replace_str(&e.user, NULL);
	address_done(&e.reverse_path);
	e.reverse_path = (struct address){ mem_strdup(""), mem_strdup("") };
	e.body = BODY_7BIT;
	e.hold = ENVELOPE_HOLD_RATE;
	for (size_t i = 0; i < 997; i++)
		add(&e, "someone.else", "contoso.com");
	assert_round_trip(&e);
	envelope_done(&e);
	assert_null(e.recipients);
}

/* Printable without a tool; nothing that a terminal would obey. */
static void json_is_readable(void **state)
{
	struct envelope e = sample();
	struct strbuf json;
	(void)state;
	mem_replace_str(&e.helo, "a\x1b[2J\r\nb\xff");
	strbuf_init(&json, 64 * 1024);
	envelope_append_json(&json, &e);
	struct str text = strbuf_str(&json);
	assert_true(str_icontains(text, STR("\"from\":\"scan@printer.local\"")) >= 0);
	assert_true(str_icontains(text, STR("\"\\\"john doe\\\"@contoso.com\"")) >= 0);
	for (size_t i = 0; i < text.n; i++)
		assert_true((unsigned char)text.p[i] >= 0x20);
	strbuf_done(&json);
	envelope_done(&e);
}

#define ID   "\"id\":\"00112233445566778899aabbccddeeff\""
#define REST "\"accepted\":1,\"peer\":\"p\",\"helo\":\"h\",\"body\":\"7BIT\""

static void refuses_what_is_damaged(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"null",
		"{}",
		"{" ID "," REST ",\"from\":\"a@b\"}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[]}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":{}}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":\"c@d\"}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[1]}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[\"\"]}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[\"c@d\",\"x\"]}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[\"c@d> X\"]}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[\"c@d\\r\\nX: y\"]}",
		"{" ID "," REST ",\"from\":1,\"to\":[\"c@d\"]}",
		"{" ID "," REST ",\"from\":\"a@b>\",\"to\":[\"c@d\"]}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[\"c@d\"],\"device\":7}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[\"c@d\"],\"hold\":\"\"}",
		"{" ID "," REST ",\"from\":\"a@b\",\"to\":[\"c@d\"],\"hold\":true}",
		"{\"id\":\"00112233445566778899aabbccddeef\"," REST
		",\"from\":\"a@b\",\"to\":[\"c@d\"]}",
		"{" ID ",\"accepted\":\"x\",\"body\":\"7BIT\",\"from\":\"a@b\",\"to\":[\"c@d\"]}",
		"{" ID ",\"accepted\":1,\"body\":\"BINARY\",\"from\":\"a@b\",\"to\":[\"c@d\"]}",
	};
	static const char good[] = "{" ID "," REST ",\"from\":\"a@b\",\"to\":[\"c@d\"]}";
	struct envelope e;
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err.text[0] = '\0';
		if (envelope_parse_json(str_of(bad[i]), &e, &err))
			fail_msg("accepted: %s", bad[i]);
		assert_true(err.text[0] != '\0');
	}
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		assert_false(envelope_parse_json((struct str){ good, n }, &e, &err));
	assert_true(envelope_parse_json(str_of(good), &e, &err));
	envelope_done(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_went),
		cmocka_unit_test(json_is_readable),
		cmocka_unit_test(refuses_what_is_damaged),
	};
	return cmocka_run_group_tests_name("message/envelope", tests, NULL, NULL);
}
