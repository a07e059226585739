/* SPDX-License-Identifier: MIT */
#include "common/secret.h"

#include <stdlib.h>
#include <string.h>

void secret_wipe(void *p, size_t n)
{
	if (n != 0)
		explicit_bzero(p, n);
}

void secret_set(struct secret *s, struct str value)
{
	char *copy = str_dup(value); /* first: value may be a part of s */
	secret_done(s);
	*s = (struct secret){ .p = copy, .n = value.n };
}

void secret_done(struct secret *s)
{
	secret_wipe(s->p, s->n);
	free(s->p);
	*s = (struct secret){ 0 };
}

struct str secret_reveal(const struct secret *s)
{
	return (struct str){ s->p != NULL ? s->p : "", s->n };
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	unsigned char differences = 0;
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		differences |= (unsigned char)((unsigned char)a->p[i] ^ (unsigned char)b->p[i]);
	return differences == 0;
}
