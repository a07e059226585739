/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_JSON_H
#define OAUTHRELAY_COMMON_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"
#include "common/strbuf.h"

/*
 * cJSON with the checks that foreign JSON needs: depth is limited before the recursive parser sees
 * it, the whole text must be one value, no NUL hides in a string. Lookups are case-sensitive and
 * take the first of duplicate keys. Any thread.
 */
enum {
	JSON_DEPTH_MAX = 16
};

/* Caller frees with cJSON_Delete(), or with the next where it may hold a secret. */
cJSON *json_parse(struct str text, struct err *err) MUST_CHECK;
/* Wipes all its strings and frees it; NULL allowed. */
void json_delete_wiped(cJSON *value);
/* A non-empty or empty string member; false when absent or of another type. The slice lives as
 * long as the object. */
bool json_get_str(const cJSON *object, const char *key, struct str *out) MUST_CHECK;
/* A whole number, or a string of decimal digits (as managed identity endpoints write numbers). A
 * number beyond the type's range is given as the nearest end of it. */
bool json_get_int(const cJSON *object, const char *key, int64_t *out) MUST_CHECK;
/* One line of printable ASCII, without spaces, appended; other characters as \uXXXX. */
void json_append(struct strbuf *out, const cJSON *value);
/* Adds a string member from a slice (not NUL-terminated). Bytes that are not valid UTF-8 become
 * U+FFFD, so that the result is always valid JSON. */
void json_add_str(cJSON *object, const char *key, struct str value);

#endif
