/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_ADVICE_H
#define OAUTHRELAY_OAUTH_ADVICE_H

#include <stddef.h>

struct account_config;

/*
 * What to do when there is no token, and who can do it: the texts behind the tables of error codes
 * (oauth/aadsts.h, oauth/oauth_error.h). With the placeholders of config/remedy.h. Pure.
 */
enum advice {
	ADVICE_NONE, /* it passes by itself */
	/* The credential */
	ADVICE_SECRET_WRONG,
	ADVICE_SECRET_ENDED,
	ADVICE_CERTIFICATE,
	ADVICE_ASSERTION_TIME,
	ADVICE_ASSERTION,
	ADVICE_FEDERATION,
	ADVICE_PUBLIC_CLIENT,
	ADVICE_NO_CREDENTIAL,
	ADVICE_CLIENT,
	/* Application and tenant */
	ADVICE_NO_APPLICATION,
	ADVICE_APPLICATION_OFF,
	ADVICE_NO_TENANT,
	ADVICE_REAL_TENANT,
	ADVICE_WRONG_CLOUD,
	ADVICE_RESTRICTED,
	ADVICE_IDENTITY,
	/* The request */
	ADVICE_MALFORMED,
	ADVICE_UNKNOWN,
	ADVICE_SCOPE,
	ADVICE_SCOPE_DEFAULT,
	ADVICE_GRANT,
	ADVICE_MAY_NOT,
	ADVICE_RESOURCE,
	ADVICE_REDIRECT,
	ADVICE_SINGLE_PAGE,
	ADVICE_VERIFIER,
	ADVICE_ENDPOINT,
	/* Permissions */
	ADVICE_CONSENT,
	ADVICE_PERMISSIONS,
	ADVICE_DECLINED,
	ADVICE_ASSIGN,
	/* The user and the sign-in */
	ADVICE_FIRST_SIGN_IN,
	ADVICE_SIGN_IN,
	ADVICE_SEALED_ELSEWHERE,
	ADVICE_SEAL_KEY,
	ADVICE_SIGN_IN_UNUSED,
	ADVICE_SIGN_IN_REVOKED,
	ADVICE_SIGN_IN_FREQUENCY,
	ADVICE_SIGN_IN_RESTART,
	ADVICE_NO_USER,
	ADVICE_PASSWORD_WRONG,
	ADVICE_PASSWORD_ENDED,
	ADVICE_LOCKED,
	ADVICE_USER_OFF,
	/* Policies */
	ADVICE_SECOND_FACTOR,
	ADVICE_DEVICE_POLICY,
	ADVICE_ACCESS_POLICY,
	ADVICE_RISK,
	ADVICE_SECURITY_DEFAULTS,
	ADVICE_DEVICE_CODE_POLICY,
	/* The way there */
	ADVICE_NAME_SERVER,
	ADVICE_FIREWALL,
	ADVICE_PROXY,
	ADVICE_TLS,
	ADVICE_OTHER_SPEAKER,
	ADVICE_COUNT
};

/* For this account's grant; NULL: nothing is known of the account, the usual case. "" only for
 * ADVICE_NONE. */
const char *advice_remedy(enum advice advice, const struct account_config *account);
/* Who can follow it: "whoever looks after this relay", ... */
const char *advice_fixer(enum advice advice);

#endif
