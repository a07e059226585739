/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_PARAMS_H
#define OAUTHRELAY_INBOUND_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"
#include "inbound/inbound.h"

/*
 * Parameters behind the address of MAIL and RCPT (RFC 5321 4.1.2 esmtp-param). Each known one is a
 * row of a table with the function that takes its value; an extension adds a row. Pure functions.
 */
struct mail_params {
	uint64_t size;	     /* RFC 1870; 0: not given */
	enum body_type body; /* RFC 6152 */
};

/* text: what follows the closing >. On failure *why holds the reply. */
bool params_parse_mail(struct str text, struct mail_params *out, struct inbound_refusal *why)
	MUST_CHECK;
/* None is offered yet, so any is refused. */
bool params_parse_rcpt(struct str text, struct inbound_refusal *why) MUST_CHECK;

#endif
