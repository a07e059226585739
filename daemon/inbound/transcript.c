/* SPDX-License-Identifier: MIT */
#include "inbound/transcript.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/quote.h"
#include "inbound/auth.h"
#include "inbound/command.h"

enum {
	TEXT_MAX = 200,	  /* of what was said: more than that nobody reads */
	LINE_ROOM = 2048, /* all of it escaped, and what stands before it */
	SHOWN_MAX = 380,  /* fits a tail of the smallest transcript, with its line end */
};

struct transcript *transcript_new(int64_t now_ms, size_t max)
{
	struct transcript *t = mem_zalloc(sizeof(*t));
	t->started_ms = now_ms;
	t->max = max;
	strbuf_init(&t->head, max / 4);
	for (size_t i = 0; i < 2; i++)
		strbuf_init(&t->tails[i], max / 8 * 3);
	return t;
}

void transcript_free(struct transcript *t)
{
	if (t == NULL)
		return;
	strbuf_done(&t->head);
	for (size_t i = 0; i < 2; i++)
		strbuf_done(&t->tails[i]);
	free(t);
}

static bool fits(const struct strbuf *b, size_t n)
{
	return b->n + n <= b->max;
}

static uint64_t count_lines(struct str text)
{
	uint64_t lines = 0;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	return lines;
}

/* The head is full once something has gone to the tails; of these, the older one gives way. */
static void add_line(struct transcript *t, struct str line)
{
	bool to_head = t->tails[0].n == 0 && t->tails[1].n == 0 && t->dropped == 0;
	if (to_head && fits(&t->head, line.n)) {
		strbuf_addstr(&t->head, line);
		return;
	}
	if (!fits(&t->tails[1], line.n)) {
		const struct strbuf older = t->tails[0];
		t->dropped += count_lines(strbuf_str(&older));
		t->tails[0] = t->tails[1];
		t->tails[1] = older;
		strbuf_reset(&t->tails[1]);
	}
	strbuf_addstr(&t->tails[1], line);
}

static void begin(const struct transcript *t, struct strbuf *line, int64_t now_ms, const char *who)
{
	long long ms = now_ms - t->started_ms;
	strbuf_init(line, LINE_ROOM);
	strbuf_addf(line, "%5lld.%03lld %s", ms / 1000, ms % 1000, who);
}

static void end(struct transcript *t, struct strbuf *line)
{
	line->n = line->n < SHOWN_MAX ? line->n : SHOWN_MAX - 1;
	strbuf_addc(line, '\n');
	add_line(t, strbuf_str(line));
	strbuf_done(line);
}

void transcript_reply(struct transcript *t, int64_t now_ms, struct str wire)
{
	ptrdiff_t lf;
	while ((lf = str_chr(wire, '\n')) > 0) {
		struct strbuf line;
		begin(t, &line, now_ms, "S: ");
		quote_append_bare(&line, str_head(wire, (size_t)lf - 1), TEXT_MAX);
		end(t, &line);
		wire = str_skip(wire, (size_t)lf + 1);
	}
}

static void append_count(struct strbuf *out, size_t bytes, const char *what)
{
	strbuf_addf(out, "(%zu byte%s%s)", bytes, bytes == 1 ? "" : "s", what);
}

/* To a device that ends its lines in CR alone, what stands behind one is the next line: perhaps an
 * AUTH, or the answer to it. */
static void append_argument(struct strbuf *out, struct str args)
{
	ptrdiff_t cr = str_chr(args, '\r');
	struct str shown = cr >= 0 ? str_head(args, (size_t)cr) : args;
	quote_append_bare(out, shown, TEXT_MAX);
	strbuf_adds(out, cr > 0 ? " " : "");
	if (cr >= 0)
		append_count(out, args.n - shown.n, " behind a lone CR");
}

/* Of AUTH the mechanism's name, if it is one. */
static void append_auth(struct strbuf *out, struct str args)
{
	enum auth_mechanism mechanism;
	struct str name = str_word(&args);
	if (auth_mechanism_of(name, &mechanism)) {
		quote_append_bare(out, name, TEXT_MAX);
		strbuf_adds(out, args.n != 0 ? " " : "");
		name = args;
	}
	strbuf_adds(out, name.n != 0 ? "***" : "");
}

static void append_masked(struct strbuf *out, struct str line)
{
	struct str args = str_trim(line);
	struct str verb = str_word(&args);
	const struct command *c = command_find(verb);
	args = str_trim(args);
	if (c == NULL) {
		append_count(out, line.n, " that are no command");
		return;
	}
	quote_append_bare(out, verb, TEXT_MAX);
	strbuf_adds(out, args.n != 0 ? " " : "");
	if ((c->flags & COMMAND_HAS_SECRET) != 0)
		append_auth(out, args);
	else if ((c->flags & (COMMAND_NEEDS_ARGUMENT | COMMAND_MAY_HAVE_ARGUMENT)) != 0)
		append_argument(out, args);
	else if (args.n != 0)
		append_count(out, args.n, "");
}

void transcript_command(struct transcript *t, int64_t now_ms, struct str line)
{
	struct strbuf text;
	begin(t, &text, now_ms, "C: ");
	append_masked(&text, line);
	end(t, &text);
}

void transcript_secret(struct transcript *t, int64_t now_ms)
{
	struct strbuf line;
	begin(t, &line, now_ms, "C: ***");
	end(t, &line);
}

static void append_grouped(struct strbuf *out, uint64_t number)
{
	char digits[24];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	for (size_t i = 0; i < n; i++) {
		strbuf_addc(out, digits[i]);
		if (i + 1 < n && (n - i - 1) % 3 == 0)
			strbuf_addc(out, ',');
	}
}

void transcript_content(struct transcript *t, int64_t now_ms, const char *verb, uint64_t bytes)
{
	struct strbuf line;
	begin(t, &line, now_ms, "C: ");
	strbuf_addf(&line, "(%s: ", verb);
	append_grouped(&line, bytes);
	strbuf_adds(&line, bytes == 1 ? " byte)" : " bytes)");
	end(t, &line);
}

void transcript_event(struct transcript *t, int64_t now_ms, const char *text)
{
	struct strbuf line;
	begin(t, &line, now_ms, "");
	quote_append_visible(&line, str_of(text), SHOWN_MAX);
	end(t, &line);
}

void transcript_append(struct strbuf *out, const struct transcript *t)
{
	strbuf_addstr(out, strbuf_str(&t->head));
	if (t->dropped != 0)
		strbuf_addf(out, "          (%llu lines left out)\n",
			    (unsigned long long)t->dropped);
	for (size_t i = 0; i < 2; i++)
		strbuf_addstr(out, strbuf_str(&t->tails[i]));
}

size_t transcript_memory(const struct transcript *t)
{
	return sizeof(*t) + t->head.room + t->tails[0].room + t->tails[1].room;
}
