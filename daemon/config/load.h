/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_LOAD_H
#define OAUTHRELAY_CONFIG_LOAD_H

#include <stdbool.h>

#include "common/err.h"
#include "config/config.h"
#include "config/diag.h"

/*
 * From the file to the struct by the schema: types, ranges, unknown and missing keys. What follows
 * from the values is finish.h, what they mean together is check.h. Blocks on files; any thread.
 */
struct config_t;

/* Parses into parsed (the caller's: config_init() and config_destroy() of libconfig). False with a
 * finding: unreadable, or a syntax error, which is then the only finding. */
bool load_parse(struct config_t *parsed, struct diag *diag) MUST_CHECK;
/* Fills a zeroed config; goes on after each finding. */
void load_config(const struct config_t *parsed, struct config *config, struct diag *diag);

/* Wipes the strings of a parsed file, one of which may be a secret, before it is freed. */
void load_wipe(struct config_t *parsed);

#endif
