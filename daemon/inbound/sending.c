/* SPDX-License-Identifier: MIT */
#include "inbound/sending.h"

#include <string.h>

#include "common/clock.h"
#include "common/mem.h"

/* A device's rules are those of now; one that is gone keeps those it had. */
static const struct device_config *row_of(const struct in_session *s)
{
	const struct device_config *now =
		s->access.device != NULL
			? config_device_named(s->in->config, str_of(s->access.device))
			: NULL;
	return now != NULL ? now : s->access.row;
}

static const struct user *user_of(const struct in_session *s)
{
	const struct user *now =
		s->login != NULL ? users_find(s->in->files->users, str_of(s->login->name)) : NULL;
	return now != NULL ? now : s->login;
}

struct policy sending_policy(const struct in_session *s)
{
	return (struct policy){ .access = &s->access, .row = row_of(s), .user = user_of(s) };
}

static bool is_still_user(const struct in_session *s)
{
	if (s->login == NULL)
		return false;
	const struct user *now = users_find(s->in->files->users, str_of(s->login->name));
	return now != NULL && strcmp(now->hash, s->login->hash) == 0 &&
	       user_admits(now, &s->access.addr);
}

bool sending_is_revoked(const struct in_session *s)
{
	struct inbound_refusal ignored;
	if ((s->config == s->in->config && s->files == s->in->files) ||
	    !access_may_send(&s->access, s->tls, s->logged_in, &ignored))
		return false;
	/* What was asked of it when it came is asked of it still. */
	const struct access now =
		access_decide(s->in->config, &s->access.addr, s->access.requirement);
	bool logged_in = now.requirement == AUTH_RULE_REQUIRED ? is_still_user(s) : s->logged_in;
	return !access_may_send(&now, s->tls, logged_in, &ignored);
}

void sending_begin(struct in_session *s)
{
	const struct device_config *row = row_of(s);
	const struct policy policy = sending_policy(s);
	if (policy_wants_header(&policy)) {
		s->tx.senders = mem_alloc(sizeof(*s->tx.senders));
		sender_capture_init(s->tx.senders);
		s->tx.senders->default_domain = s->config->default_domain;
	}
	if (row == NULL || row->hold_above.count == 0)
		return;
	s->tx.reserved = true;
	if (rates_reserve(s->in->rates, row->name, row->hold_above, clock_mono_ms()))
		s->tx.envelope.hold = ENVELOPE_HOLD_RATE;
}

void sending_content(struct in_session *s, struct str bytes)
{
	if (s->tx.senders != NULL)
		sender_capture_feed(s->tx.senders, bytes, &s->tx.body.stats);
}

bool sending_check(const struct in_session *s, struct inbound_refusal *why)
{
	const struct policy policy = sending_policy(s);
	return s->tx.senders == NULL || policy_header(&policy, s->tx.senders, why);
}

void sending_accepted(struct in_session *s)
{
	if (s->tx.reserved)
		rates_accept(s->in->rates, s->access.device, clock_mono_ms());
	s->tx.reserved = false;
}

void sending_end(struct in_session *s)
{
	if (s->tx.reserved)
		rates_cancel(s->in->rates, s->access.device);
	s->tx.reserved = false;
}
