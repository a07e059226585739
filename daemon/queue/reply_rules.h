/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_REPLY_RULES_H
#define OAUTHRELAY_QUEUE_REPLY_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "message/reply.h"
#include "upstream/upstream.h"

/*
 * What a server's reply, or a failure of our own, means for the mail: knowledge as a table
 * (microsoft365.md section 6). The text is looked at before the codes, because Microsoft uses the
 * same code for different things. Pure.
 */
enum verdict {
	VERDICT_DELIVERED,
	VERDICT_RETRY,	   /* later, with backoff; counts as an attempt */
	VERDICT_RECONNECT, /* at once on a new connection, once; then RETRY */
	VERDICT_THROTTLE,  /* the account pauses; not an attempt */
	VERDICT_SLOW,	   /* a quota of hours: the account pauses long; not an attempt */
	VERDICT_REFRESH,   /* a new token, once, at once; then HOLD */
	VERDICT_HOLD,	   /* the account is held until an administrator has mended something */
	VERDICT_SENDER, /* this sender is not allowed: its mail waits, an administrator must act */
	VERDICT_SPLIT,	/* these recipients go in a transaction of their own */
	VERDICT_FAIL,	/* refused for good: this recipient, or the message, by scope */
	VERDICT_COUNT
};

enum scope {
	SCOPE_RECIPIENT,
	SCOPE_SENDER,
	SCOPE_MESSAGE,
	SCOPE_ACCOUNT
};

struct reply_rule {
	unsigned stages;      /* bit set of 1u << enum upstream_stage; 0: any */
	unsigned code;	      /* 0: any */
	unsigned enhanced[3]; /* {0}: any */
	const char *needle;   /* in the text, any case; NULL: any */
	enum verdict verdict;
	enum scope scope;
	bool locked;	    /* trying again soon makes it worse: probes start at 30 minutes */
	const char *remedy; /* with {mailbox}, {tenant}, {account}; NULL: none */
};

/* Never NULL: the last rules match anything. */
const struct reply_rule *reply_rule_for(enum upstream_stage stage, const struct reply *reply);
const char *verdict_name(enum verdict verdict);
/* The table, for tests and for `oauthrelay explain`. */
const struct reply_rule *reply_rules(size_t *count);

#endif
