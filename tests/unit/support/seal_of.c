/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/seal_of.h"

#include <stdlib.h>
#include <string.h>

void seal_of_add(struct seal *seal, char fill)
{
	char bytes[SEAL_KEY_BYTES];
	struct secret key = { 0 };
	struct err err;
	memset(bytes, fill, sizeof(bytes));
	secret_set(&key, (struct str){ bytes, sizeof(bytes) });
	if (!seal_add_key(seal, &key, &err))
		abort();
	secret_done(&key);
}

struct seal *seal_of(char fill)
{
	struct seal *seal = seal_new();
	seal_of_add(seal, fill);
	return seal;
}
