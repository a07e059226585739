/* SPDX-License-Identifier: MIT */
#include "common/base64.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* Pieces that fit the stack: 1 KiB of text, whole groups of four characters. */
enum {
	GROUPS = 256,
	PIECE_BYTES = 3 * GROUPS,
	PIECE_TEXT = 4 * GROUPS
};

void base64_encode(struct strbuf *out, struct str bytes)
{
	unsigned char text[PIECE_TEXT + 1];
	/* All or nothing, as every append: half a credential must not be mistaken for a whole one.
	 */
	size_t groups = bytes.n / 3 + (bytes.n % 3 != 0);
	if (out->overflow || groups > (out->max - out->n) / 4) {
		out->overflow = true;
		return;
	}
	while (bytes.n != 0) {
		struct str piece = str_head(bytes, PIECE_BYTES);
		int n = EVP_EncodeBlock(text, (const unsigned char *)piece.p, (int)piece.n);
		strbuf_add(out, text, (size_t)n);
		bytes = str_skip(bytes, piece.n);
	}
	/* It may have been a password. */
	OPENSSL_cleanse(text, sizeof(text));
}

/* 0..63, or -1. */
static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* EVP_DecodeBlock takes blanks at both ends, padding anywhere and stray bits; RFC 4648 3.3 and 3.5
 * allow us to refuse all of that, so that a value has one spelling. */
static bool is_strict(struct str text, size_t *padding)
{
	size_t n = text.n;
	if (n % 4 != 0)
		return false;
	*padding = 0;
	while (*padding < 2 && n != 0 && text.p[n - 1] == '=') {
		n--;
		(*padding)++;
	}
	for (size_t i = 0; i < n; i++)
		if (sextet(text.p[i]) < 0)
			return false;
	if (*padding == 0)
		return true;
	int unused = *padding == 1 ? 0x03 : 0x0f;
	return (sextet(text.p[n - 1]) & unused) == 0;
}

bool base64_decode(struct strbuf *out, struct str text)
{
	unsigned char bytes[PIECE_BYTES];
	size_t padding;
	if (!is_strict(text, &padding) || out->overflow)
		return false;
	if (text.n / 4 * 3 - padding > out->max - out->n)
		return false;
	while (text.n != 0) {
		struct str piece = str_head(text, PIECE_TEXT);
		size_t n = piece.n / 4 * 3;
		EVP_DecodeBlock(bytes, (const unsigned char *)piece.p, (int)piece.n);
		text = str_skip(text, piece.n);
		strbuf_add(out, bytes, text.n == 0 ? n - padding : n);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return true;
}

/* ---- the alphabet for URLs ---- */

void base64url_encode(struct strbuf *out, struct str bytes)
{
	size_t before = out->n;
	base64_encode(out, bytes);
	if (out->overflow || bytes.n == 0)
		return;
	for (size_t i = before; i < out->n; i++) {
		if (out->p[i] == '+')
			out->p[i] = '-';
		else if (out->p[i] == '/')
			out->p[i] = '_';
	}
	while (out->p[out->n - 1] == '=')
		out->n--;
	out->p[out->n] = '\0';
}

bool base64url_is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!ascii_is_alnum(text.p[i]) && text.p[i] != '-' && text.p[i] != '_')
			return false;
	return text.n != 0;
}

/* With padding; room has three bytes more than text. */
static struct str to_base64(char *room, struct str text)
{
	size_t n = 0;
	for (; n < text.n; n++) {
		char c = text.p[n];
		room[n] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	while (n % 4 != 0)
		room[n++] = '=';
	return (struct str){ room, n };
}

bool base64url_decode(struct strbuf *out, struct str text)
{
	if (text.n == 0)
		return true;
	/* One character more than whole groups is half a byte. */
	if (!base64url_is_plain(text) || text.n % 4 == 1)
		return false;
	char *room = mem_alloc(text.n + 3);
	bool ok = base64_decode(out, to_base64(room, text));
	OPENSSL_cleanse(room, text.n);
	free(room);
	return ok;
}

/* ---- hexadecimal ---- */

void hex_encode(struct strbuf *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = p;
	if (out->overflow || n > (out->max - out->n) / 2) {
		out->overflow = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		strbuf_addc(out, digits[bytes[i] >> 4]);
		strbuf_addc(out, digits[bytes[i] & 15]);
	}
}

/* 0..15, or more for what is no digit. */
static unsigned hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

bool hex_decode(struct str text, void *p, size_t n)
{
	uint8_t *bytes = p;
	if (text.n % 2 != 0 || text.n / 2 != n)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (hex_digit(text.p[i]) > 15)
			return false;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(hex_digit(text.p[2 * i]) << 4 | hex_digit(text.p[2 * i + 1]));
	return true;
}
