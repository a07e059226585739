/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_ENVELOPE_H
#define OAUTHRELAY_MESSAGE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/idmap.h"
#include "common/str.h"
#include "common/strbuf.h"
#include "message/address.h"

/*
 * What belongs to a message besides its content: who handed it over, from whom, for whom. It is
 * written once, as the first record of the spool file (one line of JSON, so that `less` shows it),
 * and never changes; progress is kept in records behind the content.
 */
enum body_type {
	BODY_7BIT,
	BODY_8BITMIME
};

/* Why it is kept instead of sent, until a person says otherwise. */
enum envelope_hold {
	ENVELOPE_HOLD_NONE, /* not written */
	ENVELOPE_HOLD_RATE, /* its device sends more than its hold_above */
};

struct envelope {
	struct msgid id;
	int64_t accepted_ms; /* wall clock */
	char *peer;	     /* "192.168.10.21:1025" */
	char *helo;
	char *device; /* NULL: a device without a name, admitted by `allow` */
	char *user;   /* NULL: not logged in */
	struct address reverse_path;
	struct address *recipients; /* in the order given, at least one */
	size_t recipient_count;
	enum body_type body;
	enum envelope_hold hold;
};

void envelope_done(struct envelope *e);
void envelope_copy(struct envelope *to, const struct envelope *from);
void envelope_add_recipient(struct envelope *e, const struct address *a); /* copies */
void envelope_append_json(struct strbuf *out, const struct envelope *e);
bool envelope_parse_json(struct str json, struct envelope *out, struct err *err) MUST_CHECK;

#endif
