/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_QUEUE_H
#define OAUTHRELAY_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/users.h"
#include "message/envelope.h"
#include "queue/account.h"
#include "queue/message.h"
#include "spool/spool.h"

struct dialer;
struct event_base;
struct http;
struct seal;
struct state;
struct worker;

/*
 * All messages that have been accepted and not yet finished: the index over the spool, when each is
 * tried next, and by which account. The spool has the truth; the queue is rebuilt from it at start.
 * The only place that changes where a message is, and that writes what has become of it. Loop's
 * thread.
 */
struct queue;

struct queue_params {
	struct event_base *base;
	struct worker *worker;
	struct spool *spool;
	struct http *http;
	struct dialer *dialer;
	/* What the accounts' tokens are remembered by. NULL: they are not. */
	struct state *state;
	const struct seal *seal;
	const char *unsealed; /* why seal is NULL, and the command that mends it; outlives all */
};

/* TLS contexts of the accounts, in the order of the configuration; loaded in a job. */
struct queue_files;
struct queue_files *queue_files_load(const struct config *config, struct err *err) MUST_CHECK;
void queue_files_free(struct queue_files *files); /* NULL allowed */

struct queue *queue_new(const struct queue_params *params);
void queue_free(struct queue *q); /* NULL allowed */
/* Before anything else, and on reload: takes a reference of config and of users, and files. Waiting
 * mail is routed anew, held accounts and held senders are tried again. */
void queue_configure(struct queue *q, struct config *config, struct queue_files *files,
		     struct users *users);
/* When only the users have changed: waiting mail is routed anew. Takes a reference. */
void queue_set_users(struct queue *q, struct users *users);

/* A message that is safe on disk. */
void queue_add(struct queue *q, const struct spool_info *info, const struct envelope *envelope);
/* Finds what an earlier process left; done is called when all of it is in the queue. */
void queue_recover(struct queue *q, void (*done)(void *arg), void *arg);

/* No new transactions; what is under way ends, what could not be recorded is recorded if that works
 * now. done is called when nothing is under way (also at once). */
void queue_stop(struct queue *q, void (*done)(void *arg), void *arg);

struct queue_totals {
	size_t messages;
	size_t recipients; /* not yet delivered */
	uint64_t bytes;
	size_t deferred; /* messages that wait for a time after an attempt */
	size_t ready;
	size_t active;
	size_t failed;		  /* messages with a recipient that has failed */
	size_t held;		  /* messages with a recipient that waits for a person */
	size_t held_by_rate;	  /* messages that wait for `device release`; not in held */
	int64_t oldest_ms;	  /* wall clock of acceptance; 0: empty */
	uint64_t delivered_total; /* recipients, since the start */
	uint64_t failed_total;
};
/* Walks the queue: for people, not for every event. */
void queue_totals(const struct queue *q, struct queue_totals *out);

/* A device some of whose mail is held because it sent more than its rate. */
struct queue_held {
	const char *device;
	size_t messages;
};
/* The index-th of them; false behind the last. */
bool queue_held_device(const struct queue *q, size_t index, struct queue_held *out);
size_t queue_held_count(const struct queue *q, struct str device); /* messages; 0: none */
/* Lets the mail of a device go that is held because of its rate, what comes later excepted. Says
 * how many messages that is; each is tried when a durable record says that it is free, a bounded
 * number of records at a time. Those not yet freed at a stop or a crash are still held. */
size_t queue_release(struct queue *q, struct str device);
/* "held: erp is above 5000/h; oauthrelay device release erp"; false when m is not held so. */
bool queue_append_hold(const struct queue *q, const struct queued *m, struct strbuf *out);

/* In order of acceptance. */
const struct queued *queue_first(const struct queue *q);
const struct queued *queue_next(const struct queued *m);
const struct queued *queue_get(const struct queue *q, const struct msgid *id);
size_t queue_size(const struct queue *q);
/* Recipients of all messages, delivered ones too: what the queue's memory goes by. */
size_t queue_recipients(const struct queue *q);
/* Milliseconds until the message is tried; 0: as soon as its account may, -1: never by itself. */
int64_t queue_next_try_ms(const struct queued *m);

/* Those of the configuration in use, in its order. */
size_t queue_account_count(const struct queue *q);
const struct account *queue_account(const struct queue *q, size_t index);

#endif
