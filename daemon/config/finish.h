/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_FINISH_H
#define OAUTHRELAY_CONFIG_FINISH_H

#include "config/config.h"
#include "config/diag.h"

/*
 * What follows from the values of the file: addresses parsed, names filled in, endpoints put
 * together, secrets and keys fetched from where they are. Between loading and checking. Blocks.
 */
void finish_config(struct config *config, struct diag *diag);
/* Its part for users_file, which `user add` needs alone. */
void finish_users_file(struct config *config);

/* Its parts about the relay's way out and about one account (finish_account.c): login, tenant,
 * scope, endpoints and proxy. */
void finish_proxy(struct config *config, struct diag *diag);
void finish_account(const struct config *config, struct account_config *account, struct diag *diag);
/* Secrets, certificates and keys (finish_credential.c); client_secret becomes a credential. */
void finish_credentials(struct account_config *account, struct diag *diag);

/* Follows a reference that stands in *ref. what is its name in findings: "client_secret of account
 * \"scanner\""; place how it would be written better than as a value. False: a finding has been
 * made, or by hand it is out of reach. */
bool finish_secret(char *const *ref, const char *what, const char *place, struct secret *out,
		   struct diag *diag);

#endif
