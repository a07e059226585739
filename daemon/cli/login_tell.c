/* SPDX-License-Identifier: MIT */
#include "cli/login_tell.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/units.h"
#include "config/config.h"

/* ---- both ways of telling */

static cJSON *step(const char *name)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "step", name);
	return json;
}

static void add_expires_in(cJSON *json, int64_t life_ms)
{
	int64_t seconds = life_ms / 1000;
	cJSON_AddNumberToObject(json, "expires_in", (double)seconds);
}

/* Deletes json. */
static void print(struct cli *cli, cJSON *json)
{
	json_append(&cli->out, json);
	strbuf_addc(&cli->out, '\n');
	cJSON_Delete(json);
	(void)cli_flush(cli);
}

static void add_failure(cJSON *json, const struct token_failure *failure)
{
	json_add_str(json, "code", str_of(failure->code));
	json_add_str(json, "error", str_of(failure->text.text));
	json_add_str(json, "remedy", str_of(failure->remedy.text));
}

/* "warning: text", and the remedy below it. */
static void append_finding(struct strbuf *out, const char *kind, const char *text,
			   const char *remedy)
{
	strbuf_addf(out, "%s: %s\n", kind, text);
	if (remedy[0] != '\0')
		strbuf_addf(out, "    What to do: %s\n", remedy);
}

/* ---- what somebody has to do */

static const char *who(const struct account_config *account)
{
	return account->login[0] != '\0' ? account->login : account->mailbox;
}

/* Local time: that of the clock on the wall of whoever reads it. */
static void append_until(struct strbuf *out, int64_t life_ms)
{
	time_t at = (time_t)((clock_wall_ms() + life_ms) / 1000);
	struct tm tm;
	char text[16];
	units_append_age(out, life_ms);
	if (localtime_r(&at, &tm) != NULL && strftime(text, sizeof(text), "%H:%M", &tm) != 0)
		strbuf_addf(out, ", until %s", text);
}

/* Large, as far as a terminal can: letter by letter, on a line of its own. */
static void append_large(struct strbuf *out, const char *code, bool colour)
{
	strbuf_adds(out, colour ? "\n        \033[1m" : "\n        ");
	for (size_t i = 0; code[i] != '\0'; i++)
		strbuf_addf(out, "%s%c", i != 0 ? " " : "", code[i]);
	strbuf_adds(out, colour ? "\033[0m\n\n" : "\n\n");
}

void login_tell_device(struct cli *cli, const struct account_config *account,
		       const struct device_reply *reply)
{
	if (cli->json) {
		cJSON *json = step("device-code");
		json_add_str(json, "account", str_of(account->name));
		json_add_str(json, "user_code", str_of(reply->user_code));
		json_add_str(json, "verification_uri", str_of(reply->verification_uri));
		add_expires_in(json, reply->life_ms);
		print(cli, json);
		return;
	}
	strbuf_addf(&cli->out,
		    "To sign in for account %s, open this address in any browser, on any "
		    "machine:\n",
		    account->name);
	strbuf_addf(&cli->out, "\n        %s\n\nand enter this code there:\n",
		    reply->verification_uri);
	append_large(&cli->out, reply->user_code, cli->colour);
	strbuf_addf(&cli->out, "(to copy: %s)", reply->user_code);
	if (who(account)[0] != '\0')
		strbuf_addf(&cli->out, " Sign in as %s.", who(account));
	strbuf_adds(&cli->out, "\nThe code is valid for ");
	append_until(&cli->out, reply->life_ms);
	strbuf_adds(&cli->out, ". Waiting; Ctrl-C ends it.\n");
	(void)cli_flush(cli);
}

static void append_paste_help(struct strbuf *out, const struct browser *browser)
{
	if (browser_listens(browser))
		strbuf_adds(out, "If that browser runs on this machine, it comes back by itself. "
				 "If it runs on another\none, it ends at a page that cannot be "
				 "opened (localhost). That is right:");
	else
		strbuf_addf(out,
			    "After that the browser goes to %s,\nwhich may well show an error. "
			    "That does not matter:",
			    browser_redirect_uri(browser));
	strbuf_adds(out, " copy the\naddress of that page from the browser's address line, whole, "
			 "paste it here (it is not\nshown) and press Enter.\n");
}

void login_tell_browser(struct cli *cli, const struct account_config *account,
			const struct browser *browser)
{
	if (cli->json) {
		cJSON *json = step("browser");
		json_add_str(json, "account", str_of(account->name));
		json_add_str(json, "url", str_of(browser_url(browser)));
		json_add_str(json, "redirect_uri", str_of(browser_redirect_uri(browser)));
		cJSON_AddBoolToObject(json, "listening", browser_listens(browser));
		add_expires_in(json, BROWSER_LIMIT_MS);
		print(cli, json);
		return;
	}
	strbuf_addf(&cli->out,
		    "To sign in for account %s%s%s, open this address in a browser:\n\n%s\n\n",
		    account->name, who(account)[0] != '\0' ? " as " : "", who(account),
		    browser_url(browser));
	append_paste_help(&cli->out, browser);
	strbuf_adds(&cli->out, "There is time for this for ");
	append_until(&cli->out, BROWSER_LIMIT_MS);
	strbuf_adds(&cli->out, ". Ctrl-C ends it.\n\nAddress: ");
	(void)cli_flush(cli);
}

