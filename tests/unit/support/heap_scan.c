/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/heap_scan.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool heap_scan_works(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return false;
#else
	return true;
#endif
}

size_t heap_scan_count(const char *needle)
{
	char line[512];
	uintptr_t from = 0, to = 0;
	size_t count = 0, n = strlen(needle);
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, "[heap]") != NULL)
			(void)sscanf(line, "%lx-%lx", &from, &to);
	if (maps != NULL)
		fclose(maps);
	for (uintptr_t at = from; at + n <= to;) {
		const char *found = memmem((const void *)at, to - at, needle, n);
		if (found == NULL)
			break;
		count++;
		at = (uintptr_t)found + 1;
	}
	return count;
}
