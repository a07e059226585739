/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "message/body_in.h"
#include "message/body_out.h"

/*
 * The three modes, each against its rules written down a second time, over every input of a few
 * bytes; and the way through both ends (threats.md OSM-02). What DATA does with the candidates for
 * a wrong end is test_body_in.c's.
 */

enum {
	SHORT = 7, /* bytes of an exhaustive input */
	OUT_MAX = 512,
	CASES = 100000, /* random ones; OSM_CASES in the environment overrides it */
};

struct result {
	char out[OUT_MAX];
	size_t n;
	size_t used;
	bool ended;
	bool nul;
	enum body_in_mode mode; /* in the end */
};

static void collect(void *arg, struct str bytes)
{
	struct result *r = arg;
	assert_true(bytes.n != 0 && r->n + bytes.n <= OUT_MAX);
	memcpy(r->out + r->n, bytes.p, bytes.n);
	r->n += bytes.n;
}

static void run(enum body_in_mode mode, struct str in, size_t step, struct result *r)
{
	struct body_in b;
	*r = (struct result){ .n = 0 };
	body_in_init(&b, mode, collect, r);
	for (size_t at = 0; at < in.n && !r->ended; at += step) {
		struct str piece = str_head(str_skip(in, at), step);
		size_t length = piece.n;
		r->ended = body_in_feed(&b, &piece);
		r->used = at + length - piece.n;
	}
	if (mode == BODY_IN_BDAT) {
		body_in_finish(&b);
		r->ended = true;
	}
	r->nul = b.nul;
	r->mode = b.mode;
	if (r->ended) {
		assert_true(b.stats.header_done);
		assert_int_equal(b.stats.size, r->n);
		assert_true(r->n == 0 || (r->n >= 2 && memcmp(r->out + r->n - 2, "\r\n", 2) == 0));
	}
}

static void add(struct result *r, const char *bytes)
{
	struct str s = str_of(bytes);
	memcpy(r->out + r->n, s.p, s.n);
	r->n += s.n;
}

/* The rules of body_in.h. `start`: a dot here means something. */
static void reference(enum body_in_mode mode, struct str in, struct result *r)
{
	bool start = mode != BODY_IN_BDAT;
	bool behind_lf = false; /* alone */
	*r = (struct result){ .mode = mode, .ended = mode == BODY_IN_BDAT };
	for (size_t i = 0; i < in.n;) {
		struct str at = str_skip(in, i);
		bool dotted = start && at.p[0] == '.';
		if (dotted && r->mode == BODY_IN_DATA_LF && str_starts(at, STR(".\n"))) {
			r->used = i + 2;
			r->ended = true;
			break;
		}
		if (dotted && !behind_lf && str_starts(at, STR(".\r\n"))) {
			r->mode = mode == BODY_IN_DATA_LF ? BODY_IN_DATA : mode;
			r->used = i + 3;
			r->ended = true;
			break;
		}
		if (dotted && !(behind_lf && str_starts(at, STR(".\r")))) {
			start = false;
			i++;
			continue;
		}
		i++;
		start = false;
		if (at.p[0] == '\r') {
			if (r->mode == BODY_IN_DATA_LF)
				r->mode = BODY_IN_DATA;
			start = str_starts(at, STR("\r\n"));
			add(r, start ? "\r\n" : " ");
			i += start;
			start = start && mode != BODY_IN_BDAT;
			behind_lf = false;
		} else if (at.p[0] == '\n') {
			add(r, "\r\n");
			start = behind_lf = r->mode == BODY_IN_DATA_LF;
		} else {
			r->nul |= at.p[0] == '\0';
			r->out[r->n++] = at.p[0] == '\0' ? ' ' : at.p[0];
		}
	}
	if (mode != BODY_IN_BDAT)
		return;
	r->used = in.n;
	if (r->n != 0 && (r->n < 2 || memcmp(r->out + r->n - 2, "\r\n", 2) != 0))
		add(r, "\r\n");
}

static void assert_same(struct str in, const struct result *got, const struct result *want)
{
	if (got->ended == want->ended &&
	    (!got->ended ||
	     (got->n == want->n && got->used == want->used && got->nul == want->nul &&
	      got->mode == want->mode && memcmp(got->out, want->out, got->n) == 0)))
		return;
	for (size_t i = 0; i < in.n; i++)
		print_error("%02x ", (unsigned char)in.p[i]);
	fail_msg("ended %d, not %d; %zu bytes, not %zu", got->ended, want->ended, got->n, want->n);
}

