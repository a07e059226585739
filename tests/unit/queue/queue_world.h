/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_QUEUE_WORLD_H
#define OAUTHRELAY_TESTS_QUEUE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "queue/internal.h"
#include "queue/queue.h"

/*
 * A queue over a fake spool that keeps the question, and over accounts that are nothing but a list.
 * The test plays the account: it takes the next message and says how the attempt went.
 */
struct account {
	struct account_env env;
	char *name;
	const struct account_config *ac;
	struct queued_list list;
};

static struct {
	spool_done_cb *update, *remove;
	void *update_arg, *remove_arg;
	struct progress records[8];
	size_t record_count;
	bool synced;
	spool_scan_cb *found;
	spool_scan_done_cb *scan_done;
	void *scan_arg;
	int applied, recovered, stopped;
} fake;

struct account *__wrap_account_new(const struct account_env *env, const char *name);
void __wrap_account_free(struct account *a);
void __wrap_account_configure(struct account *a, struct config *config,
			      const struct account_config *ac, struct ssl_ctx_st *tls);
void __wrap_account_apply(struct account *a, const struct reply_rule *rule,
			  const struct reply *reply);
void __wrap_account_stop(struct account *a);
void __wrap_account_wake(struct account *a);
const char *__wrap_account_name(const struct account *a);
const struct account_config *__wrap_account_config_of(const struct account *a);
int64_t __wrap_account_since_ms(const struct account *a);
void __wrap_account_list_add(struct account *a, struct queued *m, bool front);
void __wrap_account_list_remove(struct account *a, struct queued *m);
struct queued *__wrap_account_list_first(const struct account *a);

struct account *__wrap_account_new(const struct account_env *env, const char *name)
{
	struct account *a = mem_zalloc(sizeof(*a));
	a->env = *env;
	a->name = mem_strdup(name);
	TAILQ_INIT(&a->list);
	return a;
}

void __wrap_account_free(struct account *a)
{
	free(a->name);
	free(a);
}

void __wrap_account_configure(struct account *a, struct config *config,
			      const struct account_config *ac, struct ssl_ctx_st *tls)
{
	(void)config;
	(void)tls;
	a->ac = ac;
}

void __wrap_account_apply(struct account *a, const struct reply_rule *rule,
			  const struct reply *reply)
{
	(void)a;
	(void)rule;
	(void)reply;
	fake.applied++;
}

void __wrap_account_stop(struct account *a)
{
	(void)a;
}

void __wrap_account_wake(struct account *a)
{
	(void)a;
}

const char *__wrap_account_name(const struct account *a)
{
	return a->name;
}

const struct account_config *__wrap_account_config_of(const struct account *a)
{
	return a->ac;
}

int64_t __wrap_account_since_ms(const struct account *a)
{
	(void)a;
	return 0;
}

void __wrap_account_list_add(struct account *a, struct queued *m, bool front)
{
	if (front)
		TAILQ_INSERT_HEAD(&a->list, m, ready);
	else
		TAILQ_INSERT_TAIL(&a->list, m, ready);
}

void __wrap_account_list_remove(struct account *a, struct queued *m)
{
	TAILQ_REMOVE(&a->list, m, ready);
}

struct queued *__wrap_account_list_first(const struct account *a)
{
	return TAILQ_FIRST(&a->list);
}

static void fake_update(struct spool *spool, const struct msgid *id, uint32_t generation,
			const struct progress *records, size_t count, bool sync, spool_done_cb *cb,
			void *arg)
{
	(void)spool;
	(void)id;
	(void)generation;
	assert_null(fake.update);
	assert_true(count <= 8);
	memcpy(fake.records, records, count * sizeof(*records));
	fake.record_count = count;
	fake.synced = sync;
	fake.update = cb;
	fake.update_arg = arg;
}

static void fake_remove(struct spool *spool, const struct msgid *id, spool_done_cb *cb, void *arg)
{
	(void)spool;
	(void)id;
	fake.remove = cb;
	fake.remove_arg = arg;
}

