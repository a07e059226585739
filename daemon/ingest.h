/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INGEST_H
#define OAUTHRELAY_INGEST_H

#include "inbound/inbound.h"

struct queue;
struct spool;

/*
 * What inbound/ asks for through struct inbound_ops, done with the spool and the queue: a message
 * being received is a draft; when it is committed, and only then, it is queued and acknowledged. A
 * client that goes away after its final dot does not take its message along. Loop's thread.
 */
struct ingest;

struct ingest *ingest_new(struct spool *spool, struct queue *queue);
void ingest_free(struct ingest *ingest); /* no message may be open; NULL allowed */
struct inbound_ops ingest_ops(struct ingest *ingest);

#endif
