/* SPDX-License-Identifier: MIT */
#include "inbound/received.h"

#include "common/clock.h"

enum {
	HELO_SHOWN = 64
};

/* "[192.168.1.9]", "[IPv6:fd00::9]" (RFC 5321 4.1.3) */
static void append_literal(struct strbuf *out, const struct netaddr *addr)
{
	strbuf_adds(out, netaddr_is_v4(addr) ? "[" : "[IPv6:");
	netaddr_append(out, addr);
	strbuf_addc(out, ']');
}

/* Nothing that means something in a comment, or in an encoded word. */
static void append_safe(struct strbuf *out, struct str text)
{
	text = str_head(text, HELO_SHOWN);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool plain = ascii_is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':';
		strbuf_addc(out, plain ? c : '?');
	}
}

static void append_from(struct strbuf *out, const struct envelope *e,
			const struct received_facts *f)
{
	struct str helo = str_of(e->helo);
	strbuf_adds(out, "Received: from ");
	if (address_is_domain(helo)) {
		strbuf_addstr(out, helo);
		strbuf_adds(out, " (");
		append_literal(out, &f->addr);
		strbuf_addc(out, ')');
	} else {
		append_literal(out, &f->addr);
		if (helo.n != 0) {
			strbuf_adds(out, " (helo=");
			append_safe(out, helo);
			strbuf_addc(out, ')');
		}
	}
	strbuf_adds(out, "\r\n");
}

void received_append(struct strbuf *out, const struct envelope *e, const struct received_facts *f)
{
	append_from(out, e, f);
	/* RFC 6531 4.3: UTF8SMTP takes the place of ESMTP. */
	const char *protocol = e->smtputf8 ? "UTF8SMTP" : "ESMTP";
	strbuf_addf(out, "\tby %s with %s%s%s id ", f->hostname, f->esmtp ? protocol : "SMTP",
		    f->tls && f->esmtp ? "S" : "", f->logged_in && f->esmtp ? "A" : "");
	msgid_append(out, &e->id);
	/* With several recipients the field would tell each of the others (RFC 5321 7.2). */
	if (e->recipient_count == 1) {
		strbuf_adds(out, "\r\n\tfor <");
		address_append(out, &e->recipients[0].address);
		strbuf_addc(out, '>');
	}
	strbuf_adds(out, ";\r\n\t");
	clock_append_rfc5322(out, f->wall_ms);
	strbuf_adds(out, "\r\n");
}
