/* SPDX-License-Identifier: MIT */
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/attr.h"

NO_RETURN static void die(void)
{
	static const char text[] = "oauthrelay: out of memory\n";
	/* Nothing that allocates may run here, so no log module. */
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)ignored;
	abort();
}

void *mem_alloc(size_t size)
{
	void *p = malloc(size != 0 ? size : 1);
	if (p == NULL)
		die();
	return p;
}

void *mem_zalloc(size_t size)
{
	void *p = calloc(1, size != 0 ? size : 1);
	if (p == NULL)
		die();
	return p;
}

void *mem_realloc_array(void *p, size_t count, size_t size)
{
	void *grown = reallocarray(p, count != 0 ? count : 1, size);
	if (grown == NULL)
		die();
	return grown;
}

char *mem_strndup(const char *s, size_t n)
{
	char *copy = mem_alloc(n + 1);
	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

void mem_replace_str(char **slot, const char *s)
{
	char *copy = s != NULL ? mem_strdup(s) : NULL;
	free(*slot);
	*slot = copy;
}
