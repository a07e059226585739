/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_EHLO_OFFER_H
#define OAUTHRELAY_INBOUND_EHLO_OFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"
#include "inbound/session.h"

/*
 * What our answer to EHLO offers (RFC 5321 4.1.1.1): a row for each line, in the order in which
 * they are said. A new extension is a row. A quirk that hides a line hides the words only: what a
 * client uses without having seen it offered is taken as from any other. Pure.
 */
struct ehlo_offer {
	const char *line;   /* the keyword, with its parameters where those never change */
	unsigned hidden_by; /* bits of enum quirk */
	bool (*holds)(const struct in_session *s);			   /* NULL: always */
	void (*parameter)(const struct in_session *s, struct strbuf *out); /* NULL: none */
};

const struct ehlo_offer *ehlo_offer_at(size_t index); /* NULL behind the last */
/* "\nSIZE 1000\nPIPELINING": what this client is offered now, each line after a '\n'. */
void ehlo_offer_append(const struct in_session *s, struct strbuf *out);

#endif
