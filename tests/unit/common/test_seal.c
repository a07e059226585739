/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/seal.h"
#include "tests/unit/support/seal_of.h"

enum {
	ID_AT = 5,
	NONCE_AT = 13,
	BODY_AT = 25
};

static const struct str context = { "accounts/scanner", 16 };

static void close_into(const struct seal *seal, struct str plain, struct strbuf *out)
{
	struct err err;
	strbuf_init(out, SEAL_PLAIN_MAX + SEAL_OVERHEAD);
	if (!seal_close(seal, context, plain, out, &err))
		fail_msg("%s", err.text);
	assert_int_equal(out->n, plain.n + SEAL_OVERHEAD);
}

/* Must fail so, with these words, and leave the secret as it was. */
static void expect(const struct seal *seal, struct str name, struct str sealed,
		   enum seal_failure failure, const char *words)
{
	struct secret plain = { 0 };
	struct err err = { .text = "" };
	secret_set(&plain, STR("before"));
	/* Of its exact size, so that the sanitizer sees a read behind the end. */
	char *exact = mem_alloc(sealed.n);
	memcpy(exact, sealed.p != NULL ? sealed.p : "", sealed.n);
	assert_int_equal(seal_open(seal, name, (struct str){ exact, sealed.n }, &plain, &err),
			 failure);
	if (failure != SEAL_OK) {
		assert_true(str_eq(secret_reveal(&plain), STR("before")));
		if (strstr(err.text, words) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", words, err.text);
	}
	free(exact);
	secret_done(&plain);
}

static void test_there_and_back(void **state)
{
	static const struct str plains[] = { { "", 0 }, { "x", 1 }, { "a\0b", 3 } };
	struct seal *seal = seal_of('k');
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plains); i++) {
		struct strbuf sealed;
		struct secret plain = { 0 };
		struct err err;
		close_into(seal, plains[i], &sealed);
		assert_int_equal(seal_open(seal, context, strbuf_str(&sealed), &plain, &err),
				 SEAL_OK);
		assert_true(str_eq(secret_reveal(&plain), plains[i]));
		assert_int_equal(plain.p[plain.n], '\0');
		secret_done(&plain);
		strbuf_done(&sealed);
	}
	seal_free(seal);
}

/* Made by another implementation of AES-256-GCM (python's cryptography), so that a file of today
 * can be read by every later oauthrelay. */
static void test_format_is_fixed(void **state)
{
	static const char hex[] = "4f415253015e318f8cf9cbe249000102030405060708090a0b1eb5910e74bce7"
				  "1c2dbb27ef1cb19adb86a6f4574d7ce7cdfc37f63c1f28";
	char sealed[(sizeof(hex) - 1) / 2];
	struct seal *seal = seal_of('k');
	struct secret plain = { 0 };
	struct err err = { .text = "" };
	(void)state;
	assert_true(hex_decode(str_of(hex), sealed, sizeof(sealed)));
	assert_int_equal(
		seal_open(seal, context, (struct str){ sealed, sizeof(sealed) }, &plain, &err),
		SEAL_OK);
	assert_true(str_eq(secret_reveal(&plain), STR("the plain text")));
	secret_done(&plain);
	seal_free(seal);
}

static void test_each_byte_altered(void **state)
{
	struct seal *seal = seal_of('k');
	struct strbuf sealed;
	(void)state;
	close_into(seal, STR("a refresh token"), &sealed);
	for (size_t i = 0; i < sealed.n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			sealed.p[i] = (char)((unsigned char)sealed.p[i] ^ (1U << bit));
			if (i >= ID_AT && i < NONCE_AT)
				expect(seal, context, strbuf_str(&sealed), SEAL_OTHER_KEY,
				       "another key");
			else
				expect(seal, context, strbuf_str(&sealed), SEAL_DAMAGED, "");
			sealed.p[i] = (char)((unsigned char)sealed.p[i] ^ (1U << bit));
		}
	}
	expect(seal, context, strbuf_str(&sealed), SEAL_OK, NULL);
	strbuf_done(&sealed);
	seal_free(seal);
}

static void test_cut_at_each_length(void **state)
{
	struct seal *seal = seal_of('k');
	struct strbuf sealed;
	(void)state;
	close_into(seal, STR("a refresh token"), &sealed);
	for (size_t n = 0; n < sealed.n; n++)
		expect(seal, context, str_head(strbuf_str(&sealed), n), SEAL_DAMAGED, "cut");
	strbuf_addc(&sealed, 'x');
	expect(seal, context, strbuf_str(&sealed), SEAL_DAMAGED, "altered");
	strbuf_done(&sealed);
	seal_free(seal);
}

static void test_other_context(void **state)
{
	static const struct str others[] = { { "accounts/scanne", 15 },
					     { "accounts/scanner2", 17 },
					     { "", 0 } };
	struct seal *seal = seal_of('k');
	struct strbuf sealed;
	(void)state;
	close_into(seal, STR("a refresh token"), &sealed);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		expect(seal, others[i], strbuf_str(&sealed), SEAL_DAMAGED, "another's place");
	strbuf_done(&sealed);
	seal_free(seal);
}

