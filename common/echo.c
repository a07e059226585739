/* SPDX-License-Identifier: MIT */
#include "common/echo.h"

#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/secret.h"

enum {
	/* Of a run of 15 one of the blocks, which stand side by side, is always whole. */
	BLOCK = 8,
	RUN = 2 * BLOCK - 1,
};

/* Both alphabets of base64, and upper and lower case, are one. */
static char fold(char c)
{
	return c == '-' ? '+' : c == '_' ? '/' : ascii_lower(c);
}

static struct secret folded(struct str text)
{
	struct secret out = { .p = mem_alloc(text.n + 1), .n = text.n };
	for (size_t i = 0; i < text.n; i++)
		out.p[i] = fold(text.p[i]);
	out.p[text.n] = '\0';
	return out;
}

static bool hex_pair(struct str text, char *out)
{
	char digits[2];
	if (text.n < sizeof(digits))
		return false;
	for (size_t i = 0; i < sizeof(digits); i++)
		digits[i] = ascii_lower(text.p[i]);
	return hex_decode((struct str){ digits, sizeof(digits) }, out, 1);
}

/* Folded, without what a form, JSON or common/quote.h adds. */
static struct secret unescaped(struct str text)
{
	struct secret out = { .p = mem_alloc(text.n + 1) };
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '\\' && i + 1 < text.n)
			c = text.p[++i];
		else if (c == '%' && hex_pair(str_skip(text, i + 1), &c))
			i += 2;
		out.p[out.n++] = fold(c);
	}
	out.p[out.n] = '\0';
	return out;
}

static bool holds(struct str text, struct str piece)
{
	return memmem(text.p, text.n, piece.p, piece.n) != NULL;
}

static bool holds_run(struct str text, struct str secret)
{
	if (secret.n < RUN)
		return secret.n != 0 && holds(text, secret);
	for (size_t i = 0; i + BLOCK <= secret.n; i += BLOCK)
		if (holds(text, (struct str){ secret.p + i, BLOCK }))
			return true;
	return false;
}

/* What stands before it decides which digits it has, of three kinds; what stands behind it, the
 * last of them. */
static bool holds_base64(struct str text, struct str secret, size_t skipped)
{
	struct strbuf digits;
	size_t room = secret.n / 3 * 4 + 8;
	strbuf_init(&digits, room);
	strbuf_reserve(&digits, room); /* it never moves, to be wiped */
	base64_encode(&digits, str_skip(secret, skipped));
	size_t sure = digits.n > 4 ? digits.n - 4 : 0;
	struct secret piece = folded(str_head(strbuf_str(&digits), sure));
	bool found = sure >= BLOCK && holds_run(text, secret_reveal(&piece));
	secret_done(&piece);
	secret_wipe(digits.p, digits.room);
	strbuf_done(&digits);
	return found;
}

bool echo_repeats(struct str text, struct str secret)
{
	struct secret as_is = folded(text), plain = unescaped(text), wanted = folded(secret);
	bool found = holds_run(secret_reveal(&as_is), secret_reveal(&wanted)) ||
		     holds_run(secret_reveal(&plain), secret_reveal(&wanted));
	for (size_t skipped = 0; !found && skipped < 3; skipped++)
		found = holds_base64(secret_reveal(&plain), secret, skipped);
	secret_done(&as_is);
	secret_done(&plain);
	secret_done(&wanted);
	return found;
}
