/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/utf8.h"

/* Written out by the rules of RFC 3629 section 3, not by those of the code. */
static size_t encode(uint32_t point, unsigned char out[4])
{
	if (point < 0x80) {
		out[0] = (unsigned char)point;
		return 1;
	}
	size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = n; i-- > 1; point >>= 6)
		out[i] = (unsigned char)(0x80 | (point & 0x3f));
	out[0] = (unsigned char)(lead[n] | point);
	return n;
}

/* Each code point comes back; cut short, it is none, and no byte behind the end is read. */
static void every_code_point(void **state)
{
	(void)state;
	for (uint32_t point = 0; point <= 0x10ffff; point++) {
		unsigned char bytes[4];
		uint32_t back = 0xffffffff;
		size_t n = encode(point, bytes);
		struct str s = { (const char *)bytes, n };
		if (point >= 0xd800 && point <= 0xdfff) {
			assert_int_equal(utf8_decode(s, &back), 0);
			assert_int_equal(back, 0xffffffff);
			continue;
		}
		assert_int_equal(utf8_decode(s, &back), n);
		assert_int_equal(back, point);
		if (point % 4099 != 0)
			continue;
		for (size_t cut = 0; cut < n; cut++) {
			char *copy = malloc(cut + 1);
			memcpy(copy, bytes, cut);
			assert_int_equal(utf8_decode((struct str){ copy, cut }, &back), 0);
			free(copy);
		}
	}
}

static void what_is_none(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\xae",
		"\xc1\xbf",
		"\xe0\x80\xae",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x80\x80\xae",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xc3",
		"\xc3\x28",
		"\xe2\x80",
		"\xe2\x28\x80",
		"\xf0\x9f\x98",
		"\xf0\x9f\x98\x41",
	};
	uint32_t point;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(utf8_decode(str_of(bad[i]), &point), 0);
		assert_false(utf8_is_clean(str_of(bad[i])));
		assert_false(utf8_is_ascii(str_of(bad[i])));
	}
}

static void hidden(void **state)
{
	/* threats.md 2.7 */
	static const uint32_t all[] = {
		0x00,	0x0a,	0x0d,	0x1b,	0x7f,	0x80,	0x85,	0x9f,
		0x200b, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e,
		0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff, 0x200e, 0x200f,
	};
	static const uint32_t none[] = { 0x20,	 0x7e,	 0xa0,	 0xfc,	 0x200a,  0x200c, 0x200d,
					 0x2010, 0x2065, 0x206a, 0x4e2d, 0x1f600, 0xfefe, 0xff00 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		unsigned char text[8] = "a";
		size_t n = encode(all[i], text + 1);
		assert_true(utf8_is_hidden(all[i]));
		assert_false(utf8_is_clean((struct str){ (const char *)text, n + 1 }));
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(utf8_is_hidden(none[i]));
	assert_true(utf8_is_clean(STR("")));
	assert_true(utf8_is_clean(STR("j\xc3\xbcrgen \xe4\xb8\xad\xf0\x9f\x98\x80")));
	assert_false(utf8_is_clean(STR("j\xc3\xbcrgen\xc3")));
	assert_true(utf8_is_ascii(STR("a\x7f\0b")));
	assert_false(utf8_is_ascii(STR("a\xc3\xbc")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(hidden),
	};
	return cmocka_run_group_tests_name("common/utf8", tests, NULL, NULL);
}
