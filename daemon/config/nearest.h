/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_NEAREST_H
#define OAUTHRELAY_CONFIG_NEAREST_H

#include <stddef.h>

#include "common/str.h"

/*
 * "Did you mean ...?": the known word that a misspelt one was most likely meant to be. Pure.
 */

/* Number of letters to insert, remove, change or swap with their neighbour to get from a to b,
 * without regard to case; words of more than 64 letters are as far apart as can be. */
size_t edit_distance(struct str a, struct str b);

struct nearest {
	struct str word;
	const char *best; /* NULL: none is near enough to be worth a word */
	size_t distance;
};

void nearest_begin(struct nearest *n, struct str word);
void nearest_offer(struct nearest *n, const char *candidate);

#endif
