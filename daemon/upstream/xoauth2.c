/* SPDX-License-Identifier: MIT */
#include "upstream/xoauth2.h"

#include <string.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/strbuf.h"

/* RFC 6750 2.1: b68token; Microsoft's opaque tokens and JWTs are within it. */
static bool is_token_byte(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("-._~+/=", c) != NULL);
}

/* Bytes from 0x80 on may be UTF-8 of an internationalised name: neither mechanism minds them. */
static bool is_user_byte(char c)
{
	unsigned char u = (unsigned char)c;
	return u >= 0x21 && u != 0x7f;
}

static bool check(const char *what, struct str s, size_t max, bool (*allowed)(char),
		  struct err *err)
{
	if (s.n == 0)
		return err_set(err, "the %s is empty", what);
	if (s.n > max)
		return err_set(err, "the %s has %zu bytes, more than %zu", what, s.n, max);
	for (size_t i = 0; i < s.n; i++)
		if (!allowed(s.p[i]))
			return err_set(err, "byte %zu of the %s is one that no %s can hold", i + 1,
				       what, what);
	return true;
}

/* A buffer that never moves: growing would leave copies of the secret behind in freed memory. */
static void fixed_init(struct strbuf *b, size_t size)
{
	strbuf_init(b, size);
	b->p = mem_alloc(size + 1);
	b->p[0] = '\0';
	b->room = size + 1;
}

static void fixed_wipe(struct strbuf *b)
{
	secret_wipe(b->p, b->room);
	strbuf_done(b);
}

static void encode(struct strbuf *plain, struct secret *out)
{
	struct strbuf line;
	fixed_init(&line, (plain->n + 2) / 3 * 4);
	base64_encode(&line, strbuf_str(plain));
	secret_set(out, strbuf_str(&line));
	fixed_wipe(&line);
	fixed_wipe(plain);
}

/* microsoft365.md 5: the user comes first, or Exchange says 501 5.5.122. */
bool xoauth2_build(struct str user, struct str token, struct secret *out, struct err *err)
{
	struct strbuf plain;
	secret_done(out);
	if (!check("user", user, XOAUTH2_USER_MAX, is_user_byte, err) ||
	    !check("token", token, XOAUTH2_TOKEN_MAX, is_token_byte, err))
		return false;
	fixed_init(&plain, user.n + token.n + 32);
	strbuf_adds(&plain, "user=");
	strbuf_addstr(&plain, user);
	strbuf_adds(&plain, "\001auth=Bearer ");
	strbuf_addstr(&plain, token);
	strbuf_adds(&plain, "\001\001");
	encode(&plain, out);
	return true;
}

/* RFC 5801 4: in the header of a GS2 mechanism "," and "=" of a name are written "=2C", "=3D". */
static void add_gs2_name(struct strbuf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == ',')
			strbuf_adds(out, "=2C");
		else if (name.p[i] == '=')
			strbuf_adds(out, "=3D");
		else
			strbuf_addc(out, name.p[i]);
	}
}

bool xoauth2_build_bearer(struct str user, struct str host, unsigned port, struct str token,
			  struct secret *out, struct err *err)
{
	struct strbuf plain;
	secret_done(out);
	if (!check("user", user, XOAUTH2_USER_MAX, is_user_byte, err) ||
	    !check("host name", host, 255, is_user_byte, err) ||
	    !check("token", token, XOAUTH2_TOKEN_MAX, is_token_byte, err))
		return false;
	fixed_init(&plain, 3 * user.n + host.n + token.n + 64);
	strbuf_adds(&plain, "n,a=");
	add_gs2_name(&plain, user);
	strbuf_adds(&plain, ",\001host=");
	strbuf_addstr(&plain, host);
	strbuf_addf(&plain, "\001port=%u\001auth=Bearer ", port);
	strbuf_addstr(&plain, token);
	strbuf_adds(&plain, "\001\001");
	encode(&plain, out);
	return true;
}

bool xoauth2_repeats(struct str text, const struct secret *secret)
{
	enum {
		PIECE = 32,
		STEP = 16
	};
	struct str s = secret_reveal(secret);
	if (s.n == 0)
		return false;
	if (s.n < PIECE)
		return memmem(text.p, text.n, s.p, s.n) != NULL;
	/* Pieces at every 16th byte: 47 bytes in a row always hold one of 32 whole. */
	for (size_t i = 0; i + PIECE <= s.n; i += STEP)
		if (memmem(text.p, text.n, s.p + i, PIECE) != NULL)
			return true;
	return memmem(text.p, text.n, s.p + s.n - PIECE, PIECE) != NULL;
}
