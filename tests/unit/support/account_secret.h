/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_ACCOUNT_SECRET_H
#define OAUTHRELAY_TESTS_ACCOUNT_SECRET_H

#include <stdlib.h>

#include "common/mem.h"
#include "config/config.h"

/* Gives an account that a test has filled by hand its one credential: a client secret. */
static inline void account_secret_set(struct account_config *account, struct str value)
{
	if (account->credentials == NULL) {
		account->credentials = mem_zalloc(sizeof(*account->credentials));
		account->credential_count = 1;
	}
	secret_set(&account->credentials[0].secret, value);
}

static inline void account_secret_done(struct account_config *account)
{
	if (account->credentials != NULL)
		secret_done(&account->credentials[0].secret);
	free(account->credentials);
	account->credentials = NULL;
	account->credential_count = 0;
}

#endif
