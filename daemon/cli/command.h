/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_COMMAND_H
#define OAUTHRELAY_CLI_COMMAND_H

#include <stddef.h>

#include "cli/cli.h"

/*
 * The subcommands, one row each, and the way from argv to the handler: help, misspelt names,
 * options and numbers of arguments are dealt with here, once.
 */
struct command {
	const char *name;      /* one or two words */
	const char *arguments; /* as help shows them */
	const char *help;      /* one line */
	const char *more;      /* `help NAME`: what it does, prints and returns */
	unsigned options;      /* enum cli_option that it takes */
	size_t min_arguments;
	size_t max_arguments;
	/* cli->words holds its arguments only. Returns enum cli_exit. */
	int (*run)(struct cli *cli);
};

extern const struct command commands[];
extern const size_t command_count;

/* Parses, runs, returns the exit status; the text is in cli. */
int command_main(struct cli *cli, int argc, const char *const *argv);

struct config;
/* The configuration cli names; NULL after telling why. Warnings are told only where they are the
 * point. The caller owns one reference. */
struct config *cmd_load_config(struct cli *cli, bool warnings);

int cmd_run(struct cli *cli);
int cmd_account_certificate(struct cli *cli);
int cmd_account_list(struct cli *cli);
int cmd_account_secret(struct cli *cli);
int cmd_config_check(struct cli *cli);
int cmd_config_show(struct cli *cli);
int cmd_config_keys(struct cli *cli);
int cmd_device_list(struct cli *cli);
int cmd_device_transcript(struct cli *cli);
int cmd_explain(struct cli *cli);
int cmd_login(struct cli *cli);
int cmd_queue_list(struct cli *cli);
int cmd_queue_show(struct cli *cli);
int cmd_release(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_tls_export(struct cli *cli);
int cmd_user_add(struct cli *cli);
int cmd_user_passwd(struct cli *cli);
int cmd_user_remove(struct cli *cli);
int cmd_user_list(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_help(struct cli *cli);

#endif
