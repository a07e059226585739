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

/* Its part about one account (check_account.c). */
void check_account(const struct account_config *account, struct diag *diag);
/* A file the program will have to read; what is its name in findings. */
void check_readable(const char *path, const void *field, const char *what, struct diag *diag);

#endif
