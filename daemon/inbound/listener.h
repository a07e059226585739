/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_LISTENER_H
#define OAUTHRELAY_INBOUND_LISTENER_H

#include <event2/util.h>
#include <sys/queue.h>

#include "config/config.h"
#include "inbound/inherited.h"
#include "inbound/server.h"

/*
 * One listening socket: opens it or takes one that systemd has opened, accepts, hands each
 * connection to inbound_connected(). When the process has no descriptors left it stops accepting
 * for a moment instead of turning in circles; clients wait in the kernel's queue meanwhile.
 *
 * Two listeners, 0.0.0.0 and [::] on one port, may share a socket that systemd has opened for both
 * families; then each has the clients of its own family. Loop's thread.
 */
struct listener {
	TAILQ_ENTRY(listener) link;
	struct inbound *in;
	char *address; /* as configured: what a reload finds it by */
	enum listener_tls tls;
	enum auth_rule auth;
	size_t index; /* in the configuration, and so in struct inbound_files */
	sa_family_t family;
	struct listener *partner; /* that shares the socket; NULL: none */
	evutil_socket_t fd;	  /* -1: it is the partner's */
	struct event *readable;
	struct event *pause;
	struct floodgate gate; /* of accept-paused */
	size_t connections;    /* now */
	uint64_t connections_total;
};

struct listener *listener_open(struct inbound *in, const struct listener_config *config,
			       size_t index, const struct inherited *inherited, struct err *err)
	MUST_CHECK;
void listener_start(struct listener *listener); /* accepts from now on */
void listener_free(struct listener *listener);	/* closes the socket */

#endif
