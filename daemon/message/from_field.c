/* SPDX-License-Identifier: MIT */
#include "message/from_field.h"

#include <string.h>

enum {
	ADDRESS_MAX = 1024
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str trim(struct str s)
{
	while (s.n != 0 && is_space(s.p[0]))
		s = str_skip(s, 1);
	while (s.n != 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Length of the quoted string or comment that starts s, its end included; all of s if unclosed. */
static size_t quoted_length(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return s.n;
}

static size_t comment_length(struct str s)
{
	size_t depth = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.n;
}

/* Takes the address out of s, which lies inside <> or stands alone: no comments, no blanks but
 * inside quotes. False when blanks or comments stood inside it. */
static bool add_address(struct strbuf *out, struct str s)
{
	bool gap = false, whole = true;
	while (s.n != 0) {
		size_t n = 1;
		if (s.p[0] == '(' || is_space(s.p[0])) {
			n = s.p[0] == '(' ? comment_length(s) : 1;
			gap = out->n != 0;
		} else {
			n = s.p[0] == '"' ? quoted_length(s) : 1;
			strbuf_add(out, s.p, n);
			whole = whole && !gap;
		}
		s = str_skip(s, n);
	}
	return whole;
}

/* What separates addresses from each other and from what is around them (RFC 5322 3.2.3), or has no
 * business in one. Without its angle brackets such an address would read as something else. */
static bool has_separator(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || strchr("()<>:;,\"\\\x7f", s.p[i]) != NULL)
			return true;
	return false;
}

static bool is_literal(struct str domain)
{
	return domain.n > 2 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']';
}

static bool looks_like_address(struct str s)
{
	/* An @ inside a quoted local part separates nothing. */
	size_t local = s.n != 0 && s.p[0] == '"' ? quoted_length(s) : 0;
	ptrdiff_t at = str_chr(str_skip(s, local), '@');
	struct str domain = str_skip(s, local + (size_t)at + 1);
	if (at < 0 || (local != 0 ? at != 0 : at == 0) || domain.n == 0 ||
	    str_chr(domain, '@') >= 0)
		return false;
	/* Colons are part of [IPv6:...]. */
	return !has_separator(str_head(str_skip(s, local), (size_t)at)) &&
	       (is_literal(domain) || !has_separator(domain));
}

/* atext of RFC 5322 3.2.3 and what separates words, dots as in obs-phrase. */
static bool is_phrase_char(char c)
{
	return ascii_is_alnum(c) || is_space(c) || strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL;
}

/* obs-phrase of RFC 5322 4.1 has dots, but begins with a word. */
static bool begins_with_dot(struct str s)
{
	return s.n != 0 && s.p[0] == '.';
}

/* No special character outside quotes and comments. Raw 8-bit passes: it is ugly, but not an @. */
static bool is_strict_display(struct str s)
{
	if (begins_with_dot(s))
		return false;
	while (s.n != 0) {
		size_t n = 1;
		if (s.p[0] == '"')
			n = quoted_length(s);
		else if (s.p[0] == '(')
			n = comment_length(s);
		else if (((unsigned char)s.p[0] < 0x80 && !is_phrase_char(s.p[0])) ||
			 s.p[0] == '\0')
			return false;
		s = str_skip(s, n);
	}
	return true;
}

/* Quotes and comments are closed, and no comment shows an address to who knows no comments. */
static bool hides_nothing(struct str s)
{
	size_t depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' && (quoted || depth != 0))
			i++;
		else if (c == '"' && depth == 0)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth != 0)
			depth--;
		else if (depth != 0 && (c == '@' || c == '<' || c == '>'))
			return false;
	}
	return depth == 0 && !quoted;
}

/* RFC 2047 5 forbids encoded words in addresses; some decode them all the same. */
static bool has_encoded_word(struct str address)
{
	for (; address.n >= 2; address = str_skip(address, 1))
		if (str_starts(address, STR("=?")))
			return true;
	return false;
}

void from_field_parse(struct str value, struct from_field *out)
{
	struct str rest = trim(value);
	size_t angle = 0, end = 0;
	*out = (struct from_field){ .single = rest.n != 0 };
	strbuf_init(&out->address, ADDRESS_MAX);
	for (size_t i = 0; i < rest.n;) {
		struct str here = str_skip(rest, i);
		char c = rest.p[i];
		if (c == '"') {
			i += quoted_length(here);
			continue;
		}
		if (c == '(') {
			i += comment_length(here);
			continue;
		}
		/* Lists, groups, and anything behind the > but comments: not one mailbox. */
		if (c == ',' || c == ';' || (c == ':' && angle == end) ||
		    (end != 0 && !is_space(c)) || (c == '<' && angle != 0))
			out->single = false;
		if (c == '<' && angle == 0)
			angle = i + 1;
		else if (c == '>' && angle != 0)
			end = i;
		i++;
	}
	if (angle != 0 && end > angle) {
		out->display = trim(str_head(rest, angle - 1));
		out->strict =
			add_address(&out->address, (struct str){ rest.p + angle, end - angle }) &&
			is_strict_display(out->display);
	} else if (angle == 0) {
		out->strict = add_address(&out->address, rest);
	}
	out->plain =
		out->strict && hides_nothing(rest) && !has_encoded_word(strbuf_str(&out->address));
	if (out->address.overflow || !looks_like_address(strbuf_str(&out->address)))
		out->single = false;
}

struct str from_field_next(struct str *list)
{
	struct str all = *list;
	bool angle = false;
	for (size_t i = 0; i < all.n; i++) {
		struct str here = str_skip(all, i);
		if (here.p[0] == '"')
			i += quoted_length(here) - 1;
		else if (here.p[0] == '(')
			i += comment_length(here) - 1;
		else if (here.p[0] == '<' || here.p[0] == '>')
			angle = here.p[0] == '<';
		else if (here.p[0] == ',' && !angle) {
			*list = str_skip(all, i + 1);
			return str_head(all, i);
		}
	}
	*list = (struct str){ NULL, 0 };
	return all;
}

void from_field_done(struct from_field *f)
{
	strbuf_done(&f->address);
}

static bool is_phrase(struct str s)
{
	if (begins_with_dot(s))
		return false;
	for (size_t i = 0; i < s.n;) {
		if (s.p[i] == '"') {
			size_t n = quoted_length(str_skip(s, i));
			if (i + n > s.n || n < 2 || s.p[i + n - 1] != '"')
				return false;
			i += n;
		} else if (s.p[i] == '\0' || !is_phrase_char(s.p[i])) {
			return false;
		} else {
			i++;
		}
	}
	return true;
}

static bool is_ascii_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_print(s.p[i]))
			return false;
	return true;
}

static bool has_eight_bit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

void from_field_append(struct strbuf *out, struct str display, const char *mailbox)
{
	bool phrase = display.n != 0 && is_phrase(display) && !has_eight_bit(display);
	bool quotable = display.n != 0 && !phrase && is_ascii_text(display);
	if (!phrase && !quotable) {
		strbuf_adds(out, mailbox);
		return;
	}
	if (phrase) {
		strbuf_addstr(out, display);
	} else {
		strbuf_addc(out, '"');
		for (size_t i = 0; i < display.n; i++) {
			if (display.p[i] == '"' || display.p[i] == '\\')
				strbuf_addc(out, '\\');
			strbuf_addc(out, display.p[i]);
		}
		strbuf_addc(out, '"');
	}
	strbuf_addf(out, " <%s>", mailbox);
}
