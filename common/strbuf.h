/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_STRBUF_H
#define OAUTHRELAY_COMMON_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/str.h"

/*
 * A growing byte buffer with a ceiling. Appending past the ceiling appends nothing and sets
 * `overflow`, which the builder checks once at the end; so a chain of appends needs no checks in
 * between and memory stays bounded. The bytes are always followed by a NUL that is not counted.
 * Owned by whoever initialised it; not shared between threads.
 */
struct strbuf {
	char *p; /* never NULL after the first append */
	size_t n;
	size_t room;
	size_t max;
	bool overflow;
};

void strbuf_init(struct strbuf *b, size_t max);
/* Room for n bytes more, so that they are not moved: what is to be wiped must lie in one place. */
void strbuf_reserve(struct strbuf *b, size_t n);
void strbuf_done(struct strbuf *b);  /* frees the bytes; b may be used again */
void strbuf_reset(struct strbuf *b); /* empties, keeps memory */
void strbuf_add(struct strbuf *b, const void *p, size_t n);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addstr(struct strbuf *b, struct str s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Word by word, into lines of at most `width`: the first from `column` on, where the text before it
 * ends, the others indented. A word that is longer than a line is split. No end of line. */
void strbuf_add_wrapped(struct strbuf *b, struct str text, size_t column, size_t indent,
			size_t width);
struct str strbuf_str(const struct strbuf *b);
/* The text as a C string, "" when empty; valid until the next change. */
const char *strbuf_cstr(const struct strbuf *b);
/* Hands the bytes over to the caller, who frees them; b is empty afterwards. */
char *strbuf_steal(struct strbuf *b);

#endif
