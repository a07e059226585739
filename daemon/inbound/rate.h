/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_RATE_H
#define OAUTHRELAY_INBOUND_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "common/units.h"
#include "config/config.h"

/*
 * How many messages each device with a hold_above has sent, in a window that slides: what was
 * answered with 250 in the last 60 parts of the rate's time (now's part, not over yet, included),
 * and what is being received. Whatever is accepted counts, also what is held; so a device that goes
 * on sending above its rate has all of it held, until it has become slower or is released. The
 * counts survive a reload that leaves the device's name and the rate's time; a restart forgets
 * them. Times are monotonic. Loop's thread.
 */
struct rates;

struct rates *rates_new(void);
void rates_free(struct rates *rates); /* NULL allowed */
/* A message begins: it has a place in the window until one of the next two is called. True when the
 * device's rate is used up already: the message is to be held. */
bool rates_reserve(struct rates *rates, const char *device, struct units_rate rate, int64_t now_ms)
	MUST_CHECK;
void rates_accept(struct rates *rates, const char *device, int64_t now_ms);
void rates_cancel(struct rates *rates, const char *device);
/* The device begins anew; what is being received still counts. */
void rates_forget(struct rates *rates, struct str device);
/* Drops what belongs to no device, or to one without a rate. */
void rates_keep(struct rates *rates, const struct config *config);

#endif
