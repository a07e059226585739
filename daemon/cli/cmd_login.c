/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/login_keep.h"
#include "cli/login_run.h"
#include "cli/login_tell.h"
#include "common/clock.h"
#include "common/quote.h"
#include "config/config.h"
#include "config/nearest.h"
#include "config/provider.h"
#include "oauth/device_reply.h"
#include "oauth/token_claims.h"

/* ---- is this an account to sign in for? */

/* NULL with err. */
static const struct account_config *find_account(const struct config *config, const char *name,
						 struct err *err)
{
	const struct account_config *account = config_account(config, name);
	struct nearest near;
	struct strbuf text;
	if (account != NULL)
		return account;
	nearest_begin(&near, str_of(name));
	for (size_t i = 0; i < config->account_count; i++)
		nearest_offer(&near, config->accounts[i].name);
	strbuf_init(&text, 512);
	quote_append(&text, str_of(name), 64);
	if (near.best != NULL)
		err_set(err, "there is no account %s in %s; did you mean \"%s\"?",
			strbuf_cstr(&text), config->path, near.best);
	else
		err_set(err, "there is no account %s in %s", strbuf_cstr(&text), config->path);
	strbuf_done(&text);
	return NULL;
}

static bool check_grant(const struct account_config *account, struct err *err)
{
	const char *name = account->name;
	if (account->auth != UPSTREAM_AUTH_XOAUTH2)
		return err_set(err, "account %s does not use OAuth2: nobody has to sign in for it",
			       name);
	switch (account->grant) {
	case GRANT_DELEGATED:
		return true;
	case GRANT_CLIENT_CREDENTIALS:
		return err_set(err,
			       "account %s gets its tokens by itself, with its client secret or "
			       "certificate: nobody has to sign in. For a new secret: `oauthrelay "
			       "account secret %s`. If somebody shall sign in instead, set grant = "
			       "\"delegated\" for it",
			       name, name);
	case GRANT_MANAGED_IDENTITY:
		return err_set(err,
			       "account %s gets its tokens by this machine's managed identity: "
			       "nobody has to sign in",
			       name);
	case GRANT_FEDERATED:
		return err_set(err,
			       "account %s gets its tokens with the assertion in %s: nobody has to "
			       "sign in",
			       name, account->assertion_file);
	}
	return false;
}

static bool check_way(const struct account_config *account, bool browser, struct err *err)
{
	const struct provider *provider = provider_find(str_of(account->provider));
	const char *name = account->name;
	if (browser && account->authorization_endpoint[0] == '\0')
		return err_set(
			err,
			"account %s has no authorization_endpoint, where a browser could sign "
			"in; without --browser it does so by a code",
			name);
	if (browser)
		return true;
	if (account->device_endpoint[0] == '\0')
		return err_set(err,
			       "the provider of account %s, %s, has no sign-in by a code for it. "
			       "Use a browser: `oauthrelay login %s --browser`",
			       name, account->provider, name);
	/* microsoft365.md 4.1: device codes are for public clients, which may show no secret. */
	if (account->credential_count != 0 && provider != NULL && provider->microsoft)
		return err_set(err,
			       "account %s has a client secret or certificate, and Microsoft takes "
			       "codes only from applications without. Use a browser: `oauthrelay "
			       "login %s --browser`; or remove the credential from the account, if "
			       "the application allows public client flows",
			       name, name);
	return true;
}

/* ---- what has come of it */

static void tell_findings(struct cli *cli, const struct account_config *account,
			  const struct token_grant *grant, const struct token_claims *claims)
{
	struct claims_finding findings[CLAIMS_FINDINGS_MAX];
	size_t count = token_claims_judge(claims, account, clock_wall_ms(), findings);
	login_tell_findings(cli, claims, findings, count);
	if (grant->refresh_token.n == 0)
		login_tell_no_refresh(cli, account, grant);
}

/* Nothing that a token says of itself keeps it from being stored: it may be right all the same. */
static int finish(struct login_keep *keep, const struct token_grant *grant)
{
	struct token_claims claims;
	struct err err;
	bool readable = token_claims_read(&claims, secret_reveal(&grant->token));
	const struct token_claims *known = readable ? &claims : NULL;
	tell_findings(keep->cli, keep->account, grant, known);
	if (!login_keep_store(keep, grant, &err)) {
		err_prefix(&err, "the sign-in succeeded but is not kept");
		return cli_fail(keep->cli, &err);
	}
	login_tell_done(keep->cli, keep->account, known, grant, keep->running,
			strbuf_cstr(&keep->warning));
	return CLI_OK;
}

/* Better now than after somebody has signed in. */
static void tell_unread(struct login_keep *keep)
{
	struct claims_finding finding = { .weight = CLAIMS_WARNING };
	if (keep->unread.text[0] == '\0')
		return;
	err_set(&finding.text,
		"account %s has a secret or certificate that was added by `oauthrelay account`, "
		"and it cannot be read from here (%s): this sign-in shows the configuration's",
		keep->account->name, keep->unread.text);
	err_set(&finding.remedy,
		"use sudo. If the configuration's has ended, and only the service has the key: put "
		"the new secret into the configuration as well, `systemctl reload oauthrelay`, "
		"then sign in");
	login_tell_finding(keep->cli, &finding);
}

static int sign_in(struct login_keep *keep)
{
	struct token_grant grant = { .life_ms = 0 };
	struct token_failure failure;
	struct cli *cli = keep->cli;
	int status;
	tell_unread(keep);
	if (login_run(cli, keep->account, &keep->added, cli->browser, &grant, &failure))
		status = finish(keep, &grant);
	else
		status = login_tell_failed(cli, keep->account, &failure,
					   !cli->browser && device_is_forbidden(&failure));
	token_grant_done(&grant);
	return status;
}

/* ---- the command */

static struct config *load(struct cli *cli)
{
	struct config_report report;
	config_report_init(&report);
	struct config *config = config_load_by_hand(cli->config_path, &report);
	bool denied = access(cli->config_path, R_OK) != 0 && errno == EACCES;
	if (config == NULL)
		strbuf_addf(&cli->err, "%soauthrelay: %s\n", strbuf_cstr(&report.errors),
			    denied || geteuid() != 0
				    ? "not with this configuration. If you may not read it or what "
				      "it names, use sudo"
				    : "not with this configuration");
	config_report_done(&report);
	return config;
}

int cmd_login(struct cli *cli)
{
	struct login_keep keep;
	struct err err;
	int status = CLI_FAILURE;
	struct config *config = load(cli);
	if (config == NULL)
		return CLI_FAILURE;
	const struct account_config *account = find_account(config, cli->words[0], &err);
	if (account == NULL || !check_grant(account, &err) ||
	    !check_way(account, cli->browser, &err)) {
		cli_fail(cli, &err);
		config_unref(config);
		return CLI_FAILURE;
	}
	if (login_keep_begin(&keep, cli, config, account, &err))
		status = sign_in(&keep);
	else
		cli_fail(cli, &err);
	login_keep_done(&keep);
	config_unref(config);
	return status;
}
