/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_PEERS_H
#define OAUTHRELAY_INBOUND_PEERS_H

#include <stddef.h>

#include "common/netaddr.h"

/*
 * How many connections each address has open, and how many messages are coming in through them: a
 * hash table with an entry for each address that has a connection. Loop's thread.
 */
struct peers;

struct peers *peers_new(void);
void peers_free(struct peers *peers); /* NULL allowed */
size_t peers_count(struct peers *peers, const struct netaddr *addr);
void peers_add(struct peers *peers, const struct netaddr *addr);
void peers_remove(struct peers *peers, const struct netaddr *addr);
/* Only while it has a connection; its messages are over before that is. */
size_t peers_messages(struct peers *peers, const struct netaddr *addr);
void peers_message_begun(struct peers *peers, const struct netaddr *addr);
void peers_message_over(struct peers *peers, const struct netaddr *addr);

#endif
