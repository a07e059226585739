/* SPDX-License-Identifier: MIT */
#include "message/xtext.h"

/* Upper case only (RFC 3461 section 4); -1: no digit. */
static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The next character of *rest, or -1. */
static int take(struct str *rest)
{
	char c = rest->p[0];
	if (c != '+') {
		*rest = str_skip(*rest, 1);
		return c != '=' && c != ' ' ? c : -1;
	}
	int high = rest->n > 2 ? hex_digit(rest->p[1]) : -1;
	int low = rest->n > 2 ? hex_digit(rest->p[2]) : -1;
	*rest = str_skip(*rest, 3);
	return high >= 0 && low >= 0 ? high * 16 + low : -1;
}

bool xtext_decode(struct str xtext, struct strbuf *out)
{
	struct strbuf text;
	strbuf_init(&text, xtext.n);
	while (xtext.n != 0) {
		int c = take(&xtext);
		if (c < 0 || c > 0x7f || !ascii_is_print((char)c)) {
			strbuf_done(&text);
			return false;
		}
		strbuf_addc(&text, (char)c);
	}
	bool ok = text.n != 0;
	strbuf_addstr(out, strbuf_str(&text));
	strbuf_done(&text);
	return ok;
}

void xtext_append(struct strbuf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '+' || c == '=' || c == ' ')
			strbuf_addf(out, "+%02X", (unsigned)c);
		else
			strbuf_addc(out, c);
	}
}
