/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_READER_H
#define OAUTHRELAY_SPOOL_READER_H

#include "spool/spool.h"

/*
 * Reading a message back: the rows open, read, read_header and close of struct spool_ops (contract
 * there) for files. One chunk is read ahead while the caller sends the one before; the job that
 * reaches the end compares the digest before that last chunk is handed over. What turns out to be
 * damaged is moved to corrupt/ by the job that saw it, and the error says where.
 */
enum {
	READER_CHUNK = 64 * 1024,
	READER_HEADER_MAX = 4 << 20
};

void reader_open(struct spool *spool, const struct msgid *id, spool_open_cb *cb, void *arg);
void reader_read(struct spool_reader *reader, spool_read_cb *cb, void *arg);
void reader_read_header(struct spool_reader *reader, spool_read_cb *cb, void *arg);
void reader_close(struct spool_reader *reader);

#endif
