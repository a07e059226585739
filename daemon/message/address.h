/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_ADDRESS_H
#define OAUTHRELAY_MESSAGE_ADDRESS_H

#include <stdbool.h>

#include "common/err.h"
#include "common/str.h"
#include "common/strbuf.h"

/*
 * Mail addresses (RFC 5321 4.1.2, RFC 6531 3.3). What a client sends is parsed into a struct;
 * policy looks at the struct; what goes on a wire is written from the struct and from nothing else
 * (threats.md ADR-diff). Pure functions.
 *
 * local is stored without quotes and escapes, domain as given (a literal with its brackets), both
 * owned. The null reverse-path is the address with both empty. A name without a domain, such as
 * "postmaster" (RFC 5321 4.5.1), has an empty domain.
 */
struct address {
	char *local;
	char *domain;
};

/* What address_parse_path() takes besides what RFC 5321 says. */
enum {
	ADDRESS_UTF8 = 1,      /* RFC 6531: valid UTF-8 without hidden characters (common/utf8.h) */
	ADDRESS_BARE_NAME = 2, /* no domain; "postmaster" needs no leave for that */
	ADDRESS_NO_BRACKETS = 4,
	ADDRESS_ODD_DOTS = 8, /* anywhere in the local part; one behind the domain, dropped */
};

/*
 * Reads "<...>" with an optional source route (dropped) and returns what follows it (parameters)
 * in *rest. Limits: local part 64, domain 255 octets.
 * err is fit for a reply text: "the address has no closing >".
 */
bool address_parse_path(struct str text, unsigned flags, struct address *out, struct str *rest,
			struct err *err) MUST_CHECK;
/* A bare ASCII "local@domain", as in the configuration or a header; nothing may follow. */
bool address_parse(struct str text, struct address *out, struct err *err) MUST_CHECK;
void address_copy(struct address *to, const struct address *from); /* to is uninitialised */
void address_done(struct address *a);
bool address_is_null(const struct address *a);
bool address_is_ascii(const struct address *a);
/* "local@domain" with the quoting it needs; nothing for the null path. */
void address_append(struct strbuf *out, const struct address *a);
/* Host name of an EHLO, or of a MAIL domain: letters, digits, inner hyphens, dots; or a literal. */
bool address_is_domain(struct str text);

#endif
