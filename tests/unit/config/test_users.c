/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "config/users.h"

#define HASH "$5$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct users *must_parse(const char *text)
{
	struct err err = { .text = "" };
	struct users *users = users_parse(str_of(text), "f", &err);
	if (users == NULL)
		fail_msg("%s", err.text);
	return users;
}

static void lines_are_read(void **state)
{
	struct users *users = must_parse("# people\n\n"
					 "zoe:" HASH "\r\n"
					 "\t bert \t: " HASH " \n"
					 "  # not:" HASH "\n"
					 "an na:" HASH ": \n"
					 "last:" HASH);
	(void)state;
	static const char *const names[] = { "an na", "bert", "last", "zoe" };
	static const unsigned lines[] = { 6, 4, 7, 3 };
	assert_int_equal(users_count(users), ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct user *user = users_at(users, i);
		assert_string_equal(user->name, names[i]);
		assert_string_equal(user->hash, HASH);
		assert_int_equal(user->line, lines[i]);
		assert_null(user->account);
		assert_int_equal(user->senders.n + user->network_count, 0);
		assert_ptr_equal(users_find(users, str_of(names[i])), user);
	}
	assert_null(users_find(users, STR("")));
	assert_null(users_find(users, STR("ber")));
	assert_null(users_find(users, STR("bertt")));
	assert_null(users_find(users, STR("Bert")));
	assert_null(users_find(users, STR("bert\0")));
	users_unref(users);
}

