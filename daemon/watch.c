/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/timer.h"
#include "common/worker.h"

/* One look at the files. */
struct look {
	struct job job;
	struct watch *watch; /* NULL: nobody wants to know any more */
	struct config *config;
	uint64_t signature; /* as it was, then as it is */
	bool changed;
	struct inbound_files *files;
	struct err err;
};

struct watch {
	struct worker *worker;
	struct event *timer;
	int64_t interval_ms;
	watch_cb *cb;
	void *arg;
	struct config *config; /* NULL: nothing to look at */
	uint64_t signature;
	struct look *look; /* NULL: none under way */
};

static void run(struct job *job)
{
	struct look *look = (struct look *)job;
	/* Before the files are read: what changes meanwhile is seen at the next look. */
	uint64_t now = inbound_files_signature(look->config);
	look->changed = now != look->signature;
	look->signature = now;
	if (look->changed)
		look->files = inbound_files_load(look->config, &look->err);
}

static void free_look(struct look *look)
{
	config_unref(look->config);
	inbound_files_free(look->files);
	free(look);
}

static void done(struct job *job)
{
	struct look *look = (struct look *)job;
	struct watch *watch = look->watch;
	if (watch == NULL) {
		free_look(look);
		return;
	}
	watch->look = NULL;
	timer_start(watch->timer, watch->interval_ms);
	watch->signature = look->signature;
	struct inbound_files *files = look->files;
	look->files = NULL;
	if (look->changed)
		watch->cb(watch->arg, files, &look->err);
	free_look(look);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	(void)fd;
	(void)what;
	struct look *look = mem_zalloc(sizeof(*look));
	look->job = (struct job){ .run = run, .done = done };
	look->watch = watch;
	look->config = config_ref(watch->config);
	look->signature = watch->signature;
	if (worker_try_submit(watch->worker, LANE_DISK, &look->job)) {
		watch->look = look;
	} else {
		/* The disk has enough to do. */
		free_look(look);
		timer_start(watch->timer, watch->interval_ms);
	}
}

struct watch *watch_new(struct event_base *base, struct worker *worker, int64_t interval_ms,
			watch_cb *cb, void *arg)
{
	struct watch *watch = mem_zalloc(sizeof(*watch));
	watch->worker = worker;
	watch->interval_ms = interval_ms;
	watch->cb = cb;
	watch->arg = arg;
	watch->timer = event_new(base, -1, 0, on_timer, watch);
	return watch;
}

void watch_stop(struct watch *watch)
{
	if (watch->look != NULL)
		watch->look->watch = NULL;
	watch->look = NULL;
	timer_stop(watch->timer);
	config_unref(watch->config);
	watch->config = NULL;
}

void watch_begin(struct watch *watch, struct config *config, uint64_t signature)
{
	watch_stop(watch);
	watch->config = config_ref(config);
	watch->signature = signature;
	timer_start(watch->timer, watch->interval_ms);
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	watch_stop(watch);
	event_free(watch->timer);
	free(watch);
}
