/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "message/body_out.h"

/* STR() is no constant where a table is initialised. */
#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

/* --- a reference decoder, written from RFC 5321 4.5.2 and not from the encoder ---------------- */

/* Takes the wire apart as a strict server does: lines end in CR LF, "." alone ends the content, one
 * leading dot is removed. False if the wire is not canonical, or anything follows the end. */
static bool decode(struct str wire, struct strbuf *out)
{
	for (;;) {
		const char *end = memmem(wire.p, wire.n, "\r\n", 2);
		if (end == NULL)
			return false;
		struct str line = str_head(wire, (size_t)(end - wire.p));
		wire = str_skip(wire, line.n + 2);
		if (line.n == 1 && line.p[0] == '.')
			return wire.n == 0;
		for (size_t i = 0; i < line.n; i++)
			if (line.p[i] == '\r' || line.p[i] == '\n' || line.p[i] == '\0')
				return false;
		if (line.n != 0 && line.p[0] == '.') {
			/* A line that begins with one dot only would have been left unstuffed. */
			if (line.p[1] != '.')
				return false;
			line = str_skip(line, 1);
		}
		strbuf_addstr(out, line);
		strbuf_adds(out, "\r\n");
	}
}

static bool is_canonical(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0')
			return false;
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return false;
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			return false;
	}
	return true;
}

/* --- drivers --------------------------------------------------------------------------------- */

/* xorshift: the same cases on every machine. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Encodes in slices of at most `step` bytes (0: random). False when the encoder refused. */
static bool encode(struct str body, size_t step, uint32_t *random, struct evbuffer *out)
{
	struct body_out b;
	body_out_init(&b);
	while (body.n != 0) {
		size_t n = step != 0 ? step : 1 + next_random(random) % 7;
		struct str slice = str_head(body, n);
		if (!body_out_add(&b, slice, out))
			return false;
		body = str_skip(body, slice.n);
	}
	if (body_out_is_torn(&b))
		return false;
	body_out_end(&b, out);
	return true;
}

static struct str whole(struct evbuffer *buffer)
{
	size_t n = evbuffer_get_length(buffer);
	return (struct str){ n != 0 ? (const char *)evbuffer_pullup(buffer, -1) : "", n };
}

/* --- tests ----------------------------------------------------------------------------------- */

struct row {
	struct str in;
	struct str out;
};

static const struct row rows[] = {
	{ BYTES(""), BYTES(".\r\n") },
	{ BYTES("a"), BYTES("a\r\n.\r\n") },
	{ BYTES("a\r\n"), BYTES("a\r\n.\r\n") },
	{ BYTES("."), BYTES("..\r\n.\r\n") },
	{ BYTES(".\r\n"), BYTES("..\r\n.\r\n") },
	{ BYTES(".."), BYTES("...\r\n.\r\n") },
	{ BYTES("a\r\n."), BYTES("a\r\n..\r\n.\r\n") },
	{ BYTES("a\r\n.\r\n"), BYTES("a\r\n..\r\n.\r\n") },
	{ BYTES("a\r\n.\r\nMAIL FROM:<x>\r\n"), BYTES("a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n") },
	{ BYTES("a.b\r\n.c.\r\n"), BYTES("a.b\r\n..c.\r\n.\r\n") },
	{ BYTES("\r\n\r\n"), BYTES("\r\n\r\n.\r\n") },
	{ BYTES("\r\n.\r\n.\r\n"), BYTES("\r\n..\r\n..\r\n.\r\n") },
	{ BYTES("\xff\x80\t\x1b\r\n"), BYTES("\xff\x80\t\x1b\r\n.\r\n") },
};

static void stuffs_dots(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t step = 1; step < 6; step++) {
			struct evbuffer *out = evbuffer_new();
			assert_true(encode(rows[i].in, step, NULL, out));
			assert_true(str_eq(whole(out), rows[i].out));
			evbuffer_free(out);
		}
	}
}

