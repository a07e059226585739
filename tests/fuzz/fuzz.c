/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

/* For targets that have nothing to prepare. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

void fuzz_check(bool kept, const char *promise)
{
	if (kept)
		return;
	fprintf(stderr, "not kept: %s\n", promise);
	abort();
}

unsigned fuzz_byte(struct str *in)
{
	if (in->n == 0)
		return 0;
	unsigned byte = (unsigned char)in->p[0];
	*in = str_skip(*in, 1);
	return byte;
}

void fuzz_cuts_init(struct fuzz_cuts *c, unsigned choice)
{
	*c = (struct fuzz_cuts){ .longest = choice, .state = choice };
}

struct str fuzz_cut(struct fuzz_cuts *c, struct str *rest)
{
	size_t n = rest->n;
	if (c->longest != 0) {
		c->state = c->state * 1103515245u + 12345u;
		n = 1 + (c->state >> 16) % c->longest;
	}
	struct str piece = str_head(*rest, n);
	*rest = str_skip(*rest, n);
	return piece;
}

void fuzz_check_canonical(struct str content)
{
	bool cr = false;
	for (size_t i = 0; i < content.n; i++) {
		char c = content.p[i];
		fuzz_check(c != '\0', "no NUL comes out");
		fuzz_check((c == '\n') == cr, "CR and LF come in pairs");
		cr = c == '\r';
	}
	fuzz_check(content.n == 0 || content.p[content.n - 1] == '\n', "content is whole lines");
}
