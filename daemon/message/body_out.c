/* SPDX-License-Identifier: MIT */
#include "message/body_out.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

/* Out of memory: see common/mem.h. */
static void put(struct evbuffer *out, const char *p, size_t n)
{
	if (evbuffer_add(out, p, n) != 0)
		abort();
}

void body_out_init(struct body_out *b)
{
	/* The line of the DATA command counts: the content begins at the start of a line. */
	*b = (struct body_out){ .last = '\n' };
}

/* An LF stands behind a CR and nothing else does; no NUL. */
static bool canonical(char last, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		char c = bytes.p[i];
		if (c == '\0' || (c == '\n') != (last == '\r'))
			return false;
		last = c;
	}
	return true;
}

bool body_out_add(struct body_out *b, struct str bytes, struct evbuffer *out)
{
	if (!canonical(b->last, bytes))
		return false;
	if (bytes.n == 0)
		return true;
	/* RFC 5321 4.5.2: a line that begins with a dot gets another one in front. */
	if (b->last == '\n' && bytes.p[0] == '.')
		put(out, ".", 1);
	b->last = bytes.p[bytes.n - 1];
	for (;;) {
		const char *end = memmem(bytes.p, bytes.n, "\n.", 2);
		if (end == NULL)
			break;
		size_t n = (size_t)(end - bytes.p) + 1;
		put(out, bytes.p, n);
		put(out, ".", 1);
		bytes = str_skip(bytes, n);
	}
	put(out, bytes.p, bytes.n);
	return true;
}

bool body_out_is_torn(const struct body_out *b)
{
	return b->last == '\r';
}

void body_out_end(struct body_out *b, struct evbuffer *out)
{
	if (b->last == '\r')
		put(out, "\n", 1);
	else if (b->last != '\n')
		put(out, "\r\n", 2);
	put(out, ".\r\n", 3);
	b->last = '\n';
}
