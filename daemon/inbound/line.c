/* SPDX-License-Identifier: MIT */
#include "inbound/line.h"

#include <event2/buffer.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"

struct evbuffer_iovec line_extent(struct evbuffer *in)
{
	struct evbuffer_iovec v[4];
	int n = evbuffer_peek(in, -1, NULL, v, ARRAY_LEN(v));
	for (int i = 0; i < n && i < (int)ARRAY_LEN(v); i++)
		if (v[i].iov_len != 0)
			return v[i];
	return (struct evbuffer_iovec){ .iov_base = NULL };
}

enum {
	BDAT_WHOLE = 4, /* so many of its letters have been seen */
	BDAT_NOT = 5,	/* something else has */
};

/* Blanks before a verb are forgiven. */
static void look_for_bdat(struct line_reader *r, struct str bytes)
{
	for (size_t i = 0; i < bytes.n && r->bdat < BDAT_WHOLE; i++) {
		bool blank = bytes.p[i] == ' ' || bytes.p[i] == '\t';
		if (ascii_lower(bytes.p[i]) == "bdat"[r->bdat])
			r->bdat++;
		else if (!blank || r->bdat != 0)
			r->bdat = BDAT_NOT;
	}
}

bool line_is_bdat(const struct line_reader *r)
{
	return r->bdat == BDAT_WHOLE;
}

static void wipe_and_drain(struct line_reader *r, struct evbuffer *in, size_t n)
{
	while (n != 0) {
		struct evbuffer_iovec part = line_extent(in);
		if (part.iov_len > n)
			part.iov_len = n;
		if (part.iov_len == 0)
			return;
		look_for_bdat(r, (struct str){ part.iov_base, part.iov_len });
		r->cr |= memchr(part.iov_base, '\r', part.iov_len) != NULL;
		secret_wipe(part.iov_base, part.iov_len);
		evbuffer_drain(in, part.iov_len);
		n -= part.iov_len;
	}
}

/* Position of the first LF, or -1. */
static ssize_t find_end(struct line_reader *r, struct evbuffer *in)
{
	struct evbuffer_ptr from;
	if (r->scanned >= evbuffer_get_length(in) ||
	    evbuffer_ptr_set(in, &from, r->scanned, EVBUFFER_PTR_SET) != 0)
		return -1;
	return evbuffer_search(in, "\n", 1, &from).pos;
}

static enum line_status no_end_yet(struct line_reader *r, struct evbuffer *in, size_t max)
{
	size_t length = evbuffer_get_length(in);
	r->scanned = length;
	/* The CR of a line of exactly max bytes may be there already. */
	if (r->skipped != 0 || length > max + 1) {
		r->skipped += length;
		r->scanned = 0;
		wipe_and_drain(r, in, length);
	}
	return r->skipped > LINE_ENDLESS_BYTES ? LINE_ENDLESS : LINE_NONE;
}

enum line_status line_take(struct line_reader *r, struct evbuffer *in, size_t max,
			   struct secret *out)
{
	ssize_t end = find_end(r, in);
	if (r->skipped == 0)
		r->bdat = 0;
	if (end < 0)
		return no_end_yet(r, in, max);
	size_t n = (size_t)end, skipped = r->skipped;
	*r = (struct line_reader){ .cr = r->cr, .bdat = r->bdat };
	if (skipped != 0 || n > max + 1) {
		wipe_and_drain(r, in, n + 1);
		return skipped + n > LINE_ENDLESS_BYTES ? LINE_ENDLESS : LINE_LONG;
	}
	char *p = mem_alloc(n + 1);
	evbuffer_copyout(in, p, n);
	wipe_and_drain(r, in, n + 1);
	*out = (struct secret){ p, n };
	if (n != 0 && p[n - 1] == '\r')
		out->n--;
	if (out->n <= max)
		return LINE_READY;
	secret_done(out);
	return LINE_LONG;
}
