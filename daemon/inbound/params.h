/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_PARAMS_H
#define OAUTHRELAY_INBOUND_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "inbound/inbound.h"

/*
 * Parameters behind the address of MAIL and RCPT (RFC 5321 4.1.2 esmtp-param). Each known one is a
 * row of a table with the function that takes its value; an extension adds a row. They are taken
 * after HELO too, although only EHLO offers them: clients that fall back to HELO keep sending
 * SIZE, and what is meant is plain. Pure functions.
 */
struct params {
	/* MAIL */
	uint64_t size;	     /* RFC 1870; 0: not given */
	enum body_type body; /* RFC 6152 */
	bool smtputf8;	     /* RFC 6531 */
	enum dsn_ret ret;    /* RFC 3461, as what follows */
	char *envid;
	/* RCPT */
	struct dsn_request dsn;
};

/* text: what follows the address. On failure *why holds the reply, and nothing is to be freed. */
bool params_parse_mail(struct str text, struct params *out, struct inbound_refusal *why) MUST_CHECK;
bool params_parse_rcpt(struct str text, struct params *out, struct inbound_refusal *why) MUST_CHECK;
void params_done(struct params *p);

#endif
