/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_LOCKOUT_H
#define OAUTHRELAY_INBOUND_LOCKOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netaddr.h"
#include "common/str.h"
#include "config/config.h"

/*
 * Failed logins, counted for each address and for each user name, whether or not there is such a
 * user. limits.lock_after of them within limits.lock_time lock the address, or the name, for
 * limits.lock_time. The time of a count begins with its first failure.
 *
 * limits.lock_table addresses and as many names are kept; of more, the one that was not heard of
 * the longest is forgotten. Names are kept as digests (recent.h). Loop's thread; now is the
 * monotonic clock's.
 */
struct lockout;

struct lockout *lockout_new(void);
void lockout_free(struct lockout *lockout); /* NULL allowed */

/* Milliseconds until it may try again; 0: it is not locked. */
int64_t lockout_address_ms(struct lockout *lockout, const struct netaddr *addr, int64_t now);
int64_t lockout_name_ms(struct lockout *lockout, struct str name, int64_t now);

struct lockout_count {
	uint64_t address;    /* failures of the address, this one included */
	uint64_t name;	     /* failures for the name */
	bool address_locked; /* by this one */
	bool name_locked;
};
struct lockout_count lockout_failed(struct lockout *lockout, const struct inbound_limits *limits,
				    const struct netaddr *addr, struct str name, int64_t now);

#endif
