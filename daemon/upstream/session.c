/* SPDX-License-Identifier: MIT */
#include "upstream/session.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/dial.h"
#include "common/mem.h"
#include "common/netaddr.h"
#include "common/tls.h"
#include "upstream/connect.h"
#include "upstream/steps.h"
#include "upstream/transaction.h"
#include "upstream/xoauth2.h"

enum {
	TEXT_MAX = 2048
};

const char *upstream_stage_name(enum upstream_stage stage)
{
	static const char *const names[] = {
		[STAGE_CONNECT] = "connect", [STAGE_AUTH] = "auth", [STAGE_MAIL] = "mail",
		[STAGE_RCPT] = "rcpt",	     [STAGE_DATA] = "data", [STAGE_IDLE] = "idle",
	};
	return names[stage];
}

void session_enter(struct upstream *up, enum session_state state)
{
	up->state = state;
	if (up->chat != NULL)
		chat_set_timeout(up->chat, session_row(state)->timeout_ms);
}

void session_defer(struct upstream *up, enum session_task task)
{
	up->tasks |= (unsigned)task;
	event_active(up->defer, EV_TIMEOUT, 0);
}

void session_command(struct upstream *up, const char *line, enum session_state state)
{
	struct strbuf out;
	strbuf_init(&out, TEXT_MAX);
	strbuf_addf(&out, "%s\r\n", line);
	session_enter(up, state);
	chat_send(up->chat, strbuf_str(&out), 1);
	strbuf_done(&out);
}

/* --- the end ------------------------------------------------------------------------------- */

/* A server may put what it was sent into its reply. */
void session_withhold(const struct upstream *up, struct reply *reply)
{
	struct str text = str_of(reply->text);
	if (!xoauth2_repeats(text, &up->token) && !xoauth2_repeats(text, &up->sasl))
		return;
	mem_replace_str(&reply->text, "(text withheld: it repeats the token)");
}

static void disconnect(struct upstream *up)
{
	dial_cancel(up->dial);
	up->dial = NULL;
	if (up->chat != NULL && up->state == SESSION_QUIT)
		chat_close_notify(up->chat);
	chat_free(up->chat);
	up->chat = NULL;
	secret_done(&up->token);
	secret_done(&up->sasl);
	up->tasks = 0;
}

static void doom(struct upstream *up, const struct reply *reply)
{
	up->end_stage = session_row(up->state)->stage;
	/* A server's own 4yz or 5yz to the dot, or a 421 in its place, is an answer. */
	up->end_uncertain = up->state == SESSION_FINAL && reply->code > REPLY_LOCAL_FIRST;
	reply_copy(&up->end, reply);
	session_withhold(up, &up->end);
	disconnect(up);
	session_enter(up, SESSION_ENDED);
}

static void tell_end(struct upstream *up)
{
	transaction_lost(up, up->end_stage, &up->end, up->end_uncertain);
	if (!up->freed)
		up->events.ended(up->events.arg, up->end_stage, &up->end);
}

void session_end(struct upstream *up, const struct reply *reply)
{
	if (up->state == SESSION_ENDED)
		return;
	doom(up, reply);
	tell_end(up);
}

void session_fail(struct upstream *up, enum reply_local code, const char *fmt, ...)
{
	struct strbuf text;
	struct reply reply = { 0 };
	va_list ap;
	strbuf_init(&text, TEXT_MAX);
	strbuf_addf(&text, "%s: ", up->relay);
	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	reply_set(&reply, code, strbuf_cstr(&text));
	session_end(up, &reply);
	reply_done(&reply);
	strbuf_done(&text);
}

void session_give_up(struct upstream *up, enum reply_local code, const char *why)
{
	struct reply reply = { 0 };
	if (up->state == SESSION_ENDED)
		return;
	reply_set(&reply, code, why);
	doom(up, &reply);
	reply_done(&reply);
	session_defer(up, SESSION_TASK_TELL);
}

/* --- frames -------------------------------------------------------------------------------- */

static void release(struct upstream *up)
{
	transaction_drop(up);
	reply_done(&up->end);
	reply_done(&up->challenge);
	SSL_CTX_free(up->context);
	free(up->host);
	free(up->login);
	free(up->ehlo_name);
	free(up->relay);
	free(up);
}

void session_frame_enter(struct upstream *up)
{
	up->depth++;
}

void session_frame_leave(struct upstream *up)
{
	if (--up->depth == 0 && up->freed)
		release(up);
}

void session_tell_connected(struct upstream *up)
{
	SSL *ssl = chat_ssl(up->chat);
	up->events.connected(up->events.arg, up->relay, ssl != NULL ? tls_version(ssl) : "none",
			     clock_mono_ms() - up->started_ms);
}

void session_tell_authenticated(struct upstream *up)
{
	up->events.authenticated(up->events.arg, up->relay, clock_mono_ms() - up->auth_started_ms);
}

