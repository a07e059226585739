/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_POLICY_H
#define OAUTHRELAY_INBOUND_POLICY_H

#include <stdbool.h>

#include "config/users.h"
#include "inbound/access.h"
#include "inbound/inbound.h"
#include "message/address.h"
#include "message/sender_capture.h"

/*
 * Who may send what: the `senders` and `recipients` of a device and of a user, against the parsed
 * address, which is also what goes upstream (threats.md ADR-diff). A list that is not set allows
 * everything; where both device and user have one, both must allow. Pure functions.
 *
 * A pattern for a domain does not match an address whose local part names another way or mailbox to
 * some servers ("a@b.c"@d, a%b.c@d, b.c!a@d); a pattern that is this very address does. The null
 * sender is always allowed: it pretends to be nobody.
 *
 * Refusals are 550 5.7.1 (RFC 3463 X.7.1), short enough for a printer's panel: a long address is
 * cut.
 */
struct policy {
	const struct access *access;
	const struct device_config *row; /* its rules; NULL: none */
	const struct user *user;	 /* NULL: nobody is logged in */
};

bool policy_sender(const struct policy *policy, const struct address *sender,
		   struct inbound_refusal *why) MUST_CHECK;
bool policy_recipient(const struct policy *policy, const struct address *recipient,
		      struct inbound_refusal *why) MUST_CHECK;
/* Is there a list that the header must obey, too? */
bool policy_wants_header(const struct policy *policy);
/* Every address that From, Sender, Resent-From and Resent-Sender name must be allowed; what cannot
 * be read without doubt is refused. None of these fields at all is fine. */
bool policy_header(const struct policy *policy, const struct sender_capture *capture,
		   struct inbound_refusal *why) MUST_CHECK;

#endif
