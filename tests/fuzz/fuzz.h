/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_FUZZ_H
#define OAUTHRELAY_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/*
 * What the fuzz targets share. A target reads its choices from the first bytes of the input and
 * takes the rest for what it is; its header comment says how, since tests/fuzz/seeds.py has to
 * write the same.
 */

/* Called by libFuzzer, or by replay.c. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise: says which, and aborts, which is how libFuzzer learns of it. */
void fuzz_check(bool kept, const char *promise);

/* The next byte of the input; 0 behind its end. */
unsigned fuzz_byte(struct str *in);

/* Segments: lengths that follow from one byte of the input. 0: all in one; 1: single bytes; else
 * of changing length, up to that many. */
struct fuzz_cuts {
	unsigned longest;
	uint32_t state;
};
void fuzz_cuts_init(struct fuzz_cuts *c, unsigned choice);
struct str fuzz_cut(struct fuzz_cuts *c, struct str *rest); /* the next piece off *rest */

/* No CR without its LF, no LF without its CR, no NUL; whole lines, unless it is empty. */
void fuzz_check_canonical(struct str content);

#endif
