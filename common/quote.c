/* SPDX-License-Identifier: MIT */
#include "common/quote.h"

#include <string.h>

static void append_visible(struct strbuf *out, char c)
{
	switch (c) {
	case '\r':
		strbuf_adds(out, "\\r");
		return;
	case '\n':
		strbuf_adds(out, "\\n");
		return;
	case '\t':
		strbuf_adds(out, "\\t");
		return;
	default:
		if (ascii_is_print(c))
			strbuf_addc(out, c);
		else
			strbuf_addf(out, "\\x%02x", (unsigned)(unsigned char)c);
	}
}

static void append_bare(struct strbuf *out, char c)
{
	if (c == '"' || c == '\\')
		strbuf_addc(out, '\\');
	append_visible(out, c);
}

static void append_each(struct strbuf *out, struct str text, size_t max,
			void (*append)(struct strbuf *out, char c))
{
	struct str head = str_head(text, max);
	for (size_t i = 0; i < head.n; i++)
		append(out, head.p[i]);
	if (head.n < text.n)
		strbuf_adds(out, "...");
}

void quote_append_bare(struct strbuf *out, struct str text, size_t max)
{
	append_each(out, text, max, append_bare);
}

void quote_append_visible(struct strbuf *out, struct str text, size_t max)
{
	append_each(out, text, max, append_visible);
}

void quote_append(struct strbuf *out, struct str text, size_t max)
{
	strbuf_addc(out, '"');
	quote_append_bare(out, text, max);
	strbuf_addc(out, '"');
}

bool quote_is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == ' ' || !ascii_is_print(c) || c == '"' || c == '\\')
			return false;
	}
	return text.n != 0;
}

void quote_append_shell(struct strbuf *out, struct str text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._/+=@:,-";
	size_t fine = 0;
	while (fine < text.n && memchr(plain, text.p[fine], sizeof(plain) - 1) != NULL)
		fine++;
	if (text.n != 0 && fine == text.n) {
		strbuf_addstr(out, text);
		return;
	}
	strbuf_addc(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			strbuf_adds(out, "'\\''");
		else
			strbuf_addc(out, ascii_is_print(text.p[i]) ? text.p[i] : '?');
	}
	strbuf_addc(out, '\'');
}
