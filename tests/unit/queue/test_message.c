/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "queue/message.h"

static struct envelope make_envelope(size_t recipients)
{
	struct err err;
	struct envelope e = { .accepted_ms = 1234 };
	struct address a;
	mem_replace_str(&e.peer, "127.0.0.1:1");
	mem_replace_str(&e.helo, "printer");
	mem_replace_str(&e.device, "xerox");
	assert_true(address_parse(STR("scan@printer.local"), &e.reverse_path, &err));
	for (size_t i = 0; i < recipients; i++) {
		assert_true(address_parse(STR("a@b.c"), &a, &err));
		envelope_add_recipient(&e, &a);
		address_done(&a);
	}
	return e;
}

static void test_fresh(void **state)
{
	struct envelope e = make_envelope(2);
	struct spool_info info = { .generation = 0, .stats = { .size = 77 } };
	size_t uncertain = 9;
	(void)state;
	struct queued *m = queued_new(&info, &e, NULL, 0, false, &uncertain);
	assert_int_equal(uncertain, 0);
	assert_int_equal(m->size, 77);
	assert_string_equal(m->device, "xerox");
	assert_string_equal(m->reverse_path.local, "scan");
	assert_int_equal(queued_count(m, PROGRESS_PENDING), 2);
	assert_false(queued_is_done(m));
	queued_free(m);
	envelope_done(&e);
}

static const struct progress records[] = {
	{ .recipient = 0, .state = PROGRESS_SENT, .attempts = 1 },
	{ .recipient = 1, .state = PROGRESS_INFLIGHT, .attempts = 1 },
	{ .recipient = 2,
	  .state = PROGRESS_PENDING,
	  .attempts = 3,
	  .next_ms = 99,
	  .reply = { "451 later", 9 } },
};

static void test_after_a_crash(void **state)
{
	struct envelope e = make_envelope(3);
	struct spool_info info = { .generation = 3 };
	size_t uncertain;
	(void)state;
	struct queued *m = queued_new(&info, &e, records, 3, false, &uncertain);
	assert_int_equal(uncertain, 1);
	assert_int_equal(m->recipients[0].state, PROGRESS_SENT);
	assert_int_equal(m->recipients[1].state, PROGRESS_PENDING);
	assert_string_equal(m->recipients[2].reply, "451 later");
	assert_int_equal(m->attempts, 3);
	assert_int_equal(m->generation, 3);
	queued_free(m);
	m = queued_new(&info, &e, records, 3, true, &uncertain);
	assert_int_equal(uncertain, 1);
	assert_int_equal(m->recipients[1].state, PROGRESS_HELD);
	queued_free(m);
	envelope_done(&e);
}

static void test_records(void **state)
{
	struct envelope e = make_envelope(3);
	struct spool_info info = { .generation = 0 };
	struct progress out[3];
	size_t uncertain;
	(void)state;
	struct queued *m = queued_new(&info, &e, NULL, 0, false, &uncertain);
	m->recipients[1].state = PROGRESS_SENT;
	/* unlike: each that is open or has changed */
	assert_int_equal(queued_records(m, 77, out), 3);
	assert_int_equal(out[0].recipient, 0);
	assert_int_equal(out[0].next_ms, 77);
	assert_int_equal(out[1].state, PROGRESS_SENT);
	assert_int_equal(out[1].next_ms, 0);
	queued_recorded(m);
	/* what is sealed is not written again; the rest is alike: one record */
	m->recipients[0].attempts = m->recipients[2].attempts = 4;
	assert_int_equal(queued_records(m, 78, out), 1);
	assert_int_equal(out[0].recipient, PROGRESS_MESSAGE);
	assert_int_equal(out[0].attempts, 4);
	assert_int_equal(out[0].next_ms, 78);
	/* and back from the file */
	struct queued *again = queued_new(&info, &e, out, 1, false, &uncertain);
	assert_int_equal(again->recipients[2].attempts, 4);
	queued_free(again);
	queued_free(m);
	envelope_done(&e);
}

/* Records are foreign once the file has been on a disk: an index too large is nobody's. */
static void test_wrong_index(void **state)
{
	struct envelope e = make_envelope(1);
	struct spool_info info = { .generation = 1 };
	const struct progress wrong = { .recipient = 7, .state = PROGRESS_SENT };
	size_t uncertain;
	(void)state;
	struct queued *m = queued_new(&info, &e, &wrong, 1, false, &uncertain);
	assert_int_equal(queued_count(m, PROGRESS_PENDING), 1);
	queued_free(m);
	envelope_done(&e);
}

/* The first record of a message that is held is that it is free. */
static void test_held_until_a_record(void **state)
{
	struct envelope e = make_envelope(2);
	struct spool_info info = { .generation = 0 };
	struct progress out[2];
	size_t uncertain;
	(void)state;
	e.hold = ENVELOPE_HOLD_RATE;
	struct queued *m = queued_new(&info, &e, NULL, 0, false, &uncertain);
	assert_int_equal(m->hold, QUEUED_HELD);
	assert_int_equal(uncertain, 0);
	assert_int_equal(queued_count(m, PROGRESS_HELD), 2);
	assert_false(queued_is_done(m));
	m->recipients[0].state = m->recipients[1].state = PROGRESS_PENDING;
	assert_int_equal(queued_records(m, 5555, out), 1);
	assert_int_equal(out[0].recipient, PROGRESS_MESSAGE);
	assert_int_equal(out[0].state, PROGRESS_PENDING);
	queued_free(m);
	m = queued_new(&info, &e, out, 1, false, &uncertain);
	assert_int_equal(m->hold, QUEUED_FREE);
	assert_int_equal(m->free_ms, 5555); /* its age counts from here */
	assert_int_equal(queued_count(m, PROGRESS_PENDING), 2);
	queued_free(m);
	/* Without a device nobody could release it. */
	mem_replace_str(&e.device, NULL);
	m = queued_new(&info, &e, NULL, 0, false, &uncertain);
	assert_int_equal(m->hold, QUEUED_FREE);
	queued_free(m);
	envelope_done(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_after_a_crash),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_wrong_index),
		cmocka_unit_test(test_held_until_a_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
