/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_UTF8_H
#define OAUTHRELAY_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/*
 * UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Pure, any thread.
 */

/* Length of the valid sequence that s begins with, its code point in *point; 0: none (then *point
 * is as before). NUL is a character like any other. */
size_t utf8_decode(struct str s, uint32_t *point);
/* Characters that show nothing, or change how others are shown, so that two texts look alike or
 * one is read in another order: controls, line separators, zero-width and bidirectional marks. */
bool utf8_is_hidden(uint32_t point);
/* Valid throughout, and nothing in it is hidden. */
bool utf8_is_clean(struct str s);
/* No byte above 0x7f. */
bool utf8_is_ascii(struct str s);

#endif
