/* SPDX-License-Identifier: MIT */
/* WRAP: account_new account_free account_configure account_apply account_stop account_wake */
/* WRAP: account_name account_config_of account_since_ms account_list_add account_list_remove */
/* WRAP: account_list_first */
#include "tests/unit/queue/queue_world.h"

/* What the queue makes of an attempt's outcome: nothing happens before its record is durable. */

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
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivered_is_recorded_before_it_is_removed),
		cmocka_unit_test(test_deferred_waits_for_its_record),
		cmocka_unit_test(test_failed_is_kept),
		cmocka_unit_test(test_outcome_that_cannot_be_written),
		cmocka_unit_test(test_outcome_without_a_file),
		cmocka_unit_test(test_account_matter_goes_back_unchanged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
