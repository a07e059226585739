/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_SYNTAX_H
#define OAUTHRELAY_CONFIG_SYNTAX_H

#include <stdbool.h>

#include "common/netaddr.h"
#include "common/str.h"

/*
 * The shapes of names that a configuration holds. (message/address.h parses what comes over the
 * wire; here the question is only whether an administrator has written something usable.) Pure.
 */

/* Letters, digits, inner hyphens, dots between; at most 63 and 255 octets. "relay", "a.b.c". */
bool syntax_is_host(struct str s);
/* A host with a dot whose last label is no number: what Exchange accepts in EHLO. */
bool syntax_is_fqdn(struct str s);
/* "[192.168.1.5]", "[IPv6:fd00::5]" (RFC 5321 4.1.3) */
bool syntax_is_literal(struct str s);
/* "scanner@contoso.com": a dot-atom and an FQDN. */
bool syntax_is_address(struct str s);
/* "a@b.c", "b.c", "*.b.c"; no other asterisk, so not "*@b.c" */
bool syntax_is_pattern(struct str s);
/* "11111111-2222-3333-4444-555555555555" */
bool syntax_is_guid(struct str s);
/* A name for a device or account: letters, digits and ". _ -", beginning with letter or digit. */
bool syntax_is_name(struct str s);
/* "https://host[:port][/path]": no user, query, fragment, blank or control character. */
bool syntax_is_https_url(struct str s);
/* The same, and behind it perhaps "?name=value&...". */
bool syntax_is_https_url_with_query(struct str s);
/* "http://localhost[:port][/path]", or with a loopback address. */
bool syntax_is_loopback_url(struct str s);
/* The same, or to 169.254.169.254, where Azure answers its own machines. */
bool syntax_is_local_url(struct str s);
/* In the ranges that are not routed on the internet, or the machine itself. */
bool syntax_is_private(const struct netaddr *a);

#endif
