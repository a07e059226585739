/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "common/mem.h"
#include "inbound/command.h"
#include "inbound/content.h"
#include "inbound/params.h"
#include "inbound/sending.h"
#include "inbound/session.h"
#include "inbound/sreply.h"

/* The envelope: MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3). */

/* "FROM:" or "TO:", any case; blanks behind the colon are forgiven. */
static bool take_keyword(struct str *args, struct str keyword)
{
	if (!str_istarts(*args, keyword))
		return false;
	*args = str_trim(str_skip(*args, keyword.n));
	return true;
}

static bool parse_sender(struct str text, struct address *out, struct str *rest,
			 struct inbound_refusal *why)
{
	struct err err;
	if (!address_parse_path(text, out, rest, &err))
		return refusal_set(why, 501, "5.1.7 Bad sender: %s", err.text);
	if (out->domain[0] != '\0' || address_is_null(out))
		return true;
	address_done(out);
	return refusal_set(why, 501, "5.1.7 Bad sender: the address has no domain");
}

static bool check_size(const struct in_session *s, uint64_t size, struct inbound_refusal *why)
{
	char what[64];
	if (size <= in_session_size_limit(s))
		return true;
	snprintf(what, sizeof(what), "A message of %llu bytes", (unsigned long long)size);
	return content_refuse_size(s, what, why);
}

/* Everything about one MAIL command but its effect. */
static bool parse_mail(const struct in_session *s, struct str args, struct address *sender,
		       struct mail_params *params, struct inbound_refusal *why)
{
	const struct policy policy = sending_policy(s);
	const struct inbound_ops *ops = &s->in->ops;
	struct str rest;
	if (!take_keyword(&args, STR("FROM:")))
		return refusal_set(why, 501, "5.5.2 Syntax: MAIL FROM:<address>");
	if (!access_may_send(&s->access, s->tls, s->logged_in, why) ||
	    !ops->has_account(ops->ctx, s->config, s->access.device, s->login, why) ||
	    !parse_sender(args, sender, &rest, why))
		return false;
	if (params_parse_mail(rest, params, why) && check_size(s, params->size, why) &&
	    policy_sender(&policy, sender, why))
		return true;
	address_done(sender);
	return false;
}

void verb_mail(struct in_session *s, struct str args)
{
	struct inbound_refusal why;
	struct address sender;
	struct mail_params params = { .body = BODY_7BIT };
	if (!parse_mail(s, args, &sender, &params, &why)) {
		in_session_refuse(s, &why);
		return;
	}
	s->tx.envelope.reverse_path = sender;
	s->tx.envelope.body = params.body;
	s->phase = PHASE_MAIL;
	in_session_reply(s, 250, "2.1.0 OK");
}

/* RFC 5321 4.5.1: mail for "postmaster" alone must get to somebody. */
static bool complete_postmaster(const struct in_session *s, struct address *a,
				struct inbound_refusal *why)
{
	struct address postmaster;
	struct err err;
	if (a->domain[0] != '\0')
		return true;
	if (!address_parse(str_of(s->config->postmaster), &postmaster, &err)) {
		address_done(a);
		return refusal_set(why, 550, "5.1.1 No postmaster is configured here");
	}
	address_done(a);
	*a = postmaster;
	return true;
}

static bool parse_rcpt(const struct in_session *s, struct str args, struct address *out,
		       struct inbound_refusal *why)
{
	struct str rest;
	struct err err;
	if (!take_keyword(&args, STR("TO:")))
		return refusal_set(why, 501, "5.5.2 Syntax: RCPT TO:<address>");
	if (!address_parse_path(args, out, &rest, &err))
		return refusal_set(why, 501, "5.1.3 Bad recipient: %s", err.text);
	if (address_is_null(out)) {
		address_done(out);
		return refusal_set(why, 501, "5.1.3 Bad recipient: the address is empty");
	}
	if (params_parse_rcpt(rest, why))
		return complete_postmaster(s, out, why);
	address_done(out);
	return false;
}

void verb_rcpt(struct in_session *s, struct str args)
{
	struct inbound_refusal why;
	const struct policy policy = sending_policy(s);
	struct address recipient;
	uint64_t limit = s->config->limits.recipients;
	if (!parse_rcpt(s, args, &recipient, &why)) {
		in_session_refuse(s, &why);
		return;
	}
	if (!policy_recipient(&policy, &recipient, &why)) {
		in_session_refuse(s, &why);
	} else if (s->tx.envelope.recipient_count >= limit) {
		/* RFC 5321 4.5.3.1.10: the client sends the rest in another message. */
		in_session_reply(s, 452, "4.5.3 Too many recipients: %llu in one message",
				 (unsigned long long)limit);
	} else {
		envelope_add_recipient(&s->tx.envelope, &recipient);
		s->phase = PHASE_RCPT;
		in_session_reply(s, 250, "2.1.5 OK");
	}
	address_done(&recipient);
}
