/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_INTERNAL_H
#define OAUTHRELAY_QUEUE_INTERNAL_H

#include "queue/due.h"
#include "queue/held.h"
#include "queue/queue.h"

struct event;

/*
 * The queue's own structs, shared by queue.c (places and accounts), settle.c (outcomes), view.c
 * (what people see of it) and files.c (what it needs from files). Nothing else but their test
 * includes this.
 */
enum {
	DUE_BATCH = 500,
	NO_ROUTE_RETRY_MS = 60 * 1000,
	RECORD_RETRY_MS = 60 * 1000,
	RESCAN_MS = 60 * 1000,
};

struct queue {
	struct queue_params params;
	struct spool *spool;
	struct config *config;
	struct users *users; /* who may say an account for their mail */
	struct queued_list all;
	struct idmap *by_id;
	struct due due;
	struct held *held;
	struct event *due_timer;
	struct event *rescan_timer; /* a recovery that failed is made again */
	struct account **accounts;
	size_t account_count;
	size_t recipients; /* of all messages */
	size_t active;
	uint64_t delivered_total;
	uint64_t failed_total;
	void (*recovered)(void *arg);
	void *recovered_arg;
	int64_t recovery_started_ms;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

struct ssl_ctx_st;

struct queue_files {
	struct ssl_ctx_st **tls; /* one for each account; NULL where TLS is off */
	size_t count;
};

/* The one place where a message changes its place. */
void queue_place(struct queue *q, struct queued *m, enum place place);
/* NULL: none of that name was ever configured. */
struct account *queue_find_account(const struct queue *q, const char *name);
/* Routes it and puts it into its account's list; records first what could not be recorded. */
void queue_make_ready(struct queue *q, struct queued *m);
/* Out of the index; its file is gone. */
void queue_drop(struct queue *q, struct queued *m);
/* Something has stopped being ACTIVE. */
void queue_note_idle(struct queue *q);

#endif
