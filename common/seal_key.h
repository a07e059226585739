/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_SEAL_KEY_H
#define OAUTHRELAY_COMMON_SEAL_KEY_H

#include "common/seal.h"

/*
 * Where the sealing key comes from: the reference of the configuration if there is one; else the
 * systemd credential "seal.key" (LoadCredentialEncrypted=, with a TPM where there is one), else the
 * file seal.key in folder, made at the first start: mode 0600, durable before it is used, owned by
 * the folder's owner. The file is read as a further key where another comes first, so that moving
 * the key into a credential costs nothing. Blocks.
 *
 * A key is one line of text wherever it lies: 32 random bytes in base64, as `openssl rand -base64
 * 32` prints them, so that it passes through credentials, environments and editors unharmed.
 *
 * may_make false: a missing key is an error that says what to do. An error also when a key file can
 * be read by others (it names the command that mends it); seal is then for seal_free() only.
 */
#define SEAL_KEY_FILE "seal.key"

bool seal_key_load(struct seal *seal, const char *reference, const char *folder, bool may_make,
		   struct err *err) MUST_CHECK;

#endif
