/* SPDX-License-Identifier: MIT */
/* WRAP: account_new account_free account_configure account_apply account_stop account_wake */
/* WRAP: account_name account_config_of account_since_ms account_list_add account_list_remove */
/* WRAP: account_list_first */
#include "tests/unit/queue/queue_world.h"

static void on_event(void *arg)
{
	(*(int *)arg)++;
}

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
	envelope_add_recipient(&e, &to, NULL);
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
	envelope_add_recipient(&e, &to, NULL);
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

/* A reload between a refusal and its record is the administrator's answer to that refusal. */
static void test_a_reload_during_an_attempt_counts(void **state)
{
	struct fixture *f = make();
	(void)state;
	add(f, 1, NULL);
	struct queued *m =
		attempt(f, 0, STAGE_MAIL, 550, "5.7.60 Client does not have permissions");
	assert_int_equal(m->place, PLACE_ACTIVE);
	queue_configure(f->q, &f->config, make_files(1), f->users);
	assert_int_equal(m->place, PLACE_ACTIVE);
	answer_update(NULL);
	assert_int_equal(m->place, PLACE_READY);
	attempt(f, 0, STAGE_MAIL, 550, "5.7.60 Client does not have permissions");
	answer_update(NULL);
	assert_int_equal(m->place, PLACE_DUE);
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
		cmocka_unit_test(test_stop_records_a_last_time),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_moving_a_device_moves_its_mail),
		cmocka_unit_test(test_a_reload_during_an_attempt_counts),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_uncertain_is_recorded_as_held),
		cmocka_unit_test(test_stop_waits_for_what_is_under_way),
		cmocka_unit_test(test_moving_a_user_moves_its_mail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
