/* SPDX-License-Identifier: MIT */
#include "inbound/roster.h"

#include <event2/event.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timer.h"

enum {
	BUCKETS = 8192,
	TEXT_MAX = 384, /* of a kept string: a failed handshake's remedy stands at the end */
	LOG_INTERVAL_MS = 1000,
};

TAILQ_HEAD(roster_list, roster_entry);

struct roster {
	struct roster_entry *buckets[BUCKETS];
	struct roster_list classes[ROSTER_CLASSES]; /* heard of last first */
	struct roster_list muted;
	struct transcript_list transcripts[2]; /* of strangers, of admitted; oldest first */
	size_t transcript_memory;
	size_t size;
	uint64_t turns;
	const struct inbound_limits *limits;
	struct event *tell;
	uint64_t seed; /* so that nobody can choose addresses that share a bucket */
};

/* --- the log ------------------------------------------------------------------------------- */

static void tell_held(struct roster *roster, struct roster_entry *e)
{
	struct strbuf peer;
	if (!e->muted)
		return;
	strbuf_init(&peer, 64);
	netaddr_append(&peer, &e->addr);
	log_info("refused-more", lf_slice("peer", strbuf_str(&peer)),
		 lf_int("count", (int64_t)floodgate_take(&e->gate)));
	strbuf_done(&peer);
	e->muted = false;
	TAILQ_REMOVE(&roster->muted, e, muted_link);
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct roster *roster = arg;
	struct roster_entry *e;
	(void)fd;
	(void)what;
	while ((e = TAILQ_FIRST(&roster->muted)) != NULL)
		tell_held(roster, e);
}

static bool may_log(struct roster *roster, struct roster_entry *e, int64_t now_ms)
{
	if (floodgate_pass(&e->gate, now_ms, roster->limits->log_rate, LOG_INTERVAL_MS))
		return true;
	if (e->muted)
		return false;
	if (TAILQ_EMPTY(&roster->muted))
		timer_start(roster->tell, LOG_INTERVAL_MS);
	e->muted = true;
	TAILQ_INSERT_TAIL(&roster->muted, e, muted_link);
	return false;
}

/* --- transcripts --------------------------------------------------------------------------- */

static void drop_transcript(struct roster *roster, struct transcript *t)
{
	roster->transcript_memory -= transcript_memory(t);
	TAILQ_REMOVE(&roster->transcripts[t->admitted], t, of_class);
	TAILQ_REMOVE(&t->owner->transcripts, t, of_address);
	t->owner->transcript_count--;
	transcript_free(t);
}

void roster_keep(struct roster *roster, struct roster_entry *e, struct transcript *t)
{
	t->owner = e;
	t->admitted = e->admitted;
	TAILQ_INSERT_TAIL(&e->transcripts, t, of_address);
	TAILQ_INSERT_TAIL(&roster->transcripts[t->admitted], t, of_class);
	e->transcript_count++;
	roster->transcript_memory += transcript_memory(t);
	while (e->transcript_count > roster->limits->transcripts)
		drop_transcript(roster, TAILQ_FIRST(&e->transcripts));
	while (roster->transcript_memory > roster->limits->transcript_memory) {
		bool strangers = TAILQ_EMPTY(&roster->transcripts[false]);
		drop_transcript(roster, TAILQ_FIRST(&roster->transcripts[strangers]));
	}
}

/* --- the table ----------------------------------------------------------------------------- */

static size_t bucket_of(const struct roster *roster, const struct netaddr *addr)
{
	uint64_t hash = roster->seed;
	for (size_t i = 0; i < sizeof(addr->b); i++)
		hash = (hash ^ addr->b[i]) * 0x100000001b3;
	return (hash >> 32) % BUCKETS;
}

const struct roster_entry *roster_get(const struct roster *roster, const struct netaddr *addr)
{
	const struct roster_entry *e = roster->buckets[bucket_of(roster, addr)];
	while (e != NULL && memcmp(&e->addr, addr, sizeof(*addr)) != 0)
		e = e->next;
	return e;
}

static struct roster_entry **slot_of(struct roster *roster, const struct netaddr *addr)
{
	struct roster_entry **slot = &roster->buckets[bucket_of(roster, addr)];
	while (*slot != NULL && memcmp(&(*slot)->addr, addr, sizeof(*addr)) != 0)
		slot = &(*slot)->next;
	return slot;
}

/* The one place where an entry changes its class; also marks it as heard of now. */
static void set_class(struct roster *roster, struct roster_entry *e, enum roster_class class)
{
	TAILQ_REMOVE(&roster->classes[e->class], e, by_time);
	e->class = class;
	e->last_ms = clock_mono_ms();
	e->turn = ++roster->turns;
	TAILQ_INSERT_HEAD(&roster->classes[class], e, by_time);
}

static struct roster_entry *add(struct roster *roster, struct roster_entry **slot,
				const struct netaddr *addr)
{
	struct roster_entry *e = mem_zalloc(sizeof(*e));
	e->addr = *addr;
	e->first_ms = clock_mono_ms();
	e->class = ROSTER_OPEN;
	TAILQ_INIT(&e->transcripts);
	TAILQ_INSERT_HEAD(&roster->classes[e->class], e, by_time);
	roster->size++;
	*slot = e;
	return e;
}

