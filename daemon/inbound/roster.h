/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_ROSTER_H
#define OAUTHRELAY_INBOUND_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/floodgate.h"
#include "common/netaddr.h"
#include "config/config.h"
#include "inbound/transcript.h"

struct event_base;

/*
 * Every address that has connected since the start, known or refused: how many connections it has
 * open, what has become of it, what was said in its last sessions, and how many lines of the log it
 * has had in this second.
 *
 * Bounded by limits.known_addresses: the one not heard of longest goes first, a stranger before an
 * admitted address, so that a scan of the LAN does not drive the printers out. One with open
 * connections stays; so the true bound is known_addresses and limits.connections together. The
 * transcripts of all are bounded by limits.transcript_memory, in the same order. A hash table and
 * lists ordered by time: everything costs the same whatever the number.
 *
 * Names are not kept: who an address is, the configuration says when it is asked. Loop's thread.
 */
enum roster_class {
	ROSTER_OPEN, /* has connections */
	ROSTER_ADMITTED,
	ROSTER_STRANGER,
	ROSTER_CLASSES,
};

struct roster_entry {
	struct roster_entry *next;	   /* of the same bucket */
	TAILQ_ENTRY(roster_entry) by_time; /* of its class */
	TAILQ_ENTRY(roster_entry) muted_link;
	struct netaddr addr;
	enum roster_class class;
	bool admitted;	  /* when it last connected */
	bool not_allowed; /* it was told so at MAIL */
	bool muted;	  /* `refused-more` is due */
	size_t open;
	size_t messages;  /* coming in */
	int64_t first_ms; /* monotonic, as all times here */
	int64_t last_ms;
	uint64_t turn; /* the larger, the later heard of; several may be in a millisecond */
	uint64_t connections;
	uint64_t accepted; /* messages */
	uint64_t refused;
	/* What was last seen; NULL: never. Static: */
	const char *tls;
	const char *cipher;
	const char *login; /* "PLAIN": what it tried, with whatever success */
	/* Copies, cut to a length: */
	char *user; /* one of ours who has logged in; "" where any password will do */
	char *helo;
	char *error; /* our reply, or what went wrong, as it was logged */
	char *listener;
	struct floodgate gate;
	struct transcript_list transcripts; /* oldest first */
	size_t transcript_count;
};

struct roster;

struct roster *roster_new(struct event_base *base);
void roster_free(struct roster *roster); /* NULL allowed */
/* limits must live until the next call. */
void roster_configure(struct roster *roster, const struct inbound_limits *limits);

/* A connection has come in; the entry stays where it is until roster_disconnected(). */
struct roster_entry *roster_connected(struct roster *roster, const struct netaddr *addr,
				      bool admitted, const char *listener);
void roster_disconnected(struct roster *roster, struct roster_entry *e);
size_t roster_open_count(const struct roster *roster, const struct netaddr *addr);

/* Messages coming in from this address now. */
size_t roster_messages(const struct roster *roster, const struct netaddr *addr);
void roster_message_begun(struct roster *roster, const struct netaddr *addr);
void roster_message_over(struct roster *roster, const struct netaddr *addr);

/* Replaces one of the copied strings. */
void roster_set(char **slot, const char *text);
void roster_accepted(struct roster *roster, struct roster_entry *e);
/* Counts a refusal and remembers its text. True: log it; else it is counted, and told by
 * `refused-more` within a second. */
bool roster_refused(struct roster *roster, struct roster_entry *e, const char *text);
/* Takes t, a session of e's that is over. */
void roster_keep(struct roster *roster, struct roster_entry *e, struct transcript *t);

size_t roster_size(const struct roster *roster);
const struct roster_entry *roster_get(const struct roster *roster, const struct netaddr *addr);

/* All of them, the one heard of last first; no change of the roster in between. */
struct roster_walk {
	const struct roster_entry *at[ROSTER_CLASSES];
};
struct roster_walk roster_walk(const struct roster *roster);
const struct roster_entry *roster_next(struct roster_walk *walk); /* NULL at the end */

#endif
