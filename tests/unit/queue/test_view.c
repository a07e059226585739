/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>

#include "common/mem.h"
#include "queue/internal.h"
#include "queue/queue.h"

/*
 * What people see of a queue, and the release of what they see is held: without accounts, so that
 * what is free waits for a route; over a fake spool that keeps the question.
 */
static struct {
	spool_done_cb *update;
	void *arg;
	struct progress record;
	size_t count;
	bool synced;
} fake;

static void fake_update(struct spool *spool, const struct msgid *id, uint32_t generation,
			const struct progress *records, size_t count, bool sync, spool_done_cb *cb,
			void *arg)
{
	(void)spool;
	(void)id;
	(void)generation;
	fake.update = cb;
	fake.arg = arg;
	fake.record = records[0];
	fake.count = count;
	fake.synced = sync;
}

static const struct spool_ops ops = { .update = fake_update };
static struct spool spool = { .ops = &ops };

static char erp[] = "erp", path[] = "x";
static struct device_config devices[] = { { .name = erp, .hold_above = { 5, 3600000 } } };
static struct config config = {
	.refs = 1, .path = path, .devices = devices, .device_count = 1, .queue = { .retry_max = 1 }
};

static struct event_base *base;
static struct queue *q;

static int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	const struct queue_params params = { .base = base, .spool = &spool };
	struct err err;
	struct users *users = users_parse(STR(""), "users", &err);
	q = queue_new(&params);
	config.device_count = 1;
	queue_configure(q, &config, mem_zalloc(sizeof(struct queue_files)), users);
	users_unref(users);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	queue_free(q);
	event_base_free(base);
	return 0;
}

static const struct queued *add(enum envelope_hold hold)
{
	struct spool_info info = { .id = msgid_random(), .stats = { .size = 10 } };
	struct envelope e = { .id = info.id, .accepted_ms = 1234, .hold = hold };
	struct address to;
	struct err err;
	mem_replace_str(&e.device, erp);
	assert_true(address_parse(STR("scan@printer.local"), &e.reverse_path, &err));
	assert_true(address_parse(STR("a@b.c"), &to, &err));
	envelope_add_recipient(&e, &to);
	envelope_add_recipient(&e, &to);
	address_done(&to);
	queue_add(q, &info, &e);
	envelope_done(&e);
	return queue_get(q, &info.id);
}

static void assert_hold(const struct queued *m, const char *want)
{
	struct strbuf text;
	strbuf_init(&text, 1024);
	assert_int_equal(queue_append_hold(q, m, &text), want != NULL);
	assert_string_equal(strbuf_cstr(&text), want != NULL ? want : "");
	strbuf_done(&text);
}

static void what_is_held_is_counted_and_explained(void **state)
{
	struct queue_totals totals;
	struct queue_held held;
	(void)state;
	const struct queued *m = add(ENVELOPE_HOLD_RATE);
	const struct queued *other = add(ENVELOPE_HOLD_NONE);
	queue_totals(q, &totals);
	assert_int_equal(totals.messages, 2);
	assert_int_equal(totals.recipients, 4);
	assert_int_equal(totals.bytes, 20);
	assert_int_equal(totals.held_by_rate, 1);
	assert_int_equal(totals.held, 0);
	assert_int_equal(totals.oldest_ms, 1234);
	assert_int_equal(queue_next_try_ms(m), -1);
	assert_hold(m, "held: erp is above 5/h; oauthrelay device release erp");
	assert_hold(other, NULL);
	assert_true(queue_held_device(q, 0, &held));
	assert_string_equal(held.device, "erp");
	assert_int_equal(held.messages, 1);
	assert_int_equal(queue_held_count(q, STR("erp")), 1);
	assert_int_equal(queue_held_count(q, STR("er")), 0);
	config.device_count = 0; /* it is no longer configured */
	assert_hold(m, "held: erp is above its rate; oauthrelay device release erp");
}

/* It is free when that is durable, and then its age begins. */
static void a_release_is_recorded_first(void **state)
{
	(void)state;
	const struct queued *m = add(ENVELOPE_HOLD_RATE);
	assert_int_equal(m->place, PLACE_PARKED);
	assert_int_equal(queue_release(q, STR("nobody")), 0);
	assert_int_equal(queue_release(q, STR("erp")), 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(m->place, PLACE_ACTIVE);
	assert_int_equal(fake.count, 1);
	assert_int_equal(fake.record.recipient, PROGRESS_MESSAGE);
	assert_int_equal(fake.record.state, PROGRESS_PENDING);
	assert_true(fake.synced);
	assert_true(m->free_ms != 0 && fake.record.next_ms == m->free_ms);
	fake.update(fake.arg, NULL);
	assert_int_equal(m->place, PLACE_DUE);
	assert_int_equal(m->hold, QUEUED_FREE);
	assert_int_equal(queued_count(m, PROGRESS_PENDING), 2);
	assert_hold(m, NULL);
	assert_int_equal(queue_held_count(q, STR("erp")), 0);
}

/* Where it cannot be written it is not sent; the process remembers to try. */
static void a_release_that_cannot_be_written_waits(void **state)
{
	struct err err;
	(void)state;
	const struct queued *m = add(ENVELOPE_HOLD_RATE);
	assert_int_equal(queue_release(q, STR("erp")), 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	err_errno(&err, 28, "write");
	fake.update(fake.arg, &err);
	assert_true(m->unrecorded && m->place == PLACE_DUE);
	assert_in_range(queue_next_try_ms(m), 1, RECORD_RETRY_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_held_is_counted_and_explained, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_release_is_recorded_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_release_that_cannot_be_written_waits, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
