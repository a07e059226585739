/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_PEERS_H
#define OAUTHRELAY_INBOUND_PEERS_H

#include <stddef.h>

#include "common/netaddr.h"

/*
 * How many connections each address has open: a hash table with an entry for each address that has
 * any. Loop's thread.
 */
struct peers;

struct peers *peers_new(void);
void peers_free(struct peers *peers); /* NULL allowed */
size_t peers_count(struct peers *peers, const struct netaddr *addr);
void peers_add(struct peers *peers, const struct netaddr *addr);
void peers_remove(struct peers *peers, const struct netaddr *addr);

#endif
