/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_OAUTH_ERROR_H
#define OAUTHRELAY_OAUTH_OAUTH_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"
#include "oauth/advice.h"
#include "oauth/token_failure.h"

/*
 * What an endpoint means by the word in `error` (RFC 6749 4.1.2.1 and 5.2, RFC 8628 3.5, OpenID
 * Connect Core 3.1.2.6, RFC 6750 3.1, and what Microsoft and Google add), and what it means when
 * there is no such answer at all. For replies without an AADSTS number that is known. Pure.
 */
struct oauth_error_row {
	const char *error;
	enum token_failure_class class;
	bool credential; /* the one that was shown is at fault; another may do */
	enum advice advice;
	const char *meaning; /* half a sentence */
};

/* NULL when the word is not known. */
const struct oauth_error_row *oauth_error_find(struct str error);
/* For token_failure.code of a request that was not answered by the endpoint, or not as it should:
 * "dns", "timeout", "bad-reply", "http-429". NULL: it is none of those. */
const struct oauth_error_row *oauth_trouble_find(struct str code);

/* All of them, for tests and for `oauthrelay explain`. */
const struct oauth_error_row *oauth_error_rows(size_t *count);
const struct oauth_error_row *oauth_trouble_rows(size_t *count);

#endif
