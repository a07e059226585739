/* SPDX-License-Identifier: MIT */
#include "inbound/ehlo_offer.h"

#include "common/attr.h"
#include "config/quirk.h"

/* RFC 1870 section 4: 0 says that there is no fixed limit. */
static void append_size(const struct in_session *s, struct strbuf *out)
{
	uint64_t limit = in_session_size_limit(s);
	strbuf_addf(out, "%llu", limit != UINT64_MAX ? (unsigned long long)limit : 0);
}

static bool can_start_tls(const struct in_session *s)
{
	return s->tls_context != NULL && !s->tls;
}

static bool can_log_in(const struct in_session *s)
{
	enum access_auth auth = access_auth(&s->access, s->tls);
	return (auth == ACCESS_AUTH_ANY || auth == ACCESS_AUTH_USERS) && !s->logged_in;
}

/* What clients of Exchange 5.5's time look for. */
static bool is_asked_for_equals(const struct in_session *s)
{
	return (s->access.quirks & QUIRK_AUTH_EQUALS) != 0 && can_log_in(s);
}

static const struct ehlo_offer offers[] = {
	{ "SIZE", 0, NULL, append_size },
	{ "PIPELINING", QUIRK_NO_PIPELINING, NULL, NULL },
	{ "8BITMIME", QUIRK_NO_8BITMIME, NULL, NULL },
	{ "CHUNKING", QUIRK_NO_CHUNKING, NULL, NULL },
	{ "ENHANCEDSTATUSCODES", 0, NULL, NULL },
	{ "STARTTLS", 0, can_start_tls, NULL },
	{ "AUTH PLAIN LOGIN", 0, can_log_in, NULL },
	{ "AUTH=PLAIN LOGIN", 0, is_asked_for_equals, NULL },
};

const struct ehlo_offer *ehlo_offer_at(size_t index)
{
	return index < ARRAY_LEN(offers) ? &offers[index] : NULL;
}

void ehlo_offer_append(const struct in_session *s, struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		const struct ehlo_offer *o = &offers[i];
		if ((o->hidden_by & s->access.quirks) != 0 || (o->holds != NULL && !o->holds(s)))
			continue;
		strbuf_addf(out, "\n%s", o->line);
		if (o->parameter != NULL) {
			strbuf_addc(out, ' ');
			o->parameter(s, out);
		}
	}
}
