/* SPDX-License-Identifier: MIT */
/* WRAP: account_new account_free account_configure account_apply account_stop account_wake */
/* WRAP: account_name account_config_of account_since_ms account_list_add account_list_remove */
/* WRAP: account_list_first */
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
 * The queue and what it makes of outcomes (settle.c), over a fake spool that keeps the question,
 * and accounts that are nothing but a list. The test plays the account: it takes the next message
 * and says how the attempt went.
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
		envelope_add_recipient(&e, &to);
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

static void test_delivered_is_recorded_before_it_is_removed(void **state)
{
	struct fixture *f = make();
	struct queue_totals totals;
	(void)state;
	add(f, 2, NULL);
	struct queued *m = attempt(f, 0, STAGE_DATA, 250, "OK");
	assert_int_equal(fake.record_count, 1); /* one for all that are alike */
	assert_int_equal(fake.records[0].recipient, PROGRESS_MESSAGE);
	assert_int_equal(fake.records[0].state, PROGRESS_SENT);
	assert_true(fake.synced);
	assert_null(fake.remove); /* not before it is durable */
	assert_int_equal(m->place, PLACE_ACTIVE);
	answer_update(NULL);
	assert_int_equal(queue_size(f->q), 1);
	answer_remove();
	assert_int_equal(queue_size(f->q), 0);
	queue_totals(f->q, &totals);
	assert_int_equal(totals.delivered_total, 2);
	destroy(f);
}

static void test_deferred_waits_for_its_record(void **state)
{
	struct fixture *f = make();
	(void)state;
	struct spool_info info = add(f, 1, NULL);
	struct queued *m = attempt(f, 0, STAGE_DATA, 451, "later");
	assert_int_equal(m->place, PLACE_ACTIVE);
	assert_true(fake.records[0].next_ms > 1);
	assert_int_equal(fake.records[0].attempts, 0 + 1);
	answer_update(NULL);
	assert_int_equal(m->place, PLACE_DUE);
	assert_in_range(queue_next_try_ms(m), 40000, 72000);
	assert_string_equal(queue_get(f->q, &info.id)->recipients[0].reply, "451 later");
	destroy(f);
}

static void on_event(void *arg)
{
	(*(int *)arg)++;
}

static void test_failed_is_kept(void **state)
{
	struct fixture *f = make();
	struct queue_totals totals;
	(void)state;
	add(f, 1, NULL);
	struct queued *m = attempt(f, 0, STAGE_DATA, 554, "no");
	answer_update(NULL);
	assert_int_equal(m->place, PLACE_PARKED);
	assert_int_equal(queue_next_try_ms(m), -1);
	queue_totals(f->q, &totals);
	assert_int_equal(totals.failed, 1);
	assert_null(fake.remove);
	destroy(f);
}

/* The disk refuses the record: nobody is sent the mail again before it is written. */
static void test_outcome_that_cannot_be_written(void **state)
{
	struct fixture *f = make();
	struct err err;
	(void)state;
	add(f, 1, NULL);
	struct queued *m = attempt(f, 0, STAGE_DATA, 250, "OK");
	err_errno(&err, ENOSPC, "write");
	answer_update(&err);
	assert_true(m->unrecorded);
	assert_int_equal(m->place, PLACE_DUE);
	queue_make_ready(f->q, m);
	assert_int_equal(m->place, PLACE_ACTIVE); /* writing again, not sending */
	assert_null(TAILQ_FIRST(&f->q->accounts[0]->list));
	answer_update(NULL);
	answer_remove();
	assert_int_equal(queue_size(f->q), 0);
	destroy(f);
}

/* The file is gone, or was moved to corrupt/: writing again and again would not help. */
static void test_outcome_without_a_file(void **state)
{
	struct fixture *f = make();
	struct err err;
	(void)state;
	add(f, 1, NULL);
	attempt(f, 0, STAGE_DATA, 451, "later");
	err_errno(&err, ENOENT, "update");
	answer_update(&err);
	assert_int_equal(queue_size(f->q), 0);
	add(f, 1, NULL);
	attempt(f, 0, STAGE_DATA, 451, "later");
	err_errno(&err, EBADMSG, "update");
	answer_update(&err);
	assert_int_equal(queue_size(f->q), 0);
	destroy(f);
}

