/* SPDX-License-Identifier: MIT */
#include "inbound/tx.h"

#include <stdlib.h>

enum {
	PENDING_MAX = 1024 * 1024
}; /* one read's worth, whatever becomes of its line ends */

void tx_init(struct tx *tx)
{
	*tx = (struct tx){ .envelope = { .body = BODY_7BIT } };
	strbuf_init(&tx->pending, PENDING_MAX);
}

void tx_reset(struct tx *tx, const struct inbound_ops *ops)
{
	if (tx->message != NULL)
		ops->abandon(tx->message);
	strbuf_done(&tx->pending);
	if (tx->senders != NULL)
		sender_capture_done(tx->senders);
	free(tx->senders);
	envelope_done(&tx->envelope);
	tx_init(tx);
}
