/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_DOMAIN_H
#define OAUTHRELAY_MESSAGE_DOMAIN_H

#include <stdbool.h>

#include "common/str.h"

enum {
	DOMAIN_MAX = 255 /* octets: RFC 5321 4.5.3.1.2 */
};

/*
 * What may stand behind an @: labels of letters, digits and inner hyphens (RFC 5321 4.1.2), or an
 * address literal, "[192.0.2.1]" or "[IPv6:2001:db8::1]" (4.1.3). With u_labels also labels in
 * UTF-8 (RFC 6531 3.3): valid, without hidden characters, and without those that IDNA would read as
 * a dot or an ASCII letter, since then policy and the next server would read two different names.
 * Whether a label is registrable (RFC 5892) is for DNS to say. Pure.
 */
bool domain_is_valid(struct str text, bool u_labels);

#endif
