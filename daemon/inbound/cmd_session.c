/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "common/mem.h"
#include "common/quote.h"
#include "common/utf8.h"
#include "config/quirk.h"
#include "inbound/command.h"
#include "inbound/ehlo_offer.h"
#include "inbound/session.h"

/* Commands about the session itself: EHLO HELO RSET NOOP VRFY HELP QUIT. */

enum {
	HELO_MAX = 255
};

/* Both begin anew (RFC 5321 4.1.4). Odd names are taken as they are: printers have them; what is
 * kept is printable. False: refused, and nothing has changed. */
static bool greet(struct in_session *s, struct str name, bool esmtp)
{
	struct strbuf safe;
	if (name.n == 0 && (s->access.quirks & QUIRK_EMPTY_HELO) == 0) {
		in_session_reply(s, 501, "5.5.4 %s needs a name (quirk empty-helo)",
				 esmtp ? "EHLO" : "HELO");
		return false;
	}
	in_session_reset(s);
	strbuf_init(&safe, 8 * HELO_MAX);
	quote_append_bare(&safe, name, HELO_MAX);
	free(s->helo);
	s->helo = strbuf_steal(&safe);
	roster_set(&s->seen->helo, s->helo);
	s->esmtp = esmtp;
	s->phase = PHASE_HELLO;
	return true;
}

void verb_ehlo(struct in_session *s, struct str args)
{
	struct strbuf text;
	if (!greet(s, args, true))
		return;
	strbuf_init(&text, 4096);
	strbuf_addf(&text, "%s Hello ", s->config->hostname);
	netaddr_append(&text, &s->access.addr);
	ehlo_offer_append(s, &text);
	in_session_reply_lines(s, 250, strbuf_str(&text));
	strbuf_done(&text);
}

void verb_helo(struct in_session *s, struct str args)
{
	if (greet(s, args, false))
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
	struct str rest = args, name = str_word(&rest);
	/* RFC 6531 3.7.4.2 */
	bool smtputf8 = str_ieq(str_trim(rest), STR("SMTPUTF8"));
	if (!utf8_is_ascii(args) && !smtputf8)
		in_session_reply(s, 553, "5.6.7 It is not ASCII, and VRFY did not say SMTPUTF8");
	else if (!utf8_is_ascii(name) && !utf8_is_clean(name))
		in_session_reply(s, 501, "5.1.3 It is not valid UTF-8");
	else /* RFC 5321 3.5.3: neither yes nor no */
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