static void fake_scan(struct spool *spool, spool_scan_cb *found, spool_corrupt_cb *corrupt,
		      spool_scan_done_cb *done, void *arg)
{
	(void)spool;
	(void)corrupt;
	fake.found = found;
	fake.scan_done = done;
	fake.scan_arg = arg;
}

static const struct spool_ops ops = {
	.update = fake_update,
	.remove = fake_remove,
	.scan = fake_scan,
};
static struct spool spool = { .ops = &ops };

/* --- a queue with two accounts and a device ------------------------------------------------ */

static char one[] = "one", two[] = "two", erp[] = "erp", empty[] = "", host[] = "h",
	    config_path[] = "x";

struct fixture {
	struct event_base *base;
	struct account_config accounts[2];
	struct device_config devices[1];
	struct config config;
	struct users *users;
	const char *user; /* who sends what is added */
	struct queue *q;
};

static struct queue_files *make_files(size_t count)
{
	struct queue_files *files = mem_zalloc(sizeof(*files));
	files->count = count;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	files->tls = mem_zalloc(count * sizeof(*files->tls));
	return files;
}

static struct users *users_of(const char *text)
{
	struct err err;
	return users_parse(str_of(text), "users", &err);
}

static struct fixture *make(void)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	memset(&fake, 0, sizeof(fake));
	for (int i = 0; i < 2; i++)
		f->accounts[i] = (struct account_config){
			.name = i == 0 ? one : two,
			.mailbox = empty,
			.tenant = empty,
			.client_id = empty,
			.host = host,
		};
	f->devices[0] = (struct device_config){ .name = erp, .account = two };
	f->config = (struct config){
		.refs = 1,
		.path = config_path,
		.accounts = f->accounts,
		.account_count = 1,
		.devices = f->devices,
		.queue = { .lifetime = 86400000, .retry_first = 60000, .retry_max = 3600000 },
	};
	f->base = event_base_new();
	const struct queue_params params = { .base = f->base, .spool = &spool };
	f->q = queue_new(&params);
	f->users = users_of("");
	queue_configure(f->q, &f->config, make_files(1), f->users);
	return f;
}

static void destroy(struct fixture *f)
{
	queue_free(f->q);
	users_unref(f->users);
	assert_int_equal(f->config.refs, 1);
	event_base_free(f->base);
	free(f);
}

static struct spool_info add(struct fixture *f, size_t recipients, const char *device)
{
	struct spool_info info = { .id = msgid_random(), .stats = { .size = 10 } };
	struct envelope e = { .id = info.id, .accepted_ms = clock_wall_ms() };
	struct address to;
	struct err err;
	mem_replace_str(&e.device, device);
	mem_replace_str(&e.user, f->user);
	assert_true(address_parse(STR("scan@printer.local"), &e.reverse_path, &err));
	assert_true(address_parse(STR("a@b.c"), &to, &err));
	for (size_t i = 0; i < recipients; i++)
		envelope_add_recipient(&e, &to, NULL);
	address_done(&to);
	queue_add(f->q, &info, &e);
	envelope_done(&e);
	return info;
}

/* The account takes its next message and reports a final reply for all of its recipients. */
static struct queued *attempt(struct fixture *f, size_t account, enum upstream_stage stage,
			      unsigned code, const char *text)
{
	struct account *a = f->q->accounts[account];
	struct queued *m = a->env.take(a->env.arg, a);
	uint32_t indices[4] = { 0, 1, 2, 3 };
	struct reply replies[4] = { 0 };
	struct delivery_result result = {
		.stage = stage,
		.count = m->recipient_count,
		.recipients = indices,
		.replies = replies,
		.marked = stage == STAGE_DATA,
	};
	assert_int_equal(m->place, PLACE_ACTIVE);
	reply_set(&result.reply, code, text);
	a->env.attempted(a->env.arg, a, m, &result);
	reply_done(&result.reply);
	return m;
}

static void answer_update(const struct err *err)
{
	spool_done_cb *cb = fake.update;
	fake.update = NULL;
	assert_non_null(cb);
	cb(fake.update_arg, err);
}

static void answer_remove(void)
{
	assert_non_null(fake.remove);
	fake.remove(fake.remove_arg, NULL);
	fake.remove = NULL;
}

#endif
