/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "message/body_in.h"

enum {
	OUT_MAX = 8 * 1024 * 1024
};

struct result {
	struct strbuf out;
	struct body_stats stats;
	size_t used; /* input consumed when the end was found */
	size_t slices;
	bool ended;
	bool nul;
};

static void collect(void *arg, struct str bytes)
{
	struct result *r = arg;
	assert_true(bytes.n != 0);
	r->slices++;
	strbuf_addstr(&r->out, bytes);
}

/* Feeds input in pieces of `step` bytes, the first of which has `first`. */
static void run(struct str in, const char *prepend, size_t first, size_t step, struct result *r)
{
	struct body_in b;
	*r = (struct result){ .ended = false };
	strbuf_init(&r->out, OUT_MAX);
	body_in_init(&b, BODY_IN_DATA, collect, r);
	if (prepend != NULL)
		body_in_prepend(&b, str_of(prepend));
	for (size_t at = 0, n = first; at < in.n && !r->ended; at += n, n = step) {
		/* A copy of its own for each piece, so that a read past it is seen. */
		size_t length = n < in.n - at ? n : in.n - at;
		char *copy = malloc(length);
		memcpy(copy, in.p + at, length);
		struct str piece = { copy, length };
		r->ended = body_in_feed(&b, &piece);
		r->used = at + length - piece.n;
		if (!r->ended)
			assert_int_equal(piece.n, 0);
		free(copy);
	}
	r->stats = b.stats;
	r->nul = b.nul;
}

static void assert_same(const struct result *a, const struct result *b)
{
	assert_int_equal(a->ended, b->ended);
	assert_int_equal(a->used, b->used);
	assert_int_equal(a->nul, b->nul);
	if (!a->ended)
		return; /* bytes may be held back at different places */
	assert_int_equal(a->out.n, b->out.n);
	assert_memory_equal(strbuf_cstr(&a->out), strbuf_cstr(&b->out), a->out.n);
	assert_int_equal(a->stats.size, b->stats.size);
	assert_int_equal(a->stats.header_size, b->stats.header_size);
	assert_int_equal(a->stats.longest_line, b->stats.longest_line);
	assert_int_equal(a->stats.received_count, b->stats.received_count);
	assert_int_equal(a->stats.eight_bit, b->stats.eight_bit);
	assert_int_equal(a->stats.eight_bit_header, b->stats.eight_bit_header);
	assert_int_equal(a->stats.header_done, b->stats.header_done);
}

/* In one piece, byte by byte, and cut at every place: always the same; the caller frees. */
static void run_every_way(struct str in, struct result *whole)
{
	struct result other;
	run(in, NULL, in.n, in.n, whole);
	run(in, NULL, 1, 1, &other);
	assert_same(whole, &other);
	strbuf_done(&other.out);
	for (size_t cut = 1; in.n <= 400 && cut < in.n; cut++) {
		run(in, NULL, cut, in.n, &other);
		assert_same(whole, &other);
		strbuf_done(&other.out);
	}
}

#define INNER "MAIL FROM:<smuggled@x>\r\nRCPT TO:<v@x>\r\nDATA\r\nSubject: inner\r\n\r\nx"

/* As STR(), but a constant, with its NULs. */
#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

/* Candidates for a wrong end of data (threats.md 2.1). `body`: what stands for the candidate in
 * the canonical message; NULL where the candidate ends the data. */
