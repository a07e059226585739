/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_WATCH_H
#define OAUTHRELAY_WATCH_H

#include <stdint.h>

#include "config/config.h"
#include "inbound/inbound.h"

struct event_base;
struct worker;

/*
 * Notices that certificate, key or users file have changed and loads them anew, under the
 * configuration in force: the configuration's own file may be half edited, and waits for SIGHUP.
 *
 * It looks at the files every few seconds, in a job, instead of asking the kernel to tell: inotify
 * is silent about changes made on a file server's other clients, and would have to follow the links
 * through which Let's Encrypt's certificates are reached (live/ to archive/), each of which is
 * replaced at a renewal.
 *
 * Renewal writes two files, one after the other; what does not fit together is refused, told once,
 * and tried again when something changes again. Loop's thread.
 */
struct watch;

enum {
	WATCH_INTERVAL_MS = 5 * 1000
};

/* files is what has been loaded, and the callback's to keep; NULL: err says why not. */
typedef void watch_cb(void *arg, struct inbound_files *files, const struct err *err);

struct watch *watch_new(struct event_base *base, struct worker *worker, int64_t interval_ms,
			watch_cb *cb, void *arg);
/* From now on these files, which had this inbound_files_signature() before they were loaded. Takes
 * one reference of config. A look that is under way comes to nothing. */
void watch_begin(struct watch *watch, struct config *config, uint64_t signature);
void watch_stop(struct watch *watch); /* no callback after this */
void watch_free(struct watch *watch); /* NULL allowed; a job under way ends by itself */

#endif
