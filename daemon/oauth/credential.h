/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_CREDENTIAL_H
#define OAUTHRELAY_OAUTH_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"
#include "config/config.h"

/*
 * How an application can prove who it is, whether the configuration says so or `account secret` and
 * `account certificate` have added it. Owned by the list it is in; plain data otherwise.
 */
enum credential_kind {
	CREDENTIAL_NONE, /* a public client: its client_id alone */
	CREDENTIAL_SECRET,
	CREDENTIAL_CERTIFICATE,
	CREDENTIAL_FEDERATED,
};

struct credential {
	enum credential_kind kind;
	/* For people: "client secret", "credential 2 (certificate)", "secret added 2026-11-22".
	 * Never a part of the secret. */
	char label[64];
	struct secret secret;  /* SECRET */
	struct secret key_pem; /* CERTIFICATE, as the next three */
	char *certificate_pem;
	enum assertion_algorithm algorithm;
	enum assertion_thumbprint thumbprint;
	char *assertion_file; /* FEDERATED: read anew for each request */
	int64_t ends_ms;      /* wall clock; 0: not known */
	bool ends_assumed;    /* from the day it was first seen, for want of a date */
	int64_t added_ms;     /* by a command, wall clock; 0: by the configuration */
	bool pending;	      /* a certificate that Entra has not accepted yet */
};

struct credential_list {
	struct credential *v;
	size_t n;
};

void credential_done(struct credential *credential); /* wipes */
void credential_copy(struct credential *out, const struct credential *from);
bool credential_same(const struct credential *a, const struct credential *b);
void credential_list_done(struct credential_list *list);
/* Takes the content of credential over, which is empty afterwards. */
void credential_list_insert(struct credential_list *list, size_t at, struct credential *credential);
void credential_list_remove(struct credential_list *list, size_t at); /* wipes it */
void credential_list_copy(struct credential_list *out, const struct credential_list *from);
/*
 * What may be shown for this account, in the order of trying: those that were added, the newest
 * first, without the pending one; then the configuration's. Exactly one of kind NONE for a public
 * client; none for a managed identity.
 */
void credential_list_make(struct credential_list *out, const struct account_config *account,
			  const struct credential_list *added);

#endif
