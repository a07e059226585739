/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/tell_token.h"
#include "common/attr.h"
#include "common/json.h"

/* What is told of this account; empty: nothing is wrong with its token. */
static char *problems_of(const char *account)
{
	struct cli cli;
	struct err err;
	size_t problems = 0;
	cJSON *json = json_parse(str_of(account), &err);
	if (json == NULL)
		fail_msg("%s", err.text);
	cli_init(&cli);
	tell_token_problems(&cli, json, &problems);
	tell_clock_problem(&cli, json, &problems);
	char *text = str_dup(strbuf_str(&cli.out));
	assert_int_equal(problems == 0, text[0] == '\0');
	cli_done(&cli);
	cJSON_Delete(json);
	return text;
}

static void test_problems(void **state)
{
	static const struct {
		const char *account;
		const char *text; /* NULL: nothing */
	} cases[] = {
		{ "{\"name\":\"a\",\"state\":\"open\",\"token\":null,\"sign_in\":null,"
		  "\"credentials\":[]}",
		  NULL },
		{ "{\"name\":\"a\",\"state\":\"open\",\"token\":{\"clock_skew_s\":0},"
		  "\"sign_in\":{\"signed_in\":true,\"remedy\":\"\"},"
		  "\"credentials\":[{\"label\":\"x\",\"refused\":false,\"remedy\":\"\"}]}",
		  NULL },
		{ "{\"name\":\"a\",\"state\":\"open\",\"sign_in\":{\"signed_in\":false}}",
		  "! Account a: sign in needed.\n  To do: oauthrelay login a\n" },
		/* its own problem has said that */
		{ "{\"name\":\"a\",\"state\":\"held\",\"remedy\":\"`oauthrelay login a`\","
		  "\"sign_in\":{\"signed_in\":false}}",
		  NULL },
		{ "{\"name\":\"a\",\"state\":\"open\",\"serving\":\"new\",\"credentials\":["
		  "{\"label\":\"old\",\"kind\":\"secret\",\"refused\":true,\"remedy\":\"\"}]}",
		  "! Account a: old was refused when it was tried last; in its place there is new.\n"
		  "  To do: oauthrelay account secret a\n" },
		{ "{\"name\":\"a\",\"state\":\"open\",\"credentials\":["
		  "{\"label\":\"old\",\"kind\":\"certificate\",\"refused\":true}]}",
		  "! Account a: old was refused when it was tried last.\n"
		  "  To do: oauthrelay account certificate a\n" },
		{ "{\"name\":\"a\",\"state\":\"held\",\"credentials\":["
		  "{\"label\":\"old\",\"kind\":\"secret\",\"refused\":true}]}",
		  NULL },
		{ "{\"token\":{\"clock_skew_s\":-600}}",
		  "! This machine's clock is 10 min behind, as seen from the token endpoint.\n"
		  "  To do: timedatectl set-ntp true\n" },
		{ "{\"token\":{\"clock_skew_s\":7200}}",
		  "! This machine's clock is 2 h 0 min ahead, as seen from the token endpoint.\n"
		  "  To do: timedatectl set-ntp true\n" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = problems_of(cases[i].account);
		assert_string_equal(text, cases[i].text != NULL ? cases[i].text : "");
		free(text);
	}
}

static void test_what_ends(void **state)
{
	(void)state;
	char *text =
		problems_of("{\"name\":\"a\",\"state\":\"open\",\"credentials\":[{\"label\":"
			    "\"client secret\",\"ends\":\"2026-12-02T12:00:00.000Z\","
			    "\"last_day\":\"2026-12-02\",\"ends_in_days\":10,"
			    "\"remedy\":\"make\\u001b one\"},{\"label\":\"x\",\"remedy\":\"\"}],"
			    "\"sign_in\":{\"signed_in\":true,\"ends\":\"2026-11-20T1\","
			    "\"last_day\":\"2026-11-20\",\"ends_in_days\":-2,"
			    "\"remedy\":\"oauthrelay login a\"}}");
	assert_ptr_equal(strstr(text, "! Account a: the sign-in ended on 2026-11-20"), text);
	assert_non_null(strstr(text, "  To do: oauthrelay login a\n\n! "));
	assert_non_null(strstr(text, "Account a: client secret ends on 2026-12-02"));
	assert_non_null(strstr(text, "(in 10 days).\n  To do: make\\x1b one\n"));
	free(text);
}

static void test_notes(void **state)
{
	static const struct table_column columns[] = { { .title = "ACCOUNT" } };
	static const char *const row[] = { "a" };
	struct err err;
	struct table t;
	struct strbuf out;
	(void)state;
	cJSON *json =
		json_parse(STR("{\"serving\":\"secret added 2026-11-22\",\"credentials\":[{},{}],"
			       "\"sign_in\":{\"signed_in\":true,\"since\":\"2026-11-22T1\"}}"),
			   &err);
	assert_non_null(json);
	table_init(&t, columns, ARRAY_LEN(columns));
	table_row(&t, row);
	tell_token_notes(&t, json);
	strbuf_init(&out, 4096);
	table_append(&out, &t, 80, false);
	assert_non_null(strstr(strbuf_cstr(&out), "signed in since 2026-11-22\n"));
	assert_non_null(strstr(strbuf_cstr(&out), "token by: secret added 2026-11-22\n"));
	strbuf_done(&out);
	table_done(&t);
	cJSON_Delete(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_what_ends),
		cmocka_unit_test(test_notes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
