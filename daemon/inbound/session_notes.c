/* SPDX-License-Identifier: MIT */
#include <openssl/ssl.h>

#include "common/clock.h"
#include "common/log.h"
#include "inbound/listener.h"
#include "inbound/session.h"

/*
 * What a session leaves behind: its refusals in the log, what is known of its address in the
 * roster, and its transcript.
 */

/* NULL: none is wanted. Made with the first words, so that it costs nothing before. */
static struct transcript *transcript_of(struct in_session *s)
{
	if (s->config->transcript == TRANSCRIPT_NONE)
		return NULL;
	if (s->transcript == NULL)
		s->transcript =
			transcript_new(s->started_ms, (size_t)s->config->limits.transcript_size);
	return s->transcript;
}

/* What of a message has come since this was last asked. */
static void note_content(struct in_session *s)
{
	uint64_t bytes = s->tx.wire_bytes - s->tx.noted_bytes;
	struct transcript *t = bytes != 0 ? transcript_of(s) : NULL;
	if (t != NULL)
		transcript_content(t, clock_mono_ms(), s->tx.chunk.size != 0 ? "BDAT" : "DATA",
				   bytes);
	s->tx.noted_bytes = s->tx.wire_bytes;
}

void in_session_note_line(struct in_session *s, struct str line)
{
	struct transcript *t = transcript_of(s);
	note_content(s);
	if (t == NULL)
		return;
	if (s->mode == MODE_AUTH)
		transcript_secret(t, clock_mono_ms());
	else
		transcript_command(t, clock_mono_ms(), line);
}

void in_session_note_reply(struct in_session *s, struct str wire)
{
	struct transcript *t = transcript_of(s);
	note_content(s);
	if (t != NULL)
		transcript_reply(t, clock_mono_ms(), wire);
}

void in_session_note_event(struct in_session *s, const char *text)
{
	struct transcript *t = transcript_of(s);
	note_content(s);
	if (t != NULL)
		transcript_event(t, clock_mono_ms(), text);
}

void in_session_note_tls(struct in_session *s)
{
	s->seen->tls = SSL_get_version(s->ssl);
	s->seen->cipher = SSL_get_cipher_name(s->ssl);
	in_session_note_event(s, s->seen->tls);
}

void in_session_count_refused(struct in_session *s, const char *what)
{
	s->failed = true;
	s->in->counters.refused_total++;
	if (roster_refused(s->in->roster, s->seen, what))
		log_info("refused", lf_str("in", s->id), lf_str("peer", s->peer),
			 lf_str("device", s->access.device != NULL ? s->access.device : "-"),
			 lf_str("reply", what));
}

void in_session_log_refused(struct in_session *s, const char *what)
{
	in_session_note_event(s, what);
	in_session_count_refused(s, what);
}

void in_session_leave(struct in_session *s)
{
	struct transcript *t = s->transcript;
	bool all = s->config->transcript == TRANSCRIPT_ALL;
	note_content(s);
	s->transcript = NULL;
	if (t != NULL && (all || s->failed)) {
		t->ended_ms = clock_mono_ms();
		t->reason = s->reason;
		t->failed = s->failed;
		roster_keep(s->in->roster, s->seen, t);
	} else {
		transcript_free(t);
	}
	if (s->access.device != NULL)
		tally_remove(s->in->devices, s->access.device);
	if (s->listener != NULL)
		s->listener->connections--;
	roster_disconnected(s->in->roster, s->seen);
	s->seen = NULL;
}
