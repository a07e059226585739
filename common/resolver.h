/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_RESOLVER_H
#define OAUTHRELAY_COMMON_RESOLVER_H

#include <stdint.h>

#include "common/err.h"
#include "common/netaddr.h"

struct worker;

/*
 * Names to addresses with getaddrinfo(3) in the resolver lane, so that /etc/hosts, nsswitch and a
 * silent nameserver behave as everywhere else on the machine but never stop the loop. Answers are
 * kept for a minute; questions for the same name under way at once are asked once; a failed
 * question falls back to the last good answer, however old, and so does one that has not been
 * answered after 1.8 s (RFC 8767). A name whose question is stuck occupies one thread at most, so
 * that other names are answered. Loop's thread.
 */
struct event_base;
struct resolver;
struct resolver_query;

struct resolved {
	struct netaddr addr[16];
	size_t count; /* at least 1, in the order of RFC 6724; both families */
};

/* result is NULL on failure (then err says why). Called once, on the loop, never from inside
 * resolver_lookup(). */
typedef void resolver_cb(void *arg, const struct resolved *result, const struct err *err);

struct resolver *resolver_new(struct worker *worker, struct event_base *base);
/* No query may be open. Waits for nothing: questions under way end by themselves later, in the
 * worker, which must be freed after the resolver. NULL allowed. */
void resolver_free(struct resolver *resolver);
/* An address literal is answered too (from the loop's next turn). timeout_ms > 0 ends the wait,
 * with an error that names host and time. The query is freed after the callback or by cancel. */
struct resolver_query *resolver_lookup(struct resolver *resolver, const char *host, int timeout_ms,
				       resolver_cb *cb, void *arg);
void resolver_cancel(struct resolver_query *query); /* NULL allowed; no callback afterwards */

#endif
