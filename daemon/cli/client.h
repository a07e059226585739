/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_CLIENT_H
#define OAUTHRELAY_CLI_CLIENT_H

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "common/err.h"

/*
 * Questions and orders to the running relay: HTTP over its control socket. Blocks.
 */

/* GET of path at the socket that --socket or the configuration names. On success *out is the
 * answer, which the caller deletes. An error says in plain words that the relay is not running,
 * that the socket may not be used, or what the relay answered, each with what to do. */
bool client_get(const struct cli *cli, const char *path, cJSON **out, struct err *err) MUST_CHECK;

/* POST, with a JSON object or NULL for an empty body; the rest as above. */
bool client_post(const struct cli *cli, const char *path, const cJSON *body, cJSON **out,
		 struct err *err) MUST_CHECK;
/* The same for what may take the relay two minutes, such as a token request. What is sent may hold
 * a secret (body is the caller's to wipe). remedy: what the relay says is to be done about a
 * refusal; "" when it says nothing. */
bool client_order(const struct cli *cli, const char *path, const cJSON *body, cJSON **out,
		  struct err *remedy, struct err *err) MUST_CHECK;

/* Whether a relay answers at the socket at all. False with err: that cannot be told, most often
 * because the socket may not be used. */
bool client_is_running(const struct cli *cli, bool *running, struct err *err) MUST_CHECK;

/* Members of an answer, which is not trusted to have them. */
const char *client_str(const cJSON *object, const char *name); /* "" when absent or null */
int64_t client_int(const cJSON *object, const char *name);     /* -1 when absent or null */
bool client_is_true(const cJSON *object, const char *name);    /* false when absent */
const cJSON *client_get_member(const cJSON *object, const char *name);
/* First element of a list; walk on with ->next. NULL when it is empty or absent. */
const cJSON *client_first(const cJSON *object, const char *name);

#endif
