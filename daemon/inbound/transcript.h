/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_TRANSCRIPT_H
#define OAUTHRELAY_INBOUND_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * What was said in one session, as lines for people:
 *
 *     0.000 S: 220 relay.contoso.com ESMTP oauthrelay
 *     0.012 C: EHLO printer
 *
 * Seconds since the start, who, what; printable, each line cut to a length, the whole to max bytes:
 * of what is longer the first quarter is kept and the latest, with a line for the gap. No secret
 * gets in: what answers AUTH is "***", and of a line that is no command, or of words behind a
 * command that has no use for them, only the number of bytes is told, since it may be a password.
 *
 * Grows with what is said; an idle connection's is small. Loop's thread.
 */
struct transcript {
	TAILQ_ENTRY(transcript) of_address; /* both are the roster's */
	TAILQ_ENTRY(transcript) of_class;
	struct roster_entry *owner; /* NULL while the session lasts */
	bool admitted;
	bool failed;
	int64_t started_ms; /* monotonic */
	int64_t ended_ms;
	const char *reason; /* why it ended; static */
	size_t max;
	struct strbuf head;
	struct strbuf tails[2]; /* older and newer */
	uint64_t dropped;	/* lines between head and tails */
};

TAILQ_HEAD(transcript_list, transcript);

struct transcript *transcript_new(int64_t now_ms, size_t max);
void transcript_free(struct transcript *t); /* NULL allowed */

/* A whole reply as sent, all lines of it. */
void transcript_reply(struct transcript *t, int64_t now_ms, struct str wire);
/* One command line of the client's, masked. */
void transcript_command(struct transcript *t, int64_t now_ms, struct str line);
/* A line that answers AUTH. */
void transcript_secret(struct transcript *t, int64_t now_ms);
/* "C: (DATA: 12,345 bytes)" */
void transcript_content(struct transcript *t, int64_t now_ms, const char *verb, uint64_t bytes);
/* What happened besides, such as a failed handshake; text is in parentheses already. */
void transcript_event(struct transcript *t, int64_t now_ms, const char *text);

/* All of it, lines ending in '\n'. */
void transcript_append(struct strbuf *out, const struct transcript *t);
size_t transcript_memory(const struct transcript *t);

#endif
