/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "common/mem.h"
#include "common/quote.h"
#include "inbound/command.h"
#include "inbound/ehlo_offer.h"
#include "inbound/session.h"

/* Commands about the session itself: EHLO HELO RSET NOOP VRFY HELP QUIT. */

enum {
	HELO_MAX = 255
};

/* Both begin anew (RFC 5321 4.1.4). Odd names are taken as they are: printers have them; what is
 * kept is printable. */
static void greet(struct in_session *s, struct str name, bool esmtp)
{
	struct strbuf safe;
	in_session_reset(s);
	strbuf_init(&safe, 8 * HELO_MAX);
	quote_append_bare(&safe, name, HELO_MAX);
	free(s->helo);
	s->helo = strbuf_steal(&safe);
	s->esmtp = esmtp;
	s->phase = PHASE_HELLO;
}

void verb_ehlo(struct in_session *s, struct str args)
{
	struct strbuf text;
	greet(s, args, true);
	strbuf_init(&text, 4096);
	strbuf_addf(&text, "%s Hello ", s->config->hostname);
	netaddr_append(&text, &s->access.addr);
	ehlo_offer_append(s, &text);
	in_session_reply_lines(s, 250, strbuf_str(&text));
	strbuf_done(&text);
}

void verb_helo(struct in_session *s, struct str args)
{
	greet(s, args, false);
	in_session_reply(s, 250, "%s", s->config->hostname);
}

void verb_rset(struct in_session *s, struct str args)
{
	(void)args;
	in_session_reset(s);
	in_session_reply(s, 250, "2.0.0 OK");
}

void verb_noop(struct in_session *s, struct str args)
{
	(void)args;
	in_session_reply(s, 250, "2.0.0 OK");
}

void verb_vrfy(struct in_session *s, struct str args)
{
	(void)args;
	/* RFC 5321 3.5.3: neither yes nor no */
	in_session_reply(s, 252, "2.0.0 Cannot verify, but will try to deliver");
}

void verb_help(struct in_session *s, struct str args)
{
	struct strbuf text;
	const struct command *c;
	(void)args;
	strbuf_init(&text, 4096);
	strbuf_adds(&text, "2.0.0 Commands:");
	for (size_t i = 0; (c = command_at(i)) != NULL; i++)
		if (c->run != NULL)
			strbuf_addf(&text, "\n2.0.0 %s", c->syntax);
	in_session_reply_lines(s, 214, strbuf_str(&text));
	strbuf_done(&text);
}

void verb_quit(struct in_session *s, struct str args)
{
	(void)args;
	in_session_reply(s, 221, "2.0.0 %s closing", s->config->hostname);
	in_session_finish(s, "QUIT");
}
