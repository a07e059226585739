/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_MEM_H
#define OAUTHRELAY_COMMON_MEM_H

#include <stddef.h>

/*
 * Allocation that cannot fail: out of memory ends the process, which systemd starts again.
 * That is safe here because nothing acknowledged lives only in memory, and it is the reason why
 * no other module has error paths for allocation. Sizes that come from a peer must have met a
 * limit before they are passed in. Any thread.
 */

void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
/* Grows or shrinks an array; aborts if count * size overflows. */
void *mem_realloc_array(void *p, size_t count, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
/* Replaces *slot by a copy of s (NULL allowed), freeing what was there. */
void mem_replace_str(char **slot, const char *s);

#endif
