/* SPDX-License-Identifier: MIT */
#include "config/syntax.h"

#include <string.h>

#include "common/attr.h"

static bool is_label(struct str s)
{
	if (s.n == 0 || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

/* Cuts the next label off *rest; *last says that no dot followed it. */
static struct str next_label(struct str *rest, bool *last)
{
	ptrdiff_t dot = str_chr(*rest, '.');
	struct str label = dot >= 0 ? str_head(*rest, (size_t)dot) : *rest;
	*last = dot < 0;
	*rest = str_skip(*rest, *last ? rest->n : (size_t)dot + 1);
	return label;
}

bool syntax_is_host(struct str s)
{
	bool last = false;
	if (s.n > 255)
		return false;
	while (!last)
		if (!is_label(next_label(&s, &last)))
			return false;
	return true;
}

bool syntax_is_fqdn(struct str s)
{
	uint64_t number;
	bool last = false;
	if (!syntax_is_host(s) || str_chr(s, '.') < 0)
		return false;
	struct str label = s;
	while (!last)
		label = next_label(&s, &last);
	return !str_to_u64(label, UINT64_MAX, &number);
}

bool syntax_is_literal(struct str s)
{
	struct netaddr addr;
	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = (struct str){ s.p + 1, s.n - 2 };
	bool v6 = str_istarts(s, STR("IPv6:"));
	if (v6)
		s = str_skip(s, 5);
	return netaddr_parse(s, &addr) && (str_chr(s, ':') >= 0) == v6;
}

/* RFC 5322 3.2.3 */
static bool is_atext(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_atom(struct str s)
{
	if (s.n == 0 || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_atext(s.p[i]) && (s.p[i] != '.' || s.p[i - 1] == '.'))
			return false;
	return true;
}

bool syntax_is_address(struct str s)
{
	ptrdiff_t at = str_chr(s, '@');
	return at > 0 && at <= 64 && is_dot_atom(str_head(s, (size_t)at)) &&
	       syntax_is_fqdn(str_skip(s, (size_t)at + 1));
}

bool syntax_is_pattern(struct str s)
{
	if (str_starts(s, STR("*.")))
		return syntax_is_host(str_skip(s, 2));
	/* RFC 5321 knows an asterisk before the @; who writes one here means all of b.c. */
	if (str_chr(s, '*') >= 0)
		return false;
	return str_chr(s, '@') >= 0 ? syntax_is_address(s) : syntax_is_fqdn(s);
}

bool syntax_is_guid(struct str s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		char c = ascii_lower(s.p[i]);
		if (hyphen ? c != '-' : !ascii_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
	}
	return true;
}

bool syntax_is_name(struct str s)
{
	if (s.n == 0 || !ascii_is_alnum(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '_' && s.p[i] != '-')
			return false;
	return true;
}

/* "host", "host:443", "[::1]:443" */
static bool is_authority(struct str s)
{
	struct netaddr addr;
	uint64_t port;
	struct str host = s;
	struct str rest = { NULL, 0 };
	if (s.n != 0 && s.p[0] == '[') {
		ptrdiff_t end = str_chr(s, ']');
		if (end < 0)
			return false;
		host = (struct str){ s.p + 1, (size_t)end - 1 };
		rest = str_skip(s, (size_t)end + 1);
		if (!netaddr_parse(host, &addr))
			return false;
	} else {
		ptrdiff_t colon = str_chr(s, ':');
		if (colon >= 0) {
			host = str_head(s, (size_t)colon);
			rest = str_skip(s, (size_t)colon);
		}
		if (!syntax_is_host(host))
			return false;
	}
	return rest.n == 0 ||
	       (rest.p[0] == ':' && str_to_u64(str_skip(rest, 1), 65535, &port) && port != 0);
}

/* Nothing that has no place in what we write as an address, or would cut it short. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || !ascii_is_print(s.p[i]) || strchr("\"<>\\^`{|}?#@", s.p[i]))
			return false;
	return true;
}

/* "host[:port]" of "SCHEMEhost[:port][/path]"; empty when it is no such thing. */
static struct str authority_of(struct str s, struct str scheme)
{
	if (!str_starts(s, scheme) || !is_plain(s))
		return (struct str){ s.p, 0 };
	struct str rest = str_skip(s, scheme.n);
	ptrdiff_t slash = str_chr(rest, '/');
	struct str authority = slash >= 0 ? str_head(rest, (size_t)slash) : rest;
	return is_authority(authority) ? authority : str_head(rest, 0);
}

bool syntax_is_https_url(struct str s)
{
	return authority_of(s, STR("https://")).n != 0;
}

bool syntax_is_https_url_with_query(struct str s)
{
	ptrdiff_t mark = str_chr(s, '?');
	struct str query = str_skip(s, mark >= 0 ? (size_t)mark + 1 : s.n);
	return syntax_is_https_url(str_head(s, mark >= 0 ? (size_t)mark : s.n)) && is_plain(query);
}

/* Without port and brackets. */
static struct str host_of(struct str authority)
{
	bool bracket = authority.n != 0 && authority.p[0] == '[';
	ptrdiff_t end = str_chr(authority, bracket ? ']' : ':');
	struct str host = end >= 0 ? str_head(authority, (size_t)end) : authority;
	return str_skip(host, bracket ? 1 : 0);
}

bool syntax_is_loopback_url(struct str s)
{
	static const struct network v4 = { { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127 } },
					   104 };
	static const struct network v6 = { { { [15] = 1 } }, 128 };
	struct netaddr addr;
	struct str host = host_of(authority_of(s, STR("http://")));
	return str_ieq(host, STR("localhost")) ||
	       (netaddr_parse(host, &addr) &&
		(network_contains(&v4, &addr) || network_contains(&v6, &addr)));
}

bool syntax_is_local_url(struct str s)
{
	return syntax_is_loopback_url(s) ||
	       str_eq(host_of(authority_of(s, STR("http://"))), STR("169.254.169.254"));
}

bool syntax_is_private(const struct netaddr *a)
{
	static const struct network nets[] = {
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10 } }, 104 },
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 172, 16 } }, 108 },
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168 } }, 112 },
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 169, 254 } }, 112 },
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 100, 64 } }, 106 },
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127 } }, 104 },
		{ { { 0xfc } }, 7 },
		{ { { 0xfe, 0x80 } }, 10 },
		{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } }, 128 },
	};
	for (size_t i = 0; i < ARRAY_LEN(nets); i++)
		if (network_contains(&nets[i], a))
			return true;
	return false;
}
