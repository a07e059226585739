/* SPDX-License-Identifier: MIT */
#include "inbound/sreply.h"

#include <stdarg.h>
#include <stdio.h>

static void append_line(struct strbuf *out, unsigned code, char mark, struct str text)
{
	text = str_head(text, SREPLY_LINE_MAX - 6);
	strbuf_addf(out, "%03u%c", code, mark);
	for (size_t i = 0; i < text.n; i++)
		strbuf_addc(out, ascii_is_print(text.p[i]) ? text.p[i] : '?');
	strbuf_adds(out, "\r\n");
}

void sreply_append(struct strbuf *out, unsigned code, struct str text)
{
	ptrdiff_t end;
	while ((end = str_chr(text, '\n')) >= 0) {
		append_line(out, code, '-', str_head(text, (size_t)end));
		text = str_skip(text, (size_t)end + 1);
	}
	append_line(out, code, ' ', text);
}

bool refusal_set(struct inbound_refusal *why, unsigned code, const char *fmt, ...)
{
	va_list ap;
	why->code = code;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return false;
}
