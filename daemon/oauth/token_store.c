/* SPDX-License-Identifier: MIT */
#include "oauth/token_store.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/state.h"
#include "common/timer.h"
#include "oauth/token_times.h"

enum {
	SEALED_MAX = STATE_VALUE_MAX,
	NAME_MAX_BYTES = 256,
	SAVE_AGAIN_MIN_MS = 1000,
};

struct token_store {
	struct state *state; /* NULL: none */
	const struct seal *seal;
	char *account;
	struct token_store_events events;
	struct account_record *record;
	struct secret in_use; /* the refresh token that is durable */
	struct secret being_put;
	uint64_t changes;  /* numbers of changes: the newest, */
	uint64_t putting;  /* ... that of the put under way, */
	uint64_t durable;  /* ... that on disk */
	unsigned failures; /* in a row */
	bool loaded;
	bool under_way;
	bool kept_off;
	struct event *again;
};

static void copy_secret(struct secret *out, const struct secret *from)
{
	secret_done(out);
	if (from->n != 0)
		secret_set(out, secret_reveal(from));
}

static char *name_of(const struct token_store *store, const char *suffix)
{
	struct strbuf name;
	strbuf_init(&name, NAME_MAX_BYTES);
	account_record_name(&name, store->account);
	strbuf_adds(&name, suffix);
	char *copy = mem_strdup(strbuf_cstr(&name));
	strbuf_done(&name);
	return copy;
}

/* ---- storing ---- */

static void put(struct token_store *store);

static void note_failure(struct token_store *store, const struct err *why)
{
	if (store->failures++ == 0)
		store->events.trouble(store->events.arg, STORE_NOT_STORED, why);
	timer_start(store->again, token_times_backoff_ms(store->failures, SAVE_AGAIN_MIN_MS));
	store->events.failed(store->events.arg, why);
}

static void on_put(void *arg, const struct err *why)
{
	struct token_store *store = arg;
	store->under_way = false;
	if (why != NULL) {
		secret_done(&store->being_put);
		note_failure(store, why);
		return;
	}
	store->failures = 0;
	store->durable = store->putting;
	secret_done(&store->in_use);
	store->in_use = store->being_put;
	store->being_put = (struct secret){ 0 };
	if (store->durable != store->changes)
		put(store);
	store->events.saved(store->events.arg);
}

static void put(struct token_store *store)
{
	struct strbuf sealed;
	struct err err;
	strbuf_init(&sealed, SEALED_MAX);
	timer_stop(store->again);
	if (account_record_close(store->record, store->account, store->seal, &sealed, &err)) {
		char *name = name_of(store, "");
		store->under_way = true;
		store->putting = store->changes;
		copy_secret(&store->being_put, &store->record->refresh_token);
		store->state->ops->put(store->state, name, strbuf_str(&sealed), on_put, store);
		free(name);
	} else {
		/* The library is out of order. There is nobody to tell who is not within a call. */
		timer_start(store->again,
			    token_times_backoff_ms(++store->failures, SAVE_AGAIN_MIN_MS));
	}
	strbuf_done(&sealed);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct token_store *store = arg;
	(void)fd;
	(void)what;
	if (!store->under_way)
		put(store);
}

uint64_t token_store_save(struct token_store *store)
{
	store->changes++;
	if (store->state == NULL) {
		store->durable = store->changes;
		copy_secret(&store->in_use, &store->record->refresh_token);
	} else if (!store->under_way && !store->kept_off && store->loaded) {
		put(store);
	}
	return store->changes;
}

bool token_store_is_stored(const struct token_store *store)
{
	return store->durable == store->changes;
}

bool token_store_is_durable(const struct token_store *store, uint64_t change)
{
	return store->durable >= change;
}

void token_store_override(struct token_store *store)
{
	store->kept_off = false;
}

/* ---- loading ---- */

static void on_put_aside(void *arg, const struct err *why)
{
	(void)arg;
	(void)why; /* it was worth a try */
}

static void put_aside(struct token_store *store, struct str value)
{
	char *name = name_of(store, ".refused");
	store->state->ops->put(store->state, name, value, on_put_aside, store);
	free(name);
}

static void open_record(struct token_store *store, struct str value)
{
	struct err why;
	enum seal_failure failure =
		account_record_open(store->record, store->account, store->seal, value, &why);
	if (failure == SEAL_OK) {
		copy_secret(&store->in_use, &store->record->refresh_token);
		return;
	}
	put_aside(store, value);
	store->events.trouble(store->events.arg,
			      failure == SEAL_OTHER_KEY ? STORE_OTHER_KEY : STORE_DAMAGED, &why);
}

static void on_got(void *arg, bool found, struct str value, const struct err *why)
{
	struct token_store *store = arg;
	if (why != NULL) {
		store->kept_off = true;
		store->events.trouble(store->events.arg, STORE_UNREADABLE, why);
	} else if (found) {
		open_record(store, value);
	}
	store->loaded = true;
	store->events.loaded(store->events.arg);
}

struct token_store *token_store_new(struct event_base *base, struct state *state,
				    const struct seal *seal, const char *account,
				    const struct token_store_events *events)
{
	struct token_store *store = mem_zalloc(sizeof(*store));
	store->state = seal != NULL ? state : NULL;
	store->seal = seal;
	store->account = mem_strdup(account);
	store->record = mem_zalloc(sizeof(*store->record));
	store->events = *events;
	store->again = event_new(base, -1, 0, on_again, store);
	store->loaded = store->state == NULL;
	if (store->state != NULL) {
		char *name = name_of(store, "");
		store->state->ops->get(store->state, name, on_got, store);
		free(name);
	}
	return store;
}

void token_store_free(struct token_store *store)
{
	if (store == NULL)
		return;
	if (store->state != NULL) {
		if (store->loaded && !store->kept_off && store->durable != store->changes &&
		    !(store->under_way && store->putting == store->changes))
			put(store);
		store->state->ops->forget(store->state, store);
	}
	event_free(store->again);
	account_record_done(store->record);
	free(store->record);
	secret_done(&store->in_use);
	secret_done(&store->being_put);
	free(store->account);
	free(store);
}

bool token_store_is_loaded(const struct token_store *store)
{
	return store->loaded;
}

struct account_record *token_store_record(const struct token_store *store)
{
	return store->record;
}

/* ---- the refresh token ---- */

struct str token_store_refresh_token(const struct token_store *store)
{
	return secret_reveal(store->in_use.n != 0 ? &store->in_use : &store->record->refresh_token);
}

bool token_store_use_newest(struct token_store *store)
{
	const struct secret *newest = &store->record->refresh_token;
	if (newest->n == 0 || secret_equal(&store->in_use, newest))
		return false;
	copy_secret(&store->in_use, newest);
	return true;
}