void login_tell_trouble(struct cli *cli, const struct token_failure *failure)
{
	if (cli->json) {
		cJSON *json = step("trouble");
		add_failure(json, failure);
		print(cli, json);
		return;
	}
	strbuf_addc(&cli->err, '\n');
	append_finding(&cli->err, "not yet", failure->text.text, failure->remedy.text);
	(void)cli_flush(cli);
}

void login_tell_redeeming(struct cli *cli)
{
	if (cli->json)
		print(cli, step("redeeming"));
	else
		strbuf_adds(&cli->out,
			    "\nThe browser's answer is there. Asking for the token ...\n");
	(void)cli_flush(cli);
}

/* ---- what has come of it */

static void print_claims(struct cli *cli, const struct token_claims *claims)
{
	cJSON *json = step("token");
	cJSON_AddBoolToObject(json, "readable", claims != NULL);
	if (claims != NULL) {
		json_add_str(json, "audience", str_of(claims->audience));
		json_add_str(json, "scopes", str_of(claims->scopes));
		json_add_str(json, "roles", str_of(claims->roles));
		json_add_str(json, "application", str_of(claims->app_id));
		json_add_str(json, "object", str_of(claims->object_id));
		json_add_str(json, "tenant", str_of(claims->tenant_id));
		json_add_str(json, "user", str_of(claims->user));
	}
	print(cli, json);
}

void login_tell_finding(struct cli *cli, const struct claims_finding *finding)
{
	const char *kind = finding->weight == CLAIMS_WARNING ? "warning" : "note";
	if (cli->json) {
		cJSON *json = step(kind);
		json_add_str(json, "text", str_of(finding->text.text));
		json_add_str(json, "remedy", str_of(finding->remedy.text));
		print(cli, json);
	} else {
		append_finding(&cli->err, kind, finding->text.text, finding->remedy.text);
	}
	(void)cli_flush(cli);
}

void login_tell_findings(struct cli *cli, const struct token_claims *claims,
			 const struct claims_finding *findings, size_t count)
{
	if (cli->json)
		print_claims(cli, claims);
	for (size_t i = 0; i < count; i++)
		login_tell_finding(cli, &findings[i]);
}

void login_tell_no_refresh(struct cli *cli, const struct account_config *account,
			   const struct token_grant *grant)
{
	struct claims_finding finding = { .weight = CLAIMS_WARNING };
	struct strbuf life;
	strbuf_init(&life, 64);
	units_append_age(&life, grant->life_ms);
	err_set(&finding.text,
		"there was no refresh token with it: this sign-in would end in %s, and then "
		"account %s would stand still",
		strbuf_cstr(&life), account->name);
	if (str_icontains(str_of(account->scope), STR("offline_access")) < 0)
		err_set(&finding.remedy,
			"scope of account %s lacks offline_access (Google: remove "
			"authorization_endpoint, or end it in ?access_type=offline&prompt=consent); "
			"then sign in again",
			account->name);
	else
		err_set(&finding.remedy,
			"see that the application may have offline_access (API permissions), then "
			"sign in again");
	strbuf_done(&life);
	if (cli->json) {
		cJSON *json = step("warning");
		json_add_str(json, "text", str_of(finding.text.text));
		json_add_str(json, "remedy", str_of(finding.remedy.text));
		print(cli, json);
		return;
	}
	append_finding(&cli->err, "warning", finding.text.text, finding.remedy.text);
	(void)cli_flush(cli);
}

void login_tell_done(struct cli *cli, const struct account_config *account,
		     const struct token_claims *claims, const struct token_grant *grant,
		     bool running, const char *warning)
{
	const char *user = claims != NULL ? claims->user : "";
	if (cli->json) {
		cJSON *json = step("signed-in");
		json_add_str(json, "account", str_of(account->name));
		json_add_str(json, "user", str_of(user));
		add_expires_in(json, grant->life_ms);
		cJSON_AddBoolToObject(json, "refresh_token", grant->refresh_token.n != 0);
		cJSON_AddStringToObject(json, "kept_by", running ? "relay" : "file");
		json_add_str(json, "warning", str_of(warning));
		print(cli, json);
		return;
	}
	strbuf_addf(&cli->out, "Account %s is signed in%s%s. ", account->name,
		    user[0] != '\0' ? " as " : "", user);
	strbuf_adds(&cli->out, running ? "The running relay uses it from now on.\n"
				       : "The relay will use it when it starts.\n");
	if (warning[0] != '\0')
		strbuf_addf(&cli->err, "warning: %s\n", warning);
	(void)cli_flush(cli);
}

int login_tell_failed(struct cli *cli, const struct account_config *account,
		      const struct token_failure *failure, bool try_browser)
{
	if (cli->json) {
		cJSON *json = step("failed");
		add_failure(json, failure);
		cJSON_AddBoolToObject(json, "try_browser", try_browser);
		print(cli, json);
		return CLI_FAILURE;
	}
	strbuf_addf(&cli->err, "\noauthrelay: not signed in: %s\n", failure->text.text);
	if (failure->remedy.text[0] != '\0')
		strbuf_addf(&cli->err, "    What to do: %s\n", failure->remedy.text);
	if (try_browser)
		strbuf_addf(&cli->err,
			    "    Where device codes are not allowed, a browser may do: "
			    "`oauthrelay login %s --browser`\n",
			    account->name);
	return CLI_FAILURE;
}
