/* SPDX-License-Identifier: MIT */
#include "common/clock.h"
#include "inbound/command.h"
#include "inbound/content.h"
#include "inbound/sreply.h"

/*
 * BDAT (RFC 3030): content in chunks of announced size, a reply for each.
 *
 * What follows the command is content whatever we think of it, and must never be run as commands:
 * a chunk that is not wanted is read and thrown away before its reply, and a command whose size
 * cannot be read ends the connection. After a failure all further chunks of the message get the
 * same reply, up to the last one or RSET.
 *
 * A chunk of no bytes is taken wherever it stands. Postfix refuses one that is not the last; RFC
 * 3030 does not, and it costs no more than NOOP.
 */

/* "86", "86 LAST". One blank only: everybody must read the same number. */
static bool parse_chunk(struct str args, struct tx_chunk *out)
{
	struct tx_chunk chunk = { .size = 0 };
	ptrdiff_t blank = str_chr(args, ' ');
	if (blank >= 0) {
		chunk.last = true;
		if (!str_ieq(str_skip(args, (size_t)blank + 1), STR("LAST")))
			return false;
		args = str_head(args, (size_t)blank);
	}
	if (!str_to_u64(args, UINT64_MAX, &chunk.size))
		return false;
	chunk.left = chunk.size;
	*out = chunk;
	return true;
}

void bdat_unreadable(struct in_session *s)
{
	in_session_reply(s, 501, "5.5.4 Syntax: BDAT size [LAST]");
	in_session_finish(s, "BDAT without a size");
}

static void read_chunk(struct in_session *s)
{
	const struct tx *tx = &s->tx;
	if (content_is_endless(s, tx->chunk.size)) {
		in_session_refuse(s, &tx->refusal);
		in_session_finish(s, "chunk beyond all limits");
		return;
	}
	in_session_set_mode(s, MODE_BDAT);
	if (tx->chunk.unwanted)
		content_start_clocks(s);
	else
		content_continue_clocks(s);
}

static void begin(struct in_session *s)
{
	struct inbound_refusal why;
	s->phase = PHASE_BDAT;
	if (!content_begin(s, BODY_IN_BDAT, &why)) {
		s->tx.limit = in_session_size_limit(s);
		content_refuse(s, &why);
	}
	content_start_clocks(s);
}

void verb_bdat(struct in_session *s, struct str args)
{
	struct tx *tx = &s->tx;
	struct inbound_refusal why;
	if (!parse_chunk(args, &tx->chunk)) {
		bdat_unreadable(s);
		return;
	}
	if (s->phase == PHASE_RCPT) {
		begin(s);
	} else if (content_is_slow(s)) {
		/* The pauses between chunks count, or a message could be kept open for ever. */
		in_session_too_slow(s);
		return;
	}
	if (tx->refusal.code == 0 &&
	    (tx->wire_bytes > tx->limit || tx->chunk.size > tx->limit - tx->wire_bytes)) {
		content_refuse_size(s, "The message", &why);
		content_refuse(s, &why);
	}
	read_chunk(s);
}

void bdat_refused(struct in_session *s, struct str args, const struct inbound_refusal *why)
{
	struct tx *tx = &s->tx;
	if (!parse_chunk(args, &tx->chunk)) {
		bdat_unreadable(s);
		return;
	}
	tx->chunk.unwanted = true;
	tx->limit = in_session_size_limit(s);
	tx->refusal = *why;
	read_chunk(s);
}

static void reply_to_chunk(struct in_session *s)
{
	struct tx *tx = &s->tx;
	if (tx->refusal.code != 0)
		in_session_refuse(s, &tx->refusal);
	else
		in_session_reply(s, 250, "2.0.0 %llu octets received",
				 (unsigned long long)tx->chunk.size);
	if (tx->chunk.unwanted)
		tx->refusal.code = 0; /* it was this chunk's only */
	in_session_set_mode(s, MODE_COMMAND);
}

bool bdat_input(struct in_session *s)
{
	struct tx *tx = &s->tx;
	bool last = tx->chunk.last && !tx->chunk.unwanted;
	if (tx->paused)
		return false;
	if (tx->chunk.left != 0) {
		size_t taken = content_take(s, tx->chunk.left);
		tx->chunk.left -= taken;
		return taken != 0;
	}
	if (last && !tx->ended)
		content_finish(s);
	if (tx->paused)
		return false;
	s->progress_ms = clock_mono_ms();
	if (last)
		content_reply(s);
	else
		reply_to_chunk(s);
	return true;
}
