/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_ATTR_H
#define OAUTHRELAY_COMMON_ATTR_H

/*
 * Compiler attributes under names that say what they are for. Only attributes: no macro here
 * produces code or hides control flow.
 */

#define MUST_CHECK		__attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define NO_RETURN		__attribute__((noreturn))
#define WEAK			__attribute__((weak))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
