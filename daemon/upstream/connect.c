/* SPDX-License-Identifier: MIT */
#include "upstream/connect.h"

#include <stdlib.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/quote.h"
#include "common/tls.h"
#include "upstream/session.h"
#include "upstream/xoauth2.h"

enum {
	COMMAND_MAX = 512,
	TEXT_MAX = 2048,
	SHOWN_MAX = 300,
};

static void say_ehlo(struct upstream *up, enum session_state state)
{
	struct strbuf line;
	strbuf_init(&line, COMMAND_MAX);
	strbuf_addf(&line, "EHLO %s", up->ehlo_name);
	session_command(up, strbuf_cstr(&line), state);
	strbuf_done(&line);
}

void connect_greeted(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)reply;
	(void)lines;
	say_ehlo(up, SESSION_EHLO);
}

/* --- AUTH ---------------------------------------------------------------------------------- */

static bool build_sasl(struct upstream *up, struct err *err)
{
	struct str user = str_of(up->login), token = secret_reveal(&up->token);
	return up->offers.xoauth2 ? xoauth2_build(user, token, &up->sasl, err)
				  : xoauth2_build_bearer(user, str_of(up->host), up->port, token,
							 &up->sasl, err);
}

static void fail_without_mechanism(struct upstream *up, struct str mechanisms)
{
	struct strbuf shown;
	if (mechanisms.n == 0) {
		session_fail(up, REPLY_LOCAL_NO_XOAUTH2,
			     "offers no AUTH at all, so no token can be given to it");
		return;
	}
	strbuf_init(&shown, TEXT_MAX);
	quote_append(&shown, mechanisms, SHOWN_MAX);
	session_fail(up, REPLY_LOCAL_NO_XOAUTH2,
		     "offers neither XOAUTH2 nor OAUTHBEARER, only AUTH %s", strbuf_cstr(&shown));
	strbuf_done(&shown);
}

/*
 * Always in two steps: an AUTH line with its initial response may have 512 octets (RFC 4954 4), and
 * no token is that short. OAUTHBEARER only where it is the only one: Microsoft has XOAUTH2.
 */
static void begin_auth(struct upstream *up, struct str lines)
{
	struct err err;
	if (up->auth == UPSTREAM_AUTH_NONE) {
		session_ready(up);
		return;
	}
	up->auth_started_ms = clock_mono_ms();
	/* The failures from here on are AUTH's. */
	session_enter(up, SESSION_AUTH);
	if (chat_ssl(up->chat) == NULL)
		session_fail(up, REPLY_LOCAL_TLS, "a token is never sent without TLS");
	else if (!up->offers.xoauth2 && !up->offers.oauthbearer)
		fail_without_mechanism(up, ehlo_mechanisms(lines));
	else if (!build_sasl(up, &err))
		session_fail(up, REPLY_LOCAL_TOKEN, "cannot log in: %s", err.text);
	else
		session_command(up, up->offers.xoauth2 ? "AUTH XOAUTH2" : "AUTH OAUTHBEARER",
				SESSION_AUTH);
}

void connect_auth(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)reply;
	(void)lines;
	session_enter(up, SESSION_AUTH_TOKEN);
	chat_send_secret(up->chat, &up->sasl);
}

void connect_auth_token(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)lines;
	if (reply->code == 334) {
		/* Refused, with the cause as JSON. The real reply comes when this is answered: by
		 * an empty line, or ^A in OAUTHBEARER (RFC 7628 3.2.3). */
		reply_copy(&up->challenge, reply);
		session_command(up, up->offers.xoauth2 ? "" : "AQ==", SESSION_AUTH_REFUSED);
		return;
	}
	session_enter(up, SESSION_READY);
	session_tell_authenticated(up);
	if (up->state == SESSION_READY)
		session_ready(up);
}

