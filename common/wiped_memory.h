/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_WIPED_MEMORY_H
#define OAUTHRELAY_COMMON_WIPED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"

/*
 * An allocator that wipes what is freed, for libraries: libcurl, OpenSSL, cJSON and libevent copy
 * what they send and get - a password of a proxy, a key, a token, a device's login - into buffers
 * of their own, and do not wipe them. Blocks are malloc(3)'s, so that those from before may be
 * freed here too. Any thread.
 */

/* Gives it to all four, and initialises libcurl. At the program's start, before anything else of
 * theirs is called; false when one of them would not have it. */
bool wiped_memory_install(void) MUST_CHECK;

void *wiped_memory_alloc(size_t size);
void *wiped_memory_zalloc(size_t count, size_t size);
void *wiped_memory_realloc(void *p, size_t size);
char *wiped_memory_strdup(const char *text);
void wiped_memory_free(void *p);

#endif
