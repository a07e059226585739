/* SPDX-License-Identifier: MIT */
#include "message/reply.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* What the log and a bounce call a failure that no server has named (RFC 3463). */
static const struct local_dsn {
	unsigned code;
	unsigned enhanced[3];
} local_dsns[] = {
	{ REPLY_LOCAL_DNS, { 4, 4, 3 } },	 /* directory server failure */
	{ REPLY_LOCAL_CONNECT, { 4, 4, 1 } },	 /* no answer from host */
	{ REPLY_LOCAL_TLS, { 4, 7, 5 } },	 /* cryptographic failure */
	{ REPLY_LOCAL_TIMEOUT, { 4, 4, 2 } },	 /* bad connection */
	{ REPLY_LOCAL_LOST, { 4, 4, 2 } },	 /* bad connection */
	{ REPLY_LOCAL_PROTOCOL, { 4, 5, 0 } },	 /* other protocol status */
	{ REPLY_LOCAL_NO_XOAUTH2, { 4, 7, 4 } }, /* security features not supported */
	{ REPLY_LOCAL_TOKEN, { 4, 7, 8 } },	 /* authentication credentials invalid (RFC 4954) */
	{ REPLY_LOCAL_MESSAGE, { 4, 3, 0 } },	 /* other mail system status */
	{ REPLY_LOCAL_EXTENSION, { 5, 3, 3 } },	 /* system not capable of selected features */
};

/* One to three digits off the front of *s. */
static bool take_number(struct str *s, unsigned *out)
{
	unsigned value = 0;
	size_t n = 0;
	while (n < s->n && n < 3 && ascii_is_digit(s->p[n])) {
		value = value * 10 + (unsigned)(s->p[n] - '0');
		n++;
	}
	*s = str_skip(*s, n);
	*out = value;
	return n != 0;
}

static bool take_dot(struct str *s)
{
	bool there = s->n != 0 && s->p[0] == '.';
	if (there)
		*s = str_skip(*s, 1);
	return there;
}

/*
 * Takes "5.7.1 " off the front of *text. Its class must be 2, 4 or 5 and agree with the code's,
 * else it is not a status but words ("250 4.2.1 is our version"), and the code alone decides
 * (threats.md UPS-18).
 */
static bool take_enhanced(struct str *text, unsigned code, unsigned out[3])
{
	struct str s = *text;
	unsigned v[3];
	if (s.n < 2 || s.p[1] != '.')
		return false;
	if (!take_number(&s, &v[0]) || !take_dot(&s) || !take_number(&s, &v[1]) || !take_dot(&s) ||
	    !take_number(&s, &v[2]))
		return false;
	if (s.n != 0 && s.p[0] != ' ' && s.p[0] != '\t')
		return false;
	if (v[0] != code / 100 || (v[0] != 2 && v[0] != 4 && v[0] != 5))
		return false;
	memcpy(out, v, sizeof(v));
	*text = str_trim(s);
	return true;
}

void reply_set(struct reply *r, unsigned code, const char *text)
{
	struct str s = str_of(text);
	struct reply made = { .code = code };
	take_enhanced(&s, code, made.enhanced);
	made.text = str_dup(str_head(s, REPLY_TEXT_MAX));
	free(r->text);
	*r = made;
}

void reply_copy(struct reply *to, const struct reply *from)
{
	char *text = mem_strdup(from->text != NULL ? from->text : "");
	free(to->text);
	*to = *from;
	to->text = text;
}

void reply_done(struct reply *r)
{
	free(r->text);
	*r = (struct reply){ 0 };
}

unsigned reply_class(const struct reply *r)
{
	return r->code / 100;
}

bool reply_enhanced_is(const struct reply *r, unsigned a, unsigned b, unsigned c)
{
	return r->enhanced[0] == a && r->enhanced[1] == b && r->enhanced[2] == c;
}

static void append_enhanced(struct strbuf *out, const unsigned v[3])
{
	strbuf_addf(out, "%u.%u.%u", v[0], v[1], v[2]);
}

void reply_append(struct strbuf *out, const struct reply *r)
{
	struct str text = str_of(r->text);
	if (r->code > REPLY_LOCAL_FIRST) {
		strbuf_addstr(out, text);
		return;
	}
	strbuf_addf(out, "%u", r->code);
	if (r->enhanced[0] != 0) {
		strbuf_addc(out, ' ');
		append_enhanced(out, r->enhanced);
	}
	if (text.n != 0)
		strbuf_addc(out, ' ');
	strbuf_addstr(out, text);
}

