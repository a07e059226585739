/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_LOGIN_CACHE_H
#define OAUTHRELAY_INBOUND_LOGIN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netaddr.h"
#include "common/str.h"
#include "config/config.h"
#include "config/users.h"

/*
 * Logins that have succeeded, so that a printer which logs in for each page costs no password hash.
 * An entry is a keyed digest of name, password, stored hash and client's address (see recent.h):
 * a password that was changed in the users file is not found any more, and another address has to
 * show the password to the hash once. limits.login_cache of them, each for limits.login_cache_time
 * since it was last of use; either may be 0.
 *
 * Microseconds a call. Loop's thread; now is the monotonic clock's.
 */
struct login_cache;

struct login_cache *login_cache_new(void);
void login_cache_free(struct login_cache *cache); /* NULL allowed */
size_t login_cache_count(const struct login_cache *cache);

struct login {
	const struct user *user; /* NULL: nobody, who is never found but takes the same time */
	struct str password;
	const struct netaddr *addr;
};
void login_cache_add(struct login_cache *cache, const struct inbound_limits *limits,
		     const struct login *login, int64_t now);
bool login_cache_has(struct login_cache *cache, const struct inbound_limits *limits,
		     const struct login *login, int64_t now);

#endif
