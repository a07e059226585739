/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_NETADDR_H
#define OAUTHRELAY_COMMON_NETADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/err.h"
#include "common/str.h"
#include "common/strbuf.h"

/*
 * IP addresses and networks as values. IPv4 is kept as IPv4-mapped IPv6 (::ffff:a.b.c.d), so that
 * a dual-stack listener's peer and a configured IPv4 network always compare equal. Pure.
 */
struct netaddr {
	uint8_t b[16];
};

struct network {
	struct netaddr addr;
	unsigned bits; /* of the 128; an IPv4 /24 is 120 */
};

struct endpoint {
	struct sockaddr_storage sa;
	socklen_t len;
};

bool netaddr_is_v4(const struct netaddr *a);
bool netaddr_from_sockaddr(const struct sockaddr *sa, struct netaddr *out) MUST_CHECK;
bool netaddr_parse(struct str text, struct netaddr *out)
	MUST_CHECK;						  /* no zone id, no leading zeros */
void netaddr_append(struct strbuf *out, const struct netaddr *a); /* "192.168.1.9", "2001:db8::1" */
/* "192.168.0.0/16", "10.1.2.3", "fd00::/8". Host bits set is an error that shows the network meant.
 */
bool network_parse(struct str text, struct network *out, struct err *err) MUST_CHECK;
void network_append(struct strbuf *out, const struct network *net); /* as network_parse reads it */
bool network_contains(const struct network *net, const struct netaddr *a);
/* All of IPv4 or of IPv6 is in it: 0.0.0.0/0, ::/0, and ::/64, which holds ::ffff:0.0.0.0. */
bool network_is_everything(const struct network *net);
/* More than any house has: IPv4 wider than /8, IPv6 of /16 or wider that is neither unique local
 * nor link-local (so 2000::/3, and 2002::/16, which stands for all of IPv4). */
bool network_is_too_wide(const struct network *net);
/* "0.0.0.0:25", "[::1]:587", "*:25" is refused: say which family. Port 0 lets the system choose. */
bool endpoint_parse(struct str text, struct endpoint *out, struct err *err) MUST_CHECK;
void endpoint_append(struct strbuf *out, const struct sockaddr *sa); /* "192.168.1.9:1025" */

#endif
