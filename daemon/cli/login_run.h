/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_LOGIN_RUN_H
#define OAUTHRELAY_CLI_LOGIN_RUN_H

#include "cli/cli.h"
#include "oauth/token_failure.h"
#include "oauth/token_grant.h"

struct account_config;
struct credential_list;

/*
 * Has somebody sign in for an account: a loop of its own, until there is a token, the endpoint has
 * refused, the time is over, or a signal (SIGINT and its like: code "interrupted") ends it. Tells
 * by cli/login_tell.h what is to be done. The terminal is as before afterwards. Blocks. added: what
 * is shown before the configuration's own credentials.
 */
bool login_run(struct cli *cli, const struct account_config *account,
	       const struct credential_list *added, bool by_browser, struct token_grant *grant,
	       struct token_failure *failure) MUST_CHECK;

#endif
