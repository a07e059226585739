/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_CREDENTIAL_FILE_H
#define OAUTHRELAY_CONFIG_CREDENTIAL_FILE_H

#include "config/config.h"

/*
 * The certificate an application proves itself with (microsoft365.md 4.3), and its private key,
 * which lies in a file of its own or in the certificate's. Blocks. Any thread.
 */

/*
 * Reads what certificate and key_ref name into certificate_pem (the first certificate only), key
 * and expires_ms. Whatever holds the key is opened by the rules of secret files. The key must be
 * RSA of at least 2048 bits, without a passphrase, and the certificate's. The error names the file
 * and the cure; on failure credential is as before.
 */
bool credential_file_read(struct credential_config *credential, struct err *err) MUST_CHECK;

#endif
