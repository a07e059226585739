/* SPDX-License-Identifier: MIT */
#include "inbound/access.h"

#include "inbound/sreply.h"

/* The narrowest network of `allow` that has the address: its prefix length, or -1. */
static int allow_bits(const struct config *config, const struct netaddr *addr)
{
	int bits = -1;
	for (size_t i = 0; i < config->allow_count; i++)
		if (network_contains(&config->allow[i], addr) && (int)config->allow[i].bits > bits)
			bits = (int)config->allow[i].bits;
	return bits;
}

struct access access_decide(const struct config *config, const struct netaddr *addr,
			    enum auth_rule listener)
{
	const struct device_config *device = config_device(config, addr);
	int bits = allow_bits(config, addr);
	struct access a = { .addr = *addr, .requirement = listener };
	/* The most specific address wins; of two alike, the device. */
	if (device != NULL && bits > (int)device->network.bits)
		device = NULL;
	a.admitted = device != NULL || bits >= 0;
	if (device != NULL) {
		a.device = device->name;
		a.row = device;
		a.cleartext_auth = device->cleartext_auth;
		a.quirks = device->quirks;
		if (device->auth > a.requirement)
			a.requirement = device->auth;
	}
	return a;
}

enum access_auth access_auth(const struct access *a, bool tls)
{
	if (a->requirement == AUTH_RULE_REQUIRED)
		return tls || a->cleartext_auth ? ACCESS_AUTH_USERS : ACCESS_AUTH_TLS;
	/* To a stranger a login is of no use here, so it should not give its password away. */
	return a->admitted ? ACCESS_AUTH_ANY : ACCESS_AUTH_NONE;
}

static bool refuse_login(const struct access *a, bool tls, struct inbound_refusal *why)
{
	/* RFC 4954 section 6 */
	if (access_auth(a, tls) == ACCESS_AUTH_TLS)
		return refusal_set(why, 530,
				   "5.7.0 Authentication required: send STARTTLS, then log in");
	return refusal_set(why, 530, "5.7.0 Authentication required");
}

bool access_may_send(const struct access *a, bool tls, bool logged_in, struct inbound_refusal *why)
{
	if (a->requirement == AUTH_RULE_REQUIRED)
		return logged_in || refuse_login(a, tls, why);
	if (!a->admitted) {
		struct strbuf text;
		strbuf_init(&text, 64);
		netaddr_append(&text, &a->addr);
		/* RFC 3463 X.7.1: delivery not authorised */
		refusal_set(why, 550, "5.7.1 %s is not allowed here", strbuf_cstr(&text));
		strbuf_done(&text);
		return false;
	}
	return a->requirement == AUTH_RULE_NONE || logged_in || refuse_login(a, tls, why);
}
