/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_ERR_H
#define OAUTHRELAY_COMMON_ERR_H

#include <stdbool.h>

#include "common/attr.h"

/*
 * An error on its way up: one line of text that names the thing, the cause and, where there is
 * one, the remedy. Functions that can fail return bool and take `struct err *err` last; on failure
 * they fill it and leave their outputs untouched. Whoever handles the error logs it, once.
 *
 * Text from a peer must be passed through quote_append() (common/quote.h) first. Text that does
 * not fit is cut. Any thread; the owner is the caller.
 */
struct err {
	char text[768];
	int code; /* the errno where a system call failed, else 0 */
};

/* All return false, so that `return err_set(err, ...)` reads as what it does. */
bool err_set(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends ": " and the text of errnum. */
bool err_errno(struct err *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "context: " in front of what is there. */
bool err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