static void tell_ready(struct upstream *up)
{
	if (up->state == SESSION_READY)
		up->events.ready(up->events.arg);
}

void session_ready(struct upstream *up)
{
	session_enter(up, SESSION_READY);
	/* "250 OK" with "421 goodbye" behind it: let that be read first, and spare a message an
	 * attempt. */
	if (chat_has_input(up->chat))
		session_defer(up, SESSION_TASK_READY);
	else
		tell_ready(up);
}

static void on_defer(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *up = arg;
	unsigned tasks = up->tasks;
	(void)fd;
	(void)what;
	session_frame_enter(up);
	up->tasks = 0;
	if ((tasks & SESSION_TASK_TELL) != 0) {
		tell_end(up);
	} else {
		/* None of them does anything in a state that is not its own. */
		if ((tasks & SESSION_TASK_TLS) != 0)
			connect_handshake(up);
		if ((tasks & SESSION_TASK_UNSENT) != 0)
			transaction_unsent(up);
		if ((tasks & SESSION_TASK_PUMP) != 0)
			transaction_pump(up);
		if ((tasks & SESSION_TASK_READY) != 0)
			tell_ready(up);
	}
	session_frame_leave(up);
}

/* --- life ---------------------------------------------------------------------------------- */

/* "host[address]:port" */
static void name_relay(struct upstream *up, int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	struct netaddr addr;
	struct strbuf text;
	strbuf_init(&text, TEXT_MAX);
	strbuf_adds(&text, up->host);
	if (fd >= 0 && getpeername(fd, (struct sockaddr *)&sa, &len) == 0 &&
	    netaddr_from_sockaddr((const struct sockaddr *)&sa, &addr)) {
		strbuf_addc(&text, '[');
		netaddr_append(&text, &addr);
		strbuf_addc(&text, ']');
	}
	strbuf_addf(&text, ":%u", up->port);
	free(up->relay);
	up->relay = strbuf_steal(&text);
}

static void on_dialled(void *arg, enum dial_failure failure, int fd, const struct err *err)
{
	static const enum reply_local codes[] = {
		[DIAL_FAIL_DNS] = REPLY_LOCAL_DNS,
		[DIAL_FAIL_CONNECT] = REPLY_LOCAL_CONNECT,
		[DIAL_FAIL_TIMEOUT] = REPLY_LOCAL_TIMEOUT,
	};
	struct upstream *up = arg;
	struct reply reply = { 0 };
	session_frame_enter(up);
	up->dial = NULL;
	if (failure != DIAL_OK) {
		/* Says which host and address already. */
		reply_set(&reply, codes[failure], err->text);
		session_end(up, &reply);
		reply_done(&reply);
	} else {
		name_relay(up, fd);
		const struct chat_events events = steps_chat_events(up);
		up->chat = chat_new(up->base, fd, &events);
		session_enter(up, SESSION_GREETING);
	}
	session_frame_leave(up);
}

struct upstream *upstream_new(const struct upstream_params *params,
			      const struct upstream_events *events)
{
	const struct account_config *account = params->account;
	struct upstream *up = mem_zalloc(sizeof(*up));
	up->base = params->base;
	up->events = *events;
	up->host = mem_strdup(account->host);
	up->port = (unsigned)account->port;
	up->login = mem_strdup(account->login);
	up->ehlo_name = mem_strdup(params->ehlo_name);
	up->tls = account->tls;
	up->auth = account->auth;
	up->started_ms = clock_mono_ms();
	if (up->auth != UPSTREAM_AUTH_NONE)
		secret_set(&up->token, params->token);
	if (params->tls != NULL && SSL_CTX_up_ref(params->tls) == 1)
		up->context = params->tls;
	up->defer = event_new(up->base, -1, 0, on_defer, up);
	if (up->defer == NULL)
		abort();
	name_relay(up, -1);
	session_enter(up, SESSION_CONNECTING);
	if (address_is_domain(str_of(up->ehlo_name)))
		up->dial = dial_start(params->dialer, up->host, up->port,
				      session_row(SESSION_CONNECTING)->timeout_ms, on_dialled, up);
	else
		session_give_up(up, REPLY_LOCAL_PROTOCOL,
				"our own host name is not fit for EHLO: set `hostname`");
	return up;
}

void upstream_free(struct upstream *up)
{
	if (up == NULL || up->freed)
		return;
	up->freed = true;
	disconnect(up);
	session_enter(up, SESSION_ENDED);
	event_free(up->defer);
	if (up->depth == 0)
		release(up);
}

void upstream_quit(struct upstream *up)
{
	if (up->state == SESSION_READY)
		session_command(up, "QUIT", SESSION_QUIT);
	else if (up->state != SESSION_QUIT)
		session_give_up(up, REPLY_LOCAL_LOST, "the session was given up here");
}

bool upstream_is_ready(const struct upstream *up)
{
	return up->state == SESSION_READY;
}

const char *upstream_relay(const struct upstream *up)
{
	return up->relay;
}
