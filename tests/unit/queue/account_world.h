/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_ACCOUNT_WORLD_H
#define OAUTHRELAY_TESTS_ACCOUNT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "queue/account.h"
#include "queue/session.h"

/* Sessions and the token are fakes: the test says when they are ready, and how they end. */
struct session {
	struct session_owner owner;
	struct queued *message;
	bool ready, retired, barren;
	uint32_t generation;
};

static struct {
	struct session *sessions[16];
	size_t count; /* ever made */
	size_t alive;
	struct token_events token_events;
	uint32_t rejected;
	int rejects, probes;
	uint32_t worked;	   /* the last of which it was said */
	uint32_t first_generation; /* of the newest token */
	bool no_new_token;
	bool token_freed;
} fake;

struct session *__wrap_session_new(const struct session_params *params,
				   const struct session_owner *owner);
void __wrap_session_free(struct session *s);
bool __wrap_session_is_ready(const struct session *s);
bool __wrap_session_is_opening(const struct session *s);
bool __wrap_session_is_active(const struct session *s);
bool __wrap_session_is_barren(const struct session *s);
void __wrap_session_deliver(struct session *s, struct queued *m);
void __wrap_session_retire(struct session *s);
uint32_t __wrap_session_token_generation(const struct session *s);
struct token *__wrap_token_new(const struct token_env *env, struct config *config,
			       const struct account_config *account,
			       const struct token_events *events);
void __wrap_token_free(struct token *token);
void __wrap_token_reconfigure(struct token *token, struct config *config,
			      const struct account_config *account);
bool __wrap_token_reject(struct token *token, uint32_t generation);
void __wrap_token_worked(struct token *token, uint32_t generation);
uint32_t __wrap_token_generation(const struct token *token);
void __wrap_token_end_orders(struct token *token);
void __wrap_token_probe(struct token *token);
enum token_state __wrap_token_state_of(const struct token *token);
int64_t __wrap_token_good_for_ms(const struct token *token);

struct session *__wrap_session_new(const struct session_params *params,
				   const struct session_owner *owner)
{
	struct session *s = mem_zalloc(sizeof(*s));
	(void)params;
	assert_true(fake.count < 16);
	s->owner = *owner;
	s->generation = 1;
	fake.sessions[fake.count++] = s;
	fake.alive++;
	return s;
}

void __wrap_session_free(struct session *s)
{
	for (size_t i = 0; i < fake.count; i++)
		if (fake.sessions[i] == s)
			fake.sessions[i] = NULL;
	fake.alive--;
	free(s);
}

bool __wrap_session_is_ready(const struct session *s)
{
	return s->ready && s->message == NULL && !s->retired;
}

bool __wrap_session_is_opening(const struct session *s)
{
	return !s->ready;
}

bool __wrap_session_is_active(const struct session *s)
{
	return s->message != NULL;
}

bool __wrap_session_is_barren(const struct session *s)
{
	return s->barren;
}

void __wrap_session_deliver(struct session *s, struct queued *m)
{
	assert_null(s->message);
	s->message = m;
}

void __wrap_session_retire(struct session *s)
{
	s->retired = true;
}

uint32_t __wrap_session_token_generation(const struct session *s)
{
	return s->generation;
}

struct token *__wrap_token_new(const struct token_env *env, struct config *config,
			       const struct account_config *account,
			       const struct token_events *events)
{
	(void)config;
	(void)account;
	fake.token_events = *events;
	fake.first_generation = env->generation;
	fake.token_freed = false;
	return (struct token *)&fake;
}

void __wrap_token_free(struct token *token)
{
	fake.token_freed = token != NULL;
}

void __wrap_token_reconfigure(struct token *token, struct config *config,
			      const struct account_config *account)
{
	(void)config;
	(void)token;
	(void)account;
}

bool __wrap_token_reject(struct token *token, uint32_t generation)
{
	(void)token;
	fake.rejected = generation;
	fake.rejects++;
	return !fake.no_new_token;
}

void __wrap_token_worked(struct token *token, uint32_t generation)
{
	(void)token;
	fake.worked = generation;
}

uint32_t __wrap_token_generation(const struct token *token)
{
	(void)token;
	return fake.rejected + 1;
}

