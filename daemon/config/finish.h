/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_FINISH_H
#define OAUTHRELAY_CONFIG_FINISH_H

#include "config/config.h"
#include "config/diag.h"

/*
 * What follows from the values of the file: addresses parsed, names filled in, token endpoints put
 * together, secrets fetched from where they are. Between loading and checking. Blocks.
 */
/* Its part for users_file, which `user add` needs alone. */
void finish_users_file(struct config *config);
void finish_config(struct config *config, struct diag *diag);

#endif
