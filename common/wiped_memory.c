/* SPDX-License-Identifier: MIT */
#include "common/wiped_memory.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

void *wiped_memory_alloc(size_t size)
{
	return malloc(size);
}

void *wiped_memory_zalloc(size_t count, size_t size)
{
	return calloc(count, size);
}

char *wiped_memory_strdup(const char *text)
{
	return strdup(text);
}

void wiped_memory_free(void *p)
{
	if (p != NULL)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

void *wiped_memory_realloc(void *p, size_t size)
{
	if (p == NULL || size == 0) {
		wiped_memory_free(p);
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
	wiped_memory_free(p);
	return moved;
}

/* OpenSSL tells its allocator who asks. */
static void *crypto_alloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return wiped_memory_alloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return wiped_memory_realloc(p, size);
}

static void crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	wiped_memory_free(p);
}

bool wiped_memory_install(void)
{
	cJSON_Hooks json = { wiped_memory_alloc, wiped_memory_free };
	if (CRYPTO_set_mem_functions(crypto_alloc, crypto_realloc, crypto_free) != 1)
		return false;
	cJSON_InitHooks(&json);
	event_set_mem_functions(wiped_memory_alloc, wiped_memory_realloc, wiped_memory_free);
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_memory_alloc, wiped_memory_free,
				    wiped_memory_realloc, wiped_memory_strdup,
				    wiped_memory_zalloc) == CURLE_OK;
}
