/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/base64.h"
#include "upstream/xoauth2.h"

/* STR() is no constant where a table is initialised. */
#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

/* microsoft365.md 5 */
struct vector {
	const char *user;
	const char *token;
	const char *line;
};

static const struct vector vectors[] = {
	{ "test@contoso.onmicrosoft.com", "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA",
	  "dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFv"
	  "N0ozVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ==" },
	{ "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
	  "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNr"
	  "QmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==" },
};

static void builds_the_known_lines(void **state)
{
	struct secret out = { 0 };
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		assert_true(xoauth2_build(str_of(v->user), str_of(v->token), &out, &err));
		assert_true(str_eq(secret_reveal(&out), str_of(v->line)));
	}
	secret_done(&out);
}

static void builds_bearer(void **state)
{
	struct secret out = { 0 };
	struct err err;
	(void)state;
	assert_true(xoauth2_build_bearer(STR("user@example.com"), STR("server.example.com"), 587,
					 STR("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="), &out,
					 &err));
	assert_true(str_eq(
		secret_reveal(&out),
		STR("bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dG"
		    "g9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB")));
	secret_done(&out);
}

/* "," would end the name in OAUTHBEARER's header (RFC 5801 4). */
static void escapes_names_of_bearer(void **state)
{
	struct secret out = { 0 };
	struct strbuf plain;
	struct err err;
	(void)state;
	strbuf_init(&plain, 1000);
	assert_true(xoauth2_build_bearer(STR("a,b=c@d"), STR("h"), 25, STR("t"), &out, &err));
	assert_true(base64_decode(&plain, secret_reveal(&out)));
	assert_string_equal(strbuf_cstr(&plain),
			    "n,a=a=2Cb=3Dc@d,\001host=h\001port=25\001auth=Bearer t\001\001");
	strbuf_done(&plain);
	secret_done(&out);
}

struct bad_row {
	struct str user;
	struct str token;
};

static const struct bad_row bad[] = {
	{ BYTES(""), BYTES("token") },
	{ BYTES("u@x"), BYTES("") },
	/* threats.md section 0, 2: the payload that was accepted elsewhere */
	{ BYTES("relay\001auth=Bearer bad\001\001auth=Bearer good\001\001"), BYTES("token") },
	{ BYTES("u@x"), BYTES("bad\001\001auth=Bearer good\001\001") },
	{ BYTES("u@x\r\nMAIL FROM:<a@b>"), BYTES("token") },
	{ BYTES("u@x\n"), BYTES("token") },
	{ BYTES("u@x\0"), BYTES("token") },
	{ BYTES("\0"), BYTES("token") },
	{ BYTES("u @x"), BYTES("token") },
	{ BYTES("u@x\x7f"), BYTES("token") },
	{ BYTES("u@x\t"), BYTES("token") },
	{ BYTES("u@x"), BYTES("token\n") },
	{ BYTES("u@x"), BYTES("token\r\n") },
	{ BYTES("u@x"), BYTES("tok en") },
	{ BYTES("u@x"), BYTES("tok\0en") },
	{ BYTES("u@x"), BYTES("\0") },
	{ BYTES("u@x"), BYTES("tok,en") },
	{ BYTES("u@x"), BYTES("tok\"en") },
	{ BYTES("u@x"), BYTES("tok\xc3\xa9n") },
	{ BYTES("u@x"), BYTES("tok\x7f") },
	{ BYTES("u@x"), BYTES("tok\xff") },
};

static void refuses_what_could_inject(void **state)
{
	struct secret out = { 0 };
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (xoauth2_build(bad[i].user, bad[i].token, &out, &err))
			fail_msg("row %zu was taken", i);
		assert_int_equal(out.n, 0);
		if (xoauth2_build_bearer(bad[i].user, STR("h"), 587, bad[i].token, &out, &err))
			fail_msg("row %zu was taken as bearer", i);
		assert_int_equal(out.n, 0);
		/* An error text holds nothing of what was refused. */
		assert_null(strstr(err.text, "tok\""));
		assert_null(strstr(err.text, "good"));
	}
	assert_false(xoauth2_build_bearer(STR("u"), STR("h\001x"), 587, STR("t"), &out, &err));
}

static void every_byte_is_judged(void **state)
{
	struct secret out = { 0 };
	struct err err;
	(void)state;
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		struct str one = { &byte, 1 };
		bool user = c > 0x20 && c != 0x7f;
		bool token =
			c < 128 && (ascii_is_alnum(byte) || strchr("._~+/=-", c) != NULL) && c != 0;
		assert_int_equal(xoauth2_build(one, STR("t"), &out, &err), user);
		assert_int_equal(xoauth2_build(STR("u"), one, &out, &err), token);
	}
	secret_done(&out);
}

static void keeps_the_limits(void **state)
{
	struct secret out = { 0 };
	struct err err;
	char *room = malloc(XOAUTH2_TOKEN_MAX + 1);
	struct str long_text = { room, XOAUTH2_TOKEN_MAX };
	(void)state;
	assert_non_null(room);
	memset(room, 'a', XOAUTH2_TOKEN_MAX + 1);
	assert_true(xoauth2_build(STR("u"), long_text, &out, &err));
	/* one line, whatever its length */
	assert_int_equal(out.n, (XOAUTH2_TOKEN_MAX + 21 + 2) / 3 * 4);
	assert_int_equal(str_chr(secret_reveal(&out), '\n'), -1);
	long_text.n++;
	assert_false(xoauth2_build(STR("u"), long_text, &out, &err));
	long_text.n = XOAUTH2_USER_MAX;
	assert_true(xoauth2_build(long_text, STR("t"), &out, &err));
	long_text.n++;
	assert_false(xoauth2_build(long_text, STR("t"), &out, &err));
	secret_done(&out);
	free(room);
}

static void sees_a_secret_in_a_text(void **state)
{
	struct secret s = { 0 };
	char text[200];
	(void)state;
	assert_false(xoauth2_repeats(STR("anything"), &s));
	secret_set(&s, STR("short"));
	assert_true(xoauth2_repeats(STR("a short one"), &s));
	assert_false(xoauth2_repeats(STR("a shor"), &s));
	char token[101];
	for (size_t i = 0; i < 100; i++)
		token[i] = (char)('a' + i * i % 26);
	secret_set(&s, (struct str){ token, 100 });
	/* Any 48 bytes of it, wherever they begin. */
	for (size_t i = 0; i + 48 <= 100; i++) {
		memset(text, '-', sizeof(text));
		memcpy(text + 60, token + i, 48);
		assert_true(xoauth2_repeats((struct str){ text, sizeof(text) }, &s));
	}
	memset(text, '-', sizeof(text));
	memcpy(text + 60, token, 12);
	assert_false(xoauth2_repeats((struct str){ text, sizeof(text) }, &s));
	secret_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_the_known_lines),
		cmocka_unit_test(builds_bearer),
		cmocka_unit_test(escapes_names_of_bearer),
		cmocka_unit_test(refuses_what_could_inject),
		cmocka_unit_test(every_byte_is_judged),
		cmocka_unit_test(keeps_the_limits),
		cmocka_unit_test(sees_a_secret_in_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
