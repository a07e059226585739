/* SPDX-License-Identifier: MIT */
#include "queue/session.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timer.h"

/* microsoft365.md 1.2 (design): reuse an idle connection for up to two minutes, close after 100
 * messages, eight minutes, or when the token has less than ten minutes left. */
enum {
	IDLE_MS = 90 * 1000,
	AGE_MS = 8 * 60 * 1000,
	MESSAGES_MAX = 100,
	TOKEN_MARGIN_MS = 10 * 60 * 1000,
};

struct session {
	struct session_params params;
	struct session_owner owner;
	struct token_wait *wait;
	struct upstream *up;
	struct delivery *delivery;
	struct queued *message; /* of the delivery */
	struct event *idle;
	int64_t opened_ms;
	int64_t token_ends_ms; /* monotonic; INT64_MAX without a token */
	uint32_t generation;
	unsigned messages;
	bool logged_in;
	bool answered; /* the server has said something about a message */
	bool retired;
	/* The connection is over, but the report of its last delivery is still to come. */
	bool over;
	enum upstream_stage end_stage;
	struct reply end_reply;
};

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	token_cancel(s->wait);
	upstream_free(s->up);
	if (s->delivery != NULL)
		delivery_free(s->delivery);
	if (s->idle != NULL)
		event_free(s->idle);
	if (s->params.tls != NULL)
		SSL_CTX_free(s->params.tls);
	config_unref(s->params.config);
	reply_done(&s->end_reply);
	free(s);
}

bool session_is_active(const struct session *s)
{
	return s->delivery != NULL;
}

bool session_is_opening(const struct session *s)
{
	return s->delivery == NULL && !s->logged_in;
}

bool session_is_ready(const struct session *s)
{
	return s->delivery == NULL && !s->retired && !s->over && s->up != NULL &&
	       upstream_is_ready(s->up);
}

bool session_is_barren(const struct session *s)
{
	return !s->retired && !s->answered;
}

uint32_t session_token_generation(const struct session *s)
{
	return s->generation;
}

static bool is_worn(const struct session *s)
{
	int64_t now = clock_mono_ms();
	/* A first message always goes: a token that short-lived would else open sessions for ever.
	 */
	return s->messages != 0 && (s->messages >= MESSAGES_MAX || now - s->opened_ms >= AGE_MS ||
				    s->token_ends_ms - now < TOKEN_MARGIN_MS);
}

void session_retire(struct session *s)
{
	s->retired = true;
	if (s->delivery == NULL && !s->over && s->up != NULL && upstream_is_ready(s->up))
		upstream_quit(s->up);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	session_retire(arg);
}

/* --- upstream's events --------------------------------------------------------------------- */

static void on_connected(void *arg, const char *relay, const char *tls, int64_t took_ms)
{
	const struct session *s = arg;
	log_info("connected", lf_str("account", s->params.account->name), lf_str("relay", relay),
		 lf_str("tls", tls), lf_int("took_ms", took_ms));
}

static void on_authenticated(void *arg, const char *relay, int64_t took_ms)
{
	struct session *s = arg;
	log_info("authenticated", lf_str("account", s->params.account->name),
		 lf_str("relay", relay), lf_int("took_ms", took_ms));
}

static void on_ready(void *arg)
{
	struct session *s = arg;
	/* The transaction's report may still wait for a disk job; it calls ready itself. */
	if (s->delivery != NULL)
		return;
	if (!s->logged_in) {
		s->logged_in = true;
		s->owner.authenticated(s->owner.arg, s);
	}
	if (s->retired || is_worn(s))
		session_retire(s);
	else
		timer_start(s->idle, IDLE_MS);
	s->owner.ready(s->owner.arg, s);
}

static void report_end(struct session *s)
{
	s->owner.ended(s->owner.arg, s, s->end_stage, &s->end_reply, NULL);
}

static void on_ended(void *arg, enum upstream_stage stage, const struct reply *reply)
{
	struct session *s = arg;
	s->over = true;
	s->end_stage = stage;
	reply_copy(&s->end_reply, reply);
	if (s->delivery != NULL)
		delivery_session_lost(s->delivery, reply);
	else
		report_end(s);
}

static void open_upstream(struct session *s, struct str token)
{
	const struct upstream_params params = {
		.base = s->params.base,
		.dialer = s->params.dialer,
		.tls = s->params.tls,
		.account = s->params.account,
		.ehlo_name = s->params.config->hostname,
		.token = token,
	};
	const struct upstream_events events = {
		.connected = on_connected,
		.authenticated = on_authenticated,
		.ready = on_ready,
		.ended = on_ended,
		.arg = s,
	};
	s->opened_ms = clock_mono_ms();
	s->up = upstream_new(&params, &events);
}

static void on_token(void *arg, const struct secret *token, uint32_t generation,
		     int64_t good_for_ms, const struct token_failure *failure)
{
	struct session *s = arg;
	s->wait = NULL;
	if (token == NULL) {
		s->owner.ended(s->owner.arg, s, STAGE_AUTH, NULL, failure);
		return;
	}
	s->generation = generation;
	s->token_ends_ms = clock_mono_ms() + good_for_ms;
	open_upstream(s, secret_reveal(token));
}

/* --- messages ------------------------------------------------------------------------------ */

static void on_delivered(void *arg, const struct delivery_result *result)
{
	struct session *s = arg;
	struct queued *m = s->message;
	s->delivery = NULL;
	s->message = NULL;
	s->messages++;
	s->answered = s->answered || result->reply.code < REPLY_LOCAL_FIRST;
	s->owner.attempted(s->owner.arg, s, m, result);
	/* READY, or the end, may have come while the report waited; if not, they are still to come.
	 */
	if (s->over)
		report_end(s);
	else if (upstream_is_ready(s->up))
		on_ready(s);
}

void session_deliver(struct session *s, struct queued *m)
{
	const struct delivery_params params = {
		.spool = s->params.spool,
		.up = s->up,
		.config = s->params.config,
		.account = s->params.account,
		.message = m,
	};
	timer_stop(s->idle);
	s->message = m;
	s->delivery = delivery_start(&params, on_delivered, s);
}

struct session *session_new(const struct session_params *params, const struct session_owner *owner)
{
	struct session *s = mem_zalloc(sizeof(*s));
	s->params = *params;
	s->owner = *owner;
	s->token_ends_ms = INT64_MAX;
	config_ref(params->config);
	if (params->tls != NULL)
		SSL_CTX_up_ref(params->tls);
	s->idle = evtimer_new(params->base, on_idle, s);
	if (params->token != NULL)
		s->wait = token_get(params->token, on_token, s);
	else
		open_upstream(s, STR(""));
	return s;
}
