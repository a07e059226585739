/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_SENDER_CAPTURE_H
#define OAUTHRELAY_MESSAGE_SENDER_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"
#include "common/strbuf.h"
#include "message/body_in.h"

/*
 * The fields of a message that say who wrote or sent it (From, Sender, Resent-From, Resent-Sender:
 * RFC 5322 3.6.2, 3.6.6), kept while the content passes by. Where the header ends is what body_in
 * says, and so what will be sent as header. Pure.
 */
enum {
	SENDER_CAPTURE_MAX = 8192
};

struct sender_capture {
	const char *default_domain; /* completes bare names; NULL or "": none does */
	struct strbuf fields;	    /* whole ones, canonical; overflow: there was more */
	/* private: the line under way */
	struct strbuf name;
	bool at_start;
	bool in_value;
	bool keeping; /* the field under way is wanted */
};

void sender_capture_init(struct sender_capture *c);
void sender_capture_done(struct sender_capture *c);
/* What body_in has just emitted, and its stats, which count these bytes already. */
void sender_capture_feed(struct sender_capture *c, struct str bytes,
			 const struct body_stats *stats);

struct sender_field {
	struct str name;    /* as written */
	bool readable;	    /* false: one reader may take it for something else than another */
	struct str address; /* one of those it names; empty when that cannot be read */
};
typedef bool sender_allowed(const void *arg, struct str address);
/* The first thing that is not allowed or cannot be read goes to *out, and the answer is false.
 * address lives until the next call with the same scratch, which the caller ends. */
bool sender_capture_check(const struct sender_capture *c, sender_allowed *allowed, const void *arg,
			  struct strbuf *scratch, struct sender_field *out) MUST_CHECK;

#endif
