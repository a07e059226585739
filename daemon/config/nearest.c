/* SPDX-License-Identifier: MIT */
#include "config/nearest.h"

#include <stdint.h>

enum {
	WORD_MAX = 64
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Three rows of the usual table (Damerau's distance with adjacent swaps only). */
size_t edit_distance(struct str a, struct str b)
{
	size_t rows[3][WORD_MAX + 1] = { { 0 } };
	if (a.n > WORD_MAX || b.n > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3];
		const size_t *higher = rows[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			bool same = ascii_lower(a.p[i - 1]) == ascii_lower(b.p[j - 1]);
			now[j] = least(least(above[j] + 1, now[j - 1] + 1),
				       above[j - 1] + (same ? 0 : 1));
			if (i > 1 && j > 1 && ascii_lower(a.p[i - 1]) == ascii_lower(b.p[j - 2]) &&
			    ascii_lower(a.p[i - 2]) == ascii_lower(b.p[j - 1]))
				now[j] = least(now[j], higher[j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

void nearest_begin(struct nearest *n, struct str word)
{
	/* One slip in three letters is a misprint; more is another word. */
	size_t worst = word.n <= 3 ? 1 : (word.n + 2) / 3;
	*n = (struct nearest){ .word = word, .distance = worst + 1 };
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t distance = edit_distance(n->word, str_of(candidate));
	if (distance < n->distance) {
		n->distance = distance;
		n->best = candidate;
	}
}
