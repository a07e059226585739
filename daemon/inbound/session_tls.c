/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"
#include "common/tls_server.h"
#include "config/quirk.h"
#include "inbound/command.h"
#include "inbound/listener.h"
#include "inbound/session.h"

/*
 * How a session begins, and how it gets its TLS: at once (tls = "implicit"), when its first byte is
 * one of TLS (tls = "auto"), or by STARTTLS (RFC 3207). Nothing that came in clear text may be
 * taken for something said inside TLS (threats.md TLS-01): what stands behind the command in its
 * own segment ends the session; from the 220 on nothing is read, so that what comes later goes to
 * OpenSSL, which cannot make sense of it. What was said before is forgotten: the client begins anew
 * with EHLO (RFC 3207 section 4.2).
 */

enum {
	FIRST_BYTE_TLS = 0x16,	/* a record of type handshake: RFC 8446 5.1 */
	FIRST_BYTE_SSL2 = 0x80, /* a hello in SSL 2.0's form: RFC 5246 appendix E.2 */
};

bool session_tls_is_hello(unsigned char first)
{
	return first == FIRST_BYTE_TLS || first == FIRST_BYTE_SSL2;
}

static bool has_input(const struct in_session *s)
{
	return evbuffer_get_length(bufferevent_get_input(s->bev)) != 0;
}

static void greet(struct in_session *s)
{
	s->greeted = true;
	in_session_set_mode(s, MODE_COMMAND);
	in_session_reply(s, 220, "%s ESMTP oauthrelay", s->config->hostname);
}

/* ---- the first byte ---- */

static void greet_in_clear(struct in_session *s)
{
	session_tls_release(s);
	greet(s);
	bufferevent_enable(s->bev, EV_READ);
}

static void on_first_byte(evutil_socket_t fd, short what, void *arg)
{
	struct in_session *s = arg;
	unsigned char first = 0;
	(void)what;
	/* Looked at only: it is OpenSSL's, or the line reader's. */
	if (recv(fd, &first, 1, MSG_PEEK) == 1 && session_tls_is_hello(first)) {
		session_tls_release(s);
		session_tls_begin(s);
	} else {
		greet_in_clear(s);
	}
}

void session_tls_silent(struct in_session *s)
{
	greet_in_clear(s);
}

void session_tls_open(struct in_session *s, enum listener_tls tls)
{
	switch (tls) {
	case LISTENER_TLS_NONE:
	case LISTENER_TLS_STARTTLS:
		greet(s);
		break;
	case LISTENER_TLS_IMPLICIT:
		session_tls_begin(s);
		break;
	case LISTENER_TLS_AUTO:
		bufferevent_disable(s->bev, EV_READ);
		s->first_byte = event_new(s->in->base, s->fd, EV_READ, on_first_byte, s);
		event_add(s->first_byte, NULL);
		in_session_set_mode(s, MODE_FIRST_BYTE);
		break;
	}
}

void session_tls_unexpected(struct in_session *s)
{
	if (s->listener != NULL && s->listener->tls == LISTENER_TLS_AUTO)
		in_session_log_refused(s, "(TLS handshake that began after the greeting: raise "
					  "limits.auto_wait, or set STARTTLS on the device)");
	else
		in_session_log_refused(s, "(TLS handshake where plain text is expected: set tls = "
					  "\"auto\" for this listener, or STARTTLS or no TLS on "
					  "the device)");
}

/* ---- STARTTLS ---- */

bool session_tls_offered(const struct in_session *s)
{
	return s->tls_context != NULL && !s->tls && (s->access.quirks & QUIRK_NO_STARTTLS) == 0;
}

void verb_starttls(struct in_session *s, struct str args)
{
	(void)args;
	if (s->tls) {
		in_session_reply(s, 503, "5.5.1 TLS is on already");
	} else if (!session_tls_offered(s)) {
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

/* ---- the handshake ---- */

static bool replace_bufferevent(struct in_session *s)
{
	struct err err = { .text = "no TLS here" };
	struct bufferevent *bev = NULL;
	s->hello = mem_zalloc(sizeof(*s->hello));
	if (s->tls_context != NULL)
		s->ssl = tls_server_new(s->tls_context, s->hello, &err);
	if (s->ssl != NULL)
		bev = bufferevent_openssl_socket_new(s->in->base, s->fd, s->ssl,
						     BUFFEREVENT_SSL_ACCEPTING, 0);
	if (bev == NULL) {
		log_error("tls", lf_str("in", s->id), lf_str("error", err.text));
		return false;
	}
	bufferevent_free(s->bev); /* without its descriptor, which the new one has */
	in_session_attach(s, bev);
	return true;
}

void session_tls_begin(struct in_session *s)
{
	if (has_input(s)) {
		in_session_log_refused(s, "(clear text behind STARTTLS)");
		in_session_close(s, "clear text behind STARTTLS");
	} else if (replace_bufferevent(s)) {
		in_session_set_mode(s, MODE_HANDSHAKE);
	} else {
		in_session_log_refused(s, "(no TLS connection could be made)");
		in_session_close(s, "TLS failed");
	}
}

void session_tls_done(struct in_session *s)
{
	session_tls_release(s);
	s->tls = true;
	s->phase = PHASE_START;
	in_session_reset(s);
	s->esmtp = false;
	s->logged_in = false;
	mem_replace_str(&s->helo, NULL);
	s->login = NULL;
	s->line = (struct line_reader){ 0 };
	in_session_note_tls(s);
	log_debug("tls", lf_str("in", s->id), lf_str("peer", s->peer),
		  lf_str("tls", tls_version(s->ssl)),
		  lf_str("resumed", SSL_session_reused(s->ssl) == 1 ? "yes" : "no"));
	/* RFC 3207 4.2 has no second greeting; RFC 8314 3.3 has its first one here. */
	if (s->greeted)
		in_session_set_mode(s, MODE_COMMAND);
	else
		greet(s);
}

/* For an address without a name: the line that would admit it, to paste. */
static void append_device(const struct in_session *s, struct strbuf *out)
{
	strbuf_adds(out, ", as in devices = ( { name = \"printer-1\"; address = \"");
	netaddr_append(out, &s->access.addr);
	strbuf_adds(out, "\"; tls_profile = \"legacy\"; } );");
}

void session_tls_failed(struct in_session *s, short what)
{
	struct err err = { .text = "" };
	struct strbuf text;
	enum tls_fault fault = tls_server_explain(s->bev, s->ssl, what, &err);
	strbuf_init(&text, 1200);
	strbuf_addf(&text, "(TLS handshake failed: %s", err.text);
	if (fault == TLS_FAULT_LEGACY && s->access.device == NULL)
		append_device(s, &text);
	strbuf_addc(&text, ')');
	in_session_log_refused(s, strbuf_cstr(&text));
	strbuf_done(&text);
	in_session_close(s, "TLS handshake failed");
}

void session_tls_release(struct in_session *s)
{
	if (s->first_byte != NULL)
		event_free(s->first_byte);
	s->first_byte = NULL;
	if (s->ssl != NULL)
		tls_server_done(s->ssl);
	free(s->hello);
	s->hello = NULL;
}
