/* SPDX-License-Identifier: MIT */
#include "common/strbuf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void strbuf_init(struct strbuf *b, size_t max)
{
	*b = (struct strbuf){ .max = max };
}

void strbuf_done(struct strbuf *b)
{
	free(b->p);
	strbuf_init(b, b->max);
}

void strbuf_reset(struct strbuf *b)
{
	b->n = 0;
	b->overflow = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL; false (and overflow set) past the ceiling. */
static bool reserve(struct strbuf *b, size_t n)
{
	if (b->overflow || n > b->max - b->n) {
		b->overflow = true;
		return false;
	}
	if (b->n + n + 1 <= b->room)
		return true;
	size_t room = b->room != 0 ? b->room : 64;
	while (room < b->n + n + 1)
		room *= 2;
	b->p = mem_realloc_array(b->p, room, 1);
	b->room = room;
	return true;
}

void strbuf_reserve(struct strbuf *b, size_t n)
{
	if (reserve(b, n))
		b->p[b->n] = '\0';
}

void strbuf_add(struct strbuf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n != 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_addstr(struct strbuf *b, struct str s)
{
	strbuf_add(b, s.p, s.n);
}

void strbuf_addc(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int need = vsnprintf(NULL, 0, fmt, ap);
	if (need > 0 && reserve(b, (size_t)need)) {
		vsnprintf(b->p + b->n, (size_t)need + 1, fmt, again);
		b->n += (size_t)need;
	}
	va_end(again);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	strbuf_vaddf(b, fmt, ap);
	va_end(ap);
}

void strbuf_add_wrapped(struct strbuf *b, struct str text, size_t column, size_t indent,
			size_t width)
{
	size_t begun = column; /* where this line's text begins */
	assert(indent < width);
	for (struct str word; (word = str_word(&text)).n != 0;) {
		size_t blank = column > begun ? 1 : 0;
		while (column + blank + word.n > width) {
			bool fits_below = indent + word.n <= width;
			size_t room = width > column + blank ? width - column - blank : 0;
			if (!fits_below && room != 0) {
				strbuf_addf(b, "%*s", (int)blank, "");
				strbuf_addstr(b, str_head(word, room));
				word = str_skip(word, room);
			}
			strbuf_addf(b, "\n%*s", (int)indent, "");
			column = begun = indent;
			blank = 0;
		}
		strbuf_addf(b, "%*s", (int)blank, "");
		strbuf_addstr(b, word);
		column += blank + word.n;
	}
}

struct str strbuf_str(const struct strbuf *b)
{
	return (struct str){ b->p != NULL ? b->p : "", b->n };
}

const char *strbuf_cstr(const struct strbuf *b)
{
	return b->p != NULL ? b->p : "";
}

char *strbuf_steal(struct strbuf *b)
{
	char *p = b->p != NULL ? b->p : mem_strdup("");
	strbuf_init(b, b->max);
	return p;
}
