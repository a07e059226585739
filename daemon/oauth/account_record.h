/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_ACCOUNT_RECORD_H
#define OAUTHRELAY_OAUTH_ACCOUNT_RECORD_H

#include <stdint.h>

#include "common/err.h"
#include "common/seal.h"
#include "common/secret.h"
#include "oauth/credential.h"

/*
 * What an account must remember over a restart: its tokens, the credentials that commands have
 * added, and since when it has known each secret. One sealed value of the state per account, named
 * "accounts/NAME"; the seal's context holds the account's name. Written only by the account's
 * struct token in the daemon, and by `oauthrelay login` while no daemon runs. Times are wall clock
 * milliseconds, 0 for never. Pure.
 */
enum {
	RECORD_ADDED_MAX = 4, /* credentials; the oldest goes */
	RECORD_SEEN_MAX = 16,
	RECORD_DIGEST_BYTES = 32,
};

struct seen_secret {
	unsigned char digest[RECORD_DIGEST_BYTES]; /* SHA-256 of the secret */
	int64_t first_ms;
};

struct account_record {
	/* What the tokens are for (token endpoint, client id, scope, grant, sign-in), hashed. With
	 * another configuration they are worth nothing. "" when there are none. */
	char binding[65];
	struct secret access_token;
	int64_t access_got_ms;
	int64_t access_ends_ms;
	struct secret refresh_token;
	int64_t refresh_used_ms; /* when the endpoint last took or gave it */
	int64_t signed_in_ms;
	struct credential_list added; /* the newest first; with a pending certificate among them */
	char added_binding[65];	      /* token endpoint and client id, hashed */
	struct seen_secret seen[RECORD_SEEN_MAX];
	size_t seen_count;
};

void account_record_done(struct account_record *record); /* wipes; may be used again */
/* "accounts/NAME" */
void account_record_name(struct strbuf *out, const char *account);
void account_record_binding(const struct account_config *account, char out[65]);
void account_record_added_binding(const struct account_config *account, char out[65]);

bool account_record_close(const struct account_record *record, const char *account,
			  const struct seal *seal, struct strbuf *out, struct err *err) MUST_CHECK;
/* record is untouched unless SEAL_OK. A value of a newer version is SEAL_DAMAGED with words that
 * say so. */
enum seal_failure account_record_open(struct account_record *record, const char *account,
				      const struct seal *seal, struct str sealed, struct err *err)
	MUST_CHECK;

#endif
