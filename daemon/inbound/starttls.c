/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"
#include "inbound/command.h"
#include "inbound/session.h"

/*
 * STARTTLS (RFC 3207). Nothing that came in clear text may be taken for something said inside TLS
 * (threats.md TLS-01): what stands behind the command in its own segment ends the session; from the
 * 220 on nothing is read, so that what comes later goes to OpenSSL, which cannot make sense of it.
 * What was said before is forgotten: the client begins anew with EHLO (RFC 3207 section 4.2).
 */

static bool has_input(const struct in_session *s)
{
	return evbuffer_get_length(bufferevent_get_input(s->bev)) != 0;
}

void verb_starttls(struct in_session *s, struct str args)
{
	(void)args;
	if (s->tls) {
		in_session_reply(s, 503, "5.5.1 TLS is on already");
	} else if (s->tls_context == NULL) {
		in_session_reply(s, 502, "5.5.1 STARTTLS is not offered here");
	} else if (has_input(s)) {
		in_session_reply(s, 421, "4.7.0 Commands behind STARTTLS in clear text: closing");
		in_session_finish(s, "clear text behind STARTTLS");
	} else {
		bufferevent_disable(s->bev, EV_READ);
		in_session_reply(s, 220, "2.0.0 Ready to start TLS");
		in_session_set_mode(s, MODE_STARTTLS);
	}
}

void starttls_begin(struct in_session *s)
{
	if (has_input(s)) {
		in_session_log_refused(s, "(clear text behind STARTTLS)");
		in_session_close(s, "clear text behind STARTTLS");
		return;
	}
	struct bufferevent *bev = NULL;
	s->ssl = SSL_new(s->tls_context);
	if (s->ssl != NULL) {
		/* Passwords come through here. */
		SSL_set_options(s->ssl, SSL_OP_CLEANSE_PLAINTEXT);
		bev = bufferevent_openssl_socket_new(s->in->base, s->fd, s->ssl,
						     BUFFEREVENT_SSL_ACCEPTING, 0);
	}
	if (bev == NULL) {
		in_session_log_refused(s, "(no TLS connection could be made)");
		in_session_close(s, "TLS failed");
		return;
	}
	bufferevent_free(s->bev); /* without its descriptor, which the new one has */
	in_session_set_mode(s, MODE_HANDSHAKE);
	in_session_attach(s, bev);
}

void starttls_done(struct in_session *s)
{
	s->tls = true;
	s->phase = PHASE_START;
	in_session_reset(s);
	s->esmtp = false;
	s->logged_in = false;
	mem_replace_str(&s->helo, NULL);
	s->login = NULL;
	s->line = (struct line_reader){ 0 };
	log_debug("tls", lf_str("in", s->id), lf_str("peer", s->peer),
		  lf_str("tls", tls_version(s->ssl)));
	in_session_set_mode(s, MODE_COMMAND);
}

void starttls_failed(struct in_session *s, short what)
{
	struct err err = { .text = "" };
	struct strbuf text;
	tls_explain(s->bev, s->ssl, what, &err);
	strbuf_init(&text, 1024);
	strbuf_addf(&text, "(TLS handshake failed: %s)", err.text);
	in_session_log_refused(s, strbuf_cstr(&text));
	strbuf_done(&text);
	in_session_close(s, "TLS handshake failed");
}
