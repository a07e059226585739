/* SPDX-License-Identifier: MIT */
#include "oauth/oauth_error.h"

#include "common/attr.h"

/* clang-format off */
static const struct oauth_error_row errors[] = {
	/* RFC 6749 5.2 */
	{ "invalid_client", TOKEN_FAIL_CONFIG, true, ADVICE_CLIENT, "the endpoint does not know the application, or not by the credential it has shown" },
	{ "unauthorized_client", TOKEN_FAIL_CONFIG, false, ADVICE_MAY_NOT, "the application may not use this grant" },
	{ "invalid_scope", TOKEN_FAIL_CONFIG, false, ADVICE_SCOPE, "the scope is unknown, malformed, or more than may be asked for" },
	{ "invalid_request", TOKEN_FAIL_CONFIG, false, ADVICE_MALFORMED, "something in the request is missing, given twice or malformed" },
	{ "invalid_grant", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN, "the sign-in, its code or its refresh token has ended, was revoked or was used already" },
	{ "unsupported_grant_type", TOKEN_FAIL_CONFIG, false, ADVICE_ENDPOINT, "the endpoint does not have this grant" },
	/* RFC 6749 4.1.2.1, at the authorization endpoint */
	{ "access_denied", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN_RESTART, "whoever was to sign in, or the endpoint, has declined" },
	{ "unsupported_response_type", TOKEN_FAIL_CONFIG, false, ADVICE_ENDPOINT, "the endpoint does not sign anybody in by a code" },
	{ "server_error", TOKEN_FAIL_TRANSIENT, false, ADVICE_NONE, "something went wrong at the endpoint" },
	{ "temporarily_unavailable", TOKEN_FAIL_TRANSIENT, false, ADVICE_NONE, "the endpoint is overloaded or being worked on" },
	/* RFC 8628 3.5: device code */
	{ "authorization_pending", TOKEN_FAIL_POLL, false, ADVICE_NONE, "nobody has entered the code and signed in yet" },
	{ "slow_down", TOKEN_FAIL_POLL, false, ADVICE_NONE, "nobody has signed in yet, and the relay is to ask less often" },
	{ "expired_token", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN_RESTART, "the code was not entered in time" },
	/* Microsoft's own (microsoft365.md 4.4, 4.5) */
	{ "authorization_declined", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN_RESTART, "whoever entered the code has declined" },
	{ "bad_verification_code", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN_RESTART, "the endpoint does not know the device code" },
	{ "invalid_resource", TOKEN_FAIL_CONFIG, false, ADVICE_SCOPE, "what the scope names does not exist or is not set up in the tenant" },
	/* OpenID Connect Core 3.1.2.6 */
	{ "interaction_required", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN, "somebody has to do something that only a person can do" },
	{ "login_required", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN, "somebody has to sign in" },
	{ "consent_required", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN, "nobody has consented to what the application asks for" },
	{ "account_selection_required", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN, "somebody has to choose an account" },
	/* RFC 6750 3.1 */
	{ "invalid_token", TOKEN_FAIL_LOGIN, false, ADVICE_SIGN_IN, "the token has ended, was revoked or is malformed" },
	{ "insufficient_scope", TOKEN_FAIL_CONFIG, false, ADVICE_MAY_NOT, "the token is not for what it was used for" },
	/* Google's own */
	{ "deleted_client", TOKEN_FAIL_CONFIG, true, ADVICE_CLIENT, "the application has been deleted" },
	{ "disabled_client", TOKEN_FAIL_CONFIG, true, ADVICE_CLIENT, "the application has been switched off" },
	{ "admin_policy_enforced", TOKEN_FAIL_CONFIG, false, ADVICE_MAY_NOT, "an administrator of the organization does not allow the application" },
	{ "redirect_uri_mismatch", TOKEN_FAIL_CONFIG, false, ADVICE_MAY_NOT, "the address that the sign-in returns to is not registered" },
	/* A machine's own endpoint (microsoft365.md 4.7) */
	{ "bad_request", TOKEN_FAIL_CONFIG, false, ADVICE_IDENTITY, "the machine's identity endpoint does not have what was asked for" },
};

static const struct oauth_error_row troubles[] = {
	{ "dns", TOKEN_FAIL_TRANSIENT, false, ADVICE_NAME_SERVER, "no name server gives the token endpoint's address" },
	{ "connect", TOKEN_FAIL_TRANSIENT, false, ADVICE_FIREWALL, "no connection to the token endpoint comes about" },
	{ "timeout", TOKEN_FAIL_TRANSIENT, false, ADVICE_FIREWALL, "the token endpoint does not answer in time" },
	{ "tls", TOKEN_FAIL_TRANSIENT, false, ADVICE_TLS, "no TLS with the token endpoint comes about, or it has shown a certificate that cannot be trusted" },
	{ "proxy", TOKEN_FAIL_TRANSIENT, false, ADVICE_PROXY, "the proxy on the way to the token endpoint cannot be found, refuses or fails" },
	{ "too-big", TOKEN_FAIL_TRANSIENT, false, ADVICE_OTHER_SPEAKER, "the answer is larger than any token endpoint's" },
	{ "other", TOKEN_FAIL_TRANSIENT, false, ADVICE_NONE, "the request did not come off" },
	{ "bad-reply", TOKEN_FAIL_TRANSIENT, false, ADVICE_OTHER_SPEAKER, "the answer is none that a token endpoint gives" },
	{ "http-408", TOKEN_FAIL_TRANSIENT, false, ADVICE_NONE, "the endpoint has waited for the request for too long" },
	{ "http-429", TOKEN_FAIL_TRANSIENT, false, ADVICE_NONE, "the endpoint is asked too often, by this relay or by others of the tenant" },
	{ "http-2xx", TOKEN_FAIL_TRANSIENT, false, ADVICE_OTHER_SPEAKER, "the answer is a success without a token" },
	{ "http-3xx", TOKEN_FAIL_TRANSIENT, false, ADVICE_OTHER_SPEAKER, "the endpoint sends the relay somewhere else, which it does not follow" },
	{ "http-4xx", TOKEN_FAIL_TRANSIENT, false, ADVICE_OTHER_SPEAKER, "the endpoint refuses without saying why" },
	{ "http-5xx", TOKEN_FAIL_TRANSIENT, false, ADVICE_NONE, "the endpoint is in trouble" },
};
/* clang-format on */

static const struct oauth_error_row *find(const struct oauth_error_row *rows, size_t count,
					  struct str word)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(word, str_of(rows[i].error)))
			return &rows[i];
	return NULL;
}

const struct oauth_error_row *oauth_error_find(struct str error)
{
	return find(errors, ARRAY_LEN(errors), error);
}

const struct oauth_error_row *oauth_trouble_find(struct str code)
{
	char class[] = "http-?xx";
	const struct oauth_error_row *row = find(troubles, ARRAY_LEN(troubles), code);
	uint64_t status;
	if (row != NULL || code.n != sizeof(class) - 1 || !str_starts(code, STR("http-")) ||
	    !str_to_u64(str_skip(code, 5), 599, &status))
		return row;
	class[5] = code.p[5];
	return find(troubles, ARRAY_LEN(troubles), str_of(class));
}

const struct oauth_error_row *oauth_error_rows(size_t *count)
{
	*count = ARRAY_LEN(errors);
	return errors;
}

const struct oauth_error_row *oauth_trouble_rows(size_t *count)
{
	*count = ARRAY_LEN(troubles);
	return troubles;
}
