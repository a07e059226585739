/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_FILES_H
#define OAUTHRELAY_INBOUND_FILES_H

#include <openssl/types.h>
#include <stddef.h>

#include "config/config.h"
#include "config/users.h"
#include "inbound/inbound.h"

/*
 * What comes from files besides the configuration: users, and a TLS context for each listener that
 * offers TLS. Made by inbound_files_load() on any thread, then read only. Counted, because a
 * session keeps what it began with; the count is for the loop's thread.
 */
struct inbound_files {
	unsigned refs;
	struct users *users;
	SSL_CTX **
		contexts; /* one for each listener of the configuration; NULL where it has no TLS */
	size_t context_count;
};

struct inbound_files *inbound_files_ref(struct inbound_files *files);

#endif
