/* SPDX-License-Identifier: MIT */
#include "config/hostname.h"

#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <unistd.h>

#include "common/netaddr.h"
#include "config/syntax.h"

static bool is_fit(struct str name)
{
	return syntax_is_fqdn(name) && !str_istarts(name, STR("localhost.")) &&
	       !str_iends(name, STR(".localhost"));
}

/* Asks the resolver (usually /etc/hosts) what the short name is short for. */
static bool add_canonical(struct strbuf *out, const char *name)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	struct str canonical = str_of(found->ai_canonname);
	bool fit = is_fit(canonical);
	if (fit)
		strbuf_addstr(out, canonical);
	freeaddrinfo(found);
	return fit;
}

/* First IPv4 address of an interface that is up and not the loopback. */
static bool find_address(struct netaddr *out)
{
	struct ifaddrs *all = NULL;
	bool found = false;
	if (getifaddrs(&all) != 0)
		return false;
	for (struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next)
		if ((i->ifa_flags & IFF_UP) && !(i->ifa_flags & IFF_LOOPBACK) &&
		    i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET)
			found = netaddr_from_sockaddr(i->ifa_addr, out);
	freeifaddrs(all);
	return found;
}

bool hostname_guess(struct strbuf *out)
{
	char name[HOST_NAME_MAX + 1] = "";
	struct netaddr addr;
	if (gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0') {
		if (is_fit(str_of(name))) {
			strbuf_adds(out, name);
			return true;
		}
		if (add_canonical(out, name))
			return true;
	}
	strbuf_addc(out, '[');
	if (find_address(&addr))
		netaddr_append(out, &addr);
	else
		strbuf_adds(out, "127.0.0.1");
	strbuf_addc(out, ']');
	return false;
}
