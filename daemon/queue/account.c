/* SPDX-License-Identifier: MIT */
#include "queue/account.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/timer.h"
#include "config/remedy.h"
#include "queue/account_token.h"
#include "queue/governor.h"
#include "queue/session.h"

enum {
	THROTTLE_MS = 10 * 1000,  /* microsoft365.md 6.2: wait 10 to 60 s */
	SLOW_MS = 60 * 60 * 1000, /* a sliding 24 h quota frees a little every hour */
	BACKOFF = -1,
};

struct account {
	struct account_env env;
	char *name;
	struct config *config;
	const struct account_config *ac;
	SSL_CTX *tls;
	struct account_token token;
	struct governor governor;
	struct queued_list ready;
	size_t ready_count;
	struct session **sessions; /* at most limits.connections and those that are closing */
	size_t session_count;
	struct event *wake; /* pump on the loop's next turn, or when the rate allows */
	struct standing standing;
	uint32_t rejected_generation; /* newest token generation that was refused */
	bool token_rejected;	      /* a token has been refused and none has worked since: */
	bool rejected_in_use;	      /* ... in a transaction, so that a login proves nothing */
	bool held_by_token;	      /* the token probes itself; its success ends the hold */
	bool let_in;		      /* the newest login worked: more may try theirs */
	struct session *attempting;   /* whose attempt is being reported, during the call */
	bool troubled;		      /* that attempt showed something about the account */
	bool stopped;
};

static void pump_soon(void *arg)
{
	struct account *a = arg;
	timer_start(a->wake, 0);
}

static void open_account(struct account *a)
{
	a->held_by_token = false;
	standing_open(&a->standing);
}

/* --- verdicts ------------------------------------------------------------------------------ */

static void describe(const struct account *a, const struct reply_rule *rule,
		     const struct reply *reply, struct strbuf *reason, struct strbuf *remedy)
{
	strbuf_init(reason, 4096);
	strbuf_init(remedy, 4096);
	reply_append(reason, reply);
	if (rule->remedy != NULL)
		remedy_append(remedy, rule->remedy, a->ac);
}

static void apply_refresh(struct account *a, const char *reason, const char *remedy,
			  uint32_t generation)
{
	/* Sessions that logged in with a token already known to be refused say nothing new. */
	if (generation != 0 && generation <= a->rejected_generation) {
		pump_soon(a);
		return;
	}
	a->rejected_generation = generation;
	if (!token_reject(a->token.token, generation) || a->token_rejected) {
		a->token_rejected = true;
		standing_hold(&a->standing, reason, remedy, false);
		return;
	}
	a->let_in = false;
	a->token_rejected = true;
	a->rejected_in_use = a->attempting != NULL;
	if (a->standing.state == ACCOUNT_PROBING)
		pump_soon(a);
}

static void apply_verdict(struct account *a, const struct reply_rule *rule,
			  const struct reply *reply, uint32_t generation)
{
	struct strbuf reason, remedy;
	describe(a, rule, reply, &reason, &remedy);
	const char *why = strbuf_cstr(&reason), *what = strbuf_cstr(&remedy);
	switch (rule->verdict) {
	case VERDICT_HOLD:
		standing_hold(&a->standing, why, what, rule->locked);
		break;
	case VERDICT_SLOW:
		standing_wait(&a->standing, why, what, SLOW_MS);
		break;
	case VERDICT_THROTTLE:
		standing_wait(&a->standing, why, what, THROTTLE_MS);
		break;
	case VERDICT_REFRESH:
		if (a->token.token != NULL)
			apply_refresh(a, why, what, generation);
		else
			standing_hold(&a->standing, why, what, rule->locked);
		break;
	case VERDICT_RETRY:
	case VERDICT_SENDER:
	case VERDICT_FAIL:
	case VERDICT_SPLIT:
	case VERDICT_RECONNECT:
		standing_wait(&a->standing, why, what, BACKOFF);
		break;
	case VERDICT_DELIVERED:
	case VERDICT_COUNT:
		break;
	}
	strbuf_done(&reason);
	strbuf_done(&remedy);
}

