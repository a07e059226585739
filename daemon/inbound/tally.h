/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_TALLY_H
#define OAUTHRELAY_INBOUND_TALLY_H

#include <stddef.h>

/*
 * How many connections each device has open, over all its addresses: a count by name, with an entry
 * only while it is not zero. By name, because a device outlives the configuration it stood in when
 * a connection began. Loop's thread.
 */
struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *tally); /* NULL allowed */
size_t tally_count(const struct tally *tally, const char *name);
void tally_add(struct tally *tally, const char *name);
void tally_remove(struct tally *tally, const char *name);

#endif
