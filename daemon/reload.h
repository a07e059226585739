/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_RELOAD_H
#define OAUTHRELAY_RELOAD_H

#include "config/config.h"
#include "inbound/inbound.h"
#include "queue/queue.h"

struct worker;

/*
 * The configuration with everything that comes from files beside it (certificates, users, secrets):
 * loaded whole or not at all. At start in place, on reload in a job, so that a slow disk or name
 * service does not stop the loop.
 */
struct loaded {
	struct config *config; /* one reference */
	struct inbound_files *inbound;
	struct queue_files *queue;
};

/* Blocks. Also makes what a first start needs (state directory, self-signed certificate). False:
 * report has the errors. */
bool loaded_read(const char *path, struct loaded *out, struct config_report *report) MUST_CHECK;
void loaded_done(struct loaded *loaded);

struct reload;
/* done is called once on the loop with NULL when the files were refused. It takes over what is in
 * loaded. report lives during the call. */
typedef void reload_cb(void *arg, struct loaded *loaded, const struct config_report *report);
/* False: the disk lane is full. */
bool reload_start(struct worker *worker, const char *path, reload_cb *done, void *arg) MUST_CHECK;

#endif
