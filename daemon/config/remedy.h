/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_REMEDY_H
#define OAUTHRELAY_CONFIG_REMEDY_H

#include "common/strbuf.h"
#include "config/config.h"

/*
 * Remedies are texts in tables, with placeholders that are filled with an account's own names:
 * {account} {mailbox} {tenant} {client_id} {host} {permission} {permission_api}, and {rights}, the
 * commands that give Exchange's to whom the account's grant makes known to it. What the account
 * does not have, and everything where account is NULL, is said in words: <your tenant id>. An
 * unknown placeholder stays as it is (a test walks the tables for that). Pure.
 */
void remedy_append(struct strbuf *out, const char *text, const struct account_config *account);

#endif