void account_apply(struct account *a, const struct reply_rule *rule, const struct reply *reply)
{
	uint32_t generation = 0;
	a->troubled = true;
	if (a->attempting != NULL) {
		generation = session_token_generation(a->attempting);
		session_retire(a->attempting);
	}
	/* A session that ended between two messages is nothing to wait for: the next one opens. */
	if (rule->verdict != VERDICT_RECONNECT)
		apply_verdict(a, rule, reply, generation);
}

static void apply_token_failure(struct account *a, const struct token_failure *failure)
{
	struct strbuf reason;
	strbuf_init(&reason, 1024);
	strbuf_addf(&reason, "no token: %s", failure->text.text);
	if (failure->class == TOKEN_FAIL_TRANSIENT) {
		standing_wait(&a->standing, strbuf_cstr(&reason), failure->remedy.text,
			      failure->retry_in_ms > 0 ? failure->retry_in_ms : BACKOFF);
	} else {
		a->held_by_token |= a->standing.state != ACCOUNT_HELD;
		if (a->held_by_token)
			standing_hold_for_token(&a->standing, strbuf_cstr(&reason),
						failure->remedy.text, failure->retry_in_ms);
	}
	strbuf_done(&reason);
}

/* --- sessions ------------------------------------------------------------------------------ */

static void forget_session(struct account *a, struct session *s)
{
	for (size_t i = 0; i < a->session_count; i++)
		if (a->sessions[i] == s) {
			a->sessions[i] = a->sessions[--a->session_count];
			break;
		}
	session_free(s);
}

/* Not by one that has been refused: other sessions may have logged in with it before. */
static void note_token_worked(struct account *a, const struct session *s)
{
	uint32_t generation = session_token_generation(s);
	if (a->token.token == NULL || generation <= a->rejected_generation)
		return;
	a->token_rejected = false;
	token_worked(a->token.token, generation);
}

static void on_authenticated(void *arg, struct session *s)
{
	struct account *a = arg;
	if (!a->token_rejected || !a->rejected_in_use)
		note_token_worked(a, s);
	a->let_in = true;
	open_account(a);
}

static void on_ready(void *arg, struct session *s)
{
	(void)s;
	pump_soon(arg);
}

/* The server has answered about a message: login and rights are in order. */
static void note_success(struct account *a, const struct session *s)
{
	note_token_worked(a, s);
	standing_proved(&a->standing);
}

static void on_attempted(void *arg, struct session *s, struct queued *m,
			 const struct delivery_result *result)
{
	struct account *a = arg;
	/* RFC 5321 3.8: 421 is said to the connection, not to the message. */
	bool answered = result->reply.code < REPLY_LOCAL_FIRST && result->reply.code != 421;
	a->attempting = s;
	a->troubled = false;
	a->env.attempted(a->env.arg, a, m, result);
	a->attempting = NULL;
	if (answered && !a->troubled)
		note_success(a, s);
}

/* A server that lets us in and then hangs up would be called again without end. */
static void wait_after_barren(struct account *a, const struct reply *reply)
{
	struct strbuf reason;
	strbuf_init(&reason, 4096);
	reply_append(&reason, reply);
	standing_wait(&a->standing, strbuf_cstr(&reason), "", BACKOFF);
	strbuf_done(&reason);
}

static void on_ended(void *arg, struct session *s, enum upstream_stage stage,
		     const struct reply *reply, const struct token_failure *failure)
{
	struct account *a = arg;
	a->let_in = a->let_in && failure == NULL && stage != STAGE_CONNECT && stage != STAGE_AUTH;
	if (failure != NULL)
		apply_token_failure(a, failure);
	else if (stage == STAGE_CONNECT || stage == STAGE_AUTH)
		apply_verdict(a, reply_rule_for(stage, reply), reply, session_token_generation(s));
	else if (session_is_barren(s) && a->ready_count != 0)
		wait_after_barren(a, reply);
	forget_session(a, s);
	pump_soon(a);
}

