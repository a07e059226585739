/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <string.h>

#include "common/strbuf.h"
#include "message/body_in.h"
#include "message/body_out.h"
#include "tests/fuzz/fuzz.h"

/*
 * Content as it comes in, against a second reading of RFC 5321 that keeps everything in memory;
 * then out again, and in again by DATA.
 * Input: a byte of mode (enum body_in_mode), one of segments, then the stream. DATA gets an end of
 * data behind it; for BDAT the segments are chunks.
 */
enum {
	CONTENT_MAX = 4 << 20
};

struct taken {
	struct strbuf content;
	struct body_stats stats;
	size_t consumed;
	bool nul;
	bool ended;
	enum body_in_mode mode; /* at the end */
};

static void emit(void *arg, struct str bytes)
{
	struct taken *t = arg;
	fuzz_check(bytes.n != 0, "a slice is not empty");
	fuzz_check(bytes.p[bytes.n - 1] != '\r', "a slice does not tear CR from LF");
	strbuf_addstr(&t->content, bytes);
}

static void take(enum body_in_mode mode, struct str stream, unsigned cut, struct taken *t)
{
	struct body_in body;
	struct fuzz_cuts cuts;
	size_t all = stream.n, left = 0;
	*t = (struct taken){ .consumed = 0 };
	strbuf_init(&t->content, CONTENT_MAX);
	body_in_init(&body, mode, emit, t);
	fuzz_cuts_init(&cuts, cut);
	while (!t->ended && stream.n != 0) {
		struct str piece = fuzz_cut(&cuts, &stream);
		t->ended = body_in_feed(&body, &piece);
		left = piece.n;
		fuzz_check(t->ended || left == 0, "what is not consumed is behind the end");
	}
	if (mode == BODY_IN_BDAT) {
		fuzz_check(!t->ended, "nothing inside a chunk ends it");
		body_in_finish(&body);
	}
	t->consumed = all - stream.n - left;
	t->mode = body.mode;
	t->stats = body.stats;
	t->nul = body.nul;
}

static void taken_done(struct taken *t)
{
	strbuf_done(&t->content);
}

/* --- the second reading -------------------------------------------------------------------- */

/* Bytes up to and including the first CR LF . CR LF; the stream begins behind a CR LF. */
static size_t find_end(struct str s)
{
	static const char end[] = "\r\n.\r\n";
	if (str_starts(s, str_skip(str_of(end), 2)))
		return 3;
	for (size_t i = 0; i + 5 <= s.n; i++)
		if (memcmp(s.p + i, end, 5) == 0)
			return i + 5;
	return 0;
}

/* The same for LF . LF, as long as no CR has come before its end; 0 where there is none. */
static size_t find_lf_end(struct str s)
{
	ptrdiff_t cr = str_chr(s, '\r');
	struct str before = cr >= 0 ? str_head(s, (size_t)cr) : s;
	if (str_starts(before, STR(".\n")))
		return 2;
	for (size_t i = 0; i + 3 <= before.n; i++)
		if (memcmp(before.p + i, "\n.\n", 3) == 0)
			return i + 3;
	return 0;
}

/* s: without the final dot's line. A dot is un-stuffed behind CR LF; behind LF if nothing but LFs
 * has come so far; in BDAT nowhere. */
static void read_lines(enum body_in_mode mode, struct str s, struct strbuf *out, bool *nul)
{
	bool line_start = true, lf_only = mode == BODY_IN_DATA_LF;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool pair = c == '\r' && i + 1 < s.n && s.p[i + 1] == '\n';
		/* A dot whose line is not known to go on without a CR has not been dropped yet. */
		bool torn = lf_only && i != 0 && i + 1 < s.n && s.p[i + 1] == '\r';
		bool stuffed = mode != BODY_IN_BDAT && line_start && c == '.' && !torn;
		lf_only = lf_only && c != '\r';
		line_start = pair || (lf_only && c == '\n');
		*nul |= c == '\0';
		if (pair || c == '\n')
			strbuf_adds(out, "\r\n");
		else if (c == '\r' || c == '\0')
			strbuf_addc(out, ' ');
		else if (!stuffed)
			strbuf_addc(out, c);
		i += pair;
	}
	if (mode == BODY_IN_BDAT && out->n != 0 && out->p[out->n - 1] != '\n')
		strbuf_adds(out, "\r\n");
}

static uint64_t longest_line(struct str content)
{
	uint64_t longest = 0;
	ptrdiff_t end;
	while ((end = str_chr(content, '\r')) >= 0) {
		longest = (uint64_t)end > longest ? (uint64_t)end : longest;
		content = str_skip(content, (size_t)end + 2);
	}
	return longest;
}