void reply_append_dsn(struct strbuf *out, const struct reply *r)
{
	if (r->enhanced[0] != 0) {
		append_enhanced(out, r->enhanced);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(local_dsns); i++) {
		if (local_dsns[i].code == r->code) {
			append_enhanced(out, local_dsns[i].enhanced);
			return;
		}
	}
	unsigned class = reply_class(r);
	strbuf_addf(out, "%u.0.0", class == 2 || class == 5 ? class : 4);
}

void reply_parser_init(struct reply_parser *p)
{
	*p = (struct reply_parser){ 0 };
	strbuf_init(&p->text, REPLY_TEXT_MAX);
	strbuf_init(&p->line, REPLY_BYTES_MAX);
	strbuf_init(&p->lines, REPLY_BYTES_MAX);
}

void reply_parser_reset(struct reply_parser *p)
{
	strbuf_reset(&p->text);
	strbuf_reset(&p->line);
	strbuf_reset(&p->lines);
	p->bytes = 0;
	p->line_count = 0;
	p->code = 0;
	memset(p->enhanced, 0, sizeof(p->enhanced));
}

void reply_parser_done(struct reply_parser *p)
{
	strbuf_done(&p->text);
	strbuf_done(&p->line);
	strbuf_done(&p->lines);
	reply_parser_reset(p);
}

/* Joins with one space, cuts at the ceiling: the head of a long reply says what it is about. */
static void keep_text(struct reply_parser *p, struct str text)
{
	if (text.n == 0)
		return;
	if (p->text.n != 0 && p->text.n < REPLY_TEXT_MAX)
		strbuf_addc(&p->text, ' ');
	strbuf_addstr(&p->text, str_head(text, REPLY_TEXT_MAX - p->text.n));
}

/* One whole line. RFC 5321 4.2: three digits, then "-" or SP or, leniently, the line's end. */
static bool take_line(struct reply_parser *p, struct str line, bool *last, const char **why)
{
	unsigned code = 0;
	struct str rest = line;
	if (!take_number(&rest, &code) || line.n - rest.n != 3 || code < 200 || code > 599) {
		*why = "a line that does not begin with a reply code";
		return false;
	}
	if (rest.n != 0 && rest.p[0] != ' ' && rest.p[0] != '-') {
		*why = "a reply code with neither a space nor a hyphen behind it";
		return false;
	}
	if (p->line_count != 0 && code != p->code) {
		*why = "a reply whose code changes from line to line";
		return false;
	}
	*last = rest.n == 0 || rest.p[0] == ' ';
	rest = str_skip(rest, 1);
	if (p->line_count != 0)
		strbuf_addc(&p->lines, '\n');
	strbuf_addstr(&p->lines, rest);

	struct str text = str_trim(rest);
	unsigned enhanced[3] = { 0 };
	struct str bare = text;
	if (take_enhanced(&bare, code, enhanced)) {
		if (p->line_count == 0)
			memcpy(p->enhanced, enhanced, sizeof(enhanced));
		if (memcmp(p->enhanced, enhanced, sizeof(enhanced)) == 0)
			text = bare;
	}
	keep_text(p, text);
	p->code = code;
	p->line_count++;
	return true;
}

/* The unfinished line without its end, which is LF or CR LF. */
static struct str line_without_end(const struct reply_parser *p)
{
	struct str line = strbuf_str(&p->line);
	line = str_head(line, line.n - 1);
	if (line.n != 0 && line.p[line.n - 1] == '\r')
		line = str_head(line, line.n - 1);
	return line;
}

enum reply_parse reply_parser_feed(struct reply_parser *p, struct str *in, struct reply *out,
				   const char **why)
{
	while (in->n != 0) {
		const char *end = memchr(in->p, '\n', in->n);
		struct str piece = str_head(*in, end != NULL ? (size_t)(end - in->p) + 1 : in->n);
		if (piece.n > REPLY_BYTES_MAX - p->bytes) {
			*why = "a reply of more than 64 KiB";
			return REPLY_PARSE_BAD;
		}
		p->bytes += piece.n;
		strbuf_addstr(&p->line, piece);
		*in = str_skip(*in, piece.n);
		if (memchr(piece.p, '\0', piece.n) != NULL) {
			*why = "a reply with a NUL byte in it";
			return REPLY_PARSE_BAD;
		}
		if (end == NULL)
			return REPLY_PARSE_MORE;
		bool last = false;
		if (p->line_count == REPLY_LINES_MAX) {
			*why = "a reply of more than 128 lines";
			return REPLY_PARSE_BAD;
		}
		if (!take_line(p, line_without_end(p), &last, why))
			return REPLY_PARSE_BAD;
		strbuf_reset(&p->line);
		if (!last)
			continue;
		out->code = p->code;
		memcpy(out->enhanced, p->enhanced, sizeof(out->enhanced));
		out->text = str_dup(strbuf_str(&p->text));
		return REPLY_PARSE_DONE;
	}
	return REPLY_PARSE_MORE;
}
