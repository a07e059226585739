/* SPDX-License-Identifier: MIT */
#include "common/resolver.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/quote.h"
#include "common/timer.h"
#include "common/worker.h"

enum {
	FRESH_MS = 60 * 1000, /* an answer is good for so long */
	/* RFC 8767 5: with an old answer at hand, wait this long for a better one ... */
	STALE_WAIT_MS = 1800,
	/* ... and after a failure use the old one without asking for a while. */
	STALE_REST_MS = 10 * 1000,
	NAMES_MAX = 128, /* names come from the configuration; this is for many reloads */
	HOST_MAX = 253,
};

LIST_HEAD(name_list, name);
TAILQ_HEAD(query_list, resolver_query);

struct resolver {
	struct worker *worker;
	struct event_base *base;
	struct name_list names;
	size_t name_count;
};

/* One name: the last good answer, and the question about it that is under way. */
struct name {
	LIST_ENTRY(name) link;
	struct resolver *resolver;
	char *host;
	struct resolved answer; /* count 0: never had one */
	int64_t fresh_until;
	int64_t used_at;
	struct lookup *lookup; /* NULL: none under way */
	struct query_list queries;
};

/* A question in the resolver lane. The worker owns it until done(). */
struct lookup {
	struct job job;
	struct name *name; /* NULL: the resolver is gone */
	char *host;
	struct resolved answer;
	int gai_error; /* 0 or EAI_* */
	int errnum;    /* behind EAI_SYSTEM */
};

struct resolver_query {
	TAILQ_ENTRY(resolver_query) link;
	struct name *name; /* NULL: not (or no longer) waiting for one */
	struct event *event;
	int64_t asked_at;
	struct resolved answer; /* count 0: there is none, failure says why */
	struct err failure;
	bool settled; /* answer or failure are there */
	int timeout_ms;
	resolver_cb *cb;
	void *arg;
};

/* ---- the job ---- */

static bool is_link_local(const struct netaddr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static bool contains(const struct resolved *set, const struct netaddr *a)
{
	for (size_t i = 0; i < set->count; i++)
		if (memcmp(&set->addr[i], a, sizeof(*a)) == 0)
			return true;
	return false;
}

/* Takes addresses of one list in its order; but no family may push out the other's first half. */
static void collect(const struct addrinfo *list, struct resolved *out)
{
	size_t max = ARRAY_LEN(out->addr), seen[2] = { 0, 0 }, taken[2] = { 0, 0 }, room[2];
	struct netaddr a;
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
		if (netaddr_from_sockaddr(ai->ai_addr, &a))
			seen[netaddr_is_v4(&a)]++;
	for (size_t i = 0; i < 2; i++)
		room[i] = seen[1 - i] < max / 2 ? max - seen[1 - i] : max / 2;
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		/* Link-local addresses mean nothing without their zone, which is not kept. */
		if (!netaddr_from_sockaddr(ai->ai_addr, &a) || is_link_local(&a) ||
		    contains(out, &a))
			continue;
		bool v4 = netaddr_is_v4(&a);
		if (taken[v4] < room[v4]) {
			taken[v4]++;
			out->addr[out->count++] = a;
		}
	}
}

static void lookup_run(struct job *job)
{
	struct lookup *lookup = (struct lookup *)job;
	/* No AI_ADDRCONFIG: in a container with only a loopback it hides every address. */
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	lookup->gai_error = getaddrinfo(lookup->host, NULL, &hints, &list);
	lookup->errnum = errno;
	if (lookup->gai_error != 0)
		return;
	collect(list, &lookup->answer);
	freeaddrinfo(list);
	if (lookup->answer.count == 0)
		lookup->gai_error = EAI_NONAME;
}

/* ---- queries ---- */

/* The callback's call comes from the query's own event, and nothing follows it there: so it may
 * start and cancel queries, and free whatever it likes. */
static void settle(struct resolver_query *query, const struct resolved *answer,
		   const struct err *failure)
{
	if (query->name != NULL)
		TAILQ_REMOVE(&query->name->queries, query, link);
	query->name = NULL;
	query->settled = true;
	if (answer != NULL)
		query->answer = *answer;
	else
		query->failure = *failure;
	event_active(query->event, EV_TIMEOUT, 0);
}

static void query_free(struct resolver_query *query)
{
	if (query->name != NULL)
		TAILQ_REMOVE(&query->name->queries, query, link);
	event_free(query->event);
	free(query);
}

static void arm(struct resolver_query *query)
{
	int64_t waited = clock_mono_ms() - query->asked_at, left;
	bool stale = query->name->answer.count != 0;
	if (query->timeout_ms <= 0 && !stale)
		return;
	left = query->timeout_ms > 0 ? query->timeout_ms - waited : STALE_WAIT_MS;
	if (stale && left > STALE_WAIT_MS - waited)
		left = STALE_WAIT_MS - waited;
	timer_start(query->event, left);
}

static void on_query_event(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_query *query = arg;
	(void)fd;
	(void)what;
	if (!query->settled && query->name->answer.count != 0) {
		query->answer = query->name->answer;
	} else if (!query->settled) {
		err_set(&query->failure, "%s: the name servers have not answered within %d.%01d s",
			query->name->host, query->timeout_ms / 1000,
			query->timeout_ms % 1000 / 100);
	}
	resolver_cb *cb = query->cb;
	void *cb_arg = query->arg;
	struct resolved answer = query->answer;
	struct err failure = query->failure;
	query_free(query);
	cb(cb_arg, answer.count != 0 ? &answer : NULL, &failure);
}

/* ---- names ---- */