static void forget(struct roster *roster, struct roster_entry *e)
{
	tell_held(roster, e);
	while (!TAILQ_EMPTY(&e->transcripts))
		drop_transcript(roster, TAILQ_FIRST(&e->transcripts));
	TAILQ_REMOVE(&roster->classes[e->class], e, by_time);
	*slot_of(roster, &e->addr) = e->next;
	roster->size--;
	free(e->user);
	free(e->helo);
	free(e->error);
	free(e->listener);
	free(e);
}

/* admitted: who wants the room. A stranger does not get that of an admitted address. */
static void make_room(struct roster *roster, bool admitted)
{
	while (roster->size > roster->limits->known_addresses) {
		struct roster_entry *e = TAILQ_LAST(&roster->classes[ROSTER_STRANGER], roster_list);
		if (e == NULL && admitted)
			e = TAILQ_LAST(&roster->classes[ROSTER_ADMITTED], roster_list);
		if (e == NULL)
			return;
		forget(roster, e);
	}
}

struct roster *roster_new(struct event_base *base)
{
	struct roster *roster = mem_zalloc(sizeof(*roster));
	for (size_t i = 0; i < ROSTER_CLASSES; i++)
		TAILQ_INIT(&roster->classes[i]);
	TAILQ_INIT(&roster->muted);
	TAILQ_INIT(&roster->transcripts[false]);
	TAILQ_INIT(&roster->transcripts[true]);
	roster->tell = event_new(base, -1, 0, on_tell, roster);
	/* Without randomness the table is slower at worst. */
	if (RAND_bytes((unsigned char *)&roster->seed, sizeof(roster->seed)) != 1)
		roster->seed = 0;
	return roster;
}

void roster_free(struct roster *roster)
{
	if (roster == NULL)
		return;
	for (size_t i = 0; i < ROSTER_CLASSES; i++)
		while (!TAILQ_EMPTY(&roster->classes[i]))
			forget(roster, TAILQ_FIRST(&roster->classes[i]));
	event_free(roster->tell);
	free(roster);
}

void roster_configure(struct roster *roster, const struct inbound_limits *limits)
{
	roster->limits = limits;
}

struct roster_entry *roster_connected(struct roster *roster, const struct netaddr *addr,
				      bool admitted, const char *listener)
{
	struct roster_entry **slot = slot_of(roster, addr);
	struct roster_entry *e = *slot != NULL ? *slot : add(roster, slot, addr);
	e->admitted = admitted;
	e->connections++;
	e->open++;
	roster_set(&e->listener, listener);
	set_class(roster, e, ROSTER_OPEN);
	make_room(roster, admitted);
	return e;
}

void roster_disconnected(struct roster *roster, struct roster_entry *e)
{
	enum roster_class idle = e->admitted ? ROSTER_ADMITTED : ROSTER_STRANGER;
	e->open--;
	set_class(roster, e, e->open != 0 ? ROSTER_OPEN : idle);
	make_room(roster, e->admitted);
}

size_t roster_open_count(const struct roster *roster, const struct netaddr *addr)
{
	const struct roster_entry *e = roster_get(roster, addr);
	return e != NULL ? e->open : 0;
}

size_t roster_messages(const struct roster *roster, const struct netaddr *addr)
{
	const struct roster_entry *e = roster_get(roster, addr);
	return e != NULL ? e->messages : 0;
}

void roster_message_begun(struct roster *roster, const struct netaddr *addr)
{
	struct roster_entry *e = *slot_of(roster, addr);
	if (e != NULL)
		e->messages++;
}

void roster_message_over(struct roster *roster, const struct netaddr *addr)
{
	struct roster_entry *e = *slot_of(roster, addr);
	if (e != NULL && e->messages != 0)
		e->messages--;
}

void roster_set(char **slot, const char *text)
{
	struct str cut = str_head(str_of(text), TEXT_MAX);
	if (*slot != NULL && str_eq(str_of(*slot), cut))
		return;
	free(*slot);
	*slot = str_dup(cut);
}

void roster_accepted(struct roster *roster, struct roster_entry *e)
{
	e->accepted++;
	set_class(roster, e, e->class);
}

bool roster_refused(struct roster *roster, struct roster_entry *e, const char *text)
{
	e->refused++;
	roster_set(&e->error, text);
	return may_log(roster, e, clock_mono_ms());
}

size_t roster_size(const struct roster *roster)
{
	return roster->size;
}

struct roster_walk roster_walk(const struct roster *roster)
{
	struct roster_walk walk;
	for (size_t i = 0; i < ROSTER_CLASSES; i++)
		walk.at[i] = TAILQ_FIRST(&roster->classes[i]);
	return walk;
}

const struct roster_entry *roster_next(struct roster_walk *walk)
{
	size_t best = 0;
	for (size_t i = 1; i < ROSTER_CLASSES; i++)
		if (walk->at[i] != NULL &&
		    (walk->at[best] == NULL || walk->at[i]->turn > walk->at[best]->turn))
			best = i;
	const struct roster_entry *e = walk->at[best];
	if (e != NULL)
		walk->at[best] = TAILQ_NEXT(e, by_time);
	return e;
}
