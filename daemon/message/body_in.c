/* SPDX-License-Identifier: MIT */
#include "message/body_in.h"

#include <string.h>

/*
 * Two layers. The upper one reads the wire and cuts it into canonical slices: parts of the input,
 * and replacements for the few bytes that are not as they should be. The lower one, account(),
 * sees only canonical bytes and measures them.
 */

/* Where the wire stands. A CR and a leading dot are held back until the next byte decides. The LF_
 * states are those of BODY_IN_DATA_LF: there is no CR before them. */
enum wire_state {
	WIRE_LINE_START, /* behind CR LF, or at the very beginning */
	WIRE_TEXT,
	WIRE_CR,	    /* text, CR */
	WIRE_DOT,	    /* CR LF . */
	WIRE_DOT_CR,	    /* CR LF . CR */
	WIRE_LF_LINE_START, /* behind LF */
	WIRE_LF_DOT,	    /* LF . */
};

/* Eight bytes at once, whatever their alignment. */
static uint64_t word_at(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return word;
}

static const uint64_t each_byte = 0x0101010101010101;
static const uint64_t high_bits = 0x8080808080808080;

/* Where the canonical header stands. */
enum field_state {
	FIELD_FIRST, /* at a line's start, and no field of the client's before it to be continued */
	FIELD_START, /* at a line's start, behind a field */
	FIELD_NAME,
	FIELD_BLANK, /* blanks between name and colon (RFC 5322 4.5.8 allows them) */
	FIELD_VALUE,
	FIELD_BODY, /* the header is over */
};

/* ftext of RFC 5322 3.6.8 */
static bool is_name_char(char c)
{
	return c > 0x20 && c < 0x7f && c != ':';
}

/* The line under way is no header field: the header ended before it. */
static void end_header_before_line(struct body_in *b)
{
	b->stats.header_size = b->stats.size - b->line_length;
	b->stats.header_done = true;
	b->field = FIELD_BODY;
}

static void add_name_char(struct body_in *b, char c)
{
	if (b->name_length < sizeof(b->name))
		b->name[b->name_length] = ascii_lower(c);
	/* Longer than any name that matters is all one needs to know. */
	if (b->name_length <= sizeof(b->name))
		b->name_length++;
}

static void field_byte(struct body_in *b, char c)
{
	bool blank = c == ' ' || c == '\t';
	switch ((enum field_state)b->field) {
	case FIELD_FIRST:
	case FIELD_START:
		if (blank && b->field == FIELD_START) {
			b->field = FIELD_VALUE;
		} else if (is_name_char(c)) {
			b->name_length = 0;
			add_name_char(b, c);
			b->field = FIELD_NAME;
		} else {
			end_header_before_line(b);
		}
		break;
	case FIELD_NAME:
	case FIELD_BLANK:
		if (c == ':') {
			if (b->name_length == 8 && memcmp(b->name, "received", 8) == 0)
				b->stats.received_count++;
			b->field = FIELD_VALUE;
		} else if (blank) {
			b->field = FIELD_BLANK;
		} else if (b->field == FIELD_NAME && is_name_char(c)) {
			add_name_char(b, c);
		} else {
			end_header_before_line(b);
		}
		break;
	case FIELD_VALUE:
	case FIELD_BODY:
		break;
	}
}

static void field_line_end(struct body_in *b)
{
	switch ((enum field_state)b->field) {
	case FIELD_FIRST:
	case FIELD_START: /* the empty line */
		b->stats.header_size = b->stats.size + 2;
		b->stats.header_done = true;
		b->field = FIELD_BODY;
		break;
	case FIELD_NAME:
	case FIELD_BLANK:
		end_header_before_line(b);
		break;
	case FIELD_VALUE:
		b->field = FIELD_START;
		break;
	case FIELD_BODY:
		break;
	}
}

static void end_line(struct body_in *b)
{
	if (b->line_length > b->stats.longest_line)
		b->stats.longest_line = b->line_length;
	b->line_length = 0;
}

