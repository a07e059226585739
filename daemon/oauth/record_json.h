/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_RECORD_JSON_H
#define OAUTHRELAY_OAUTH_RECORD_JSON_H

#include <cjson/cJSON.h>

#include "oauth/account_record.h"

/*
 * An account's record as members of a JSON object, for account_record.c, which seals it. What is
 * zero or empty has no member, and members that are not known are passed over. The object holds
 * secrets: whoever deletes it wipes it. Pure.
 */

/* False: a secret is too long or holds a NUL, or there are too many of something. */
bool record_json_fill(cJSON *object, const struct account_record *record, struct err *err)
	MUST_CHECK;
/* out is all zero before. False: a member is not what it should be; out is then for
 * account_record_done(). */
bool record_json_read(const cJSON *object, struct account_record *out) MUST_CHECK;

#endif