static void test_other_version(void **state)
{
	struct seal *seal = seal_of('k');
	struct strbuf sealed;
	(void)state;
	close_into(seal, STR("a refresh token"), &sealed);
	sealed.p[4] = 2;
	expect(seal, context, strbuf_str(&sealed), SEAL_DAMAGED,
	       "format 2, and this oauthrelay knows 1");
	strbuf_done(&sealed);
	seal_free(seal);
}

static void test_keys(void **state)
{
	struct seal *old = seal_of('a'), *new = seal_of('b'), *none = seal_new();
	struct strbuf sealed;
	struct err err;
	(void)state;
	close_into(old, STR("x"), &sealed);
	expect(new, context, strbuf_str(&sealed), SEAL_OTHER_KEY, "another key");
	expect(none, context, strbuf_str(&sealed), SEAL_OTHER_KEY, "another key");
	seal_of_add(new, 'a');
	expect(new, context, strbuf_str(&sealed), SEAL_OK, NULL);
	strbuf_done(&sealed);
	/* The first goes on sealing. */
	close_into(new, STR("x"), &sealed);
	expect(old, context, strbuf_str(&sealed), SEAL_OTHER_KEY, "another key");
	strbuf_reset(&sealed);
	assert_false(seal_close(none, context, STR("x"), &sealed, &err));
	assert_non_null(strstr(err.text, "no sealing key"));
	strbuf_done(&sealed);
	seal_free(old);
	seal_free(new);
	seal_free(none);
	seal_free(NULL);
}

static void test_keys_that_are_none(void **state)
{
	static const size_t lengths[] = { 0, 1, 16, SEAL_KEY_BYTES - 1, SEAL_KEY_BYTES + 1 };
	struct seal *seal = seal_new();
	struct err err;
	char bytes[SEAL_KEY_BYTES + 1] = "";
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct secret key = { 0 };
		secret_set(&key, (struct str){ bytes, lengths[i] });
		assert_false(seal_add_key(seal, &key, &err));
		assert_non_null(strstr(err.text, "32 bytes"));
		secret_done(&key);
	}
	for (int i = 0; i < SEAL_KEYS_MAX; i++) {
		seal_of_add(seal, (char)('a' + i));
		seal_of_add(seal, (char)('a' + i));
	}
	struct secret key = { 0 };
	secret_set(&key, (struct str){ bytes, SEAL_KEY_BYTES });
	assert_false(seal_add_key(seal, &key, &err));
	assert_non_null(strstr(err.text, "more than 4"));
	secret_done(&key);
	seal_free(seal);
}

/* Twice the same makes two different files, also in their nonces. */
static void test_never_twice_the_same(void **state)
{
	struct seal *seal = seal_of('k');
	struct strbuf one, two;
	(void)state;
	close_into(seal, STR("a refresh token"), &one);
	close_into(seal, STR("a refresh token"), &two);
	assert_memory_equal(one.p, two.p, NONCE_AT);
	assert_memory_not_equal(one.p + NONCE_AT, two.p + NONCE_AT, BODY_AT - NONCE_AT);
	assert_memory_not_equal(one.p + BODY_AT, two.p + BODY_AT, 15);
	strbuf_done(&one);
	strbuf_done(&two);
	seal_free(seal);
}

static void test_sizes(void **state)
{
	struct seal *seal = seal_of('k');
	struct strbuf sealed, small;
	struct err err;
	char *big = mem_zalloc(SEAL_PLAIN_MAX + 1);
	(void)state;
	close_into(seal, (struct str){ big, SEAL_PLAIN_MAX }, &sealed);
	expect(seal, context, strbuf_str(&sealed), SEAL_OK, NULL);
	strbuf_done(&sealed);
	strbuf_init(&sealed, 2 * SEAL_PLAIN_MAX);
	assert_false(
		seal_close(seal, context, (struct str){ big, SEAL_PLAIN_MAX + 1 }, &sealed, &err));
	assert_non_null(strstr(err.text, "too large"));
	assert_int_equal(sealed.n, 0);
	/* One byte more than could have been sealed. */
	strbuf_add(&sealed, "OARS\1", 5);
	while (sealed.n <= SEAL_PLAIN_MAX + SEAL_OVERHEAD)
		strbuf_addc(&sealed, 'x');
	expect(seal, context, strbuf_str(&sealed), SEAL_DAMAGED, "too large");
	strbuf_init(&small, SEAL_OVERHEAD);
	assert_false(seal_close(seal, context, STR("x"), &small, &err));
	assert_non_null(strstr(err.text, "no room"));
	strbuf_done(&small);
	strbuf_done(&sealed);
	free(big);
	seal_free(seal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_format_is_fixed),
		cmocka_unit_test(test_each_byte_altered),
		cmocka_unit_test(test_cut_at_each_length),
		cmocka_unit_test(test_other_context),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_that_are_none),
		cmocka_unit_test(test_never_twice_the_same),
		cmocka_unit_test(test_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