/* The nine end-of-data sequences of SMTP-Smuggling-Tools, and more of their kind. */
static const struct str smuggled[] = {
	BYTES("\n.\n"),	      BYTES("\n.\r"),	BYTES("\r.\n"),	      BYTES("\r.\r"),
	BYTES("\n.\r\n"),     BYTES("\r.\r\n"), BYTES("\r\n.\r\r\n"), BYTES("\r\r\n.\r\r\n"),
	BYTES("\r\n\0.\r\n"), BYTES("\r\n.\n"), BYTES("\r\n.\r"),     BYTES("\0"),
	BYTES("\n"),	      BYTES("\r"),	BYTES("\r\r\n"),      BYTES("\n\r"),
};

static void refuses_smuggling(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(smuggled); i++) {
		for (size_t step = 1; step < 8; step++) {
			struct evbuffer *out = evbuffer_new();
			struct strbuf body;
			strbuf_init(&body, 1000);
			strbuf_adds(&body, "Subject: x\r\n\r\nfirst");
			strbuf_addstr(&body, smuggled[i]);
			strbuf_adds(&body, "MAIL FROM:<evil@example.com>\r\n");
			if (encode(strbuf_str(&body), step, NULL, out))
				fail_msg("sequence %zu was sent", i);
			strbuf_done(&body);
			evbuffer_free(out);
		}
	}
}

static void writes_nothing_of_a_refused_slice(void **state)
{
	struct evbuffer *out = evbuffer_new();
	struct body_out b;
	(void)state;
	body_out_init(&b);
	assert_true(body_out_add(&b, STR("good\r\n"), out));
	assert_false(body_out_add(&b, STR(".also good\r\nbad\nMAIL\r\n"), out));
	assert_true(str_eq(whole(out), STR("good\r\n")));
	evbuffer_free(out);
}

static void never_ends_torn(void **state)
{
	struct evbuffer *out = evbuffer_new();
	struct body_out b;
	(void)state;
	body_out_init(&b);
	assert_true(body_out_add(&b, STR("a\r"), out));
	assert_true(body_out_is_torn(&b));
	body_out_end(&b, out);
	assert_true(str_eq(whole(out), STR("a\r\n.\r\n")));
	evbuffer_free(out);
}

/* Bodies made of the bytes that matter: what is canonical comes back as it was, with its last line
 * ended; everything else is refused. */
static void round_trips_at_random(void **state)
{
	/* Twice as many CR LF pairs, else hardly any body would be canonical. */
	static const struct str parts[] = {
		BYTES("\r\n"),	BYTES("\r\n"), BYTES("\r\n"), BYTES("\r\n."),
		BYTES("."),	BYTES("."),    BYTES("a"),    BYTES("bc"),
		BYTES(".\r\n"), BYTES("\xe9"), BYTES("d"),    BYTES(".."),
	};
	static const struct str poison[] = { BYTES("\r"), BYTES("\n"), BYTES("\0") };
	uint32_t random = 20261122;
	size_t sent = 0, refused = 0;
	struct strbuf body, back;
	(void)state;
	strbuf_init(&body, 4096);
	strbuf_init(&back, 8192);
	for (int i = 0; i < 100000; i++) {
		struct evbuffer *out = evbuffer_new();
		uint32_t count = next_random(&random) % 24;
		bool poisoned = next_random(&random) % 4 == 0;
		strbuf_reset(&body);
		strbuf_reset(&back);
		for (uint32_t k = 0; k < count; k++) {
			uint32_t r = next_random(&random);
			strbuf_addstr(&body, poisoned && r % 5 == 0
						     ? poison[r / 5 % ARRAY_LEN(poison)]
						     : parts[r / 5 % ARRAY_LEN(parts)]);
		}
		bool ok = encode(strbuf_str(&body), 0, &random, out);
		assert_int_equal(ok, is_canonical(strbuf_str(&body)));
		if (ok) {
			assert_true(decode(whole(out), &back));
			if (body.n != 0 && body.p[body.n - 1] != '\n')
				strbuf_adds(&body, "\r\n");
			assert_true(str_eq(strbuf_str(&back), strbuf_str(&body)));
			sent++;
		} else {
			refused++;
		}
		evbuffer_free(out);
	}
	assert_true(sent > 50000);
	assert_true(refused > 10000);
	strbuf_done(&body);
	strbuf_done(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stuffs_dots),
		cmocka_unit_test(refuses_smuggling),
		cmocka_unit_test(writes_nothing_of_a_refused_slice),
		cmocka_unit_test(never_ends_torn),
		cmocka_unit_test(round_trips_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
