/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_ASSERTION_FILE_H
#define OAUTHRELAY_OAUTH_ASSERTION_FILE_H

#include "common/err.h"
#include "common/secret.h"

/*
 * The file of a federated credential: one JWT in compact form (RFC 7515 section 3.1) that another
 * program renews, at most SECRET_MAX bytes, with at most one line end behind it. Out comes the JWT
 * as it is. Who else may read the file is not looked at: that program decides (Kubernetes writes it
 * world-readable into a container of its own). An error names the file and the cure, never what is
 * in it. Blocks, but not for a FIFO in its place. Any thread.
 */
bool assertion_file_read(const char *path, struct secret *out, struct err *err) MUST_CHECK;

#endif
