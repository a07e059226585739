/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_SEAL_OF_H
#define OAUTHRELAY_TESTS_SEAL_OF_H

#include "common/seal.h"

/* With one key, all of whose bytes are this. */
struct seal *seal_of(char fill);
/* One more of the kind. */
void seal_of_add(struct seal *seal, char fill);

#endif
