/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_CURL_MEMORY_H
#define OAUTHRELAY_COMMON_CURL_MEMORY_H

#include <stddef.h>

/*
 * The allocator that libcurl is given (curl_global_init_mem()): what it frees is wiped first. It
 * copies what it sends and gets - a request's headers, a proxy's password, a token - into buffers
 * of its own, and does not wipe them. Blocks are malloc(3)'s, so that those from before libcurl was
 * initialised may be freed here too. Any thread.
 */
void *curl_memory_alloc(size_t size);
void *curl_memory_zalloc(size_t count, size_t size);
void *curl_memory_realloc(void *p, size_t size);
char *curl_memory_strdup(const char *text);
void curl_memory_free(void *p);

#endif
