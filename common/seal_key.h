/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_SEAL_KEY_H
#define OAUTHRELAY_COMMON_SEAL_KEY_H

#include "common/seal.h"

/*
 * Where the sealing key comes from: the reference of the configuration if there is one; else the
 * systemd credential "seal.key" (LoadCredentialEncrypted=, with a TPM where there is one), else the
 * file seal.key in folder, made at the first start: 32 random bytes, mode 0600, durable before it
 * is used, owned by the folder's owner. A file that is there is always added as a further key, so
 * that moving the key into a credential costs nothing. Blocks.
 *
 * may_make false: a missing key is an error that says what to do. An error also when a key file can
 * be read by others (it names the command that mends it).
 */
bool seal_key_load(struct seal *seal, const char *reference, const char *folder, bool may_make,
		   struct err *err) MUST_CHECK;

#endif
