/* SPDX-License-Identifier: MIT */
#include "message/domain.h"

#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/netaddr.h"
#include "common/utf8.h"

enum {
	LABEL_MAX = 63,	  /* RFC 1035 2.3.4 */
	U_LABEL_MAX = 59, /* characters: its A-label begins with xn-- (RFC 5890 2.3.2.1) */
};

static bool is_literal(struct str text)
{
	struct netaddr ignored;
	if (text.n < 3 || text.p[0] != '[' || text.p[text.n - 1] != ']')
		return false;
	struct str inner = { text.p + 1, text.n - 2 };
	if (!str_istarts(inner, STR("IPv6:"))) /* no other tag is registered */
		return str_chr(inner, ':') < 0 && netaddr_parse(inner, &ignored);
	inner = str_skip(inner, 5);
	return str_chr(inner, ':') >= 0 && netaddr_parse(inner, &ignored);
}

/* No U-label has any of these (RFC 5892 appendix B), and what they look like is ASCII or a dot. */
static bool is_ambiguous(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0xa0, 0xb6 },	    /* signs; not the middle dot U+00B7 of Catalan */
		{ 0x2000, 0x200b }, /* blanks */
		{ 0x200e, 0x206f }, /* punctuation */
		{ 0x2100, 0x214f }, /* letter-like symbols */
		{ 0x3000, 0x3002 }, /* ideographic blank and full stop */
		{ 0xfe50, 0xfe6f }, /* small forms */
		{ 0xff00, 0xffef }, /* full and half width */
	};
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return utf8_is_hidden(point);
}

static bool is_label(struct str label, bool u_labels)
{
	size_t characters = 0;
	bool ascii = utf8_is_ascii(label);
	if (label.n == 0 || label.p[0] == '-' || label.p[label.n - 1] == '-' ||
	    (!ascii && !u_labels))
		return false;
	while (label.n != 0) {
		uint32_t point = 0;
		size_t n = utf8_decode(label, &point);
		bool fits = n > 1 ? !is_ambiguous(point)
				  : ascii_is_alnum(label.p[0]) || label.p[0] == '-';
		if (n == 0 || !fits)
			return false;
		characters++;
		label = str_skip(label, n);
	}
	return characters <= (ascii ? LABEL_MAX : U_LABEL_MAX);
}

bool domain_is_valid(struct str text, bool u_labels)
{
	ptrdiff_t dot;
	if (text.n > DOMAIN_MAX)
		return false;
	if (is_literal(text))
		return true;
	while ((dot = str_chr(text, '.')) >= 0) {
		if (!is_label(str_head(text, (size_t)dot), u_labels))
			return false;
		text = str_skip(text, (size_t)dot + 1);
	}
	return is_label(text, u_labels);
}