void connect_auth_refused(struct upstream *up, const struct reply *reply)
{
	struct strbuf json, detail, text;
	struct str challenge = str_of(up->challenge.text);
	struct reply whole = { 0 };

	strbuf_init(&json, REPLY_TEXT_MAX);
	strbuf_init(&detail, TEXT_MAX);
	strbuf_init(&text, REPLY_TEXT_MAX);
	if (base64_decode(&json, challenge))
		challenge = strbuf_str(&json);
	strbuf_adds(&detail, " (");
	quote_append_bare(&detail, challenge, SHOWN_MAX);
	strbuf_addc(&detail, ')');
	strbuf_adds(&text, reply->text);
	if (challenge.n != 0)
		strbuf_addstr(&text, strbuf_str(&detail));

	reply_copy(&whole, reply);
	free(whole.text);
	whole.text = strbuf_steal(&text);
	session_end(up, &whole);
	reply_done(&whole);
	strbuf_done(&json);
	strbuf_done(&detail);
}

/* --- EHLO ---------------------------------------------------------------------------------- */

static void connected(struct upstream *up, struct str lines)
{
	enum session_state state = up->state;
	session_tell_connected(up);
	if (up->state == state)
		begin_auth(up, lines);
}

void connect_ehlo(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)reply;
	ehlo_parse(lines, &up->offers);
	if (up->tls == UPSTREAM_TLS_NONE)
		connected(up, lines);
	else if (!up->offers.starttls)
		session_fail(up, REPLY_LOCAL_TLS,
			     "offers no STARTTLS; something between us may have removed it; refuse "
			     "to continue in clear text");
	else
		session_command(up, "STARTTLS", SESSION_STARTTLS);
}

void connect_ehlo_tls(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)reply;
	ehlo_parse(lines, &up->offers);
	connected(up, lines);
}

/* --- TLS ----------------------------------------------------------------------------------- */

/* A server is silent until our ClientHello comes. What is there before was put there to be taken
 * for the encrypted session's (CVE-2021-22947; threats.md TLS-03). */
static bool is_injected(struct upstream *up)
{
	if (!chat_has_input(up->chat))
		return false;
	session_fail(up, REPLY_LOCAL_TLS,
		     "sent data in clear text after STARTTLS: somebody may be tampering with the "
		     "connection");
	return true;
}

void connect_starttls(struct upstream *up, const struct reply *reply, struct str lines)
{
	(void)reply;
	(void)lines;
	if (is_injected(up))
		return;
	/* The bufferevent is exchanged from outside its own callbacks. */
	chat_pause(up->chat);
	session_enter(up, SESSION_HANDSHAKE);
	session_defer(up, SESSION_TASK_TLS);
}

void connect_starttls_refused(struct upstream *up, const struct reply *reply)
{
	struct strbuf said, shown;
	strbuf_init(&said, REPLY_TEXT_MAX + 64);
	strbuf_init(&shown, TEXT_MAX);
	reply_append(&said, reply);
	quote_append(&shown, strbuf_str(&said), SHOWN_MAX);
	session_fail(up, REPLY_LOCAL_TLS, "refused STARTTLS: %s", strbuf_cstr(&shown));
	strbuf_done(&said);
	strbuf_done(&shown);
}

void connect_handshake(struct upstream *up)
{
	struct err err;
	if (up->state != SESSION_HANDSHAKE || is_injected(up))
		return;
	SSL *ssl = up->context != NULL ? tls_client_new(up->context, up->host, &err) : NULL;
	if (up->context == NULL)
		session_fail(up, REPLY_LOCAL_TLS, "there is no TLS context for this account");
	else if (ssl == NULL)
		session_fail(up, REPLY_LOCAL_TLS, "%s", err.text);
	else
		chat_start_tls(up->chat, ssl);
}

void connect_secured(struct upstream *up)
{
	const SSL *ssl = chat_ssl(up->chat);
	/* OpenSSL has already refused what does not verify; here a context that was made without
	 * verification would be found out before a token is sent. */
	if (SSL_get0_peer_certificate(ssl) == NULL || SSL_get_verify_result(ssl) != X509_V_OK) {
		session_fail(up, REPLY_LOCAL_TLS, "the server's certificate was not verified");
		return;
	}
	/* RFC 3207 4.2: what was learnt before TLS is forgotten. */
	up->offers = (struct ehlo){ 0 };
	say_ehlo(up, SESSION_EHLO_TLS);
}
