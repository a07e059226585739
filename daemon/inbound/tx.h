/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_TX_H
#define OAUTHRELAY_INBOUND_TX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/strbuf.h"
#include "inbound/inbound.h"
#include "message/sender_capture.h"

/* What BDAT has announced. */
struct tx_chunk {
	uint64_t size;
	uint64_t left; /* still to come */
	bool last;
	bool unwanted; /* it is no part of a message: thrown away, then refused */
};

/*
 * One mail transaction: from MAIL to the reply to its content. tx_reset() is the only way it ends,
 * whatever the end is, so that nothing of one message can reach the next. Loop's thread.
 */
struct tx {
	struct envelope envelope;
	struct sender_capture *senders; /* of the header; NULL: nobody asks (sending.c) */
	bool reserved;			/* it has a place in its device's rate (sending.c) */
	/* While content comes in, and until it is safe: */
	struct inbound_message *message; /* NULL also when it is refused already */
	struct body_in body;
	struct strbuf pending; /* canonical content that could not be handed on yet */
	uint64_t limit;	       /* largest message */
	uint64_t own_size;   /* of the content: our Received field, which RFC 1870 does not count */
	uint64_t wire_bytes; /* content as received */
	struct tx_chunk chunk;
	bool counted; /* among the messages coming in: see inbound_message_begun() */
	bool paused;  /* the other side has asked for a pause */
	bool ended;   /* the end of data has come */
	struct inbound_refusal
		refusal; /* code 0: none; to be given at the end of data, or of a chunk */
};

void tx_init(struct tx *tx);
void tx_reset(struct tx *tx, const struct inbound_ops *ops);

#endif