/* What could not be recorded is tried once more before all is forgotten. */
static void test_stop_records_a_last_time(void **state)
{
	struct fixture *f = make();
	struct err err;
	(void)state;
	add(f, 1, NULL);
	attempt(f, 0, STAGE_DATA, 250, "OK");
	err_errno(&err, ENOSPC, "write");
	answer_update(&err);
	queue_stop(f->q, on_event, &fake.stopped);
	assert_int_equal(fake.stopped, 0);
	assert_int_equal(fake.records[0].state, PROGRESS_SENT);
	answer_update(NULL);
	answer_remove();
	assert_int_equal(fake.stopped, 1);
	assert_int_equal(queue_size(f->q), 0);
	destroy(f);
}

static void test_account_matter_goes_back_unchanged(void **state)
{
	struct fixture *f = make();
	(void)state;
	add(f, 1, NULL);
	struct queued *m = attempt(f, 0, STAGE_MAIL, 421, "Service not available");
	assert_int_equal(fake.applied, 0);
	assert_null(fake.update);
	assert_int_equal(m->place, PLACE_READY);
	assert_int_equal(m->attempts, 0);
	attempt(f, 0, STAGE_DATA, 432, "Concurrent connections limit exceeded");
	assert_int_equal(fake.applied, 1);
	answer_update(NULL); /* it was marked as in flight: that must be undone */
	assert_int_equal(fake.records[0].state, PROGRESS_PENDING);
	assert_int_equal(m->place, PLACE_READY);
	destroy(f);
}

/* First in, first out: what comes back from an attempt that did not count keeps its turn, what
 * comes back after a delay goes behind those that have not been tried. */
static void test_order(void **state)
{
	struct fixture *f = make();
	(void)state;
	add(f, 1, NULL);
	add(f, 1, NULL);
	struct queued *first = attempt(f, 0, STAGE_MAIL, 421, "Service not available");
	assert_ptr_equal(TAILQ_FIRST(&f->q->accounts[0]->list), first);
	struct queued *again = attempt(f, 0, STAGE_DATA, 451, "later");
	assert_ptr_equal(again, first);
	answer_update(NULL);
	queue_make_ready(f->q, first);
	assert_ptr_not_equal(TAILQ_FIRST(&f->q->accounts[0]->list), first);
	destroy(f);
}

static void test_moving_a_device_moves_its_mail(void **state)
{
	struct fixture *f = make();
	(void)state;
	f->config.device_count = 1;
	add(f, 1, NULL);
	struct spool_info info = add(f, 1, "erp"); /* its account is not there: it waits */
	struct queued *m = idmap_get(f->q->by_id, &info.id);
	assert_int_equal(m->place, PLACE_DUE);
	f->config.account_count = 2;
	config_ref(&f->config);
	queue_configure(f->q, &f->config, make_files(2), f->users);
	config_unref(&f->config);
	assert_ptr_equal(m->account, f->q->accounts[1]);
	assert_int_equal(m->place, PLACE_READY);
	destroy(f);
}

static void test_recovery(void **state)
{
	struct fixture *f = make();
	struct spool_info info = { .id = msgid_random(), .generation = 2 };
	struct envelope e = { .accepted_ms = 1 };
	struct address to;
	struct err err;
	const struct spool_scan_result result = { .messages = 1 };
	const struct progress failed = { .recipient = 0, .state = PROGRESS_FAILED };
	(void)state;
	assert_true(address_parse(STR("a@b.c"), &to, &err));
	assert_true(address_parse(STR("a@b.c"), &e.reverse_path, &err));
	envelope_add_recipient(&e, &to);
	queue_recover(f->q, on_event, &fake.recovered);
	fake.found(fake.scan_arg, &info, &e, &failed, 1);
	fake.found(fake.scan_arg, &info, &e, &failed, 1); /* twice is once */
	assert_int_equal(queue_size(f->q), 1);
	assert_int_equal(queue_get(f->q, &info.id)->place, PLACE_PARKED);
	info.id = msgid_random();
	fake.found(fake.scan_arg, &info, &e, NULL, 0);
	assert_int_equal(queue_get(f->q, &info.id)->place, PLACE_READY);
	info.id = msgid_random();
	const struct progress later = { .recipient = PROGRESS_MESSAGE,
					.state = PROGRESS_PENDING,
					.next_ms = INT64_MAX / 2 };
	fake.found(fake.scan_arg, &info, &e, &later, 1);
	/* A clock that was wrong when it was written does not make it wait for ever. */
	assert_in_range(queue_next_try_ms(queue_get(f->q, &info.id)), 1, 3600000);
	fake.scan_done(fake.scan_arg, &result, NULL);
	assert_int_equal(fake.recovered, 1);
	assert_false(evtimer_pending(f->q->rescan_timer, NULL));
	/* A directory that cannot be read is read again, but recovery is reported once. */
	err_errno(&err, EIO, "readdir");
	fake.scan_done(fake.scan_arg, &result, &err);
	assert_true(evtimer_pending(f->q->rescan_timer, NULL));
	fake.scan_done = NULL;
	event_active(f->q->rescan_timer, EV_TIMEOUT, 0);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_non_null(fake.scan_done);
	fake.scan_done(fake.scan_arg, &result, NULL);
	assert_int_equal(fake.recovered, 1);
	address_done(&to);
	envelope_done(&e);
	destroy(f);
}

