/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_LOGIN_TELL_H
#define OAUTHRELAY_CLI_LOGIN_TELL_H

#include "cli/cli.h"
#include "oauth/browser.h"
#include "oauth/device_reply.h"
#include "oauth/token_claims.h"

/*
 * What `oauthrelay login` tells while somebody signs in: for people, or with --json one object a
 * line, each with its "step". Written at once: who reads it has to act on it.
 */
void login_tell_device(struct cli *cli, const struct account_config *account,
		       const struct device_reply *reply);
void login_tell_browser(struct cli *cli, const struct account_config *account,
			const struct browser *browser);
void login_tell_trouble(struct cli *cli, const struct token_failure *failure);
void login_tell_redeeming(struct cli *cli);

/* Once there is a token: what it says of itself, and what looks wrong. claims NULL: opaque. */
void login_tell_findings(struct cli *cli, const struct token_claims *claims,
			 const struct claims_finding *findings, size_t count);
void login_tell_finding(struct cli *cli, const struct claims_finding *finding);
void login_tell_no_refresh(struct cli *cli, const struct account_config *account,
			   const struct token_grant *grant);
/* running: the relay has taken it; else it lies in file until the relay starts. */
void login_tell_done(struct cli *cli, const struct account_config *account,
		     const struct token_claims *claims, const struct token_grant *grant,
		     bool running, const char *warning);
/* try_browser: that way may be open. Returns CLI_FAILURE. */
int login_tell_failed(struct cli *cli, const struct account_config *account,
		      const struct token_failure *failure, bool try_browser);

#endif
