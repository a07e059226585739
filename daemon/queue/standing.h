/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_STANDING_H
#define OAUTHRELAY_QUEUE_STANDING_H

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;

/*
 * Whether an account may send, why not, and when it is tried again (design.md section 4, "Held"):
 *
 *   OPEN     sending as fast as the limits allow
 *   WAITING  something passing (no connection, throttled, token endpoint down): again at a time
 *   HELD     an administrator must act: its mail waits, and does not age; probed after 5, 15, 30,
 *            then every 60 minutes
 *   PROBING  one session tries whether it works again; part of the hold
 *
 * Every change goes through one function, which logs it. A part of its account. Loop's thread.
 */
enum account_state {
	ACCOUNT_OPEN,
	ACCOUNT_WAITING,
	ACCOUNT_HELD,
	ACCOUNT_PROBING
};
const char *account_state_name(enum account_state state);

struct standing {
	const char *account; /* its name, for the log */
	enum account_state state;
	char *reason;		/* "" when open */
	char *remedy;		/* "" when unknown */
	int64_t state_since_ms; /* monotonic */
	int64_t next_try_ms;	/* monotonic; 0: none planned here */
	int64_t resumed_ms;	/* wall clock: last return from HELD; 0: never */
	unsigned failures;	/* waits since it last sent, for their backoff */
	unsigned probes;	/* holds and probes since then */
	bool locked;		/* the account is, which each probe may prolong */
	struct event *timer;
	void (*changed)(void *arg); /* it may send or probe now */
	void *arg;
};

void standing_init(struct standing *s, struct event_base *base, const char *account,
		   void (*changed)(void *arg), void *arg);
void standing_done(struct standing *s);
/* No probe and no end of a wait any more, until somebody calls one of the following. */
void standing_stop(struct standing *s);

/* It may send again. Ends whatever there was. */
void standing_open(struct standing *s);
/* It has sent: the next trouble is a new one, whose waits and probes begin with the shortest. */
void standing_proved(struct standing *s);
/* Several failures that come together are one. In a hold it is a probe that has failed. ms < 0: by
 * exponential backoff over the failures in a row. */
void standing_wait(struct standing *s, const char *reason, const char *remedy, int64_t ms);
void standing_hold(struct standing *s, const char *reason, const char *remedy, bool locked);
/* A hold whose end is noticed elsewhere (the token probes itself); retry_in_ms is only shown. */
void standing_hold_for_token(struct standing *s, const char *reason, const char *remedy,
			     int64_t retry_in_ms);
/* The wait is over now; a hold is probed now. */
void standing_retry(struct standing *s);
bool standing_may_send(const struct standing *s);
/* Milliseconds, -1 when nothing is planned. */
int64_t standing_next_try_ms(const struct standing *s);

#endif
