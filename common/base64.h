/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_BASE64_H
#define OAUTHRELAY_COMMON_BASE64_H

#include "common/str.h"
#include "common/strbuf.h"

/*
 * Base64 of RFC 4648 section 4, one line, with padding. Decoding is strict: the alphabet only,
 * length a multiple of four, padding only at the end, no stray bits. Pure, any thread. Encoding
 * appends all or nothing (then out->overflow is set).
 */
void base64_encode(struct strbuf *out, struct str bytes);
/* Appends to out; on failure (also: no room under its ceiling) out is as before. */
bool base64_decode(struct strbuf *out, struct str text) MUST_CHECK;

/* The same with the alphabet that is safe in names and without padding (RFC 4648 section 5, as JWTs
 * and PKCE have it, RFC 7515 section 2). */
void base64url_encode(struct strbuf *out, struct str bytes);
bool base64url_decode(struct strbuf *out, struct str text) MUST_CHECK;
/* Of the alphabet alone, and not empty. */
bool base64url_is_plain(struct str text);

/* Lower-case hexadecimal, both ways. */
void hex_encode(struct strbuf *out, const void *p, size_t n);
/* Exactly 2 * n digits; on failure p is as before. */
bool hex_decode(struct str text, void *p, size_t n) MUST_CHECK;

#endif
