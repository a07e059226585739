/* SPDX-License-Identifier: MIT */
#include "inbound/inbound.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/fdlimit.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/sd.h"
#include "inbound/access.h"
#include "inbound/listener.h"
#include "inbound/lockout.h"
#include "inbound/login_cache.h"
#include "inbound/server.h"
#include "inbound/session.h"
#include "inbound/sreply.h"

enum {
	SHORT_LOG_MS = 60 * 1000,
	FAIR_SHARE_MIN = 4, /* messages at once, however few limits.messages allows */
};

static void free_dead(struct inbound *in)
{
	struct in_session *s;
	while ((s = TAILQ_FIRST(&in->dead)) != NULL) {
		TAILQ_REMOVE(&in->dead, s, link);
		in_session_free(s);
	}
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	free_dead(arg);
}

static bool open_listeners(struct inbound *in, struct err *err)
{
	struct inherited inherited;
	int first;
	int count = sd_sockets(&first);
	bool ok = true;
	inherited_init(&inherited, first, count, in->config);
	for (size_t i = 0; ok && i < in->config->listener_count; i++) {
		struct listener *listener =
			listener_open(in, &in->config->listeners[i], i, &inherited, err);
		ok = listener != NULL;
		if (ok)
			TAILQ_INSERT_TAIL(&in->listeners, listener, link);
	}
	inherited_done(&inherited);
	return ok;
}

struct inbound *inbound_new(struct event_base *base, struct worker *worker, struct config *config,
			    const struct inbound_ops *ops, struct err *err)
{
	struct inbound *in = mem_zalloc(sizeof(*in));
	in->base = base;
	in->worker = worker;
	in->ops = *ops;
	in->config = config_ref(config);
	in->roster = roster_new(base);
	roster_configure(in->roster, &config->limits);
	in->devices = tally_new();
	in->descriptor_max = fdlimit_get() - fdlimit_reserve(fdlimit_get());
	in->rates = rates_new();
	in->logins = login_cache_new();
	in->lockout = lockout_new();
	in->reaper = event_new(base, -1, 0, on_reap, in);
	TAILQ_INIT(&in->listeners);
	TAILQ_INIT(&in->sessions);
	TAILQ_INIT(&in->dead);
	/* So that ids do not repeat after a restart; only for people. */
	if (RAND_bytes((unsigned char *)&in->next_session, sizeof(in->next_session)) != 1)
		in->next_session = 0;
	if (open_listeners(in, err))
		return in;
	inbound_free(in);
	return NULL;
}

/* The row of the new configuration for an open listener, or -1. */
static ssize_t find_listener(const struct config *config, const char *address)
{
	for (size_t i = 0; i < config->listener_count; i++)
		if (strcmp(config->listeners[i].address, address) == 0)
			return (ssize_t)i;
	return -1;
}

void inbound_configure(struct inbound *in, struct config *config, struct inbound_files *files,
		       bool *restart_needed)
{
	bool first = in->files == NULL;
	size_t found = 0;
	struct listener *listener = NULL;
	struct config *old = in->config;
	in->config = config_ref(config);
	roster_configure(in->roster, &config->limits);
	config_unref(old);
	rates_keep(in->rates, config);
	inbound_files_free(in->files);
	in->files = files;
	TAILQ_FOREACH (listener, &in->listeners, link) {
		ssize_t i = find_listener(config, listener->address);
		/* One that is gone stays open until the restart, but for nobody new. */
		listener->index = i >= 0 ? (size_t)i : SIZE_MAX;
		if (i < 0)
			continue;
		found++;
		listener->tls = config->listeners[i].tls;
		listener->auth = config->listeners[i].auth;
	}
	size_t open = 0;
	TAILQ_FOREACH (listener, &in->listeners, link) {
		open++;
		if (first)
			listener_start(listener);
	}
	*restart_needed = found != open || found != config->listener_count;
}

/* One write, then gone: a connection that is one too many gets no session. */
static void turn_away(struct inbound *in, const struct listener *listener, evutil_socket_t fd,
		      const struct access *access, const char *peer,
		      const struct inbound_refusal *why)
{
	struct strbuf out;
	strbuf_init(&out, 1024);
	sreply_append(&out, why->code, str_of(why->text));
	(void)send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	evutil_closesocket(fd);
	in->counters.refused_total++;
	out.n -= 2; /* its line end */
	out.p[out.n] = '\0';
	struct roster_entry *seen =
		roster_connected(in->roster, &access->addr, access->admitted, listener->address);
	if (roster_refused(in->roster, seen, out.p))
		log_info("refused", lf_str("in", "-"), lf_str("peer", peer),
			 lf_str("device", access->device != NULL ? access->device : "-"),
			 lf_slice("reply", strbuf_str(&out)));
	roster_disconnected(in->roster, seen);
	strbuf_done(&out);
}

/* A descriptor is the lowest that is free, so one this high says that all below are taken. */
static bool has_descriptors(struct inbound *in, evutil_socket_t fd, struct inbound_refusal *why)
{
	if ((size_t)fd < in->descriptor_max)
		return true;
	if (floodgate_pass(&in->short_gate, clock_mono_ms(), 1, SHORT_LOG_MS))
		log_warning("descriptors-short",
			    lf_int("connections", (int64_t)in->counters.connections_now),
			    lf_int("more", (int64_t)floodgate_take(&in->short_gate)),
			    lf_str("remedy", "raise LimitNOFILE, or lower limits.connections"));
	return refusal_set(why, 421, "4.3.2 Too many connections, try again later");
}