/* Measures header bytes until the header or the slice ends; returns how many it took. */
static size_t account_header(struct body_in *b, struct str bytes)
{
	size_t i = 0;
	for (; i < bytes.n && b->field != FIELD_BODY; i++) {
		char c = bytes.p[i];
		if (c == '\r') { /* always with its LF, in the same slice */
			field_line_end(b);
			b->stats.size += 2;
			end_line(b);
			i++;
			continue;
		}
		field_byte(b, c);
		/* A byte that ends the header before its line is no part of it. */
		if (((unsigned char)c & 0x80u) != 0 && b->field != FIELD_BODY)
			b->stats.eight_bit_header = true;
		b->stats.size++;
		b->line_length++;
	}
	return i;
}

static void account_body(struct body_in *b, struct str bytes)
{
	b->stats.size += bytes.n;
	for (;;) {
		ptrdiff_t cr = str_chr(bytes, '\r');
		if (cr < 0)
			break;
		b->line_length += (size_t)cr;
		end_line(b);
		bytes = str_skip(bytes, (size_t)cr + 2);
	}
	b->line_length += bytes.n;
}

static bool has_eight_bit(struct str bytes)
{
	uint64_t any = 0;
	size_t i = 0;
	for (; bytes.n - i >= sizeof(any); i += sizeof(any))
		any |= word_at(bytes.p + i);
	for (; i < bytes.n; i++)
		any |= (unsigned char)bytes.p[i];
	return (any & high_bits) != 0;
}

/* Canonical bytes; CR and LF are always in the same slice. */
static void put(struct body_in *b, struct str bytes)
{
	if (bytes.n == 0)
		return;
	if (!b->stats.eight_bit)
		b->stats.eight_bit = has_eight_bit(bytes);
	size_t taken = account_header(b, bytes);
	account_body(b, str_skip(bytes, taken));
	if (!b->stats.header_done)
		b->stats.header_size = b->stats.size;
	b->emit(b->arg, bytes);
}

void body_in_init(struct body_in *b, enum body_in_mode mode, body_emit *emit, void *arg)
{
	*b = (struct body_in){ .mode = mode, .emit = emit, .arg = arg };
	b->state = WIRE_LINE_START;
	b->field = FIELD_FIRST;
}

void body_in_prepend(struct body_in *b, struct str lines)
{
	put(b, lines);
	/* A client whose first line begins with a blank must not continue our field. */
	b->field = FIELD_FIRST;
}

/* Whether one of the eight bytes is CR or below: subtracting '\r' + 1 from each borrows into the
 * highest bit of such a byte, if that was clear. A borrow can only come from one, so the answer is
 * right even where it names a neighbour too. */
static bool has_control(uint64_t word)
{
	return ((word - each_byte * ('\r' + 1)) & ~word & high_bits) != 0;
}

/* Position of the first CR, LF or NUL. Nearly all bytes are passed over eight at a time. */
static size_t find_special(struct str in, size_t i)
{
	for (; i < in.n; i++) {
		while (in.n - i >= sizeof(uint64_t) && !has_control(word_at(in.p + i)))
			i += sizeof(uint64_t);
		if (i == in.n || in.p[i] == '\r' || in.p[i] == '\n' || in.p[i] == '\0')
			break;
	}
	return i;
}

/* One feed's position: in.p[from..at) is to be put, but not yet. */
struct cursor {
	struct str in;
	size_t from;
	size_t at;
};

/* Puts what is pending, then `instead` in place of the next `skip` bytes. */
static void replace(struct body_in *b, struct cursor *c, size_t skip, struct str instead)
{
	put(b, (struct str){ c->in.p + c->from, c->at - c->from });
	put(b, instead);
	c->at += skip;
	c->from = c->at;
}

/* A client that sends a CR knows what ends a line. */
static void see_cr(struct body_in *b)
{
	if (b->mode == BODY_IN_DATA_LF)
		b->mode = BODY_IN_DATA;
}

