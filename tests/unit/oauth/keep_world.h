/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_KEEP_WORLD_H
#define OAUTHRELAY_TESTS_KEEP_WORLD_H

#include "tests/unit/oauth/state_world.h"
#include "tests/unit/oauth/token_world.h"
#include "tests/unit/support/seal_of.h"

/* The world of a token that is remembered: with a state in memory, and restarts. */
static struct fake_state fake;

static inline int setup_kept(void **state)
{
	int failed = setup(state);
	struct fixture *f = *state;
	token_free(f->token);
	fake_init(&fake);
	f->state = &fake.state;
	f->seal = seal_of('k');
	open_token(f);
	return failed;
}

static inline int teardown_kept(void **state)
{
	struct fixture *f = *state;
	struct seal *seal = f->seal;
	int failed;
	token_free(f->token);
	f->token = NULL;
	fake_done(&fake);
	failed = teardown(state);
	seal_free(seal);
	return failed;
}

/* All that was asked of the state is done, and what follows from it. */
static inline void settle(struct fixture *f)
{
	do
		turn(f);
	while (fake_step(&fake));
}

/* Another process; the machine was off for so long. A crash loses what the state has not done. */
static inline void restart(struct fixture *f, int64_t away_ms, bool crash)
{
	if (crash) {
		for (size_t i = 0; i < fake.waiting; i++)
			secret_done(&fake.operations[i].value);
		fake.waiting = 0;
	}
	token_free(f->token);
	if (crash)
		for (size_t i = 0; i < fake.waiting; i++)
			secret_done(&fake.operations[i].value);
	if (crash)
		fake.waiting = 0;
	fake_run(&fake);
	now_ms += 12345; /* the monotonic clock says nothing over a restart */
	wall_offset_ms += away_ms - 12345;
	open_token(f);
}

/* A reply with a refresh token in it. */
static inline void grant_refresh(struct fixture *f, const char *token, const char *refresh_token,
				 int life_s)
{
	char body[256];
	snprintf(body, sizeof(body),
		 "{\"token_type\":\"Bearer\",\"expires_in\":%d,\"access_token\":\"%s\","
		 "\"refresh_token\":\"%s\"}",
		 life_s, token, refresh_token);
	const struct http_reply reply = { .status = 200,
					  .body = str_of(body),
					  .content_type = STR("application/json"),
					  .retry_after_ms = -1,
					  .date_ms = -1 };
	answer(f, &reply);
}

/* ---- orders ---- */

struct order_end {
	int times;
	bool done;
	struct token_failure failure;
};

static inline void on_order(void *arg, const struct token_failure *failure)
{
	struct order_end *end = arg;
	end->times++;
	end->done = failure == NULL;
	if (failure != NULL)
		end->failure = *failure;
}

static inline void sign_in(struct fixture *f, const char *token, const char *refresh_token,
			   struct order_end *end)
{
	struct token_grant grant = { .life_ms = 3600000 };
	secret_set(&grant.token, str_of(token));
	if (refresh_token[0] != '\0')
		secret_set(&grant.refresh_token, str_of(refresh_token));
	memset(end, 0, sizeof(*end));
	token_sign_in(f->token, &grant, on_order, end);
	assert_null(grant.token.p); /* taken over */
	assert_int_equal(end->times, 0);
}

/* Somebody has signed in; all is stored. */
static inline void begin_signed_in(struct fixture *f)
{
	struct order_end end;
	settle(f);
	sign_in(f, "one", "refresh-one", &end);
	settle(f);
	assert_int_equal(end.times, 1);
	assert_true(end.done);
	f->failed = 0; /* before that nobody had */
	f->changed = 0;
}

static inline int setup_delegated(void **state)
{
	int failed = setup_kept(state);
	struct fixture *f = *state;
	f->account.grant = GRANT_DELEGATED;
	f->other.grant = GRANT_DELEGATED;
	account_secret_done(&f->account);
	account_secret_done(&f->other);
	return failed;
}

#endif