static const struct smg_row {
	const char *name;
	struct str eod;
	const char *body;
	bool nul;
} smg_rows[] = {
	{ "SMG-01", BYTES("\n.\n"), "\r\n.\r\n", false },
	{ "SMG-02", BYTES("\n.\r\n"), "\r\n.\r\n", false },
	{ "SMG-03", BYTES("\r\n.\n"), "\r\n\r\n", false },
	{ "SMG-04", BYTES("\r.\r"), " . ", false },
	{ "SMG-05", BYTES("\r.\n"), " .\r\n", false },
	{ "SMG-06", BYTES("\n.\r"), "\r\n. ", false },
	{ "SMG-07", BYTES("\r.\r\n"), " .\r\n", false },
	{ "SMG-08", BYTES("\r\n.\r"), "\r\n ", false },
	{ "SMG-09", BYTES("\r\n.\r\r\n"), "\r\n \r\n", false },
	{ "SMG-10a", BYTES("\r\r\n.\r\r\n"), " \r\n \r\n", false },
	{ "SMG-10b", BYTES("\r\r\n.\r\n"), NULL, false },
	{ "SMG-11", BYTES("\r\n\0.\r\n"), "\r\n .\r\n", true },
	{ "SMG-12", BYTES("\r\n.\0\r\n"), "\r\n \r\n", true },
	{ "SMG-13a", BYTES("\r\n.\t\r\n"), "\r\n\t\r\n", false },
	{ "SMG-13b", BYTES("\r\n. \r\n"), "\r\n \r\n", false },
	{ "SMG-14", BYTES("\r\n..\r\n"), "\r\n.\r\n", false },
	{ "SMG-15a", BYTES("\x0b.\x0b"), "\x0b.\x0b", false },
	{ "SMG-15b", BYTES("\x0c.\x0c"), "\x0c.\x0c", false },
	{ "SMG-15c", BYTES("\x85.\x85"), "\x85.\x85", false },
	{ "SMG-15d", BYTES("\xe2\x80\xa8.\xe2\x80\xa8"), "\xe2\x80\xa8.\xe2\x80\xa8", false },
	{ "SMG-16a", BYTES("\r\n\xef\xbb\xbf.\r\n"), "\r\n\xef\xbb\xbf.\r\n", false },
	{ "SMG-16b", BYTES("\r\n\xff.\r\n"), "\r\n\xff.\r\n", false },
	/* BDAT's own form: commands in the body behind a dot with LF. */
	{ "SMG-21", BYTES("\r\n.\nbdat 86 last\r\n"), "\r\n\r\nbdat 86 last\r\n", false },
	/* A device that ends lines with LF only: no exception without the quirk. */
	{ "SMG-23", BYTES("\nlast line\n.\nQUIT\n"), "\r\nlast line\r\n.\r\nQUIT\r\n", false },
};

/* SMG-17 too: run_every_way() cuts each of them at each place. */
static void smuggling(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(smg_rows); i++) {
		const struct smg_row *row = &smg_rows[i];
		struct strbuf in, want;
		struct result r;
		strbuf_init(&in, 4096);
		strbuf_init(&want, 4096);
		strbuf_adds(&in, "Subject: outer\r\n\r\nbody");
		strbuf_addstr(&in, row->eod);
		size_t early = in.n;
		strbuf_adds(&in, INNER "\r\n.\r\n");
		strbuf_adds(&want, "Subject: outer\r\n\r\nbody");
		strbuf_adds(&want, row->body != NULL ? row->body : " \r\n");
		if (row->body != NULL)
			strbuf_adds(&want, INNER "\r\n");
		run_every_way(strbuf_str(&in), &r);
		assert_true(r.ended);
		assert_int_equal(r.used, row->body != NULL ? in.n : early);
		assert_int_equal(r.nul, row->nul);
		assert_string_equal(strbuf_cstr(&r.out), strbuf_cstr(&want));
		strbuf_done(&in);
		strbuf_done(&want);
		strbuf_done(&r.out);
	}
}

/* SMG-08, second half: the connection may end there; it is no end of data. */
static void smg_08_then_nothing(void **state)
{
	struct result r;
	(void)state;
	run_every_way(STR("a\r\n.\r"), &r);
	assert_false(r.ended);
	assert_string_equal(strbuf_cstr(&r.out), "a\r\n");
	strbuf_done(&r.out);
}

/* SMG-18, SMG-19: a long line neither makes nor hides a line's start. */
static void smg_18_19_long_lines(void **state)
{
	static const size_t lengths[] = { 998, 1000, 1024, 4096, 8192, 16384, 65536 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths) * 3; i++) {
		size_t n = lengths[i / 3] - 1 + i % 3;
		struct strbuf in;
		struct result r;
		strbuf_init(&in, 200000);
		for (size_t k = 0; k < n; k++)
			strbuf_addc(&in, 'a');
		strbuf_adds(&in, ".\r\nmore\r\n.\r\nRSET\r\n");
		run_every_way(strbuf_str(&in), &r);
		assert_true(r.ended);
		assert_int_equal(r.used, in.n - strlen("RSET\r\n"));
		assert_int_equal(r.out.n, n + strlen(".\r\nmore\r\n"));
		assert_int_equal(r.stats.longest_line, n + 1);
		strbuf_done(&r.out);
		/* The same with pieces that end just before the dot. */
		run(strbuf_str(&in), NULL, n, n, &r);
		assert_int_equal(r.used, in.n - strlen("RSET\r\n"));
		strbuf_done(&in);
		strbuf_done(&r.out);
	}
}

