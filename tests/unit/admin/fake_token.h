/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_FAKE_TOKEN_H
#define OAUTHRELAY_TESTS_FAKE_TOKEN_H

#include "oauth/token.h"
#include "tests/unit/admin/admin_world.h"

/*
 * An account with a token, of which only its status exists: whatever the test puts into token_now.
 * Who includes this names token_status in its WRAP line.
 */
static struct token_status token_now;
static struct credential_list token_credentials;
static struct expiry_list token_expiries;
static bool token_refused[4];

void __wrap_token_status(const struct token *token, struct token_status *out);

void __wrap_token_status(const struct token *token, struct token_status *out)
{
	assert_ptr_equal(token, &token_now);
	*out = token_now;
}

static int set_up_token(void **state)
{
	set_up(state);
	account.token = (struct token *)(void *)&token_now;
	memset(token_refused, 0, sizeof(token_refused));
	token_credentials = (struct credential_list){ 0 };
	token_expiries = (struct expiry_list){ 0 };
	token_now = (struct token_status){ .state = TOKEN_VALID,
					   .good_for_ms = 59001,
					   .serving = "",
					   .credentials = &token_credentials,
					   .refused = token_refused,
					   .expiries = &token_expiries };
	return 0;
}

#endif
