/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_CLAIMS_H
#define OAUTHRELAY_OAUTH_TOKEN_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

struct account_config;

/*
 * What an access token says about itself, where it is a JWT (microsoft365.md 4.9). For diagnostics
 * only: nothing is verified, nothing is ever refused for it, and a token that cannot be read, as
 * those of outlook.com and Google, is as good as another. All texts are bounded and printable, and
 * never a part of the token itself. Pure.
 */
enum {
	CLAIM_MAX = 256,
	CLAIM_LIST_MAX = 1024,
	CLAIMS_FINDINGS_MAX = 8,
};

struct token_claims {
	char audience[CLAIM_MAX];
	char scopes[CLAIM_LIST_MAX]; /* delegated: words with blanks between them */
	char roles[CLAIM_LIST_MAX];  /* the application's own */
	char app_id[CLAIM_MAX];
	char object_id[CLAIM_MAX];
	char tenant_id[CLAIM_MAX];
	char user[CLAIM_MAX]; /* who has signed in */
	int64_t ends_s;	      /* since 1970; 0: it does not say */
};

/* False: it is opaque, and claims are empty. */
bool token_claims_read(struct token_claims *claims, struct str token);

enum claims_weight {
	CLAIMS_NOTE,	/* may be meant so */
	CLAIMS_WARNING, /* mail will hardly get out like this */
};

struct claims_finding {
	enum claims_weight weight;
	struct err text;
	struct err remedy; /* "" for a note that needs none */
};

/* What looks wrong for this account; how many findings there are. claims NULL: an opaque token. */
size_t token_claims_judge(const struct token_claims *claims, const struct account_config *account,
			  int64_t now_wall_ms, struct claims_finding out[CLAIMS_FINDINGS_MAX]);

#endif
