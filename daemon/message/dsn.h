/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_DSN_H
#define OAUTHRELAY_MESSAGE_DSN_H

#include <stdbool.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * What a client asks about delivery reports (RFC 3461): RET and ENVID of a message, NOTIFY and
 * ORCPT of a recipient. It is carried to a server that offers DSN, and dropped on the way to one
 * that does not: the relay itself reports nothing, neither success nor that a report cannot be
 * promised (5.2.2 would have it say "relayed").
 *
 * Texts are kept decoded, in printable ASCII. An ORCPT of type utf-8 is taken in the form that is
 * ASCII (utf-8-addr-xtext of RFC 6533 section 3, "\x{FC}") and not looked into. Pure functions.
 */
enum dsn_ret {
	DSN_RET_UNSET,
	DSN_RET_FULL,
	DSN_RET_HDRS
};

enum dsn_notify { /* bits */
	DSN_NEVER = 1,
	DSN_SUCCESS = 2,
	DSN_FAILURE = 4,
	DSN_DELAY = 8,
};

/* A recipient's. */
struct dsn_request {
	unsigned notify; /* 0: not said */
	char *orcpt;	 /* "rfc822;a@b.c"; NULL: not said */
};

void dsn_request_copy(struct dsn_request *to, const struct dsn_request *from);
void dsn_request_done(struct dsn_request *r);

/* Values of the parameters; outputs are untouched on failure. The caller frees *out. */
bool dsn_parse_ret(struct str value, enum dsn_ret *out) MUST_CHECK;
bool dsn_parse_notify(struct str value, unsigned *out) MUST_CHECK;
bool dsn_parse_envid(struct str xtext, char **out) MUST_CHECK;
bool dsn_parse_orcpt(struct str xtext, char **out) MUST_CHECK;

/* The same values written: on a wire and in the spool. ENVID and ORCPT: xtext_append(). */
const char *dsn_ret_name(enum dsn_ret ret); /* not for DSN_RET_UNSET */
void dsn_append_notify(struct strbuf *out, unsigned notify);

#endif
