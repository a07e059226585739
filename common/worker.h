/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_WORKER_H
#define OAUTHRELAY_COMMON_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "common/attr.h"

struct event_base;

/*
 * Everything that can block runs here, off the loop: bounded lanes, each with its own threads and
 * its own queue, so that one kind of work cannot starve another (design.md, Threads).
 *
 * A job is a struct embedded in its owner's. run() is called on a thread of the lane and may touch
 * only what the job owns; done() is called on the loop, in the order in which jobs finished.
 * From worker_submit() until done() the job belongs to the worker and must stay allocated:
 * an owner that goes away earlier marks its own struct as abandoned and frees it in done().
 *
 * Slots bound each lane. A holder of a slot may have one job at a time under way and is never
 * refused; so whoever must not fail half-way (a draft) takes its slot before it begins.
 * All functions but run() are for the loop's thread.
 */
enum lane {
	LANE_COMMIT,   /* spool: create, write, sync */
	LANE_DISK,     /* spool: reads, updates, removal, scans; configuration files */
	LANE_CRYPTO,   /* password hashes, signing, keys */
	LANE_RESOLVER, /* getaddrinfo */
	LANE_COUNT
};

struct job {
	void (*run)(struct job *job);
	void (*done)(struct job *job);
	TAILQ_ENTRY(job) link;
	enum lane lane;
	bool own_slot;
};

struct lane_limits {
	unsigned threads;
	unsigned slots;
};

extern const struct lane_limits worker_default_limits[LANE_COUNT];

struct worker;

/* limits has LANE_COUNT entries. Aborts the process if threads cannot be made. */
struct worker *worker_new(struct event_base *base, const struct lane_limits *limits);
/* Runs the jobs that are queued to their end, calls their done(), joins the threads. */
void worker_free(struct worker *worker);

bool worker_slot_take(struct worker *worker, enum lane lane) MUST_CHECK;
void worker_slot_give(struct worker *worker, enum lane lane);
/* For a holder of a slot. */
void worker_submit(struct worker *worker, enum lane lane, struct job *job);
/* Takes a slot for the job's own length; false when the lane is full. */
bool worker_try_submit(struct worker *worker, enum lane lane, struct job *job) MUST_CHECK;
/* done() on the loop's next turn, without run(): for who found a lane full and must not say so from
 * inside the call that started the work. */
void worker_skip(struct worker *worker, enum lane lane, struct job *job);
/* Jobs submitted and not yet done: in one lane, over all lanes. */
size_t worker_lane_pending(const struct worker *worker, enum lane lane);
size_t worker_pending(const struct worker *worker);

#endif
