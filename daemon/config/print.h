/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_PRINT_H
#define OAUTHRELAY_CONFIG_PRINT_H

#include <cjson/cJSON.h>

#include "common/strbuf.h"
#include "config/config.h"

/*
 * The configuration for people and programs: effective values, presets and defaults filled in. A
 * secret comes out only as the reference to its file, everything else of it as asterisks. Pure.
 */

#define PRINT_MASK "********"

/* Same shape as the file; what is not set is null. Caller frees with cJSON_Delete(). */
cJSON *print_json(const struct config *config);
/* In the file's own syntax; what is not set is a comment. Reads back to the same configuration,
 * masked secrets apart. */
void print_text(struct strbuf *out, const struct config *config);
/* The table of keys (`config keys`). only: a section, or keys by path or last word, or empty
 * for all; false when there is no such thing. */
bool print_keys(struct strbuf *out, struct str only);
cJSON *print_keys_json(struct str only); /* NULL when there is no such thing */

#endif
