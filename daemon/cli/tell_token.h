/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_TELL_TOKEN_H
#define OAUTHRELAY_CLI_TELL_TOKEN_H

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "cli/table.h"

/*
 * What `status` says about how accounts get their tokens: what is wrong or will be soon, and how it
 * stands. From the accounts of GET /v1/status.
 */

/* Begins a paragraph of what is wrong, and counts it. */
void tell_problem(struct cli *cli, size_t *problems);
/* Nobody has signed in, a credential is refused, something ends within 30 days. */
void tell_token_problems(struct cli *cli, const cJSON *account, size_t *problems);
/* This machine's clock and that of the token endpoints differ; once, whatever the number of
 * accounts. */
void tell_clock_problem(struct cli *cli, const cJSON *accounts, size_t *problems);
/* Which credential serves, where there are several; since when somebody has been signed in. */
void tell_token_notes(struct table *table, const cJSON *account);

#endif
