/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/auth.h"
#include "tests/unit/support/inbound_world.h"

static void mechanisms(void **state)
{
	enum auth_mechanism m;
	(void)state;
	assert_true(auth_mechanism_of(STR("plain"), &m) && m == AUTH_PLAIN);
	assert_true(auth_mechanism_of(STR("LOGIN"), &m) && m == AUTH_LOGIN);
	assert_false(auth_mechanism_of(STR("PLAINX"), &m));
	assert_false(auth_mechanism_of(STR(""), &m));
	assert_false(auth_mechanism_of(STR("CRAM-MD5"), &m));
}

#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

/* What PLAIN's bytes mean, in an initial response and behind a prompt. */
static const struct plain_row {
	struct str message;
	const char *user;
	const char *password;
	enum auth_result result;
	bool other_identity;
} plain_rows[] = {
	{ BYTES("\0a\0b"), "a", "b", AUTH_DONE, false },
	{ BYTES("a\0a\0b"), "a", "b", AUTH_DONE, false },
	{ BYTES("x\0a\0b"), "a", "b", AUTH_DONE, true },
	{ BYTES("\0\0"), "", "", AUTH_DONE, false },
	{ BYTES("\0a\0"), "a", "", AUTH_DONE, false },
	{ BYTES("\0a\0p:\"\\%s \xc3\xbc\x01\r\n"), "a", "p:\"\\%s \xc3\xbc\x01\r\n", AUTH_DONE,
	  false },
	{ BYTES("\0\xc3\xbc\0b"), "\xc3\xbc", "b", AUTH_DONE, false },
	{ BYTES("a"), NULL, NULL, AUTH_MALFORMED, false },
	{ BYTES("\0"), NULL, NULL, AUTH_MALFORMED, false },
	{ BYTES("\0a"), NULL, NULL, AUTH_MALFORMED, false },
	{ BYTES("\0a\0b\0"), NULL, NULL, AUTH_MALFORMED, false },
	{ BYTES("\0a\0b\0c"), NULL, NULL, AUTH_MALFORMED, false },
	{ BYTES("\0a\r\n\0b"), NULL, NULL, AUTH_MALFORMED, false },
	{ BYTES("\0a\x01\0b"), NULL, NULL, AUTH_MALFORMED, false },
	{ BYTES("\0a\x7f\0b"), NULL, NULL, AUTH_MALFORMED, false },
	{ BYTES("x\n\0a\0b"), NULL, NULL, AUTH_MALFORMED, false },
};

static void assert_secret(const struct secret *s, const char *want)
{
	assert_true(str_eq(secret_reveal(s), str_of(want)));
}

static void plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain_rows) * 2; i++) {
		const struct plain_row *row = &plain_rows[i / 2];
		char *text = world_base64(row->message);
		struct auth_dialogue d;
		const char *prompt;
		enum auth_result result;
		if (i % 2 == 0) {
			result = auth_begin(&d, AUTH_PLAIN, AUTH_PROMPTS_USUAL, str_of(text),
					    &prompt);
		} else {
			assert_int_equal(
				auth_begin(&d, AUTH_PLAIN, AUTH_PROMPTS_USUAL, STR(""), &prompt),
				AUTH_PROMPT);
			assert_string_equal(prompt, "");
			result = auth_answer(&d, str_of(text), &prompt);
		}
		assert_int_equal(result, row->result);
		if (result == AUTH_DONE) {
			assert_secret(&d.user, row->user);
			assert_secret(&d.password, row->password);
			assert_int_equal(d.other_identity, row->other_identity);
		}
		auth_done(&d);
		free(text);
	}
}

