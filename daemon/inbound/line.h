/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_LINE_H
#define OAUTHRELAY_INBOUND_LINE_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"

/*
 * Command lines out of a stream. A line ends in LF; one CR before it is not part of it. A line that
 * is too long is swallowed up to its real end and reported once, so that its tail is never run as
 * a command; meanwhile nothing of it is kept but whether it began with BDAT: then what follows it
 * is no command either.
 *
 * Any line may be an answer to AUTH, so the bytes are wiped where they were, and the copy is a
 * secret. Pure but for the buffer.
 */
enum {
	LINE_ENDLESS_BYTES = 64 * 1024
};

enum line_status {
	LINE_NONE,    /* not all of it has come */
	LINE_READY,   /* in *out */
	LINE_LONG,    /* one too long has ended */
	LINE_ENDLESS, /* LINE_ENDLESS_BYTES without an end: close */
};

struct line_reader {
	size_t scanned; /* bytes at the front of the buffer known to hold no LF */
	size_t skipped; /* bytes of an overlong line already thrown away */
	uint8_t bdat;	/* how it began: see line_is_bdat() */
	bool cr;	/* one of the bytes taken so far, of any line, was a CR */
};

/* max counts without CR and LF. The caller frees *out with secret_done() after LINE_READY. */
enum line_status line_take(struct line_reader *r, struct evbuffer *in, size_t max,
			   struct secret *out);
/* After LINE_LONG: did it begin with BDAT? */
bool line_is_bdat(const struct line_reader *r);

/* The first bytes of the buffer that lie together; empty only if the buffer is. (A buffer may begin
 * with room that a read has made and not filled.) */
struct evbuffer_iovec line_extent(struct evbuffer *in);

#endif
