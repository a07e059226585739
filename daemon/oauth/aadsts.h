/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_AADSTS_H
#define OAUTHRELAY_OAUTH_AADSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oauth/advice.h"
#include "oauth/token_failure.h"

/*
 * What Microsoft's token endpoint means by its AADSTS numbers (microsoft365.md 4.12): how to take
 * each, and what an administrator can do. Microsoft may change numbers without notice, so a number
 * that is not here falls back to the reply's `error` (oauth/token_response.h). Pure.
 */
struct aadsts_row {
	uint32_t code;
	enum token_failure_class class;
	bool credential; /* the one that was shown is at fault; another may do */
	int64_t wait_ms; /* no other try before that; 0: the usual schedule */
	enum advice advice;
	const char *meaning; /* half a sentence, for `oauthrelay explain` */
};

/* NULL when the number is not known. */
const struct aadsts_row *aadsts_find(uint32_t code);
/* All of them, by ascending code. */
const struct aadsts_row *aadsts_rows(size_t *count);

#endif
