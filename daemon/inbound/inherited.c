/* SPDX-License-Identifier: MIT */
#include "inbound/inherited.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/netaddr.h"

static in_port_t port_of(const struct sockaddr_storage *sa)
{
	/* Both families have it in the same place. */
	return ((const struct sockaddr_in *)sa)->sin_port;
}

static bool has_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	struct netaddr x, y;
	return netaddr_from_sockaddr((const struct sockaddr *)a, &x) &&
	       netaddr_from_sockaddr((const struct sockaddr *)b, &y) &&
	       memcmp(&x, &y, sizeof(x)) == 0 && a->ss_family == b->ss_family;
}

static bool is_any_v4(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET &&
	       ((const struct sockaddr_in *)sa)->sin_addr.s_addr == htonl(INADDR_ANY);
}

static bool fits(const struct inherited_socket *s, const struct sockaddr_storage *wanted)
{
	return port_of(&s->sa) == port_of(wanted) &&
	       (has_address(&s->sa, wanted) || (s->dual && is_any_v4(wanted)));
}

static bool is_dual(int fd, const struct sockaddr_storage *sa)
{
	int only = 1;
	socklen_t length = sizeof(only);
	return sa->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)sa)->sin6_addr) &&
	       getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) == 0 && only == 0;
}

/* A TCP socket that listens; *what says why it is none. */
static bool look(int fd, struct inherited_socket *out, const char **what)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t length = sizeof(sa);
	int listens = 0;
	socklen_t size = sizeof(listens);
	*what = "it is no socket of IPv4 or IPv6";
	if (getsockname(fd, (struct sockaddr *)&sa, &length) != 0 ||
	    (sa.ss_family != AF_INET && sa.ss_family != AF_INET6))
		return false;
	*what = "it does not listen: set ListenStream= in the .socket unit, and Accept=no";
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
		return false;
	*out = (struct inherited_socket){ .fd = fd, .sa = sa, .dual = is_dual(fd, &sa) };
	return true;
}

static bool is_wanted(const struct inherited_socket *s, const struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++)
		if (fits(s, &config->listeners[i].endpoint.sa))
			return true;
	return false;
}

static void refuse_misfit(const struct inherited_socket *s)
{
	struct strbuf address, remedy;
	strbuf_init(&address, 128);
	strbuf_init(&remedy, 256);
	endpoint_append(&address, (const struct sockaddr *)&s->sa);
	strbuf_addf(&remedy, "listen = [ \"%s\" ];", strbuf_cstr(&address));
	log_warning("socket-unused", lf_slice("address", strbuf_str(&address)),
		    lf_str("error", "systemd has passed it, and no listener has this address"),
		    lf_slice("remedy", strbuf_str(&remedy)));
	strbuf_done(&address);
	strbuf_done(&remedy);
}

void inherited_init(struct inherited *in, int first, int count, const struct config *config)
{
	*in = (struct inherited){ 0 };
	if (count <= 0)
		return;
	in->sockets = mem_zalloc((size_t)count * sizeof(*in->sockets));
	for (int fd = first; fd < first + count; fd++) {
		struct inherited_socket *s = &in->sockets[in->count];
		const char *what = NULL;
		if (!look(fd, s, &what)) {
			log_warning("socket-unused", lf_int("descriptor", fd),
				    lf_str("error", what));
			close(fd);
		} else if (!is_wanted(s, config)) {
			refuse_misfit(s);
			close(fd);
		} else {
			in->count++;
		}
	}
}

struct inherited_socket *inherited_find(const struct inherited *in,
					const struct listener_config *listener)
{
	/* Its own address before a share of another's. */
	for (size_t i = 0; i < in->count; i++)
		if (port_of(&in->sockets[i].sa) == port_of(&listener->endpoint.sa) &&
		    has_address(&in->sockets[i].sa, &listener->endpoint.sa))
			return &in->sockets[i];
	for (size_t i = 0; i < in->count; i++)
		if (fits(&in->sockets[i], &listener->endpoint.sa))
			return &in->sockets[i];
	return NULL;
}

void inherited_done(struct inherited *in)
{
	for (size_t i = 0; i < in->count; i++)
		if (in->sockets[i].listener == NULL)
			close(in->sockets[i].fd);
	free(in->sockets);
	*in = (struct inherited){ 0 };
}