void __wrap_token_end_orders(struct token *token)
{
	(void)token;
	assert_false(fake.token_freed);
}

void __wrap_token_probe(struct token *token)
{
	(void)token;
	fake.probes++;
}

enum token_state __wrap_token_state_of(const struct token *token)
{
	(void)token;
	return TOKEN_VALID;
}

int64_t __wrap_token_good_for_ms(const struct token *token)
{
	(void)token;
	return 1;
}

/* --- an account with messages -------------------------------------------------------------- */

enum {
	MESSAGES = 8
};

static char name[] = "scanner", mailbox[] = "m@x.y", empty[] = "";

struct fixture {
	struct event_base *base;
	struct account_config ac;
	struct config config;
	struct account *account;
	struct queued messages[MESSAGES];
	struct queued *attempted;
};

static inline struct queued *take(void *arg, struct account *account)
{
	struct queued *m = account_list_first(account);
	(void)arg;
	account_list_remove(account, m);
	return m;
}

/* What the queue does with it: the account hears of what concerns it. */
static inline void attempted(void *arg, struct account *account, struct queued *m,
			     const struct delivery_result *result)
{
	struct fixture *f = arg;
	const struct reply_rule *rule = reply_rule_for(result->stage, &result->reply);
	f->attempted = m;
	if (rule->scope == SCOPE_ACCOUNT && rule->verdict != VERDICT_DELIVERED)
		account_apply(account, rule, &result->reply);
}

static inline void turn(struct fixture *f)
{
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static inline struct fixture *make(size_t messages, uint64_t connections, uint64_t per_minute)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	memset(&fake, 0, sizeof(fake));
	f->base = event_base_new();
	f->ac = (struct account_config){
		.name = name,
		.mailbox = mailbox,
		.tenant = empty,
		.client_id = empty,
		.host = empty,
		.auth = UPSTREAM_AUTH_XOAUTH2,
		.limits = { .connections = connections, .per_minute = per_minute },
	};
	f->config = (struct config){ .refs = 1, .accounts = &f->ac, .account_count = 1 };
	const struct account_env env = {
		.base = f->base, .take = take, .attempted = attempted, .arg = f
	};
	f->account = account_new(&env, name);
	account_configure(f->account, &f->config, &f->ac, NULL);
	for (size_t i = 0; i < messages; i++)
		account_list_add(f->account, &f->messages[i], false);
	account_wake(f->account);
	turn(f);
	return f;
}

static inline void destroy(struct fixture *f)
{
	account_free(f->account);
	assert_int_equal(fake.alive, 0);
	assert_int_equal(f->config.refs, 1);
	event_base_free(f->base);
	free(f);
}

static inline struct account_status status(const struct fixture *f)
{
	struct account_status s;
	account_status(f->account, &s);
	return s;
}

static inline void log_in(struct fixture *f, size_t i)
{
	struct session *s = fake.sessions[i];
	s->ready = true;
	s->owner.authenticated(s->owner.arg, s);
	s->owner.ready(s->owner.arg, s);
	turn(f);
}

static inline void end(struct fixture *f, size_t i, enum upstream_stage stage, unsigned code,
		       const char *text)
{
	struct session *s = fake.sessions[i];
	struct reply reply = { 0 };
	reply_set(&reply, code, text);
	if (code == 535) {
		const unsigned enhanced[3] = { 5, 7, 3 };
		memcpy(reply.enhanced, enhanced, sizeof(enhanced));
	}
	s->owner.ended(s->owner.arg, s, stage, &reply, NULL);
	reply_done(&reply);
	turn(f);
}

/* The message goes back into the list unless it was taken. */
static inline void answered(struct fixture *f, size_t i, enum upstream_stage stage, unsigned code,
			    const char *text)
{
	struct session *s = fake.sessions[i];
	struct delivery_result result = { .stage = stage };
	struct queued *m = s->message;
	reply_set(&result.reply, code, text);
	s->message = NULL;
	s->owner.attempted(s->owner.arg, s, m, &result);
	if (code != 250)
		account_list_add(f->account, m, true);
	s->owner.ready(s->owner.arg, s);
	reply_done(&result.reply);
	turn(f);
}

static inline void delivered(struct fixture *f, size_t i)
{
	answered(f, i, STAGE_DATA, 250, "OK");
}

#endif
