/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_RECORD_H
#define OAUTHRELAY_SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/idmap.h"
#include "common/str.h"
#include "common/strbuf.h"
#include "message/body_in.h"
#include "spool/digest.h"
#include "spool/spool.h"

/*
 * The records of a spool file, as text. Each is one line, so that `less` shows it:
 *
 *	OAR1 TYPE LENGTH CHECK PAYLOAD<LF>
 *
 * OAR1 is the format's version, LENGTH the payload's number of bytes (decimal, no leading zero),
 * CHECK the first 16 hexadecimal digits of the payload's SHA-256. A file is
 *
 *	OAR1 envelope ... {"id":"...", ...}
 *	the content, with CR LF
 *	OAR1 end ... id=ID at=96 size=1234 header=456 ... recipients=2 sha256=...
 *	OAR1 progress ... n=1 to=0 state=sent attempts=1 next=0 reply=250 2.0.0 OK
 *
 * Pure functions, any thread; they hash, so jobs only.
 */
#define RECORD_VERSION "OAR1"

enum record_type {
	RECORD_ENVELOPE,
	RECORD_END,
	RECORD_PROGRESS,
	RECORD_TYPE_COUNT
};

enum {
	RECORD_HEAD_MAX = 64,	       /* all in front of the payload */
	RECORD_LINE_MAX = 2048,	       /* END and progress, the line feed included */
	RECORD_ENVELOPE_MAX = 4 << 20, /* payload */
	RECORD_REPLY_MAX = 512,
};

/* "OAR1 end ", without line feed */
struct str record_magic(enum record_type type);

struct record_head {
	enum record_type type;
	size_t head_length; /* position of the payload */
	size_t length;	    /* of the payload; the line feed follows */
	struct str check;
};

/* The text in front of a payload, at the start of `bytes`; false if it is none. */
bool record_head_parse(struct str bytes, struct record_head *out) MUST_CHECK;
bool record_check_agrees(const struct record_head *head, struct str payload);
/* One whole record of that type at the start of bytes: its payload, and its length with line feed
 * in *line. False for anything else, a broken check included. */
bool record_parse(struct str bytes, enum record_type type, struct str *payload, size_t *line)
	MUST_CHECK;
/* False if out overflowed. */
bool record_append(struct strbuf *out, enum record_type type, struct str payload) MUST_CHECK;

/* What the END record says. Its own position is content_at + stats.size. */
struct record_end {
	struct msgid id;
	uint64_t content_at;
	struct body_stats stats;
	uint32_t recipients;
	struct sha256 sum; /* of the content */
};

void record_append_end(struct strbuf *out, const struct record_end *end);
bool record_parse_end(struct str payload, struct record_end *out) MUST_CHECK;

/* number: 1 for the first record behind END, and so on. */
void record_append_progress(struct strbuf *out, uint32_t number, const struct progress *progress);
/* out->reply points to bytes appended to `reply`: valid until that changes. */
bool record_parse_progress(struct str payload, uint32_t *number, struct progress *out,
			   struct strbuf *reply) MUST_CHECK;

/*
 * Is this what an interrupted write leaves at a file's end? tail starts where a record should, at
 * is its position in the file; it goes to the end of that, or is 64 KiB of it. An unfinished line
 * is torn, and so are blocks whose bytes never came to the disk (NUL up to a block's end). A line
 * that is there in full but wrong has been damaged.
 */
bool record_is_torn(struct str tail, uint64_t at);

#endif