static void cr_step(struct body_in *b, struct cursor *c)
{
	see_cr(b);
	if (c->at + 1 == c->in.n) {
		replace(b, c, 1, STR(""));
		b->state = WIRE_CR;
	} else if (c->in.p[c->at + 1] == '\n') {
		c->at += 2;
		b->state = WIRE_LINE_START;
	} else {
		replace(b, c, 1, STR(" "));
	}
}

static void text_step(struct body_in *b, struct cursor *c)
{
	b->state = WIRE_TEXT;
	c->at = find_special(c->in, c->at);
	if (c->at == c->in.n)
		return;
	if (c->in.p[c->at] == '\r') {
		cr_step(b, c);
	} else if (c->in.p[c->at] == '\n') {
		replace(b, c, 1, STR("\r\n"));
		if (b->mode == BODY_IN_DATA_LF)
			b->state = WIRE_LF_LINE_START;
	} else {
		b->nul = true;
		replace(b, c, 1, STR(" "));
	}
}

/* At a line's start: a dot is held back, anything else is text. */
static void line_start_step(struct body_in *b, struct cursor *c, enum wire_state dot)
{
	if (c->in.p[c->at] != '.' || b->mode == BODY_IN_BDAT) {
		text_step(b, c);
		return;
	}
	replace(b, c, 1, STR(""));
	b->state = (uint8_t)dot;
}

/* Behind a dot at a line's start. Only what ends the data, or may, is of interest: of all else, the
 * dot is dropped. */
static bool dot_step(struct body_in *b, struct cursor *c)
{
	char next = c->in.p[c->at];
	bool behind_lf = b->state == WIRE_LF_DOT;
	b->state = WIRE_TEXT;
	if (next == '\n' && b->mode == BODY_IN_DATA_LF) {
		replace(b, c, 1, STR(""));
		return true;
	}
	if (next == '\r' && behind_lf) {
		replace(b, c, 0, STR(".")); /* see BODY_IN_DATA_LF */
	} else if (next == '\r') {
		see_cr(b);
		replace(b, c, 1, STR(""));
		b->state = WIRE_DOT_CR;
	}
	return false;
}

/* True at the end of data. Each call takes a byte or changes to WIRE_TEXT, which does. */
static bool step(struct body_in *b, struct cursor *c)
{
	char next = c->in.p[c->at];
	switch ((enum wire_state)b->state) {
	case WIRE_LINE_START:
		line_start_step(b, c, WIRE_DOT);
		break;
	case WIRE_LF_LINE_START:
		line_start_step(b, c, WIRE_LF_DOT);
		break;
	case WIRE_TEXT:
		text_step(b, c);
		break;
	case WIRE_CR:
		replace(b, c, next == '\n', next == '\n' ? STR("\r\n") : STR(" "));
		b->state = next == '\n' ? WIRE_LINE_START : WIRE_TEXT;
		break;
	case WIRE_DOT:
	case WIRE_LF_DOT:
		return dot_step(b, c);
	case WIRE_DOT_CR:
		if (next == '\n') {
			replace(b, c, 1, STR(""));
			return true;
		}
		replace(b, c, 0, STR(" "));
		b->state = WIRE_TEXT;
		break;
	}
	return false;
}

bool body_in_feed(struct body_in *b, struct str *in)
{
	struct cursor c = { .in = *in };
	bool end = false;
	while (!end && c.at < c.in.n)
		end = step(b, &c);
	replace(b, &c, 0, STR(""));
	*in = str_skip(*in, c.at);
	if (end)
		b->stats.header_done = true;
	return end;
}

void body_in_finish(struct body_in *b)
{
	if (b->state == WIRE_CR)
		put(b, STR(" "));
	b->state = WIRE_LINE_START;
	if (b->line_length != 0)
		put(b, STR("\r\n"));
	b->stats.header_done = true;
}
