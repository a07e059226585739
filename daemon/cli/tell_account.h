/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_TELL_ACCOUNT_H
#define OAUTHRELAY_CLI_TELL_ACCOUNT_H

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "common/err.h"

/*
 * What the commands about accounts have in common: an order to the account that the command's first
 * word names, and how its answer is told.
 */

/* False with err: the relay does not run, has no such account, or the account can have no
 * credential. It asks, and orders nothing. */
bool tell_account_can(struct cli *cli, struct err *err) MUST_CHECK;
/* POST /v1/accounts/NAME/what; see client_order(). */
bool tell_order(struct cli *cli, const char *what, const cJSON *body, cJSON **answer,
		struct err *remedy, struct err *err) MUST_CHECK;
/* That nothing has changed, why, and what to do. Returns CLI_FAILURE. */
int tell_refused(struct cli *cli, const struct err *remedy, const struct err *err);
void tell_json(struct cli *cli, const cJSON *answer);
/* To stderr, if there is one: it is done, but. */
void tell_warning(struct cli *cli, const cJSON *answer);
/* "ends on 2027-05-01 (in 160 days)", "ended on ...", from `ends` and its companions. */
void tell_end(struct strbuf *out, const cJSON *object);

#endif