static void name_free(struct name *name)
{
	LIST_REMOVE(name, link);
	name->resolver->name_count--;
	if (name->lookup != NULL)
		name->lookup->name = NULL;
	free(name->host);
	free(name);
}

static void forget_oldest(struct resolver *resolver)
{
	struct name *name, *oldest = NULL;
	LIST_FOREACH (name, &resolver->names, link)
		if (name->lookup == NULL && TAILQ_EMPTY(&name->queries) &&
		    (oldest == NULL || name->used_at < oldest->used_at))
			oldest = name;
	if (oldest != NULL)
		name_free(oldest);
}

static struct name *name_of(struct resolver *resolver, const char *host)
{
	struct name *name;
	LIST_FOREACH (name, &resolver->names, link)
		if (str_ieq(str_of(name->host), str_of(host)))
			return name;
	if (resolver->name_count >= NAMES_MAX)
		forget_oldest(resolver);
	name = mem_zalloc(sizeof(*name));
	name->resolver = resolver;
	name->host = mem_strdup(host);
	TAILQ_INIT(&name->queries);
	LIST_INSERT_HEAD(&resolver->names, name, link);
	resolver->name_count++;
	return name;
}

static void settle_all(struct name *name, const struct resolved *answer, const struct err *failure)
{
	struct resolver_query *query;
	while ((query = TAILQ_FIRST(&name->queries)) != NULL)
		settle(query, answer, failure);
}

static void name_failed(struct name *name, const struct err *failure)
{
	bool stale = name->answer.count != 0;
	if (stale)
		name->fresh_until = clock_mono_ms() + STALE_REST_MS;
	settle_all(name, stale ? &name->answer : NULL, failure);
}

static void lookup_free(struct lookup *lookup)
{
	free(lookup->host);
	free(lookup);
}

static void lookup_done(struct job *job)
{
	struct lookup *lookup = (struct lookup *)job;
	struct name *name = lookup->name;
	struct err failure;
	if (name == NULL) {
		lookup_free(lookup);
		return;
	}
	name->lookup = NULL;
	if (lookup->gai_error == 0) {
		name->answer = lookup->answer;
		name->fresh_until = clock_mono_ms() + FRESH_MS;
		settle_all(name, &name->answer, NULL);
	} else {
		if (lookup->gai_error == EAI_SYSTEM)
			err_errno(&failure, lookup->errnum, "%s: no address", name->host);
		else
			err_set(&failure, "%s: no address: %s", name->host,
				gai_strerror(lookup->gai_error));
		name_failed(name, &failure);
	}
	lookup_free(lookup);
}

/* One question per name at a time, however many wait: a stuck one holds one thread. */
static void ask(struct name *name)
{
	struct lookup *lookup = mem_zalloc(sizeof(*lookup));
	lookup->job.run = lookup_run;
	lookup->job.done = lookup_done;
	lookup->name = name;
	lookup->host = mem_strdup(name->host);
	if (worker_try_submit(name->resolver->worker, LANE_RESOLVER, &lookup->job)) {
		name->lookup = lookup;
		return;
	}
	struct err failure;
	lookup_free(lookup);
	err_set(&failure, "%s: too many names wait for the name servers", name->host);
	name_failed(name, &failure);
}

/* ---- the interface ---- */

struct resolver *resolver_new(struct worker *worker, struct event_base *base)
{
	struct resolver *resolver = mem_zalloc(sizeof(*resolver));
	resolver->worker = worker;
	resolver->base = base;
	LIST_INIT(&resolver->names);
	return resolver;
}

void resolver_free(struct resolver *resolver)
{
	struct name *name, *next;
	if (resolver == NULL)
		return;
	for (name = LIST_FIRST(&resolver->names); name != NULL; name = next) {
		next = LIST_NEXT(name, link);
		name_free(name);
	}
	free(resolver);
}

/* What getaddrinfo() may be asked; the text also goes into libcurl's options (common/http.c). */
static bool is_host_name(struct str host)
{
	if (host.n == 0 || host.n > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!ascii_is_alnum(host.p[i]) && str_chr(STR(".-_"), host.p[i]) < 0)
			return false;
	return true;
}

static void refuse(struct resolver_query *query, const char *host)
{
	struct strbuf shown;
	struct err failure;
	strbuf_init(&shown, 512);
	quote_append(&shown, str_of(host), 80);
	err_set(&failure, "%s is not a host name", strbuf_cstr(&shown));
	strbuf_done(&shown);
	settle(query, NULL, &failure);
}

struct resolver_query *resolver_lookup(struct resolver *resolver, const char *host, int timeout_ms,
				       resolver_cb *cb, void *arg)
{
	struct resolver_query *query = mem_zalloc(sizeof(*query));
	struct resolved literal = { .count = 1 };
	query->event = event_new(resolver->base, -1, 0, on_query_event, query);
	query->asked_at = clock_mono_ms();
	query->timeout_ms = timeout_ms;
	query->cb = cb;
	query->arg = arg;
	if (netaddr_parse(str_of(host), &literal.addr[0])) {
		settle(query, &literal, NULL);
		return query;
	}
	if (!is_host_name(str_of(host))) {
		refuse(query, host);
		return query;
	}
	struct name *name = name_of(resolver, host);
	name->used_at = query->asked_at;
	if (name->answer.count != 0 && query->asked_at < name->fresh_until) {
		settle(query, &name->answer, NULL);
		return query;
	}
	query->name = name;
	TAILQ_INSERT_TAIL(&name->queries, query, link);
	arm(query);
	if (name->lookup == NULL)
		ask(name);
	return query;
}

void resolver_cancel(struct resolver_query *query)
{
	if (query != NULL)
		query_free(query);
}
