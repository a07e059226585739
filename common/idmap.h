/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_IDMAP_H
#define OAUTHRELAY_COMMON_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/str.h"
#include "common/strbuf.h"

/*
 * Ids of 16 random bytes, and a hash table from id to pointer (open addressing, one pointer a
 * slot: 10 to 20 bytes an entry). The table does not own what it points to. Loop's thread; the
 * functions on ids are for any.
 */
struct msgid {
	uint8_t b[16];
};

enum {
	MSGID_HEX = 32
};

struct msgid msgid_random(void);
bool msgid_equal(const struct msgid *a, const struct msgid *b);
void msgid_append(struct strbuf *out, const struct msgid *id);
bool msgid_parse(struct str hex, struct msgid *out) MUST_CHECK; /* 32 lower-case digits */
struct msgid_text {
	char hex[MSGID_HEX + 1];
};
struct msgid_text msgid_text(const struct msgid *id);

struct idmap;

/* id_offset: where in a value its struct msgid lies. */
struct idmap *idmap_new(size_t id_offset);
void idmap_free(struct idmap *map);				  /* NULL allowed; values stay */
void *idmap_get(const struct idmap *map, const struct msgid *id); /* NULL: not there */
void idmap_put(struct idmap *map, void *value);			  /* its id must not be there yet */
void idmap_remove(struct idmap *map, const struct msgid *id);	  /* nothing when it is not there */
size_t idmap_count(const struct idmap *map);
/* Walks: start with *at = 0; NULL at the end. No change of the table in between. */
void *idmap_next(const struct idmap *map, size_t *at);

#endif
