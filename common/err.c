/* SPDX-License-Identifier: MIT */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(struct err *err, const char *text)
{
	size_t used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, "%s", text);
}

bool err_set(struct err *err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	err->code = 0;
	return false;
}

bool err_errno(struct err *err, int errnum, const char *fmt, ...)
{
	char reason[128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err, ": ");
	append(err, strerror_r(errnum, reason, sizeof(reason)));
	err->code = errnum;
	return false;
}

bool err_prefix(struct err *err, const char *fmt, ...)
{
	struct err old = *err;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err, ": ");
	append(err, old.text);
	return false;
}
