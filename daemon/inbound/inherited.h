/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_INHERITED_H
#define OAUTHRELAY_INBOUND_INHERITED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "config/config.h"

struct listener;

/*
 * Listening sockets that systemd has opened for us (sd_listen_fds(3); a unit of type .socket). One
 * serves the configured listener with the same address; a dual-stack socket on [::] serves
 * 0.0.0.0 on its port too, in which case two listeners share it. What a listener does with its
 * clients is always the configuration's business.
 */
struct inherited_socket {
	int fd;
	struct sockaddr_storage sa;
	bool dual;		   /* on [::], and takes IPv4 as well */
	struct listener *listener; /* the first that uses it; the descriptor is that one's */
};

struct inherited {
	struct inherited_socket *sockets;
	size_t count;
};

/* Takes count descriptors from first on. Those that no listener of config fits are named in the log
 * and closed, before any socket of ours is bound. Blocks nowhere; the loop's thread. */
void inherited_init(struct inherited *in, int first, int count, const struct config *config);
/* The socket for this listener, or NULL. */
struct inherited_socket *inherited_find(const struct inherited *in,
					const struct listener_config *listener);
/* Closes what nobody uses. */
void inherited_done(struct inherited *in);

#endif
