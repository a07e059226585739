/* SPDX-License-Identifier: MIT */
#include "config/quirk.h"
#include "inbound/command.h"
#include "inbound/content.h"

/* DATA (RFC 5321 4.1.1.4): content that says itself where it ends. */

static bool lf_is_enough(const struct in_session *s)
{
	return (s->access.quirks & QUIRK_BARE_LF) != 0 && !s->cr;
}

void verb_data(struct in_session *s, struct str args)
{
	struct inbound_refusal why;
	(void)args;
	if (!content_begin(s, lf_is_enough(s) ? BODY_IN_DATA_LF : BODY_IN_DATA, &why)) {
		in_session_refuse(s, &why);
		in_session_reset(s);
		return;
	}
	in_session_set_mode(s, MODE_DATA);
	content_start_clocks(s);
	in_session_reply(s, 354, "End data with <CR><LF>.<CR><LF>");
}

bool data_input(struct in_session *s)
{
	struct tx *tx = &s->tx;
	if (tx->paused || (!tx->ended && content_take(s, UINT64_MAX) == 0))
		return false;
	if (tx->paused)
		return false;
	if (tx->ended) {
		content_reply(s);
	} else if (content_is_endless(s, 0)) {
		in_session_refuse(s, &tx->refusal);
		in_session_finish(s, "message beyond all limits");
	}
	return true;
}
