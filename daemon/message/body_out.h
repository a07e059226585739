/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_BODY_OUT_H
#define OAUTHRELAY_MESSAGE_BODY_OUT_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/str.h"

struct evbuffer;

/*
 * The wire encoder of DATA: dot-stuffing (RFC 5321 4.5.2), and nothing else. Its input is
 * canonical; it verifies that while it goes (every CR before an LF, every LF behind a CR, no NUL),
 * because what is wrong here would be SMTP smuggling: then false, nothing of that slice has been
 * written, and the transaction must be broken off.
 */
struct body_out {
	char last; /* last byte of content: CR and LF count across slices */
};

void body_out_init(struct body_out *b);
bool body_out_add(struct body_out *b, struct str bytes, struct evbuffer *out) MUST_CHECK;
/* True after a CR whose LF has not come: content that ends so is not canonical. */
bool body_out_is_torn(const struct body_out *b);
/* ".\r\n", with a CR LF before it if the content lacks its own. (A torn end is made whole, so that
 * no caller's mistake puts a lone CR on the wire.) */
void body_out_end(struct body_out *b, struct evbuffer *out);

#endif
