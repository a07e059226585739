/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_CHECK_H
#define OAUTHRELAY_CONFIG_CHECK_H

#include "config/config.h"
#include "config/diag.h"

/*
 * Rules between keys, and of keys with the world: what must not be (errors) and what is probably
 * not meant (warnings). Sees the finished struct only; the file's lines come from diag. Blocks on
 * looking at files; changes nothing. Any thread.
 */
void check_config(const struct config *config, struct diag *diag);

/* Its part about one account (check_account.c); about how it gets tokens (check_grant.c), from
 * where (check_endpoint.c) and with which credentials (check_credential.c). */
struct provider;
void check_account(const struct account_config *account, struct diag *diag);
/* provider NULL: it is misspelt, which has been said. */
void check_grant(const struct account_config *account, const struct provider *provider,
		 struct diag *diag);
void check_endpoints(const struct account_config *account, const struct provider *provider,
		     struct diag *diag);
void check_credentials(const struct account_config *account, struct diag *diag);
/* Of the relay, or of an account; what is its name in findings. */
void check_proxy(const struct proxy_config *proxy, const char *what, struct diag *diag);
/* A file the program will have to read; what is its name in findings. */
void check_readable(const char *path, const void *field, const char *what, struct diag *diag);

#endif
