/* SPDX-License-Identifier: MIT */
#include "common/utf8.h"

#include "common/attr.h"

size_t utf8_decode(struct str s, uint32_t *point)
{
	const unsigned char *u = (const unsigned char *)s.p;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;
	if (s.n == 0)
		return 0;
	if (u[0] < 0x80)
		n = 1;
	else if (u[0] >= 0xc2 && u[0] <= 0xdf)
		n = 2;
	else if ((u[0] & 0xf0) == 0xe0)
		n = 3;
	else if (u[0] >= 0xf0 && u[0] <= 0xf4)
		n = 4;
	else
		return 0;
	/* The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
	 */
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (s.n < n || (n > 1 && (u[1] < low || u[1] > high)))
		return 0;
	uint32_t value = n == 1 ? u[0] : u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (u[i] & 0x3f);
	}
	*point = value;
	return n;
}

bool utf8_is_hidden(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },	    { 0x7f, 0x9f }, /* DEL and C1, with U+0085 next line */
		{ 0x200b, 0x200b },		    /* zero width space */
		{ 0x200e, 0x200f }, /* direction marks; U+200C and U+200D belong to some scripts */
		{ 0x2028, 0x2029 }, /* line and paragraph separators */
		{ 0x202a, 0x202e }, /* bidirectional embedding and override */
		{ 0x2060, 0x2060 }, /* word joiner */
		{ 0x2066, 0x2069 }, /* bidirectional isolates */
		{ 0xfeff, 0xfeff }, /* byte order mark */
	};
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

bool utf8_is_clean(struct str s)
{
	uint32_t point;
	while (s.n != 0) {
		size_t n = utf8_decode(s, &point);
		if (n == 0 || utf8_is_hidden(point))
			return false;
		s = str_skip(s, n);
	}
	return true;
}

bool utf8_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}
