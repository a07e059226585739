/* SPDX-License-Identifier: MIT */
#include "common/netaddr.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/quote.h"

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool netaddr_is_v4(const struct netaddr *a)
{
	return memcmp(a->b, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool netaddr_from_sockaddr(const struct sockaddr *sa, struct netaddr *out)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof(in));
		memcpy(out->b, v4_prefix, sizeof(v4_prefix));
		memcpy(out->b + 12, &in.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, 16);
		return true;
	}
	return false;
}

bool netaddr_parse(struct str text, struct netaddr *out)
{
	char z[INET6_ADDRSTRLEN];
	struct in_addr in;
	struct in6_addr in6;
	if (text.n == 0 || text.n >= sizeof(z) || memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	if (inet_pton(AF_INET, z, &in) == 1) {
		memcpy(out->b, v4_prefix, sizeof(v4_prefix));
		memcpy(out->b + 12, &in, 4);
		return true;
	}
	if (inet_pton(AF_INET6, z, &in6) == 1) {
		memcpy(out->b, &in6, 16);
		return true;
	}
	return false;
}

void netaddr_append(struct strbuf *out, const struct netaddr *a)
{
	char z[INET6_ADDRSTRLEN];
	bool v4 = netaddr_is_v4(a);
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->b + 12 : a->b, z, sizeof(z));
	strbuf_adds(out, z);
}

static struct netaddr masked(const struct netaddr *a, unsigned bits)
{
	struct netaddr m = *a;
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
		if (keep < 8)
			m.b[i] = (uint8_t)(m.b[i] & (uint8_t)(0xff00u >> keep));
	}
	return m;
}

static void set_network_error(struct err *err, struct str text, const char *why)
{
	struct strbuf q;
	strbuf_init(&q, 256);
	quote_append(&q, text, 64);
	err_set(err, "%s is not a network: %s", strbuf_cstr(&q), why);
	strbuf_done(&q);
}

bool network_parse(struct str text, struct network *out, struct err *err)
{
	struct network net;
	ptrdiff_t slash = str_chr(text, '/');
	struct str host = slash >= 0 ? str_head(text, (size_t)slash) : text;
	if (!netaddr_parse(host, &net.addr)) {
		set_network_error(err, text, "write it as 192.168.1.9, 192.168.0.0/16 or fd00::/8");
		return false;
	}
	unsigned width = netaddr_is_v4(&net.addr) && str_chr(host, ':') < 0 ? 32 : 128;
	net.bits = 128;
	if (slash >= 0) {
		struct str digits = str_skip(text, (size_t)slash + 1);
		uint64_t bits;
		if ((digits.n > 1 && digits.p[0] == '0') || !str_to_u64(digits, width, &bits)) {
			set_network_error(err, text, "the prefix length is wrong");
			return false;
		}
		net.bits = 128 - width + (unsigned)bits;
	}
	struct netaddr base = masked(&net.addr, net.bits);
	if (memcmp(&base, &net.addr, sizeof(base)) != 0) {
		struct strbuf meant;
		strbuf_init(&meant, 128);
		strbuf_adds(&meant, "bits are set behind the prefix; did you mean ");
		netaddr_append(&meant, &base);
		strbuf_addf(&meant, "/%u?", net.bits - (128 - width));
		set_network_error(err, text, strbuf_cstr(&meant));
		strbuf_done(&meant);
		return false;
	}
	*out = net;
	return true;
}

bool network_contains(const struct network *net, const struct netaddr *a)
{
	struct netaddr m = masked(a, net->bits);
	return memcmp(&m, &net->addr, sizeof(m)) == 0;
}

void network_append(struct strbuf *out, const struct network *net)
{
	bool v4 = netaddr_is_v4(&net->addr) && net->bits >= 96;
	if (v4 || !netaddr_is_v4(&net->addr))
		netaddr_append(out, &net->addr);
	else
		strbuf_adds(out, "::ffff:0.0.0.0"); /* wider than IPv4: not to be shown as such */
	if (net->bits != 128)
		strbuf_addf(out, "/%u", v4 ? net->bits - 96 : net->bits);
}

bool network_is_everything(const struct network *net)
{
	struct netaddr v4 = { { 0 } };
	memcpy(v4.b, v4_prefix, sizeof(v4_prefix));
	return net->bits == 0 || (net->bits <= 96 && network_contains(net, &v4));
}

bool network_is_too_wide(const struct network *net)
{
	static const struct network own[] = {
		{ { { 0xfc } }, 7 },	    /* RFC 4193 */
		{ { { 0xfe, 0x80 } }, 10 }, /* RFC 4291 2.5.6 */
	};
	if (netaddr_is_v4(&net->addr) && net->bits >= 96)
		return net->bits < 96 + 8;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (net->bits >= own[i].bits && network_contains(&own[i], &net->addr))
			return false;
	return net->bits <= 16 || network_is_everything(net);
}

static bool endpoint_error(struct err *err, struct str text)
{
	struct strbuf q;
	strbuf_init(&q, 256);
	quote_append(&q, text, 64);
	err_set(err, "%s is not an address with a port; write it as 0.0.0.0:25 or [::]:25",
		strbuf_cstr(&q));
	strbuf_done(&q);
	return false;
}

bool endpoint_parse(struct str text, struct endpoint *out, struct err *err)
{
	struct netaddr addr;
	uint64_t port;
	ptrdiff_t colon = -1;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == ':')
			colon = (ptrdiff_t)i;
	if (colon < 1)
		return endpoint_error(err, text);
	struct str host = str_head(text, (size_t)colon);
	bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (bracketed)
		host = (struct str){ host.p + 1, host.n - 2 };
	if (!netaddr_parse(host, &addr) || bracketed != (str_chr(host, ':') >= 0) ||
	    !str_to_u64(str_skip(text, (size_t)colon + 1), 65535, &port))
		return endpoint_error(err, text);
	memset(out, 0, sizeof(*out));
	if (!bracketed) {
		struct sockaddr_in in = { .sin_family = AF_INET,
					  .sin_port = htons((uint16_t)port) };
		memcpy(&in.sin_addr, addr.b + 12, 4);
		memcpy(&out->sa, &in, sizeof(in));
		out->len = sizeof(in);
	} else {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
					    .sin6_port = htons((uint16_t)port) };
		memcpy(&in6.sin6_addr, addr.b, 16);
		memcpy(&out->sa, &in6, sizeof(in6));
		out->len = sizeof(in6);
	}
	return true;
}

void endpoint_append(struct strbuf *out, const struct sockaddr *sa)
{
	struct netaddr addr;
	uint16_t port;
	if (!netaddr_from_sockaddr(sa, &addr)) {
		strbuf_adds(out, "unknown");
		return;
	}
	/* sin_port and sin6_port lie at the same place, but that is not ours to rely on. */
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof(in));
		port = ntohs(in.sin_port);
	} else {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof(in6));
		port = ntohs(in6.sin6_port);
	}
	bool v4 = netaddr_is_v4(&addr);
	strbuf_adds(out, v4 ? "" : "[");
	netaddr_append(out, &addr);
	strbuf_addf(out, v4 ? ":%u" : "]:%u", (unsigned)port);
}
