/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "common/strbuf.h"
#include "inbound/command.h"
#include "inbound/line.h"
#include "inbound/sreply.h"
#include "tests/fuzz/fuzz.h"

/*
 * Command lines out of a stream, and what the command table says to each.
 * Input: a byte of longest line, a byte of segments, then the stream.
 */
enum {
	RECORD_MAX = 1 << 20
};

static void check_reply(const struct inbound_refusal *why)
{
	struct strbuf out;
	fuzz_check(why->code >= 400 && why->code <= 599, "a refusal has a code of refusals");
	strbuf_init(&out, 4096);
	sreply_append(&out, why->code, str_of(why->text));
	fuzz_check(out.n >= 6 && out.n <= SREPLY_LINE_MAX, "a reply is one line of its length");
	for (size_t i = 0; i + 2 < out.n; i++)
		fuzz_check(ascii_is_print(out.p[i]), "a reply is printable");
	strbuf_done(&out);
}

static void look_up(struct str line)
{
	struct str args = str_trim(line);
	const struct command *c = command_find(str_word(&args));
	bool http = command_is_http(line);
	fuzz_check(!http || c == NULL, "a verb of HTTP is none of SMTP");
	for (unsigned phase = PHASE_START; c != NULL && phase <= PHASE_RCPT; phase++) {
		struct inbound_refusal why = { 0, "" };
		bool legal = command_legal(c, phase, str_trim(args), &why);
		fuzz_check(!legal || c->run != NULL, "what is legal can be run");
		fuzz_check(!legal || (c->phases & 1u << phase) != 0, "the table's row counts");
		if (!legal)
			check_reply(&why);
	}
}

/* What came out, as text: two runs can be compared. */
static void take_lines(struct line_reader *r, struct evbuffer *in, size_t max, struct strbuf *out)
{
	struct secret line;
	for (;;) {
		switch (line_take(r, in, max, &line)) {
		case LINE_NONE:
			return;
		case LINE_READY:
			fuzz_check(line.n <= max, "a line has its length");
			fuzz_check(str_chr(secret_reveal(&line), '\n') < 0, "a line has no LF");
			look_up(secret_reveal(&line));
			strbuf_addc(out, 'r');
			strbuf_addstr(out, secret_reveal(&line));
			strbuf_addc(out, '\n');
			secret_done(&line);
			break;
		case LINE_LONG:
			strbuf_adds(out, "l\n");
			break;
		case LINE_ENDLESS:
			fuzz_check(false, "no line of these is endless");
			return;
		}
	}
}

static void run(struct str stream, size_t max, unsigned cut, struct strbuf *out)
{
	struct line_reader reader = { 0 };
	struct fuzz_cuts cuts;
	struct evbuffer *in = evbuffer_new();
	strbuf_init(out, RECORD_MAX);
	fuzz_cuts_init(&cuts, cut);
	stream = str_head(stream, LINE_ENDLESS_BYTES / 2);
	while (stream.n != 0) {
		struct str piece = fuzz_cut(&cuts, &stream);
		evbuffer_add(in, piece.p, piece.n);
		take_lines(&reader, in, max, out);
		fuzz_check(evbuffer_get_length(in) <= max + 1, "an overlong line is not kept");
	}
	evbuffer_free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	size_t max = fuzz_byte(&in);
	unsigned cut = fuzz_byte(&in);
	struct strbuf whole, pieces;
	run(in, max, 0, &whole);
	run(in, max, cut, &pieces);
	fuzz_check(str_eq(strbuf_str(&whole), strbuf_str(&pieces)), "segments make no difference");
	strbuf_done(&whole);
	strbuf_done(&pieces);
	return 0;
}
