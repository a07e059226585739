/* SPDX-License-Identifier: MIT */
#include "common/curl_memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

void *curl_memory_alloc(size_t size)
{
	return malloc(size);
}

void *curl_memory_zalloc(size_t count, size_t size)
{
	return calloc(count, size);
}

char *curl_memory_strdup(const char *text)
{
	return strdup(text);
}

void curl_memory_free(void *p)
{
	if (p != NULL)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

void *curl_memory_realloc(void *p, size_t size)
{
	if (p == NULL || size == 0) {
		curl_memory_free(p);
		return size != 0 ? malloc(size) : NULL;
	}
	size_t had = malloc_usable_size(p);
	if (size <= had && size > had / 2)
		return p;
	/* Not realloc(3), which leaves the old block as it was. */
	void *moved = malloc(size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, p, had < size ? had : size);
	curl_memory_free(p);
	return moved;
}