/* Is there room for one more? The texts name the number that is to be raised. */
static bool has_room(const struct inbound *in, const struct listener *listener,
		     const struct access *access, struct inbound_refusal *why)
{
	const struct inbound_limits *limits = &in->config->limits;
	/* A device's own number counts instead of that for each address: an ERP is one address. */
	const struct device_config *device = access->row;
	bool own = device != NULL && device->connections != 0;
	if (in->counters.connections_now >= limits->connections)
		return refusal_set(why, 421,
				   "4.3.2 Too many connections: %llu are allowed, try again later",
				   (unsigned long long)limits->connections);
	if (!own && roster_open_count(in->roster, &access->addr) >= limits->connections_per_address)
		return refusal_set(why, 421,
				   "4.7.0 Too many connections from your address: %llu are allowed",
				   (unsigned long long)limits->connections_per_address);
	if (own && tally_count(in->devices, device->name) >= device->connections)
		return refusal_set(why, 421, "4.7.0 Too many connections from %s: %llu are allowed",
				   device->name, (unsigned long long)device->connections);
	if (listener->index == SIZE_MAX)
		return refusal_set(why, 421, "4.3.2 This port is no longer configured");
	return true;
}

static void take(struct inbound *in, struct listener *listener, evutil_socket_t fd,
		 const struct netaddr *addr, const char *peer)
{
	const struct access access = access_decide(in->config, addr, listener->auth);
	struct inbound_refusal why;
	listener->connections_total++;
	if (has_descriptors(in, fd, &why) && has_room(in, listener, &access, &why))
		in_session_new(in, listener, fd, addr, peer);
	else
		turn_away(in, listener, fd, &access, peer, &why);
}

void inbound_connected(struct inbound *in, struct listener *listener, evutil_socket_t fd,
		       const struct sockaddr *sa)
{
	struct netaddr addr;
	struct strbuf peer;
	if (!netaddr_from_sockaddr(sa, &addr)) {
		evutil_closesocket(fd);
		return;
	}
	in->counters.connections_total++;
	strbuf_init(&peer, 128);
	endpoint_append(&peer, sa);
	take(in, listener, fd, &addr, strbuf_cstr(&peer));
	strbuf_done(&peer);
}

bool inbound_may_begin_message(struct inbound *in, const struct netaddr *addr,
			       struct inbound_refusal *why)
{
	size_t limit = (size_t)in->config->limits.messages;
	size_t fair = limit / 8 > FAIR_SHARE_MIN ? limit / 8 : FAIR_SHARE_MIN;
	size_t theirs = roster_messages(in->roster, addr);
	/* RFC 3463 X.3.1, "mail system full": of messages that are not there yet */
	if (in->messages_now >= limit)
		return refusal_set(why, 451, "4.3.1 The relay is busy with %zu messages, try again",
				   in->messages_now);
	if (in->messages_now > limit / 2 && theirs >= fair)
		return refusal_set(why, 451, "4.3.1 The relay is busy with %zu messages of yours",
				   theirs);
	return true;
}

void inbound_message_begun(struct inbound *in, const struct netaddr *addr)
{
	in->messages_now++;
	roster_message_begun(in->roster, addr);
}

void inbound_message_over(struct inbound *in, const struct netaddr *addr)
{
	in->messages_now--;
	roster_message_over(in->roster, addr);
}

void inbound_stop_listening(struct inbound *in)
{
	struct listener *listener;
	struct in_session *s = NULL;
	TAILQ_FOREACH (s, &in->sessions, link) {
		s->listener = NULL;
	}
	while ((listener = TAILQ_FIRST(&in->listeners)) != NULL) {
		TAILQ_REMOVE(&in->listeners, listener, link);
		listener_free(listener);
	}
}

void inbound_drain(struct inbound *in)
{
	struct in_session *s = NULL;
	in->draining = true;
	TAILQ_FOREACH (s, &in->sessions, link) {
		in_session_drain(s);
	}
}

size_t inbound_session_count(const struct inbound *in)
{
	const struct in_session *s = NULL;
	size_t n = 0;
	TAILQ_FOREACH (s, &in->sessions, link) {
		n += s->mode != MODE_LINGER; /* all is said and done there */
	}
	return n;
}

struct inbound_counters inbound_counters(const struct inbound *in)
{
	return in->counters;
}

const struct roster *inbound_roster(const struct inbound *in)
{
	return in->roster;
}

struct inbound_listener_counters inbound_listener_counters(const struct inbound *in,
							   const char *address)
{
	const struct listener *listener = in != NULL ? TAILQ_FIRST(&in->listeners) : NULL;
	for (; listener != NULL; listener = TAILQ_NEXT(listener, link)) {
		if (strcmp(listener->address, address) == 0)
			return (struct inbound_listener_counters){ listener->connections,
								   listener->connections_total };
	}
	return (struct inbound_listener_counters){ 0 };
}

void inbound_release(struct inbound *in, struct str device)
{
	rates_forget(in->rates, device);
}

void inbound_free(struct inbound *in)
{
	struct in_session *s;
	if (in == NULL)
		return;
	inbound_stop_listening(in);
	while ((s = TAILQ_FIRST(&in->sessions)) != NULL)
		in_session_close(s, "stopped");
	free_dead(in);
	event_free(in->reaper);
	roster_free(in->roster);
	tally_free(in->devices);
	rates_free(in->rates);
	login_cache_free(in->logins);
	lockout_free(in->lockout);
	inbound_files_free(in->files);
	config_unref(in->config);
	free(in);
}