static void login(void **state)
{
	struct auth_dialogue d;
	const char *prompt;
	(void)state;
	assert_int_equal(auth_begin(&d, AUTH_LOGIN, AUTH_PROMPTS_USUAL, STR(""), &prompt),
			 AUTH_PROMPT);
	assert_string_equal(prompt, "VXNlcm5hbWU6");
	assert_int_equal(auth_answer(&d, STR("YQ=="), &prompt), AUTH_PROMPT);
	assert_string_equal(prompt, "UGFzc3dvcmQ6");
	assert_int_equal(auth_answer(&d, STR(""), &prompt), AUTH_DONE);
	assert_secret(&d.user, "a");
	assert_secret(&d.password, "");
	auth_done(&d);
	assert_int_equal(auth_begin(&d, AUTH_LOGIN, AUTH_PROMPTS_USUAL, STR("="), &prompt),
			 AUTH_PROMPT);
	assert_string_equal(prompt, "UGFzc3dvcmQ6");
	assert_int_equal(auth_answer(&d, STR("YgA="), &prompt), AUTH_MALFORMED);
	auth_done(&d);
}

/* AUT-02: whatever is not strict base64, at each step. */
static void not_base64(void **state)
{
	static const char *const bad[] = { "!!!!", "A",	     "AA",     "AAA",	   "====",  "A===",
					   "AA=A", "AAAA=",  "AAAA==", "AA==AA==", "AB==",  "AAB=",
					   "AA A", "AAAA\t", " AAAA",  "AA-_",	   "AAAA\r" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct auth_dialogue d;
		const char *prompt;
		assert_int_equal(
			auth_begin(&d, AUTH_PLAIN, AUTH_PROMPTS_USUAL, str_of(bad[i]), &prompt),
			AUTH_NOT_BASE64);
		auth_done(&d);
		assert_int_equal(
			auth_begin(&d, AUTH_LOGIN, AUTH_PROMPTS_USUAL, str_of("YQ=="), &prompt),
			AUTH_PROMPT);
		assert_int_equal(auth_answer(&d, str_of(bad[i]), &prompt), AUTH_NOT_BASE64);
		auth_done(&d);
	}
}

static void cancel(void **state)
{
	struct auth_dialogue d;
	const char *prompt;
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(auth_begin(&d, i == 0 ? AUTH_PLAIN : AUTH_LOGIN,
					    AUTH_PROMPTS_USUAL, STR(""), &prompt),
				 AUTH_PROMPT);
		assert_int_equal(auth_answer(&d, STR("*"), &prompt), AUTH_CANCELLED);
		auth_done(&d);
	}
}

/* A kilobyte is a password; for a name it is the most there may be. */
static void long_ones(void **state)
{
	char message[3000];
	struct auth_dialogue d;
	const char *prompt;
	(void)state;
	for (size_t user = 1024; user <= 1025; user++) {
		memset(message, 'a', sizeof(message));
		message[0] = '\0';
		message[1 + user] = '\0';
		char *text = world_base64((struct str){ message, sizeof(message) });
		enum auth_result result =
			auth_begin(&d, AUTH_PLAIN, AUTH_PROMPTS_USUAL, str_of(text), &prompt);
		assert_int_equal(result, user == 1024 ? AUTH_DONE : AUTH_MALFORMED);
		auth_done(&d);
		free(text);
	}
}

static void old_prompts(void **state)
{
	struct auth_dialogue d;
	const char *prompt;
	(void)state;
	assert_int_equal(auth_begin(&d, AUTH_LOGIN, AUTH_PROMPTS_USER_NAME, STR(""), &prompt),
			 AUTH_PROMPT);
	assert_string_equal(prompt, "VXNlciBOYW1lAA=="); /* "User Name" NUL */
	assert_int_equal(auth_answer(&d, STR("YQ=="), &prompt), AUTH_PROMPT);
	assert_string_equal(prompt, "UGFzc3dvcmQA"); /* "Password" NUL */
	assert_int_equal(auth_answer(&d, STR("YQ=="), &prompt), AUTH_DONE);
	auth_done(&d);
	/* PLAIN has none. */
	assert_int_equal(auth_begin(&d, AUTH_PLAIN, AUTH_PROMPTS_USER_NAME, STR(""), &prompt),
			 AUTH_PROMPT);
	assert_string_equal(prompt, "");
	auth_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_prompts), cmocka_unit_test(mechanisms),
		cmocka_unit_test(plain),       cmocka_unit_test(login),
		cmocka_unit_test(not_base64),  cmocka_unit_test(cancel),
		cmocka_unit_test(long_ones),
	};
	return cmocka_run_group_tests_name("inbound/auth", tests, NULL, NULL);
}
