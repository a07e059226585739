/* SPDX-License-Identifier: MIT */
#include "queue/standing.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timer.h"
#include "common/units.h"
#include "queue/retry.h"

enum {
	WAIT_FIRST_MS = 1000,
	WAIT_MAX_MS = 5 * 60 * 1000
};

const char *account_state_name(enum account_state state)
{
	static const char *const names[] = {
		[ACCOUNT_OPEN] = "open",
		[ACCOUNT_WAITING] = "waiting",
		[ACCOUNT_HELD] = "held",
		[ACCOUNT_PROBING] = "probing",
	};
	return names[state];
}

static bool is_hold(enum account_state state)
{
	return state == ACCOUNT_HELD || state == ACCOUNT_PROBING;
}

static void log_trouble(const struct standing *s, enum log_level level, const char *event,
			int64_t retry_in_ms)
{
	log_event(level, event,
		  LOG_FIELDS(lf_str("account", s->account), lf_str("reason", s->reason),
			     lf_str("remedy", s->remedy),
			     lf_int("retry_in", units_seconds_up(retry_in_ms))));
}

static void log_change(const struct standing *s, enum account_state old, int64_t retry_in_ms)
{
	switch (s->state) {
	case ACCOUNT_HELD:
		if (old == ACCOUNT_PROBING)
			log_trouble(s, LOG_LEVEL_WARNING, "account-still-held", retry_in_ms);
		else
			log_trouble(s, LOG_LEVEL_ERROR, "account-held", retry_in_ms);
		break;
	case ACCOUNT_WAITING:
		log_trouble(s, LOG_LEVEL_WARNING, "account-waiting", retry_in_ms);
		break;
	case ACCOUNT_OPEN:
		if (is_hold(old))
			log_info("account-resumed", lf_str("account", s->account),
				 lf_int("held_for", (clock_mono_ms() - s->state_since_ms) / 1000));
		break;
	case ACCOUNT_PROBING:
		log_info("account-probing", lf_str("account", s->account));
		break;
	}
}

/* The one place where the state changes. retry_in_ms < 0: nothing will try. timed: by our timer;
 * otherwise somebody else does. */
static void set_state_until(struct standing *s, enum account_state state, const char *reason,
			    const char *remedy, int64_t retry_in_ms, bool timed)
{
	enum account_state old = s->state;
	s->state = state;
	mem_replace_str(&s->reason, reason);
	mem_replace_str(&s->remedy, remedy);
	log_change(s, old, retry_in_ms);
	/* A probe is part of the hold: `held_for` counts from its beginning. */
	if (!is_hold(old) || !is_hold(state))
		s->state_since_ms = clock_mono_ms();
	timer_stop(s->timer);
	s->next_try_ms = 0;
	if (retry_in_ms >= 0)
		s->next_try_ms = clock_mono_ms() + retry_in_ms;
	if (retry_in_ms >= 0 && timed)
		timer_start(s->timer, retry_in_ms);
	if (standing_may_send(s))
		s->changed(s->arg);
}

static void set_state(struct standing *s, enum account_state state, const char *reason,
		      const char *remedy, int64_t retry_in_ms)
{
	set_state_until(s, state, reason, remedy, retry_in_ms, true);
}

static void end_wait(struct standing *s)
{
	set_state(s, ACCOUNT_OPEN, "", "", -1);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	standing_retry(arg);
}

void standing_init(struct standing *s, struct event_base *base, const char *account,
		   void (*changed)(void *arg), void *arg)
{
	*s = (struct standing){
		.account = account,
		.reason = mem_strdup(""),
		.remedy = mem_strdup(""),
		.state_since_ms = clock_mono_ms(),
		.timer = evtimer_new(base, on_timer, s),
		.changed = changed,
		.arg = arg,
	};
}

void standing_done(struct standing *s)
{
	event_free(s->timer);
	free(s->reason);
	free(s->remedy);
}

void standing_stop(struct standing *s)
{
	timer_stop(s->timer);
	s->next_try_ms = 0;
}

void standing_open(struct standing *s)
{
	if (is_hold(s->state))
		s->resumed_ms = clock_wall_ms();
	if (s->state != ACCOUNT_OPEN)
		end_wait(s);
}

void standing_proved(struct standing *s)
{
	s->probes = 0;
	s->failures = 0;
	s->locked = false;
}

/* It did not get through; what is to be done has not changed. */
static void probe_failed(struct standing *s, const char *reason, const char *remedy)
{
	char *before = mem_strdup(s->remedy);
	set_state(s, ACCOUNT_HELD, reason, remedy[0] != '\0' ? remedy : before,
		  retry_probe_ms(s->probes++, s->locked));
	free(before);
}

void standing_wait(struct standing *s, const char *reason, const char *remedy, int64_t ms)
{
	switch (s->state) {
	case ACCOUNT_OPEN:
		s->failures++;
		if (ms < 0)
			ms = retry_backoff_ms(s->failures, WAIT_FIRST_MS, WAIT_MAX_MS);
		set_state(s, ACCOUNT_WAITING, reason, remedy, ms);
		break;
	case ACCOUNT_PROBING:
		probe_failed(s, reason, remedy);
		break;
	case ACCOUNT_WAITING:
	case ACCOUNT_HELD:
		break;
	}
}

void standing_hold(struct standing *s, const char *reason, const char *remedy, bool locked)
{
	if (s->state == ACCOUNT_HELD)
		return;
	s->locked = locked;
	set_state(s, ACCOUNT_HELD, reason, remedy, retry_probe_ms(s->probes++, locked));
}

void standing_hold_for_token(struct standing *s, const char *reason, const char *remedy,
			     int64_t retry_in_ms)
{
	if (s->state != ACCOUNT_HELD)
		set_state_until(s, ACCOUNT_HELD, reason, remedy, retry_in_ms, false);
	s->next_try_ms = clock_mono_ms() + retry_in_ms;
}

void standing_retry(struct standing *s)
{
	if (s->state == ACCOUNT_WAITING) {
		end_wait(s);
	} else if (s->state == ACCOUNT_HELD) {
		char *reason = mem_strdup(s->reason);
		char *remedy = mem_strdup(s->remedy);
		set_state(s, ACCOUNT_PROBING, reason, remedy, -1);
		free(reason);
		free(remedy);
	}
}

bool standing_may_send(const struct standing *s)
{
	return s->state == ACCOUNT_OPEN || s->state == ACCOUNT_PROBING;
}

int64_t standing_next_try_ms(const struct standing *s)
{
	int64_t left = s->next_try_ms - clock_mono_ms();
	if (s->next_try_ms == 0)
		return -1;
	return left > 0 ? left : 0;
}
