/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_AUTH_CODE_H
#define OAUTHRELAY_OAUTH_AUTH_CODE_H

#include "common/secret.h"
#include "common/strbuf.h"
#include "oauth/token_failure.h"

struct account_config;

/*
 * Signing in with a browser (RFC 6749 4.1 with RFC 7636, microsoft365.md 4.4): the address that the
 * browser is sent to, and what comes back. The state holds the account's name and 256 random bits:
 * an answer to anything else than this very attempt is told from one that counts. What comes back
 * is foreign: bounded, decoded once, made printable. Pure, but for OpenSSL's digest.
 */
enum {
	AUTH_CODE_ENTROPY = 64,	      /* bytes */
	AUTH_CODE_ANSWER_MAX = 16384, /* bytes of an address line or a query */
	AUTH_CODE_BYTES_MAX = 8192,
};

struct auth_code {
	struct secret verifier; /* goes with the code to the token endpoint, and nowhere else */
	char challenge[44];	/* S256 of it */
	char *state;
	char *redirect_uri;
};

/* entropy is random and used for nothing else; the caller wipes it. */
void auth_code_init(struct auth_code *attempt, const char *account, const char *redirect_uri,
		    const unsigned char entropy[AUTH_CODE_ENTROPY]);
void auth_code_done(struct auth_code *attempt); /* wipes */

/* Parameters that authorization_endpoint has already (RFC 6749 3.1) stay as they are and take the
 * place of ours of the same name: so a provider that wants others can be served by its address:
 * "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent". */
void auth_code_url(const struct auth_code *attempt, const struct account_config *account,
		   struct strbuf *out);

enum auth_code_verdict {
	AUTH_CODE_TAKEN,   /* there is a code */
	AUTH_CODE_REFUSED, /* the answer to this attempt is no */
	AUTH_CODE_FOREIGN, /* no answer to this attempt: go on waiting for one */
};

/* query: what stood behind the "?" of the redirect. failure says why unless TAKEN; code is
 * untouched then. */
enum auth_code_verdict auth_code_read(const struct auth_code *attempt, struct str query,
				      const struct account_config *account, struct secret *code,
				      struct token_failure *failure) MUST_CHECK;
/* The same for what somebody has copied from the address line of a browser. */
enum auth_code_verdict auth_code_read_line(const struct auth_code *attempt, struct str line,
					   const struct account_config *account,
					   struct secret *code, struct token_failure *failure)
	MUST_CHECK;

#endif
