/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_FILES_H
#define OAUTHRELAY_INBOUND_FILES_H

#include <openssl/types.h>
#include <stddef.h>

#include "config/config.h"
#include "config/users.h"
#include "inbound/inbound.h"

/*
 * What comes from files besides the configuration: users, and a TLS context of each profile for
 * each listener that offers TLS. Made by inbound_files_load() on any thread, then read only.
 * Counted, because a session keeps what it began with; the count is for the loop's thread.
 */
struct inbound_files {
	unsigned refs;
	uint64_t signature; /* inbound_files_signature() from before they were read */
	struct users *users;
	/* For each listener of the configuration; NULLs where it has no TLS. */
	SSL_CTX *(*contexts)[TLS_PROFILE_COUNT];
	size_t context_count;
};

struct inbound_files *inbound_files_ref(struct inbound_files *files);
/* NULL where the listener has no TLS, or is not of this configuration. */
SSL_CTX *inbound_files_context(const struct inbound_files *files, size_t listener,
			       enum tls_profile profile);

#endif
