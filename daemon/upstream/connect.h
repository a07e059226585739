/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_UPSTREAM_CONNECT_H
#define OAUTHRELAY_UPSTREAM_CONNECT_H

#include "common/err.h"
#include "common/str.h"

struct reply;
struct upstream;

/*
 * The way from a connected descriptor to READY: greeting, EHLO, STARTTLS, handshake, EHLO again,
 * AUTH (RFC 5321 3.1, RFC 3207, RFC 4954, microsoft365.md 5). Each function is one step, called by
 * session.c when the state's reply has come.
 */
void connect_greeted(struct upstream *up, const struct reply *reply, struct str lines);
void connect_ehlo(struct upstream *up, const struct reply *reply, struct str lines);
void connect_starttls(struct upstream *up, const struct reply *reply, struct str lines);
void connect_starttls_refused(struct upstream *up, const struct reply *reply);
void connect_handshake(struct upstream *up); /* on the turn after STARTTLS was accepted */
void connect_secured(struct upstream *up);
void connect_ehlo_tls(struct upstream *up, const struct reply *reply, struct str lines);
void connect_auth(struct upstream *up, const struct reply *reply, struct str lines);
void connect_auth_token(struct upstream *up, const struct reply *reply, struct str lines);
void connect_auth_refused(struct upstream *up, const struct reply *reply);

#endif
