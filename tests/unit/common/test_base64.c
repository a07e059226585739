/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base64.h"

static struct strbuf out;

static int start(void **state)
{
	(void)state;
	strbuf_init(&out, 1 << 20);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	strbuf_done(&out);
	return 0;
}

static void test_vectors(void **state)
{
	/* RFC 4648 section 10, and all bits. */
	static const struct {
		struct str bytes;
		const char *text;
	} rows[] = {
		{ { "", 0 }, "" },
		{ { "f", 1 }, "Zg==" },
		{ { "fo", 2 }, "Zm8=" }, /* codespell:ignore */
		{ { "foo", 3 }, "Zm9v" },
		{ { "foob", 4 }, "Zm9vYg==" },
		{ { "fooba", 5 }, "Zm9vYmE=" },
		{ { "foobar", 6 }, "Zm9vYmFy" },
		{ { "\xff\xff\xff", 3 }, "////" },
		{ { "\xfb\xef\xbe", 3 }, "++++" },
		{ { "\0\0", 2 }, "AAA=" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		strbuf_reset(&out);
		base64_encode(&out, rows[i].bytes);
		assert_string_equal(strbuf_cstr(&out), rows[i].text);
		strbuf_reset(&out);
		assert_true(base64_decode(&out, str_of(rows[i].text)));
		assert_true(str_eq(strbuf_str(&out), rows[i].bytes));
	}
}

static void test_refused(void **state)
{
	static const struct str rows[] = {
		{ "Z", 1 },	     { "Zg", 2 },	    { "Zg=", 3 },	{ "=", 1 },
		{ "====", 4 },	     { "Z===", 4 },	    { "Zg==Zg==", 8 },	{ "Zm8=Zm8=", 8 },
		{ "Zm9v\n", 5 },     { "Zm9v\r\n\r\n", 8 }, { " Zm9", 4 },	{ "Zm9 ", 4 },
		{ "    ", 4 },	     { "Zm-_", 4 },	    { "Zm9\0", 4 },	{ "Zh==", 4 },
		{ "Zm9=", 4 },	     { "Z=9v", 4 },	    { "Zm9vYg=\n", 8 }, { "Zm\xc3\xa9", 4 },
		{ "\nZm9vYmE=", 9 }, { "Zm9v-==", 7 },	    { "Zg=A", 4 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		strbuf_reset(&out);
		strbuf_adds(&out, "kept");
		if (base64_decode(&out, rows[i]))
			fail_msg("row %zu", i);
		assert_string_equal(strbuf_cstr(&out), "kept");
		assert_false(out.overflow);
	}
}

static void test_all_lengths(void **state)
{
	char bytes[2500];
	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 167 + i / 256);
	for (size_t n = 0; n <= sizeof(bytes); n += n < 20 || n > 760 ? 1 : 37) {
		struct str in = { bytes, n };
		struct strbuf text;
		strbuf_init(&text, 1 << 16);
		base64_encode(&text, in);
		assert_int_equal(text.n, (n + 2) / 3 * 4);
		strbuf_reset(&out);
		assert_true(base64_decode(&out, strbuf_str(&text)));
		assert_true(str_eq(strbuf_str(&out), in));
		strbuf_done(&text);
		if (n > 790 && n < 2300)
			n += 97;
	}
}

/* All or nothing: half a credential must not look like a whole one. */
static void test_ceiling(void **state)
{
	char bytes[1000] = { 0 };
	char text[1333];
	struct strbuf small;
	(void)state;
	memset(text, 'A', sizeof(text));
	strbuf_init(&small, 1335);
	base64_encode(&small, (struct str){ bytes, 1000 }); /* 1336 */
	assert_true(small.overflow);
	assert_int_equal(small.n, 0);
	strbuf_reset(&small);
	base64_encode(&small, (struct str){ bytes, 999 }); /* 1332 */
	assert_false(small.overflow);
	assert_int_equal(small.n, 1332);
	assert_false(base64_decode(&small, (struct str){ text, 8 })); /* 6 into 3 */
	assert_int_equal(small.n, 1332);
	assert_true(base64_decode(&small, (struct str){ text, 4 }));
	assert_int_equal(small.n, 1335);
	hex_encode(&small, bytes, 1);
	assert_true(small.overflow);
	strbuf_done(&small);
}

static void test_hex(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x0f, 0xa5, 0xff };
	static const char *const bad[] = { "",	       "000fa5f",  "000fa5ff0", "000fa5ff00",
					   "000FA5FF", "000fa5fg", " 00fa5ff",	"0x0fa5ff" };
	uint8_t got[4] = { 1, 2, 3, 4 };
	(void)state;
	hex_encode(&out, bytes, sizeof(bytes));
	assert_string_equal(strbuf_cstr(&out), "000fa5ff");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(hex_decode(str_of(bad[i]), got, sizeof(got)));
	assert_memory_equal(got, "\1\2\3\4", 4);
	assert_true(hex_decode(STR("000fa5ff"), got, sizeof(got)));
	assert_memory_equal(got, bytes, 4);
	assert_true(hex_decode(STR(""), got, 0));
}

static void test_url(void **state)
{
	static const struct {
		struct str bytes;
		const char *text;
	} rows[] = {
		{ { "", 0 }, "" },
		{ { "f", 1 }, "Zg" },
		{ { "fo", 2 }, "Zm8" }, /* codespell:ignore */
		{ { "foo", 3 }, "Zm9v" },
		{ { "\xff\xff\xff", 3 }, "____" },
		{ { "\xfb\xef\xbe", 3 }, "----" },
	};
	static const char *const bad[] = { "A",	  "AAAAA", "Zg==", "+A",  "/A",
					   "Z g", "Zh",	   "A=",   "\xff" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		strbuf_reset(&out);
		base64url_encode(&out, rows[i].bytes);
		assert_string_equal(strbuf_cstr(&out), rows[i].text);
		assert_int_equal(base64url_is_plain(strbuf_str(&out)), i != 0);
		strbuf_reset(&out);
		assert_true(base64url_decode(&out, str_of(rows[i].text)));
		assert_true(str_eq(strbuf_str(&out), rows[i].bytes));
	}
	strbuf_reset(&out);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(base64url_decode(&out, str_of(bad[i])));
	assert_int_equal(out.n, 0);
	assert_false(base64url_decode(&out, (struct str){ "AA\0A", 4 }));
	/* Behind something that ends in what looks like padding. */
	strbuf_adds(&out, "a==");
	base64url_encode(&out, STR("f"));
	assert_string_equal(strbuf_cstr(&out), "a==Zg");
	base64url_encode(&out, STR(""));
	assert_string_equal(strbuf_cstr(&out), "a==Zg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vectors, start, stop),
		cmocka_unit_test_setup_teardown(test_refused, start, stop),
		cmocka_unit_test_setup_teardown(test_all_lengths, start, stop),
		cmocka_unit_test_setup_teardown(test_ceiling, start, stop),
		cmocka_unit_test_setup_teardown(test_url, start, stop),
		cmocka_unit_test_setup_teardown(test_hex, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