static void smg_20_22_ends(void **state)
{
	struct result r;
	(void)state;
	run_every_way(STR(".\r\n"), &r);
	assert_true(r.ended);
	assert_int_equal(r.out.n, 0);
	assert_int_equal(r.stats.size, 0);
	strbuf_done(&r.out);
	run_every_way(STR("\r\n.\r\nMAIL FROM:<a@b>\r\n"), &r);
	assert_true(r.ended);
	assert_int_equal(r.used, 5);
	assert_string_equal(strbuf_cstr(&r.out), "\r\n");
	assert_int_equal(r.stats.header_size, 2);
	strbuf_done(&r.out);
}

struct stats_row {
	const char *in;
	uint64_t header_size;
	uint64_t longest_line;
	unsigned received;
	bool eight_bit;
	bool eight_bit_header;
};

/* header_size counts canonical bytes, without the dot-stuffing. */
static const struct stats_row stats_rows[] = {
	{ "", 0, 0, 0, false, false },
	{ "A: b\r\n", 6, 4, 0, false, false },
	{ "A: b\r\n\r\nbody\r\n", 8, 4, 0, false, false },
	{ "A: b\n\nbody\r\n", 8, 4, 0, false, false },
	{ "\r\nbody\r\n", 2, 4, 0, false, false },
	{ "body\r\nA: b\r\n\r\n", 0, 4, 0, false, false },
	{ "A: b\r\nno field here\r\n\r\n", 6, 13, 0, false, false },
	{ "A : b\r\n\r\n", 9, 5, 0, false, false },
	{ "A\r\n\r\n", 0, 1, 0, false, false },
	{ "A \r\n\r\n", 0, 2, 0, false, false },
	{ ": b\r\n\r\n", 0, 3, 0, false, false },
	{ "A:\r\n b\r\n\tc\r\n\r\nx\r\n", 14, 2, 0, false, false },
	{ " b\r\nA: b\r\n\r\n", 0, 4, 0, false, false },
	{ "A: b\r\n \r\n\r\nx\r\n", 11, 4, 0, false, false },
	{ "A: b\r\n\x81: c\r\n\r\n", 6, 4, 0, true, false },
	{ "From a@b Sun Nov 22 12:00:00\r\nA: b\r\n\r\n", 0, 28, 0, false, false },
	{ "A: b\r\n..x\r\n", 6, 4, 0, false, false },
	{ "Received: a\r\nRECEIVED : b\r\nreceived:\r\n\tx\r\n\r\n", 44, 12, 3, false, false },
	{ "Received-SPF: a\r\nReceive: b\r\nX-Received: b\r\n\r\n", 46, 15, 0, false, false },
	{ "A: b\r\n\r\nReceived: a\r\n", 8, 11, 0, false, false },
	{ "A: b\r\n Received: a\r\n\r\n", 22, 12, 0, false, false },
	{ "A: \xc3\xbc\r\n\r\nx\r\n", 9, 5, 0, true, true },
	{ "A: b\r\n\r\n\xff\r\n", 8, 4, 0, true, false },
	{ "A: b\r\nx\xff: c\r\n\r\n", 6, 5, 0, true, false },
	{ "A: b\r\n \xff\r\n\r\n", 12, 4, 0, true, true },
	{ "\rA: b\r\n\r\n", 0, 5, 0, false, false },
};

static void statistics(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stats_rows); i++) {
		const struct stats_row *row = &stats_rows[i];
		struct strbuf in;
		struct result r;
		strbuf_init(&in, 4096);
		strbuf_adds(&in, row->in);
		strbuf_adds(&in, ".\r\n");
		run_every_way(strbuf_str(&in), &r);
		assert_true(r.ended && r.stats.header_done);
		assert_int_equal(r.stats.size, r.out.n);
		assert_int_equal(r.stats.header_size, row->header_size);
		assert_int_equal(r.stats.longest_line, row->longest_line);
		assert_int_equal(r.stats.received_count, row->received);
		assert_int_equal(r.stats.eight_bit, row->eight_bit);
		assert_int_equal(r.stats.eight_bit_header, row->eight_bit_header);
		strbuf_done(&in);
		strbuf_done(&r.out);
	}
}

