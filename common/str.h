/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_STR_H
#define OAUTHRELAY_COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

/*
 * A slice: bytes somebody else owns, with their number. All foreign input is handled in this
 * form, never as a C string, so that a NUL is a byte like any other. Pure functions, any thread.
 */
struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

struct str str_of(const char *s); /* NULL gives the empty slice */
bool str_eq(struct str a, struct str b);
bool str_ieq(struct str a, struct str b); /* ASCII case only */
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
bool str_iends(struct str s, struct str suffix);
/* First position of c, or -1. */
ptrdiff_t str_chr(struct str s, char c);
/* Position of needle without regard to ASCII case, or -1. */
ptrdiff_t str_icontains(struct str s, struct str needle);
struct str str_skip(struct str s, size_t n); /* without its first n bytes; n may exceed */
struct str str_head(struct str s, size_t n); /* its first n bytes at most */
struct str str_trim(struct str s);	     /* without SP and TAB at both ends */
/* Cuts the next word (separated by runs of SP/TAB) off *rest; empty when none is left. */
struct str str_word(struct str *rest);
/* Decimal digits only, nothing else; false on overflow of max or emptiness. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out) MUST_CHECK;
char *str_dup(struct str s); /* caller frees; NUL-terminated */

/* ASCII only, independent of the locale. */
bool ascii_is_alpha(char c);
bool ascii_is_digit(char c);
bool ascii_is_alnum(char c);
bool ascii_is_print(char c); /* 0x20..0x7e */
char ascii_lower(char c);

#endif