static void open_session(struct account *a)
{
	const struct session_params params = {
		.base = a->env.base,
		.spool = a->env.spool,
		.dialer = a->env.dialer,
		.token = a->token.token,
		.tls = a->tls,
		.config = a->config,
		.account = a->ac,
	};
	const struct session_owner owner = {
		.authenticated = on_authenticated,
		.ready = on_ready,
		.attempted = on_attempted,
		.ended = on_ended,
		.arg = a,
	};
	a->sessions =
		mem_realloc_array(a->sessions, a->session_count + 1, sizeof(struct session *));
	a->sessions[a->session_count++] = session_new(&params, &owner);
}

static struct session *find_ready(const struct account *a)
{
	for (size_t i = 0; i < a->session_count; i++)
		if (session_is_ready(a->sessions[i]))
			return a->sessions[i];
	return NULL;
}

static size_t count_sessions(const struct account *a, bool (*test)(const struct session *s))
{
	size_t count = 0;
	for (size_t i = 0; i < a->session_count; i++)
		count += test(a->sessions[i]);
	return count;
}

/* Opens sessions while there is more work than hands, up to the limit. Until a login has worked,
 * only one tries: failed ones are what makes Microsoft lock an account (microsoft365.md 6.1). */
static void open_sessions(struct account *a, size_t work)
{
	size_t max = (size_t)a->ac->limits.connections;
	if (work > 1 && !a->let_in)
		work = 1;
	size_t opening = count_sessions(a, session_is_opening);
	while (a->session_count < max && opening < work) {
		open_session(a);
		opening++;
	}
}

static void pump(evutil_socket_t fd, short what, void *arg)
{
	struct account *a = arg;
	(void)fd;
	(void)what;
	if (a->stopped || a->ac == NULL || !standing_may_send(&a->standing))
		return;
	while (a->ready_count != 0 && a->standing.state == ACCOUNT_OPEN) {
		int64_t wait = governor_wait_ms(&a->governor, clock_mono_ms());
		struct session *s = find_ready(a);
		if (s == NULL)
			break;
		if (wait > 0) {
			timer_start(a->wake, wait);
			return;
		}
		governor_sent(&a->governor, clock_mono_ms());
		session_deliver(s, a->env.take(a->env.arg, a));
	}
	/* A probe needs no mail: logging in is the question. */
	open_sessions(a, a->standing.state == ACCOUNT_PROBING ? 1 : a->ready_count);
}

/* --- token --------------------------------------------------------------------------------- */

static void on_token_usable(void *arg)
{
	struct account *a = arg;
	if (a->held_by_token)
		open_account(a);
}

/* Somebody was at it, perhaps because the server has refused the token there was. */
static void on_token_changed(void *arg)
{
	struct account *a = arg;
	if (a->held_by_token) {
		open_account(a);
		return;
	}
	a->token_rejected = false;
	standing_retry(&a->standing);
	pump_soon(a);
}

static void on_token_failed(void *arg, const struct token_failure *failure)
{
	struct account *a = arg;
	if (a->held_by_token)
		apply_token_failure(a, failure);
}

static void configure_token(struct account *a)
{
	const struct token_env env = {
		.base = a->env.base,
		.http = a->env.http,
		.worker = a->env.worker,
		.state = a->env.state,
		.seal = a->env.seal,
		.unsealed = a->env.unsealed,
	};
	account_token_configure(&a->token, &env, a->config, a->ac);
}

/* --- the outside --------------------------------------------------------------------------- */

struct account *account_new(const struct account_env *env, const char *name)
{
	struct account *a = mem_zalloc(sizeof(*a));
	a->env = *env;
	a->name = mem_strdup(name);
	a->token = (struct account_token){
		.account = a->name,
		.usable = on_token_usable,
		.changed = on_token_changed,
		.failed = on_token_failed,
		.arg = a,
	};
	TAILQ_INIT(&a->ready);
	a->wake = evtimer_new(env->base, pump, a);
	standing_init(&a->standing, env->base, a->name, pump_soon, a);
	return a;
}

