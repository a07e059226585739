/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_SERVER_H
#define OAUTHRELAY_INBOUND_SERVER_H

#include <event2/event.h>
#include <sys/queue.h>

#include "common/netaddr.h"
#include "inbound/files.h"
#include "inbound/inbound.h"
#include "inbound/peers.h"
#include "inbound/rate.h"

struct listener;
struct in_session;
struct lockout;
struct login_cache;

TAILQ_HEAD(in_session_list, in_session);
TAILQ_HEAD(listener_list, listener);

/*
 * What listeners and sessions share; inbound.c owns it. `dead` are sessions that are over and wait
 * for the end of the loop's turn, because a callback of theirs may still be on the stack.
 */
struct inbound {
	struct event_base *base;
	struct worker *worker;
	struct inbound_ops ops;
	struct config *config;
	struct inbound_files *files; /* NULL before the first inbound_configure() */
	struct listener_list listeners;
	struct in_session_list sessions;
	struct in_session_list dead;
	struct event *reaper;
	struct peers *peers;
	struct rates *rates;
	struct login_cache *logins;
	struct lockout *lockout;
	struct inbound_counters counters;
	size_t messages_now;   /* coming in */
	uint32_t next_session; /* for the short ids in the log */
	bool draining;
};

/* A connection has come in; the descriptor is the server's from here on. */
void inbound_connected(struct inbound *in, const struct listener *listener, evutil_socket_t fd,
		       const struct sockaddr *sa);

/* May one more message come in, from this address (limits.messages)? Else *why. Above half of the
 * limit an address may have an eighth of it, so that a few cannot hold all. */
bool inbound_may_begin_message(struct inbound *in, const struct netaddr *addr,
			       struct inbound_refusal *why) MUST_CHECK;
void inbound_message_begun(struct inbound *in, const struct netaddr *addr);
void inbound_message_over(struct inbound *in, const struct netaddr *addr);

#endif
