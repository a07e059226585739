/* SPDX-License-Identifier: MIT */
#include "queue/outcome.h"

#include <stdlib.h>

#include "common/mem.h"
#include "queue/retry.h"

enum {
	SENDER_RETRY_FIRST_MS = 15 * 60 * 1000,
	SENDER_RETRY_MAX_MS = 60 * 60 * 1000
};

/* How much a verdict asks of the account; the strongest of an attempt counts. 0: nothing. */
static int account_weight(const struct reply_rule *rule)
{
	if (rule->scope != SCOPE_ACCOUNT)
		return 0;
	switch (rule->verdict) {
	case VERDICT_HOLD:
		return 5;
	case VERDICT_SLOW:
		return 4;
	case VERDICT_THROTTLE:
		return 3;
	case VERDICT_REFRESH:
		return 2;
	case VERDICT_RECONNECT:
		return 1;
	case VERDICT_DELIVERED:
	case VERDICT_RETRY:
	case VERDICT_SENDER:
	case VERDICT_SPLIT:
	case VERDICT_FAIL:
	case VERDICT_COUNT:
		break;
	}
	return 0;
}

/* The reply that decides about one recipient, and what it means. */
static struct recipient_outcome judge(const struct delivery_result *result, size_t i)
{
	const struct reply *own = &result->replies[i];
	bool refused = own->code != 0 && reply_class(own) != 2;
	const struct reply *reply = refused ? own : &result->reply;
	return (struct recipient_outcome){
		.recipient = result->recipients[i],
		.reply = reply,
		.rule = reply_rule_for(refused ? STAGE_RCPT : result->stage, reply),
		.state = PROGRESS_PENDING,
	};
}

static bool too_old(const struct queued *m, const struct outcome_policy *policy)
{
	int64_t since = m->free_ms > m->accepted_ms ? m->free_ms : m->accepted_ms;
	if (policy->account_since_ms > since)
		since = policy->account_since_ms;
	return policy->now_ms - since > policy->queue->lifetime;
}

/* Collected over the recipients: what the message needs next. */
struct wants {
	bool ready;
	bool retry;
	bool sender;
	bool progress; /* somebody got it, or was refused for good: trying again is not a loop */
};

static void apply(struct recipient_outcome *r, const struct queued *m,
		  const struct outcome_policy *policy, struct wants *wants)
{
	switch (r->rule->verdict) {
	case VERDICT_DELIVERED:
		r->state = PROGRESS_SENT;
		wants->progress = true;
		break;
	case VERDICT_FAIL:
		r->state = PROGRESS_FAILED;
		wants->progress = true;
		break;
	case VERDICT_SENDER:
		wants->sender = true;
		break;
	case VERDICT_RECONNECT:
		if (m->reconnected)
			wants->retry = true;
		else
			wants->ready = true;
		break;
	case VERDICT_SPLIT:
	case VERDICT_THROTTLE:
	case VERDICT_SLOW:
	case VERDICT_REFRESH:
	case VERDICT_HOLD:
		wants->ready = true;
		break;
	case VERDICT_RETRY:
		r->expired = too_old(m, policy);
		if (r->expired)
			r->state = PROGRESS_FAILED;
		else
			wants->retry = true;
		break;
	case VERDICT_COUNT:
		break;
	}
}

static bool all_split(const struct outcome *out)
{
	for (size_t i = 0; i < out->count; i++)
		if (out->recipients[i].rule->verdict != VERDICT_SPLIT)
			return false;
	return out->count != 0;
}

static void choose_next(const struct queued *m, const struct outcome_policy *policy,
			const struct wants *wants, struct outcome *out)
{
	size_t sent = queued_count(m, PROGRESS_SENT);
	size_t pending = queued_count(m, PROGRESS_PENDING);
	for (size_t i = 0; i < out->count; i++) {
		sent += out->recipients[i].state == PROGRESS_SENT;
		pending -= out->recipients[i].state != PROGRESS_PENDING;
	}
	out->counted = wants->retry || wants->sender || wants->progress;
	if (pending == 0) {
		out->next = sent == m->recipient_count ? NEXT_REMOVE : NEXT_PARK;
		return;
	}
	if (wants->retry || wants->sender) {
		unsigned attempts = m->attempts + 1;
		int64_t delay = wants->retry
					? retry_backoff_ms(attempts, policy->queue->retry_first,
							   policy->queue->retry_max)
					: retry_backoff_ms(attempts, SENDER_RETRY_FIRST_MS,
							   SENDER_RETRY_MAX_MS);
		out->next = NEXT_AT;
		out->next_ms = policy->now_ms + delay;
		return;
	}
	/* Recipients left over for the next transaction, or an account that must do something
	 * first. */
	out->next = NEXT_READY;
}

static void choose_account_rule(struct outcome *out)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct recipient_outcome *r = &out->recipients[i];
		int best = out->account_rule != NULL ? account_weight(out->account_rule) : 0;
		if (account_weight(r->rule) > best) {
			out->account_rule = r->rule;
			out->account_reply = r->reply;
		}
	}
}

void outcome_decide(const struct queued *m, const struct delivery_result *result,
		    const struct outcome_policy *policy, struct outcome *out)
{
	struct wants wants = { 0 };
	*out = (struct outcome){ .count = result->count };
	out->recipients = mem_zalloc(result->count * sizeof(*out->recipients));
	for (size_t i = 0; i < result->count; i++)
		out->recipients[i] = judge(result, i);
	/* A server that takes nobody in a transaction of one's own would be asked for ever. */
	if (all_split(out))
		wants.retry = true;
	for (size_t i = 0; i < result->count; i++) {
		struct recipient_outcome *r = &out->recipients[i];
		bool accepted =
			result->replies[i].code == 0 || reply_class(&result->replies[i]) == 2;
		if (result->uncertain && accepted && policy->queue->on_uncertain == UNCERTAIN_HOLD)
			r->state = PROGRESS_HELD;
		else
			apply(r, m, policy, &wants);
		out->reconnected |= r->rule->verdict == VERDICT_RECONNECT;
	}
	choose_account_rule(out);
	if (result->gone) {
		out->next = NEXT_DROP;
		return;
	}
	choose_next(m, policy, &wants, out);
}

void outcome_done(struct outcome *o)
{
	free(o->recipients);
	*o = (struct outcome){ 0 };
}

const char *outcome_status(const struct recipient_outcome *r, bool uncertain)
{
	switch (r->state) {
	case PROGRESS_SENT:
		return "sent";
	case PROGRESS_FAILED:
		return "failed";
	case PROGRESS_HELD:
		return uncertain ? "uncertain" : "held";
	case PROGRESS_PENDING:
	case PROGRESS_INFLIGHT:
	case PROGRESS_COUNT:
		break;
	}
	if (r->rule->verdict == VERDICT_SENDER || r->rule->verdict == VERDICT_HOLD)
		return "held";
	return uncertain ? "uncertain" : "deferred";
}
