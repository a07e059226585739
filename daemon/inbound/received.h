/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_RECEIVED_H
#define OAUTHRELAY_INBOUND_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/netaddr.h"
#include "common/strbuf.h"
#include "message/envelope.h"

/* What our trace field says besides the envelope (RFC 5321 4.4, RFC 3848). Pure. */
struct received_facts {
	const char *hostname;
	struct netaddr addr;
	bool esmtp;
	bool tls;
	bool logged_in;
	int64_t wall_ms;
};

/* "Received: ...\r\n", folded. A HELO name that is no domain is put in a comment, made safe;
 * without a name (quirk empty-helo) there is none. */
void received_append(struct strbuf *out, const struct envelope *e, const struct received_facts *f);

#endif