/* Kept for a person, and written so: the next start has no news of it. */
static void test_uncertain_is_recorded_as_held(void **state)
{
	struct fixture *f = make();
	struct spool_info info = { .id = msgid_random(), .generation = 1 };
	struct envelope e = { .accepted_ms = 1 };
	struct address to;
	struct err err;
	const struct progress mark = { .recipient = PROGRESS_MESSAGE, .state = PROGRESS_INFLIGHT };
	(void)state;
	f->config.queue.on_uncertain = UNCERTAIN_HOLD;
	assert_true(address_parse(STR("a@b.c"), &to, &err));
	assert_true(address_parse(STR("a@b.c"), &e.reverse_path, &err));
	envelope_add_recipient(&e, &to);
	queue_recover(f->q, on_event, &fake.recovered);
	fake.found(fake.scan_arg, &info, &e, &mark, 1);
	assert_int_equal(fake.record_count, 1);
	assert_int_equal(fake.records[0].state, PROGRESS_HELD);
	answer_update(NULL);
	assert_int_equal(queue_get(f->q, &info.id)->place, PLACE_PARKED);
	address_done(&to);
	envelope_done(&e);
	destroy(f);
}

static void test_stop_waits_for_what_is_under_way(void **state)
{
	struct fixture *f = make();
	(void)state;
	add(f, 1, NULL);
	attempt(f, 0, STAGE_DATA, 250, "OK");
	queue_stop(f->q, on_event, &fake.stopped);
	assert_int_equal(fake.stopped, 0);
	answer_update(NULL);
	assert_int_equal(fake.stopped, 0);
	answer_remove();
	assert_int_equal(fake.stopped, 1);
	destroy(f);
}

#define HASH "$5$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static void test_moving_a_user_moves_its_mail(void **state)
{
	struct fixture *f = make();
	(void)state;
	f->config.account_count = 2;
	queue_configure(f->q, &f->config, make_files(2), f->users);
	f->user = "anna";
	struct spool_info info = add(f, 1, NULL);
	struct queued *m = idmap_get(f->q->by_id, &info.id);
	assert_int_equal(m->place, PLACE_DUE); /* which of the two accounts? */
	for (size_t i = 0; i < 2; i++) {
		users_unref(f->users);
		f->users = users_of(i == 0 ? "anna:" HASH ":account=one"
					   : "anna:" HASH ":account=two");
		queue_set_users(f->q, f->users);
		assert_int_equal(m->place, PLACE_READY);
		assert_ptr_equal(m->account, f->q->accounts[i]);
	}
	destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivered_is_recorded_before_it_is_removed),
		cmocka_unit_test(test_deferred_waits_for_its_record),
		cmocka_unit_test(test_failed_is_kept),
		cmocka_unit_test(test_outcome_that_cannot_be_written),
		cmocka_unit_test(test_outcome_without_a_file),
		cmocka_unit_test(test_stop_records_a_last_time),
		cmocka_unit_test(test_account_matter_goes_back_unchanged),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_moving_a_device_moves_its_mail),
		cmocka_unit_test(test_moving_a_user_moves_its_mail),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_uncertain_is_recorded_as_held),
		cmocka_unit_test(test_stop_waits_for_what_is_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
