/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/tls_hello.h"

/* As STR(), where an initialiser must be constant. */
#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

struct offer {
	uint16_t version;
	struct str ciphers;
	struct str versions;
	bool sslv2_form;
	bool legacy;
	enum tls_fault fault;
	const char *text;
};

static const struct offer offers[] = {
	/* Every kind that OpenSSL no longer has, alone. */
	{ 0x0301,
	  BYTES("\0\x04"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only RC4 (TLS 1.0 at most; RC4-MD5)" },
	{ 0x0301,
	  BYTES("\0\x0a"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only 3DES (TLS 1.0 at most; DES-CBC3-SHA)" },
	{ 0x0301,
	  BYTES("\0\x09"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only DES (TLS 1.0 at most; DES-CBC-SHA)" },
	{ 0x0301,
	  BYTES("\0\x08"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only export ciphers (TLS 1.0 at most; EXP-DES-CBC-SHA)" },
	{ 0x0301,
	  BYTES("\0\x02"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only ciphers that encrypt nothing (TLS 1.0 at most; NULL-SHA)" },
	{ 0x0303,
	  BYTES("\0\x34"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only ciphers without a certificate (TLS 1.2 at most; ADH-AES128-SHA)" },
	{ 0x0303,
	  BYTES("\0\x32"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only ciphers for DSA certificates (TLS 1.2 at most; DHE-DSS-AES128-SHA)" },
	{ 0x0301,
	  BYTES("\0\x07"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only IDEA, SEED or Kerberos (TLS 1.0 at most; IDEA-CBC-SHA)" },
	{ 0x0301,
	  BYTES("\1\0\x80\7\0\xc0"),
	  { "", 0 },
	  true,
	  true,
	  TLS_FAULT_CIPHERS,
	  "offers only SSL 2.0's ciphers (TLS 1.0 at most; no cipher)" },
	/* Several, and what stands between them in words. */
	{ 0x0301,
	  BYTES("\0\x04\0\x0a\0\x09\0\x03\0\xff"),
	  { "", 0 },
	  false,
	  false,
	  TLS_FAULT_CIPHERS,
	  "offers only RC4, 3DES, DES and export ciphers (TLS 1.0 at most; RC4-MD5, DES-CBC3-SHA, "
	  "DES-CBC-SHA, EXP-RC4-MD5)" },
	/* One good one is enough; what is not known is good. */
	{ 0x0302,
	  BYTES("\0\x04\0\x2f"),
	  { "", 0 },
	  false,
	  false,
	  TLS_FAULT_LEGACY,
	  "offers TLS 1.1 at most (RC4-MD5, AES128-SHA)" },
	{ 0x0302,
	  BYTES("\0\x04\0\x2f"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_NONE,
	  "offers TLS 1.1 at most (RC4-MD5, AES128-SHA)" },
	{ 0x0303,
	  BYTES("\xfa\xce"),
	  { "", 0 },
	  false,
	  false,
	  TLS_FAULT_NONE,
	  "offers TLS 1.2 at most (0xFACE)" },
	/* The extension has the last word; RFC 8701's noise has none. */
	{ 0x0303, BYTES("\x13\x01\x1a\x1a\x56\0"), BYTES("\4\3\4\3\3"), false, false,
	  TLS_FAULT_NONE, "offers TLS 1.3 at most (TLS_AES_128_GCM_SHA256)" },
	{ 0x0301, BYTES("\0\x2f"), BYTES("\6\x2a\x2a\3\2\3\1"), false, false, TLS_FAULT_LEGACY,
	  "offers TLS 1.1 at most (AES128-SHA)" },
	{ 0x0301, BYTES("\0\x2f"), BYTES("\7\x7f"), false, false, TLS_FAULT_LEGACY,
	  "offers TLS 1.0 at most (AES128-SHA)" },
	/* More than there is to say, and odd ends. */
	{ 0x0300,
	  BYTES("\0\x2f\0\x35\0\x33\0\x39\0\x0a\0\x05\0\x04\0\x09\0"),
	  { "", 0 },
	  false,
	  true,
	  TLS_FAULT_SSL,
	  "offers SSL 3.0 at most (AES128-SHA, AES256-SHA, DHE-RSA-AES128-SHA, DHE-RSA-AES256-SHA, "
	  "DES-CBC3-SHA, RC4-SHA and 2 more)" },
	{ 0x0002,
	  BYTES("\1\0\x80"),
	  { "", 0 },
	  true,
	  true,
	  TLS_FAULT_SSL,
	  "offers SSL 2.0 at most (no cipher)" },
	{ 0,
	  { "", 0 },
	  { "", 0 },
	  false,
	  false,
	  TLS_FAULT_SSL,
	  "offers SSL 3.0 at most (no cipher)" },
	{ 0xffff,
	  { "", 0 },
	  { "", 0 },
	  false,
	  false,
	  TLS_FAULT_NONE,
	  "offers TLS 1.3 at most (no cipher)" },
};

static void offers_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		const struct offer *o = &offers[i];
		struct tls_hello hello;
		struct strbuf text;
		tls_hello_read(&hello, o->version, o->ciphers, o->sslv2_form, o->versions);
		enum tls_fault fault = tls_hello_fault(&hello, o->legacy);
		strbuf_init(&text, 512);
		tls_hello_append(&text, &hello, fault);
		if (fault != o->fault || strcmp(strbuf_cstr(&text), o->text) != 0)
			fail_msg("%zu: fault %d, %s", i, (int)fault, strbuf_cstr(&text));
		strbuf_done(&text);
	}
}

/* However many there are, some are kept and all are counted and looked at. */
static void a_hello_is_bounded(void **state)
{
	static char ciphers[65534];
	struct tls_hello hello;
	struct strbuf text;
	(void)state;
	for (size_t i = 0; i < sizeof(ciphers); i += 2)
		ciphers[i + 1] = 4; /* RC4-MD5 */
	tls_hello_read(&hello, 0x0301, (struct str){ ciphers, sizeof(ciphers) }, false, STR(""));
	assert_int_equal(hello.count, TLS_HELLO_CIPHERS);
	assert_int_equal(hello.total, sizeof(ciphers) / 2);
	assert_int_equal(tls_hello_fault(&hello, true), TLS_FAULT_CIPHERS);
	strbuf_init(&text, 512);
	tls_hello_append(&text, &hello, TLS_FAULT_CIPHERS);
	assert_non_null(strstr(strbuf_cstr(&text), "RC4-MD5 and 32761 more)"));
	ciphers[sizeof(ciphers) - 1] = 0x2f;
	tls_hello_read(&hello, 0x0301, (struct str){ ciphers, sizeof(ciphers) }, false, STR(""));
	assert_int_equal(tls_hello_fault(&hello, true), TLS_FAULT_NONE);
	strbuf_done(&text);
}

static void every_fault_has_a_remedy(void **state)
{
	(void)state;
	for (enum tls_fault f = 0; f < TLS_FAULT_COUNT; f++)
		assert_int_equal(tls_fault_remedy(f)[0] == '\0', f == TLS_FAULT_NONE);
	struct tls_hello none = { 0 };
	assert_int_equal(tls_hello_fault(&none, false), TLS_FAULT_NONE);
}

/* Each suite by itself: it has a name, and what is no good to us is told as such. */
static void every_suite(void **state)
{
	unsigned named = 0;
	(void)state;
	for (unsigned id = 0; id <= 0xffff; id++) {
		const char bytes[2] = { (char)(id >> 8), (char)id };
		struct tls_hello hello;
		struct strbuf text;
		tls_hello_read(&hello, 0x0303, (struct str){ bytes, 2 }, false, STR(""));
		enum tls_fault fault = tls_hello_fault(&hello, true);
		strbuf_init(&text, 512);
		tls_hello_append(&text, &hello, fault);
		const char *t = strbuf_cstr(&text);
		bool has_name = strstr(t, "0x") == NULL && strstr(t, "no cipher") == NULL;
		assert_true(fault == TLS_FAULT_NONE || has_name);
		named += has_name;
		/* The name says what it is. */
		bool weak = strstr(t, "(TLS 1.2 at most; ") != NULL;
		assert_int_equal(weak, fault == TLS_FAULT_CIPHERS);
		const char *name = strchr(t, '(');
		bool bad = strstr(name, "RC4") != NULL || strstr(name, "DES") != NULL ||
			   strstr(name, "NULL") != NULL || strstr(name, "EXP") != NULL ||
			   strstr(name, "ADH") != NULL || strstr(name, "AECDH") != NULL ||
			   strstr(name, "DSS") != NULL || strstr(name, "SEED") != NULL ||
			   strstr(name, "IDEA") != NULL;
		assert_int_equal(bad, fault == TLS_FAULT_CIPHERS);
		strbuf_done(&text);
	}
	assert_true(named > 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_are_understood),
		cmocka_unit_test(a_hello_is_bounded),
		cmocka_unit_test(every_fault_has_a_remedy),
		cmocka_unit_test(every_suite),
	};
	return cmocka_run_group_tests_name("common/tls_hello", tests, NULL, NULL);
}
