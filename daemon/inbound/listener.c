/* SPDX-License-Identifier: MIT */
#include "inbound/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum {
	ACCEPTS_A_TURN = 64, /* then others have their turn */
	PAUSE_MS = 250,
	PAUSE_LOG_MS = 60 * 1000,
};

/* Socket options that must hold; IPv6 means IPv6, so that each family is said explicitly. */
static bool set_options(int fd, sa_family_t family, const char **what)
{
	const int on = 1;
	*what = "SO_REUSEADDR";
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return false;
	*what = "IPV6_V6ONLY";
	return family != AF_INET6 ||
	       setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
}

static void set_bind_error(struct err *err, const char *address, int code)
{
	const char *colon = strrchr(address, ':');
	const char *port = colon != NULL ? colon + 1 : "";
	err_errno(err, code, "cannot listen on %s", address);
	struct err cause = *err;
	if (code == EADDRINUSE)
		err_set(err, "%s; another mail server? See: ss -ltnp 'sport = :%s'", cause.text,
			port);
	else if (code == EACCES)
		err_set(err, "%s; a port below 1024 needs root or CAP_NET_BIND_SERVICE",
			cause.text);
	else if (code == EADDRNOTAVAIL)
		err_set(err, "%s; this machine does not have the address: ip addr", cause.text);
	err->code = code;
}

/*
 * INT_MAX, because the kernel takes the smaller of this and net.core.somaxconn: so the queue is as
 * long as the administrator allows, which SOMAXCONN of the headers would not know.
 */
static bool start_listening(int fd)
{
	return listen(fd, INT_MAX) == 0;
}

static int open_socket(const struct listener_config *config, struct err *err)
{
	sa_family_t family = config->endpoint.sa.ss_family;
	const struct sockaddr *sa = (const struct sockaddr *)&config->endpoint.sa;
	const char *what = "socket";
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || !set_options(fd, family, &what)) {
		err_errno(err, errno, "cannot listen on %s: %s", config->address, what);
	} else if (bind(fd, sa, config->endpoint.len) != 0 || !start_listening(fd)) {
		set_bind_error(err, config->address, errno);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;
	(void)fd;
	(void)what;
	event_add(listener->readable, NULL);
}

/* The kernel's queue stays readable while we lack what accept() needs. */
static void pause_accepting(struct listener *listener, int code)
{
	const struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };
	char text[128];
	/* Once in an interval, also when one connection in between was to be had. */
	if (floodgate_pass(&listener->gate, clock_mono_ms(), 1, PAUSE_LOG_MS))
		log_error("accept-paused", lf_str("address", listener->address),
			  lf_str("error", strerror_r(code, text, sizeof(text))),
			  lf_int("more", (int64_t)floodgate_take(&listener->gate)),
			  lf_str("remedy", "raise LimitNOFILE, or lower limits.connections"));
	event_del(listener->readable);
	event_add(listener->pause, &pause);
}

static bool is_shortage(int code)
{
	return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/* Whose client this is, where two share the socket. */
static struct listener *choose(struct listener *listener, const struct sockaddr *sa)
{
	struct netaddr addr;
	if (listener->partner == NULL || !netaddr_from_sockaddr(sa, &addr))
		return listener;
	bool v4 = listener->family == AF_INET;
	return netaddr_is_v4(&addr) == v4 ? listener : listener->partner;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;
	(void)what;
	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage sa;
		socklen_t length = sizeof(sa);
		const int on = 1;
		int client =
			accept4(fd, (struct sockaddr *)&sa, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0) {
			/* What else fails concerns one connection that is gone already. */
			if (is_shortage(errno))
				pause_accepting(listener, errno);
			return;
		}
		(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		inbound_connected(listener->in, choose(listener, (struct sockaddr *)&sa), client,
				  (struct sockaddr *)&sa);
	}
}

/* systemd's sockets block unless its unit says otherwise. */
static bool adopt(int fd, const char *address, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);
	return (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && start_listening(fd)) ||
	       err_errno(err, errno, "cannot listen on %s, which systemd has opened", address);
}

static struct listener *new_listener(struct inbound *in, const struct listener_config *config,
				     size_t index)
{
	struct listener *listener = mem_zalloc(sizeof(*listener));
	listener->in = in;
	listener->address = mem_strdup(config->address);
	listener->tls = config->tls;
	listener->auth = config->auth;
	listener->index = index;
	listener->family = config->endpoint.sa.ss_family;
	listener->fd = -1;
	return listener;
}

struct listener *listener_open(struct inbound *in, const struct listener_config *config,
			       size_t index, const struct inherited *inherited, struct err *err)
{
	struct inherited_socket *given = inherited_find(inherited, config);
	bool shared = given != NULL && given->listener != NULL;
	int fd = -1;
	if (given == NULL)
		fd = open_socket(config, err);
	else if (!shared && adopt(given->fd, config->address, err))
		fd = given->fd;
	if (fd < 0 && !shared)
		return NULL;
	struct listener *listener = new_listener(in, config, index);
	if (shared) {
		listener->partner = given->listener;
		given->listener->partner = listener;
		return listener;
	}
	if (given != NULL)
		given->listener = listener;
	listener->fd = fd;
	listener->readable = event_new(in->base, fd, EV_READ | EV_PERSIST, on_readable, listener);
	listener->pause = event_new(in->base, -1, 0, on_pause_over, listener);
	return listener;
}

void listener_start(struct listener *listener)
{
	static const char *const tls_names[] = {
		[LISTENER_TLS_NONE] = "none",
		[LISTENER_TLS_STARTTLS] = "starttls",
		[LISTENER_TLS_IMPLICIT] = "implicit",
		[LISTENER_TLS_AUTO] = "auto",
	};
	static const char *const auth_names[] = {
		[AUTH_RULE_NONE] = "none",
		[AUTH_RULE_ANY_PASSWORD] = "accept-any-password",
		[AUTH_RULE_REQUIRED] = "required",
	};
	struct sockaddr_storage sa;
	socklen_t length = sizeof(sa);
	struct strbuf bound;
	/* The address as bound: where port 0 was asked for, the system has chosen one. */
	strbuf_init(&bound, 128);
	if (listener->readable == NULL)
		strbuf_adds(&bound, listener->address);
	else
		event_add(listener->readable, NULL);
	if (getsockname(listener->fd, (struct sockaddr *)&sa, &length) == 0)
		endpoint_append(&bound, (struct sockaddr *)&sa);
	log_info("listening", lf_slice("address", strbuf_str(&bound)),
		 lf_str("tls", tls_names[listener->tls]),
		 lf_str("auth", auth_names[listener->auth]));
	strbuf_done(&bound);
}

void listener_free(struct listener *listener)
{
	if (listener->readable != NULL) {
		event_free(listener->readable);
		event_free(listener->pause);
		evutil_closesocket(listener->fd);
	}
	if (listener->partner != NULL)
		listener->partner->partner = NULL;
	free(listener->address);
	free(listener);
}
