/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_UPSTREAM_TRANSACTION_H
#define OAUTHRELAY_UPSTREAM_TRANSACTION_H

#include <stdbool.h>

#include "common/str.h"
#include "upstream/upstream.h"

struct reply;

/*
 * One message on a READY session: MAIL, RCPTs, DATA, content, final dot (RFC 5321 3.3, RFC 2920).
 * Each function is one step, called by session.c; the calls of the owner are in upstream.h.
 */
void transaction_mail(struct upstream *up, const struct reply *reply, struct str lines);
void transaction_mail_refused(struct upstream *up, const struct reply *reply);
void transaction_rcpt(struct upstream *up, const struct reply *reply, struct str lines);
void transaction_rcpt_refused(struct upstream *up, const struct reply *reply);
void transaction_skip(struct upstream *up, const struct reply *reply, struct str lines);
void transaction_skip_refused(struct upstream *up, const struct reply *reply);
void transaction_rset(struct upstream *up, const struct reply *reply, struct str lines);
void transaction_data(struct upstream *up, const struct reply *reply, struct str lines);
void transaction_data_refused(struct upstream *up, const struct reply *reply);
void transaction_final(struct upstream *up, const struct reply *reply, struct str lines);
void transaction_final_refused(struct upstream *up, const struct reply *reply);
/* Asks for content if there is room for it. */
void transaction_pump(struct upstream *up);
/* Tells the end of a transaction that was refused before anything was sent. */
void transaction_unsent(struct upstream *up);
/* The session has ended: tells `finished` if a transaction is open. */
void transaction_lost(struct upstream *up, enum upstream_stage stage, const struct reply *reply,
		      bool uncertain);
/* Frees what it holds, without a call. */
void transaction_drop(struct upstream *up);

#endif
