/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_RECENT_H
#define OAUTHRELAY_INBOUND_RECENT_H

#include <stddef.h>
#include <sys/queue.h>

#include "common/idmap.h"
#include "common/str.h"

/*
 * A bounded table of what foreign names and addresses have done lately; the entry that was not
 * asked for the longest goes first. Entries are found by a digest of what they are about (HMAC-
 * SHA256 under a random key of the table's own, cut to 128 bits), so a table holds no name and no
 * password, and nobody can choose what meets in it. Loop's thread.
 */
struct recent;

/* First member of an entry, which the table owns: it begins as zeros, and ends by free(). */
struct recent_entry {
	struct msgid key;
	TAILQ_ENTRY(recent_entry) link;
};

struct recent *recent_new(size_t entry_size);
void recent_free(struct recent *recent); /* NULL allowed */
size_t recent_count(const struct recent *recent);

/* Which parts follow each other matters: "ab" "c" is not "a" "bc". */
struct msgid recent_key(const struct recent *recent, const struct str *parts, size_t count);
/* NULL: not there. It becomes the youngest. */
void *recent_get(struct recent *recent, const struct msgid *key);
/* The same, made when it is not there, in place of the oldest beyond max (at least 1). */
void *recent_put(struct recent *recent, const struct msgid *key, size_t max);
void recent_remove(struct recent *recent, void *entry);

#endif