static bool has_eight_bit(struct str content)
{
	bool any = false;
	for (size_t i = 0; i < content.n; i++)
		any |= (content.p[i] & 0x80) != 0;
	return any;
}

static void check_content(enum body_in_mode mode, struct str stream, const struct taken *t)
{
	struct str content = strbuf_str(&t->content);
	struct strbuf expected;
	bool nul = false;
	size_t lf_end = mode == BODY_IN_DATA_LF ? find_lf_end(stream) : 0;
	size_t end = lf_end != 0 ? lf_end : find_end(stream), dot = lf_end != 0 ? 2 : 3;
	if (mode == BODY_IN_BDAT) {
		end = stream.n;
		dot = 0;
	}
	fuzz_check(t->consumed == end, "only the end of data ends the data");
	strbuf_init(&expected, CONTENT_MAX);
	read_lines(mode, str_head(stream, end - dot), &expected, &nul);
	fuzz_check(str_eq(content, strbuf_str(&expected)), "content is what was sent");
	fuzz_check(t->nul == nul, "a NUL is noticed");
	fuzz_check(t->stats.size == content.n, "size is that of the content");
	fuzz_check(t->stats.header_size <= content.n, "the header is part of the content");
	fuzz_check(t->stats.header_done, "the header ends with the data at the latest");
	fuzz_check(t->stats.longest_line == longest_line(content), "the longest line is known");
	fuzz_check(t->stats.eight_bit == has_eight_bit(content), "8-bit bytes are known");
	fuzz_check_canonical(content);
	strbuf_done(&expected);
}

static void check_same(const struct taken *a, const struct taken *b)
{
	fuzz_check(str_eq(strbuf_str(&a->content), strbuf_str(&b->content)) &&
			   a->consumed == b->consumed && a->nul == b->nul && a->ended == b->ended,
		   "segments make no difference to content");
	fuzz_check(a->stats.header_size == b->stats.header_size && a->stats.size == b->stats.size &&
			   a->stats.longest_line == b->stats.longest_line &&
			   a->stats.eight_bit == b->stats.eight_bit &&
			   a->stats.eight_bit_header == b->stats.eight_bit_header &&
			   a->stats.received_count == b->stats.received_count,
		   "segments make no difference to what is measured");
}

/* --- out ------------------------------------------------------------------------------------ */

static void write_out(struct str content, unsigned cut, struct evbuffer *wire)
{
	struct body_out out;
	struct fuzz_cuts cuts;
	body_out_init(&out);
	fuzz_cuts_init(&cuts, cut);
	while (content.n != 0)
		fuzz_check(body_out_add(&out, fuzz_cut(&cuts, &content), wire),
			   "what came in is canonical");
	fuzz_check(!body_out_is_torn(&out), "no CR without its LF is left");
	body_out_end(&out, wire);
}

/* What goes upstream is read there as the same content, and nothing stands behind it. */
static void check_round_trip(const struct taken *t, unsigned cut)
{
	struct evbuffer *wire = evbuffer_new();
	struct taken again;
	write_out(strbuf_str(&t->content), cut, wire);
	size_t n = evbuffer_get_length(wire);
	struct str bytes = { (const char *)evbuffer_pullup(wire, -1), n };
	fuzz_check_canonical(bytes);
	fuzz_check(find_end(bytes) == n, "the only end is the end");
	take(BODY_IN_DATA, bytes, cut, &again);
	fuzz_check(again.ended && again.consumed == n, "what goes out has one end");
	fuzz_check(str_eq(strbuf_str(&t->content), strbuf_str(&again.content)),
		   "what goes out is what came in");
	taken_done(&again);
	evbuffer_free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	enum body_in_mode mode = fuzz_byte(&in) % (BODY_IN_BDAT + 1);
	unsigned cut = fuzz_byte(&in);
	struct strbuf stream;
	struct taken whole, pieces;
	strbuf_init(&stream, CONTENT_MAX);
	strbuf_addstr(&stream, in);
	if (mode != BODY_IN_BDAT)
		strbuf_adds(&stream, "\r\n.\r\n");
	take(mode, strbuf_str(&stream), 0, &whole);
	take(mode, strbuf_str(&stream), cut, &pieces);
	check_same(&whole, &pieces);
	check_content(mode, strbuf_str(&stream), &whole);
	check_round_trip(&whole, cut);
	taken_done(&whole);
	taken_done(&pieces);
	strbuf_done(&stream);
	return 0;
}
