/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_REPLY_H
#define OAUTHRELAY_MESSAGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * SMTP replies as data (RFC 5321 4.2, RFC 2034). Local failures (no address, no connection, bad
 * certificate, time-out) are replies too, with codes from 900 on that no server can send, so that
 * the rules that decide what becomes of a message have one kind of input.
 */
enum reply_local {
	REPLY_LOCAL_FIRST = 900,
	REPLY_LOCAL_DNS = 901,	   /* the host has no address, or no answer came */
	REPLY_LOCAL_CONNECT = 902, /* no TCP connection */
	REPLY_LOCAL_TLS = 903, /* STARTTLS missing or refused, handshake or certificate failed */
	REPLY_LOCAL_TIMEOUT = 904,    /* silence */
	REPLY_LOCAL_LOST = 905,	      /* connection closed or reset by the peer */
	REPLY_LOCAL_PROTOCOL = 906,   /* what came is not SMTP */
	REPLY_LOCAL_NO_XOAUTH2 = 907, /* the server offers no mechanism for a token */
	REPLY_LOCAL_TOKEN = 908,      /* no token to log in with */
	REPLY_LOCAL_MESSAGE = 909,    /* the spooled message cannot be read */
	REPLY_LOCAL_EXTENSION = 910, /* the server lacks what this message needs (SMTPUTF8, SIZE) */
};

/* enhanced is {0,0,0} when the reply has none. text: lines joined by one space, without codes,
 * any byte possible, at most REPLY_TEXT_MAX kept. Owned. */
struct reply {
	unsigned code;
	unsigned enhanced[3];
	char *text;
};

enum {
	REPLY_TEXT_MAX = 2048,
	REPLY_BYTES_MAX = 65536,
	REPLY_LINES_MAX = 128
};

/*
 * For reply_set() and reply_copy() the target is either all zeros or holds a reply, which is freed.
 * reply_set() reads an enhanced code off the front of text as the parser does, so that
 * reply_set(&r, 535, "5.7.3 Authentication unsuccessful") makes what a server's line makes.
 */
void reply_set(struct reply *r, unsigned code, const char *text);
void reply_copy(struct reply *to, const struct reply *from);
void reply_done(struct reply *r);
unsigned reply_class(const struct reply *r); /* first digit; 9 for local failures */
bool reply_enhanced_is(const struct reply *r, unsigned a, unsigned b, unsigned c);
/* "535 5.7.3 Authentication unsuccessful", or the text alone for a local failure. */
void reply_append(struct strbuf *out, const struct reply *r);
/* "5.7.3"; when the reply has none, the basic "5.0.0" of its class, and for a local failure the
 * nearest code of RFC 3463 ("4.4.1": no answer from host). */
void reply_append_dsn(struct strbuf *out, const struct reply *r);

/*
 * The parser of a server's replies: fed with bytes as they come, it takes lines until a reply is
 * whole. Lines may end in LF alone. A code that changes inside a reply, a line that is none, a NUL,
 * more than REPLY_BYTES_MAX bytes or REPLY_LINES_MAX lines are errors (then *why says what).
 */
enum reply_parse {
	REPLY_PARSE_MORE,
	REPLY_PARSE_DONE,
	REPLY_PARSE_BAD
};

struct reply_parser {
	struct strbuf text;  /* what is kept of the lines so far */
	struct strbuf line;  /* an unfinished line */
	struct strbuf lines; /* every line's text, '\n' between: for EHLO */
	size_t bytes;
	size_t line_count;
	unsigned code;
	unsigned enhanced[3];
};

void reply_parser_init(struct reply_parser *p);
void reply_parser_reset(struct reply_parser *p);
void reply_parser_done(struct reply_parser *p);
/* Consumes from *in up to and including the last line of one reply. On DONE *out is filled (caller
 * frees with reply_done; what it held before is not looked at) and p->lines holds the lines until
 * reply_parser_reset(), which must come before the next reply. On BAD p->line holds the line, and
 * the parser is of no more use. */
enum reply_parse reply_parser_feed(struct reply_parser *p, struct str *in, struct reply *out,
				   const char **why);

#endif
