/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "config/users_edit.h"

#define HASH  "$5$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH2 "$5$saltsalt$bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char file[] = "# people\n"
			   "#anna:old\n"
			   "\n"
			   " anna : " HASH ":account=x  senders=b.c\r\n"
			   "this is a mistake\n"
			   "bert:" HASH "\n"
			   "carl:" HASH;

static void lines_are_found(void **state)
{
	(void)state;
	assert_int_equal(users_edit_find(str_of(file), STR("anna")), 4);
	assert_int_equal(users_edit_find(str_of(file), STR("bert")), 6);
	assert_int_equal(users_edit_find(str_of(file), STR("carl")), 7);
	assert_int_equal(users_edit_find(str_of(file), STR("#anna")), 0);
	assert_int_equal(users_edit_find(str_of(file), STR("an")), 0);
	assert_int_equal(users_edit_find(str_of(file), STR("")), 0);
	assert_int_equal(users_edit_find(STR(""), STR("anna")), 0);
}

static void a_line_is_added(void **state)
{
	struct users_line line = { .name = "dora", .hash = HASH };
	struct strbuf out;
	struct err err;
	(void)state;
	strbuf_init(&out, 4096);
	assert_true(users_edit_add(&out, str_of(file), &line, &err));
	assert_memory_equal(out.p, file, strlen(file));
	assert_string_equal(strbuf_cstr(&out) + strlen(file), "\ndora:" HASH "\n");
	strbuf_reset(&out);
	line.networks = "10.0.0.0/8";
	assert_true(users_edit_add(&out, STR("# x\n"), &line, &err));
	assert_string_equal(strbuf_cstr(&out), "# x\ndora:" HASH ":networks=10.0.0.0/8\n");
	strbuf_reset(&out);
	line.account = "a";
	line.senders = "b.c,d@e.f";
	assert_true(users_edit_add(&out, STR(""), &line, &err));
	assert_string_equal(strbuf_cstr(&out),
			    "dora:" HASH ":account=a senders=b.c,d@e.f networks=10.0.0.0/8\n");
	strbuf_done(&out);
}

static void wrong_lines_are_refused(void **state)
{
	static const struct {
		struct users_line line;
		const char *error;
	} rows[] = {
		{ { .name = "bert", .hash = HASH }, "the user bert is there already, in line 6" },
		{ { .name = "", .hash = HASH }, "the name is missing" },
		{ { .name = "a:b", .hash = HASH }, "a name has no colon" },
		{ { .name = "a\nb", .hash = HASH }, "the name has a control character" },
		{ { .name = "x", .hash = "no" }, "this is no crypt(3) hash" },
		{ { .name = "x", .hash = HASH, .senders = "b.c senders=d.e" },
		  "senders is there twice" },
		{ { .name = "x", .hash = HASH, .senders = "b.c\nroot:" HASH },
		  "the line has a control character" },
		{ { .name = "x", .hash = HASH, .account = "" }, "account: write account=VALUE" },
		{ { .name = "x", .hash = HASH, .networks = "10.0.0.0/33" }, "networks: " },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { .text = "" };
		struct strbuf out;
		strbuf_init(&out, 4096);
		assert_false(users_edit_add(&out, str_of(file), &rows[i].line, &err));
		if (!str_starts(str_of(err.text), str_of(rows[i].error)))
			fail_msg("%zu: %s", i, err.text);
		assert_int_equal(out.n, 0);
		strbuf_done(&out);
	}
}

static void only_the_hash_changes(void **state)
{
	struct strbuf out;
	struct err err;
	(void)state;
	strbuf_init(&out, 4096);
	assert_true(users_edit_passwd(&out, str_of(file), STR("anna"), STR(HASH2), &err));
	assert_string_equal(strbuf_cstr(&out), "# people\n"
					       "#anna:old\n"
					       "\n"
					       " anna :" HASH2 ":account=x  senders=b.c\r\n"
					       "this is a mistake\n"
					       "bert:" HASH "\n"
					       "carl:" HASH);
	strbuf_reset(&out);
	assert_true(users_edit_passwd(&out, STR("a:x\r\nb:y"), STR("a"), STR("new"), &err));
	assert_string_equal(strbuf_cstr(&out), "a:new\r\nb:y");
	strbuf_reset(&out);
	assert_true(users_edit_passwd(&out, STR("a:x\r\nb:y"), STR("b"), STR("new"), &err));
	assert_string_equal(strbuf_cstr(&out), "a:x\r\nb:new");
	strbuf_reset(&out);
	assert_false(users_edit_passwd(&out, str_of(file), STR("nobody"), STR(HASH2), &err));
	assert_string_equal(err.text,
			    "there is no user \"nobody\"; `oauthrelay user list` shows all");
	assert_int_equal(out.n, 0);
	strbuf_done(&out);
}

static void only_the_line_goes(void **state)
{
	struct strbuf out;
	struct err err;
	(void)state;
	strbuf_init(&out, 4096);
	assert_true(users_edit_remove(&out, STR("# x\na:1\n\nb:2\nc:3"), STR("b"), &err));
	assert_string_equal(strbuf_cstr(&out), "# x\na:1\n\nc:3");
	strbuf_reset(&out);
	assert_true(users_edit_remove(&out, STR("# x\na:1\n\nb:2\nc:3"), STR("c"), &err));
	assert_string_equal(strbuf_cstr(&out), "# x\na:1\n\nb:2\n");
	strbuf_reset(&out);
	assert_false(users_edit_remove(&out, STR("a:1\n"), STR("x\x1b[2J"), &err));
	assert_non_null(strstr(err.text, "\"x\\x1b[2J\""));
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_found),	   cmocka_unit_test(a_line_is_added),
		cmocka_unit_test(wrong_lines_are_refused), cmocka_unit_test(only_the_hash_changes),
		cmocka_unit_test(only_the_line_goes),
	};
	return cmocka_run_group_tests_name("config/users_edit", tests, NULL, NULL);
}