/* DOS-11: a first line with a blank must not become part of our own field. */
static void prepended_fields(void **state)
{
	static const char ours[] = "Received: from x\r\n\tby y\r\n";
	struct result r;
	(void)state;
	run(STR("A: b\r\n\r\nx\r\n.\r\n"), ours, 1, 1, &r);
	assert_string_equal(strbuf_cstr(&r.out), "Received: from x\r\n\tby y\r\nA: b\r\n\r\nx\r\n");
	assert_int_equal(r.stats.header_size, strlen(ours) + 8);
	assert_int_equal(r.stats.received_count, 1);
	strbuf_done(&r.out);
	run(STR(" b\r\n\r\nx\r\n.\r\n"), ours, 1, 1, &r);
	assert_int_equal(r.stats.header_size, strlen(ours));
	assert_true(r.stats.header_done);
	strbuf_done(&r.out);
	run(STR(".\r\n"), ours, 1, 1, &r);
	assert_int_equal(r.stats.size, strlen(ours));
	assert_int_equal(r.stats.header_size, strlen(ours));
	strbuf_done(&r.out);
}

static void header_size_so_far(void **state)
{
	struct result r;
	(void)state;
	run(STR("A: bbbbbbbbbbbbbbbbbbbbbbbbbbbb"), NULL, 7, 7, &r);
	assert_false(r.stats.header_done);
	assert_int_equal(r.stats.header_size, r.out.n);
	strbuf_done(&r.out);
}

/* The rules of body_in.h written down a second time, as plainly as possible. */
static bool reference(struct str in, struct strbuf *out, size_t *used, bool *nul)
{
	bool line_start = true;
	for (size_t i = 0; i < in.n;) {
		struct str at = str_skip(in, i);
		if (line_start && str_starts(at, STR(".\r\n"))) {
			*used = i + 3;
			return true;
		}
		if (line_start && at.p[0] == '.') {
			line_start = false;
			i++;
			continue;
		}
		line_start = str_starts(at, STR("\r\n"));
		if (line_start) {
			strbuf_adds(out, "\r\n");
			i += 2;
			continue;
		}
		*nul |= at.p[0] == '\0';
		if (at.p[0] == '\n')
			strbuf_adds(out, "\r\n");
		else
			strbuf_addc(out, at.p[0] == '\r' || at.p[0] == '\0' ? ' ' : at.p[0]);
		i++;
	}
	return false;
}

static void random_bodies_match_the_reference(void **state)
{
	static const char alphabet[] = "\r\r\n\n...ab: \t\0";
	uint64_t seed = 0x9e3779b97f4a7c15;
	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		char in[44];
		size_t n = 1 + round % 40, used = 0;
		struct strbuf want;
		struct result r;
		bool nul = false;
		strbuf_init(&want, 256);
		for (size_t i = 0; i < n; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			in[i] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
		}
		struct str text = { in, n };
		bool ended = reference(text, &want, &used, &nul);
		run(text, NULL, 1 + (size_t)(seed >> 60), 1 + (size_t)(seed >> 40) % 5, &r);
		assert_int_equal(r.ended, ended);
		if (ended) {
			assert_int_equal(r.used, used);
			assert_int_equal(r.nul, nul);
			assert_int_equal(r.out.n, want.n);
			assert_memory_equal(strbuf_cstr(&r.out), strbuf_cstr(&want), want.n);
		}
		strbuf_done(&want);
		strbuf_done(&r.out);
	}
}

/* A clean body costs a slice or two, not one for each line. */
static void slices_are_large(void **state)
{
	struct strbuf in;
	struct result r;
	(void)state;
	strbuf_init(&in, OUT_MAX);
	strbuf_adds(&in, "Subject: x\r\n\r\n");
	for (unsigned i = 0; i < 50000; i++)
		strbuf_adds(&in,
			    "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRl\r\n");
	strbuf_adds(&in, ".\r\n");
	run(strbuf_str(&in), NULL, in.n, in.n, &r);
	assert_true(r.ended);
	assert_in_range(r.slices, 1, 2);
	assert_int_equal(r.out.n, in.n - 3);
	strbuf_done(&in);
	strbuf_done(&r.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smuggling),
		cmocka_unit_test(smg_08_then_nothing),
		cmocka_unit_test(smg_18_19_long_lines),
		cmocka_unit_test(smg_20_22_ends),
		cmocka_unit_test(statistics),
		cmocka_unit_test(prepended_fields),
		cmocka_unit_test(header_size_so_far),
		cmocka_unit_test(random_bodies_match_the_reference),
		cmocka_unit_test(slices_are_large),
	};
	return cmocka_run_group_tests_name("message/body_in", tests, NULL, NULL);
}