static void options_are_read(void **state)
{
	struct users *users =
		must_parse("erp:" HASH ":account=scanner senders=a@b.c,contoso.com,*.x.org "
			   "networks=10.0.0.0/8,192.168.1.5,fd00::/8\n"
			   "nas:" HASH ":\tnetworks=10.1.0.0/16\t account=hve \n");
	struct netaddr addr;
	(void)state;
	const struct user *erp = users_find(users, STR("erp"));
	const struct user *nas = users_find(users, STR("nas"));
	assert_string_equal(erp->account, "scanner");
	assert_int_equal(erp->senders.n, 3);
	assert_string_equal(erp->senders.v[2], "*.x.org");
	assert_int_equal(erp->network_count, 3);
	assert_string_equal(nas->account, "hve");
	assert_int_equal(nas->network_count, 1);
	assert_true(netaddr_parse(STR("192.168.1.5"), &addr));
	assert_true(user_admits(erp, &addr));
	assert_false(user_admits(nas, &addr));
	assert_true(netaddr_parse(STR("fd00::1"), &addr));
	assert_true(user_admits(erp, &addr));
	assert_true(netaddr_parse(STR("192.168.1.6"), &addr));
	assert_false(user_admits(erp, &addr));
	users_unref(users);
	users = must_parse("any:" HASH "\n");
	assert_true(user_admits(users_at(users, 0), &addr));
	users_unref(users);
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{ "anna\n", "f:1: write it as name:hash, or name:hash:options" },
		{ "# ok\n\n:" HASH "\n", "f:3: write it as name:hash, or name:hash:options" },
		{ " :" HASH "\n", "f:1: write it as name:hash, or name:hash:options" },
		{ "anna:\n", "f:1: this is no crypt(3) hash; `oauthrelay user passwd` makes one" },
		{ "anna:secret\n", "f:1: this is no crypt(3) hash" },
		{ "anna:*\n", "f:1: this is no crypt(3) hash" },
		{ "anna:!" HASH "\n", "f:1: this is no crypt(3) hash" },
		{ "an\x01na:" HASH "\n", "f:1: the line has a control character" },
		{ "a:" HASH "\nb:" HASH "\n\na:" HASH "\n",
		  "f:4: the user a is in line 1 already" },
		{ "\xc3\xa4:" HASH "\n\xc3\xa4:" HASH "\n",
		  "f:2: the user \\xc3\\xa4 is in line 1 already" },
		{ "a:" HASH ":accounts=x\n",
		  "f:1: there is no option \"accounts\"; did you mean \"account\"?" },
		{ "a:" HASH ":shell=/bin/sh\n",
		  "f:1: there is no option \"shell\"; a user has account, senders, recipients, networks" },
		{ "a:" HASH ":1000:1000::/home\n", "f:1: there is no option \"1000:1000::/home\"" },
		{ "a:" HASH ":account\n", "f:1: account: write account=VALUE, without blanks" },
		{ "a:" HASH ":account= x\n", "f:1: account: write account=VALUE" },
		{ "a:" HASH ":account=x account=y\n", "f:1: account is there twice" },
		{ "a:" HASH ":account=x/y\n", "f:1: account: \"x/y\" is no account's name" },
		{ "a:" HASH ":senders=b.c,@\n", "f:1: senders: \"@\" must be an address (a@b.c)" },
		{ "a:" HASH ":senders=b.c,\n", "f:1: senders: \"\" must be an address" },
		{ "a:" HASH ":networks=10.0.0.1/8\n", "f:1: networks: " },
		{ "a:" HASH ":networks=10.0.0.0/8,,\n", "f:1: networks: " },
		{ "a:" HASH ":networks=printer\n", "f:1: networks: " },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { .text = "" };
		assert_null(users_parse(str_of(rows[i].text), "f", &err));
		if (!str_starts(str_of(err.text), str_of(rows[i].error)))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

static void names_that_can_be(void **state)
{
	static const char *const bad[] = { "", " a", "a ", "#a", "a:b", "a\nb", "a\x7f" };
	static const char *const good[] = { "a", "a b", "a#b", "p\xc3\xa4ul", "o'neil@x.org" };
	char longest[USERS_NAME_MAX + 2];
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(user_name_check(str_of(bad[i]), &err));
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(user_name_check(str_of(good[i]), &err));
	memset(longest, 'a', sizeof(longest));
	assert_true(user_name_check((struct str){ longest, USERS_NAME_MAX }, &err));
	assert_false(user_name_check((struct str){ longest, USERS_NAME_MAX + 1 }, &err));
}

static void many_users_are_found(void **state)
{
	struct strbuf text;
	(void)state;
	strbuf_init(&text, USERS_FILE_MAX);
	/* In no order: 0, 7, 14, ... modulo 100. */
	for (unsigned i = 0; i < 100; i++)
		strbuf_addf(&text, "user%u:" HASH "\n", i * 7 % 100);
	struct users *users = must_parse(strbuf_cstr(&text));
	assert_int_equal(users_count(users), 100);
	for (unsigned i = 0; i < 102; i++) {
		char name[16];
		snprintf(name, sizeof(name), "user%u", i);
		assert_int_equal(users_find(users, str_of(name)) != NULL, i < 100);
	}
	users_unref(users);
	strbuf_done(&text);
}

static void accounts_must_exist(void **state)
{
	static char one[] = "one", path[] = "relay.conf";
	struct account_config account = { .name = one };
	const struct config config = { .path = path, .accounts = &account, .account_count = 1 };
	struct users *users =
		must_parse("a:" HASH ":account=one\nb:" HASH "\nc:" HASH ":account=two\n");
	struct err err;
	(void)state;
	assert_false(users_check(users, &config, "f", &err));
	assert_string_equal(err.text, "f:3: there is no account \"two\" in relay.conf");
	assert_string_equal(users_without_account(users)->name, "b");
	users_unref(users);
	users = must_parse("a:" HASH ":account=one\n");
	assert_true(users_check(users, &config, "f", &err));
	assert_null(users_without_account(users));
	users_unref(users);
}

static void no_file_no_users(void **state)
{
	static char missing[] = "/nonexistent/users", folder[] = "/etc", below[] = "/etc/passwd/x";
	struct config config = { .users_file = missing };
	struct err err;
	(void)state;
	struct users *users = users_load(&config, &err);
	assert_non_null(users);
	assert_int_equal(users_count(users), 0);
	assert_ptr_equal(users_ref(users), users);
	users_unref(users);
	assert_int_equal(users_count(users), 0);
	users_unref(users);
	config.users_file = folder;
	assert_null(users_load(&config, &err));
	config.users_file = below;
	assert_null(users_load(&config, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read),	cmocka_unit_test(options_are_read),
		cmocka_unit_test(mistakes_are_told),	cmocka_unit_test(names_that_can_be),
		cmocka_unit_test(many_users_are_found), cmocka_unit_test(accounts_must_exist),
		cmocka_unit_test(no_file_no_users),
	};
	return cmocka_run_group_tests_name("config/users", tests, NULL, NULL);
}