/* Every input of up to SHORT bytes, at once and byte by byte. */
static void every_short_input(enum body_in_mode mode)
{
	static const char alphabet[] = { '\r', '\n', '.', 'a', '\0' };
	size_t count = 1;
	for (size_t n = 1; n <= SHORT; n++) {
		count *= sizeof(alphabet);
		for (size_t number = 0; number < count; number++) {
			char bytes[SHORT];
			size_t rest = number;
			struct result want, got;
			for (size_t i = 0; i < n; i++, rest /= sizeof(alphabet))
				bytes[i] = alphabet[rest % sizeof(alphabet)];
			struct str in = { bytes, n };
			reference(mode, in, &want);
			run(mode, in, n, &got);
			assert_same(in, &got, &want);
			run(mode, in, 1, &got);
			assert_same(in, &got, &want);
		}
	}
}

static void data(void **state)
{
	(void)state;
	every_short_input(BODY_IN_DATA);
}

/* SMG-23 */
static void data_lf(void **state)
{
	(void)state;
	every_short_input(BODY_IN_DATA_LF);
}

/* OSM-03: the byte by byte runs cut between CR and LF, LF and dot, dot and CR. */
static void bdat(void **state)
{
	(void)state;
	every_short_input(BODY_IN_BDAT);
}

/* --- in at one end, out at the other ------------------------------------------------------- */

struct wire {
	struct body_out out;
	struct evbuffer *bytes;
	struct result canonical;
};

static void send_on(void *arg, struct str bytes)
{
	struct wire *w = arg;
	collect(&w->canonical, bytes);
	assert_true(body_out_add(&w->out, bytes, w->bytes));
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

/* OSM-01: no lone CR or LF, no NUL; a dot at a line's start is doubled, but for the last. */
static void assert_wire_is_clean(struct str wire)
{
	assert_true(wire.n >= 3);
	for (size_t i = 0; i < wire.n; i++) {
		char c = wire.p[i], next = i + 1 < wire.n ? wire.p[i + 1] : '\0';
		assert_true(c != '\0' && (c != '\r' || next == '\n'));
		assert_true(c != '\n' || (i != 0 && wire.p[i - 1] == '\r'));
		if (c == '.' && (i == 0 || wire.p[i - 1] == '\n') && i + 3 != wire.n)
			assert_int_equal(next, '.');
	}
	assert_memory_equal(wire.p + wire.n - 3, ".\r\n", 3);
}

/* OSM-02: what the next server reads is what we have stored, and one message. */
static void round_trip(struct str in, size_t step)
{
	struct wire w = { .bytes = evbuffer_new() };
	struct result read;
	struct body_in b;
	body_in_init(&b, BODY_IN_BDAT, send_on, &w);
	body_out_init(&w.out);
	for (size_t at = 0; at < in.n; at += step) {
		struct str piece = str_head(str_skip(in, at), step);
		assert_false(body_in_feed(&b, &piece));
	}
	body_in_finish(&b);
	body_out_end(&w.out, w.bytes);
	struct str wire = { .n = evbuffer_get_length(w.bytes) };
	wire.p = (const char *)evbuffer_pullup(w.bytes, -1);
	assert_wire_is_clean(wire);
	run(BODY_IN_DATA, wire, wire.n, &read);
	assert_true(read.ended);
	assert_int_equal(read.used, wire.n);
	assert_int_equal(read.n, w.canonical.n);
	assert_memory_equal(read.out, w.canonical.out, read.n);
	evbuffer_free(w.bytes);
}

static void osm_02_round_trip(void **state)
{
	static const char *const ends[] = {
		"", "x", ".", "\r", "\n", "\r\n.", "\r\n.\r\n", "\n.\n"
	};
	static const char alphabet[] = "\r\r\n\n...ab \0\xff";
	const char *wanted = getenv("OSM_CASES");
	uint64_t cases = CASES, seed = 20261122;
	(void)state;
	if (wanted != NULL)
		assert_true(str_to_u64(str_of(wanted), UINT32_MAX, &cases));
	print_message("%llu cases, seed %llu\n", (unsigned long long)cases,
		      (unsigned long long)seed);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		round_trip(str_of(ends[i]), 1 + i % 3);
	for (uint64_t i = 0; i < cases; i++) {
		char bytes[48];
		struct str in = { bytes, next_random(&seed) % sizeof(bytes) };
		for (size_t k = 0; k < in.n; k++)
			bytes[k] = alphabet[next_random(&seed) % (sizeof(alphabet) - 1)];
		round_trip(in, 1 + next_random(&seed) % 9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data),
		cmocka_unit_test(data_lf),
		cmocka_unit_test(bdat),
		cmocka_unit_test(osm_02_round_trip),
	};
	return cmocka_run_group_tests_name("message/body_in modes", tests, NULL, NULL);
}
