/* SPDX-License-Identifier: MIT */
#include "inbound/peers.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	BUCKETS = 1024
};

struct peer {
	struct peer *next;
	struct netaddr addr;
	size_t count;
	size_t messages;
};

struct peers {
	struct peer *buckets[BUCKETS];
	uint64_t seed; /* so that nobody can choose addresses that share a bucket */
};

struct peers *peers_new(void)
{
	struct peers *peers = mem_zalloc(sizeof(*peers));
	/* Without randomness the table is slower at worst. */
	if (RAND_bytes((unsigned char *)&peers->seed, sizeof(peers->seed)) != 1)
		peers->seed = 0;
	return peers;
}

void peers_free(struct peers *peers)
{
	if (peers == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct peer *peer;
		while ((peer = peers->buckets[i]) != NULL) {
			peers->buckets[i] = peer->next;
			free(peer);
		}
	}
	free(peers);
}

static struct peer **slot_of(struct peers *peers, const struct netaddr *addr)
{
	uint64_t hash = peers->seed;
	for (size_t i = 0; i < sizeof(addr->b); i++)
		hash = (hash ^ addr->b[i]) * 0x100000001b3;
	struct peer **slot = &peers->buckets[(hash >> 32) % BUCKETS];
	while (*slot != NULL && memcmp(&(*slot)->addr, addr, sizeof(*addr)) != 0)
		slot = &(*slot)->next;
	return slot;
}

size_t peers_count(struct peers *peers, const struct netaddr *addr)
{
	const struct peer *peer = *slot_of(peers, addr);
	return peer != NULL ? peer->count : 0;
}

void peers_add(struct peers *peers, const struct netaddr *addr)
{
	struct peer **slot = slot_of(peers, addr);
	if (*slot == NULL) {
		*slot = mem_zalloc(sizeof(**slot));
		(*slot)->addr = *addr;
	}
	(*slot)->count++;
}

void peers_remove(struct peers *peers, const struct netaddr *addr)
{
	struct peer **slot = slot_of(peers, addr);
	struct peer *peer = *slot;
	if (peer == NULL || --peer->count != 0)
		return;
	*slot = peer->next;
	free(peer);
}

size_t peers_messages(struct peers *peers, const struct netaddr *addr)
{
	const struct peer *peer = *slot_of(peers, addr);
	return peer != NULL ? peer->messages : 0;
}

void peers_message_begun(struct peers *peers, const struct netaddr *addr)
{
	struct peer *peer = *slot_of(peers, addr);
	if (peer != NULL)
		peer->messages++;
}

void peers_message_over(struct peers *peers, const struct netaddr *addr)
{
	struct peer *peer = *slot_of(peers, addr);
	if (peer != NULL)
		peer->messages--;
}
