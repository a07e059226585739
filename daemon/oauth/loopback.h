/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_LOOPBACK_H
#define OAUTHRELAY_OAUTH_LOOPBACK_H

#include "common/err.h"
#include "common/str.h"

struct event_base;

/*
 * Where a browser on this machine is sent back to after signing in (RFC 8252 7.3): a listener on
 * 127.0.0.1 and, where there is one, ::1, that takes GET of one path with a query, shown with one
 * of our own names as the host (so that no page of another site can reach it by a name of its own),
 * and answers with a page that repeats nothing of what came. Everything else, favicons too, is
 * refused. Bounded in connections, bytes and time. Nobody needs to come: whoever waits sets the
 * end. Loop's thread.
 */
struct loopback;

enum loopback_page {
	LOOPBACK_TAKEN,	  /* the answer was for us */
	LOOPBACK_REFUSED, /* for us, and it was no */
	LOOPBACK_FOREIGN, /* not for us */
	LOOPBACK_PAGE_COUNT
};

/* query: what stood behind the "?"; says which page to show. May not free the listener. */
typedef enum loopback_page loopback_cb(void *arg, struct str query);

struct loopback_params {
	unsigned port;	  /* 0: a free one */
	const char *path; /* copied */
	loopback_cb *cb;
	void *arg;
};

/* NULL with err. */
struct loopback *loopback_new(struct event_base *base, const struct loopback_params *params,
			      struct err *err) MUST_CHECK;
unsigned loopback_port(const struct loopback *loopback);
void loopback_free(struct loopback *loopback); /* NULL allowed */

#endif
