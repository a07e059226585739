/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_CONTROL_H
#define OAUTHRELAY_ADMIN_CONTROL_H

#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "inbound/inbound.h"
#include "queue/queue.h"

struct event_base;
struct worker;

/*
 * The control socket: HTTP/1.1 over a Unix socket, where the command line (and anybody else who may
 * write to the socket) asks the running relay, or tells it what to do. Answers are JSON. What is
 * done (every POST) is logged with the user id that asked for it:
 * `admin uid=0 did="POST /v1/devices/erp/release" status=200`, when it is answered; status=499 when
 * the client has left before. Bodies of requests may hold secrets, and are wiped. Loop's thread.
 *
 * The socket's file has mode 0660 and keeps the group that its folder or the process gives it; a
 * file left by a process that is gone is replaced, one that somebody answers on is not.
 */
struct control;

/* What is to be told, as of now. All of it belongs to the app and is used only during the call. */
struct admin_view {
	const struct queue *queue;
	const struct config *config;
	struct inbound_counters intake;
	const struct inbound *inbound;
	const struct roster *roster;
	struct worker *worker;
	int64_t started_ms; /* monotonic */
};

struct admin_ops {
	void (*look)(void *ctx, struct admin_view *out);
	/* Says how many messages that is. */
	size_t (*release_device)(void *ctx, struct str device);
	void *ctx;
};

/* NULL with err, which names the path. ops is copied. Blocks shortly: for start-up. */
struct control *control_new(struct event_base *base, const char *path, const struct admin_ops *ops,
			    struct err *err) MUST_CHECK;
/* Closes all connections and removes the socket's file; NULL allowed. */
void control_free(struct control *control);

#endif
