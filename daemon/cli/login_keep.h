/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_LOGIN_KEEP_H
#define OAUTHRELAY_CLI_LOGIN_KEEP_H

#include "cli/cli.h"
#include "common/strbuf.h"
#include "oauth/credential.h"
#include "oauth/token_grant.h"

struct config;
struct account_config;
struct seal;

/*
 * Where a sign-in goes: to the running relay over its control socket, or, while none runs, into the
 * account's sealed record, from where the relay reads it when it starts. Blocks.
 */
struct login_keep {
	struct cli *cli;
	const struct config *config;
	const struct account_config *account;
	struct seal *seal;	      /* NULL: the relay runs */
	struct strbuf warning;	      /* what to tell about it all the same */
	bool running;		      /* the relay has it */
	struct credential_list added; /* by commands, as the record has them: to sign in with */
	int64_t added_count;	      /* as the running relay says */
	struct err unread;	      /* there are some, but they cannot be read; "" otherwise */
};

/* Before anybody is bothered: would it be taken? An error says what to do. */
bool login_keep_begin(struct login_keep *keep, struct cli *cli, const struct config *config,
		      const struct account_config *account, struct err *err) MUST_CHECK;
/* Durable on success. */
bool login_keep_store(struct login_keep *keep, const struct token_grant *grant, struct err *err)
	MUST_CHECK;
void login_keep_done(struct login_keep *keep);

#endif