void account_free(struct account *a)
{
	if (a == NULL)
		return;
	while (a->session_count != 0)
		session_free(a->sessions[--a->session_count]);
	free(a->sessions);
	account_token_done(&a->token);
	event_free(a->wake);
	standing_done(&a->standing);
	governor_done(&a->governor);
	if (a->tls != NULL)
		SSL_CTX_free(a->tls);
	config_unref(a->config);
	free(a->name);
	free(a);
}

/* Those that are on their way end at once: they would take the place of sessions under the new
 * configuration, and how they fail would be taken for its fault. */
static void retire_sessions(struct account *a)
{
	size_t i = 0;
	while (i < a->session_count) {
		if (session_is_opening(a->sessions[i]))
			forget_session(a, a->sessions[i]);
		else
			session_retire(a->sessions[i++]);
	}
}

void account_configure(struct account *a, struct config *config, const struct account_config *ac,
		       SSL_CTX *tls)
{
	struct config *old = a->config;
	SSL_CTX *old_tls = a->tls;
	if (tls != NULL)
		SSL_CTX_up_ref(tls);
	a->config = config_ref(config);
	a->ac = ac;
	a->tls = tls;
	/* Sessions keep what they began with, and the host may have changed: none is used again.
	 * Before the token, for which some of them may wait. */
	retire_sessions(a);
	configure_token(a);
	governor_set(&a->governor, (size_t)ac->limits.per_minute);
	config_unref(old);
	if (old_tls != NULL)
		SSL_CTX_free(old_tls);
	a->token_rejected = false;
	a->let_in = false;
	a->stopped = false;
	account_retry(a);
}

const char *account_name(const struct account *a)
{
	return a->name;
}

const struct account_config *account_config_of(const struct account *a)
{
	return a->ac;
}

void account_list_add(struct account *a, struct queued *m, bool front)
{
	if (front)
		TAILQ_INSERT_HEAD(&a->ready, m, ready);
	else
		TAILQ_INSERT_TAIL(&a->ready, m, ready);
	a->ready_count++;
}

void account_list_remove(struct account *a, struct queued *m)
{
	TAILQ_REMOVE(&a->ready, m, ready);
	a->ready_count--;
}

struct queued *account_list_first(const struct account *a)
{
	return TAILQ_FIRST(&a->ready);
}

void account_wake(struct account *a)
{
	/* A pending wake for the rate limit must not be brought forward by each new message. */
	if (!evtimer_pending(a->wake, NULL))
		pump_soon(a);
}

void account_retry(struct account *a)
{
	if (a->held_by_token && a->token.token != NULL) {
		token_probe(a->token.token);
		return;
	}
	a->held_by_token = false;
	standing_retry(&a->standing);
	pump_soon(a);
}

void account_stop(struct account *a)
{
	a->stopped = true;
	retire_sessions(a);
	standing_stop(&a->standing);
	account_token_done(&a->token);
}

struct token *account_token(const struct account *a)
{
	return a->token.token;
}

const struct account_token_counters *account_token_counters(const struct account *a)
{
	return &a->token.counters;
}

int64_t account_since_ms(const struct account *a)
{
	return a->standing.resumed_ms;
}

void account_status(const struct account *a, struct account_status *out)
{
	*out = (struct account_status){
		.name = a->name,
		.state = a->standing.state,
		.reason = a->standing.reason,
		.remedy = a->standing.remedy,
		.next_try_ms = standing_next_try_ms(&a->standing),
		.token_state =
			a->token.token != NULL ? token_state_of(a->token.token) : TOKEN_EMPTY,
		.token_good_for_ms = a->token.token != NULL ? token_good_for_ms(a->token.token) : 0,
		.sessions = a->session_count,
		.active = count_sessions(a, session_is_active),
		.waiting = a->ready_count,
	};
}
