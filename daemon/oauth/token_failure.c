/* SPDX-License-Identifier: MIT */
#include "oauth/token_failure.h"

const char *token_failure_class_name(enum token_failure_class class)
{
	static const char *const names[TOKEN_FAIL_COUNT] = {
		[TOKEN_FAIL_TRANSIENT] = "transient",
		[TOKEN_FAIL_CONFIG] = "configuration",
		[TOKEN_FAIL_LOGIN] = "sign-in",
		[TOKEN_FAIL_POLL] = "pending",
	};
	return names[class];
}
