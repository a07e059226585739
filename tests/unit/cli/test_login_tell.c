/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "cli/login_tell.h"
#include "common/json.h"
#include "config/config.h"

static char name[] = "scanner", login[] = "scan@contoso.com", scope[] = "s offline_access",
	    bare_scope[] = "s";
static struct account_config account = { .name = name, .login = login, .mailbox = login };

static int setup(void **state)
{
	static struct cli cli;
	cli_init(&cli);
	account.scope = scope;
	*state = &cli;
	return 0;
}

static int teardown(void **state)
{
	cli_done(*state);
	return 0;
}

static void expect(const struct strbuf *said, const char *words)
{
	if (strstr(strbuf_cstr(said), words) == NULL)
		fail_msg("no \"%s\" in: %s", words, strbuf_cstr(said));
}

/* One object a line, each with a step. */
static void expect_step(struct cli *cli, const char *step, const char *key, const char *value)
{
	struct err err;
	struct str text, line = strbuf_str(&cli->out);
	assert_true(line.n > 1 && line.p[line.n - 1] == '\n');
	assert_true(str_chr(str_head(line, line.n - 1), '\n') < 0);
	cJSON *json = json_parse(str_head(line, line.n - 1), &err);
	assert_true(json_get_str(json, "step", &text) && str_eq(text, str_of(step)));
	assert_true(json_get_str(json, key, &text) && str_eq(text, str_of(value)));
	cJSON_Delete(json);
	strbuf_reset(&cli->out);
}

static void test_device(void **state)
{
	struct cli *cli = *state;
	const struct device_reply reply = { .user_code = "AB-CD",
					    .verification_uri = "https://a.test/device",
					    .life_ms = 900000 };
	login_tell_device(cli, &account, &reply);
	expect(&cli->out, "\n        https://a.test/device\n");
	expect(&cli->out, "\n        A B - C D\n");
	expect(&cli->out, "(to copy: AB-CD) Sign in as scan@contoso.com.");
	expect(&cli->out, "valid for 15 min, until ");
	strbuf_reset(&cli->out);
	cli->colour = true;
	login_tell_device(cli, &account, &reply);
	expect(&cli->out, "\n        \033[1mA B - C D\033[0m\n");
	strbuf_reset(&cli->out);
	cli->json = true;
	login_tell_device(cli, &account, &reply);
	expect_step(cli, "device-code", "user_code", "AB-CD");
}

static void test_failed(void **state)
{
	struct cli *cli = *state;
	struct token_failure failure = { .code = "AADSTS530036" };
	err_set(&failure.text, "a policy");
	err_set(&failure.remedy, "ask for another policy");
	assert_int_equal(login_tell_failed(cli, &account, &failure, true), CLI_FAILURE);
	expect(&cli->err, "oauthrelay: not signed in: a policy\n    What to do: ask for another");
	expect(&cli->err, "`oauthrelay login scanner --browser`");
	strbuf_reset(&cli->err);
	login_tell_failed(cli, &account, &failure, false);
	assert_null(strstr(strbuf_cstr(&cli->err), "--browser"));
	cli->json = true;
	login_tell_failed(cli, &account, &failure, true);
	expect_step(cli, "failed", "code", "AADSTS530036");
	login_tell_trouble(cli, &failure);
	expect_step(cli, "trouble", "remedy", "ask for another policy");
	login_tell_redeeming(cli);
	expect_step(cli, "redeeming", "step", "redeeming");
}

static void test_findings(void **state)
{
	struct cli *cli = *state;
	struct claims_finding findings[2] = { { .weight = CLAIMS_WARNING },
					      { .weight = CLAIMS_NOTE } };
	err_set(&findings[0].text, "wrong");
	err_set(&findings[0].remedy, "mend it");
	err_set(&findings[1].text, "odd");
	login_tell_findings(cli, NULL, findings, 2);
	expect(&cli->err, "warning: wrong\n    What to do: mend it\nnote: odd\n");
	cli->json = true;
	login_tell_findings(cli, NULL, findings, 0);
	expect(&cli->out, "{\"step\":\"token\",\"readable\":false}\n");
	strbuf_reset(&cli->out);
}

static void test_no_refresh(void **state)
{
	struct cli *cli = *state;
	const struct token_grant grant = { .life_ms = 3600000 };
	login_tell_no_refresh(cli, &account, &grant);
	expect(&cli->err, "this sign-in would end in 1 h");
	assert_null(strstr(strbuf_cstr(&cli->err), "lacks offline_access"));
	account.scope = bare_scope;
	login_tell_no_refresh(cli, &account, &grant);
	expect(&cli->err, "lacks offline_access");
	cli->json = true;
	login_tell_done(cli, &account, NULL, &grant, true, "");
	expect_step(cli, "signed-in", "kept_by", "relay");
	cli->json = false;
	login_tell_done(cli, &account, NULL, &grant, false, "the disk is full");
	expect(&cli->out, "Account scanner is signed in. The relay will use it when it starts.\n");
	expect(&cli->err, "warning: the disk is full\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_findings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_refresh, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
