/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_HELD_H
#define OAUTHRELAY_QUEUE_HELD_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "queue/message.h"

struct event_base;

/*
 * Mail that is kept because its device sends more than its hold_above: by device, in order of
 * acceptance; the warnings about it; and its release, a bounded number of records at a time, so
 * that a hundred thousand messages neither stop the loop nor fill the disk lane. Does not own its
 * messages. Loop's thread.
 *
 *   device-held      when a device's first message is held, then every hour while some are
 *   device-released  when the last record of a release has been written
 */
struct held;

/* Makes m's recipients pending and starts to record that; m is PARKED, and its hold RELEASING. */
typedef void held_free_cb(void *arg, struct queued *m);

struct held *held_new(struct event_base *base, held_free_cb *release, void *arg);
void held_free(struct held *held); /* NULL allowed */
/* For the rates in the warnings. The configuration must live until the next call. */
void held_configure(struct held *held, const struct config *config);

/* What queue_place() says of every message; those that are not held so are not touched. */
void held_add(struct held *held, struct queued *m);	 /* it is PARKED now */
void held_remove(struct held *held, struct queued *m);	 /* it is no longer PARKED */
void held_recorded(struct held *held, struct queued *m); /* it is no longer ACTIVE */

/* Warns of what has not been warned of for an hour. */
void held_tell(struct held *held);
/* All of a device that are held now; their number. */
size_t held_release(struct held *held, struct str name);
size_t held_count(const struct held *held, struct str name);
/* The index-th device with held mail; false behind the last. */
bool held_device(const struct held *held, size_t index, const char **name, size_t *messages);
/* No more records; a release that is not through is logged, the rest of its mail stays held. */
void held_stop(struct held *held);

#endif
