/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_HEAP_SCAN_H
#define OAUTHRELAY_TESTS_HEAP_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* False under a sanitizer, whose heap keeps what was freed as it was, and lies elsewhere. */
bool heap_scan_works(void);
/* How often these bytes stand in the heap of this process, in memory in use and in free memory. The
 * needle must not be there itself. */
size_t heap_scan_count(const char *needle);

#endif
