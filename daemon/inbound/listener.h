/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_LISTENER_H
#define OAUTHRELAY_INBOUND_LISTENER_H

#include <event2/util.h>
#include <sys/queue.h>

#include "config/config.h"
#include "inbound/server.h"

/*
 * One listening socket: opens it, accepts, hands each connection to inbound_connected(). When the
 * process has no descriptors left it stops accepting for a moment instead of turning in circles;
 * clients wait in the kernel's queue meanwhile. Loop's thread.
 */
struct listener {
	TAILQ_ENTRY(listener) link;
	struct inbound *in;
	char *address; /* as configured: what a reload finds it by */
	enum listener_tls tls;
	enum auth_rule auth;
	size_t index; /* in the configuration, and so in struct inbound_files */
	evutil_socket_t fd;
	struct event *readable;
	struct event *pause;
	struct floodgate gate; /* of accept-paused */
	size_t connections;    /* now */
	uint64_t connections_total;
};

struct listener *listener_open(struct inbound *in, const struct listener_config *config,
			       size_t index, struct err *err) MUST_CHECK;
void listener_start(struct listener *listener); /* accepts from now on */
void listener_free(struct listener *listener);	/* closes the socket */

#endif
