/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "inbound/roster.h"

static struct inbound_limits limits;
static struct event_base *base;
static struct roster *roster;

static int set_up(void **state)
{
	(void)state;
	limits = (struct inbound_limits){ .known_addresses = 20,
					  .transcripts = 3,
					  .transcript_size = 4096,
					  .transcript_memory = 1024 * 1024,
					  .log_rate = 5 };
	base = event_base_new();
	roster = roster_new(base);
	roster_configure(roster, &limits);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	roster_free(roster);
	event_base_free(base);
	return 0;
}

static struct netaddr number(unsigned n)
{
	struct netaddr a = { .b = { 0xfd } };
	a.b[13] = (uint8_t)(n >> 16);
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static struct roster_entry *come(unsigned n, bool admitted)
{
	struct netaddr a = number(n);
	return roster_connected(roster, &a, admitted, "127.0.0.1:25");
}

static void visit(unsigned n, bool admitted)
{
	roster_disconnected(roster, come(n, admitted));
}

static bool is_known(unsigned n)
{
	struct netaddr a = number(n);
	return roster_get(roster, &a) != NULL;
}

static void remembers_what_has_been(void **state)
{
	struct roster_entry *e = come(7, true);
	struct netaddr a = number(7), other = number(8);
	char longer[400];
	(void)state;
	assert_ptr_equal(come(7, true), e);
	assert_int_equal(roster_open_count(roster, &a), 2);
	assert_int_equal(roster_open_count(roster, &other), 0);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	roster_set(&e->helo, longer);
	assert_int_equal(strlen(e->helo), 384);
	roster_set(&e->helo, "printer");
	roster_accepted(roster, e);
	assert_true(roster_refused(roster, e, "550 no"));
	roster_disconnected(roster, e);
	roster_disconnected(roster, e);
	const struct roster_entry *found = roster_get(roster, &a);
	assert_ptr_equal(found, e);
	assert_int_equal(found->connections, 2);
	assert_int_equal(found->open, 0);
	assert_int_equal(found->accepted, 1);
	assert_int_equal(found->refused, 1);
	assert_string_equal(found->helo, "printer");
	assert_string_equal(found->error, "550 no");
	assert_string_equal(found->listener, "127.0.0.1:25");
	assert_int_equal(roster_size(roster), 1);
}

static void messages_coming_in(void **state)
{
	struct netaddr a = number(1), b = number(2);
	struct roster_entry *e = come(1, true);
	(void)state;
	roster_message_begun(roster, &a);
	roster_message_begun(roster, &a);
	roster_message_begun(roster, &b); /* is not there */
	assert_int_equal(roster_messages(roster, &a), 2);
	assert_int_equal(roster_messages(roster, &b), 0);
	roster_message_over(roster, &a);
	assert_int_equal(roster_messages(roster, &a), 1);
	assert_int_equal(roster_open_count(roster, &a), 1);
	roster_message_over(roster, &a);
	roster_message_over(roster, &a);
	assert_int_equal(roster_messages(roster, &a), 0);
	roster_disconnected(roster, e);
}

/* limits.known_addresses: the stranger not heard of longest goes first. */
static void a_scan_does_not_drive_printers_out(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		visit(i, true);
	for (unsigned i = 0; i < 10; i++)
		visit(100 + i, false);
	visit(100, false); /* heard of again: 101 is now the oldest */
	assert_int_equal(roster_size(roster), 20);
	visit(200, false);
	assert_false(is_known(101));
	assert_true(is_known(100));
	assert_int_equal(roster_size(roster), 20);
	for (unsigned i = 0; i < 5000; i++)
		visit(1000 + i, false);
	assert_int_equal(roster_size(roster), 20);
	for (unsigned i = 0; i < 10; i++)
		assert_true(is_known(i));
	assert_true(is_known(5999));
}

/* Admitted addresses have the room of strangers, then that of their like. */
static void admitted_ones_replace_each_other(void **state)
{
	(void)state;
	visit(500, false);
	for (unsigned i = 0; i < 25; i++)
		visit(i, true);
	assert_false(is_known(500));
	assert_int_equal(roster_size(roster), 20);
	for (unsigned i = 0; i < 25; i++)
		assert_int_equal(is_known(i), i >= 5);
	/* A stranger finds none, while it is there it is known. */
	struct roster_entry *e = come(501, false);
	assert_true(is_known(501));
	assert_int_equal(roster_size(roster), 21);
	roster_disconnected(roster, e);
	assert_false(is_known(501));
	assert_true(is_known(5));
}

static void open_ones_stay(void **state)
{
	struct roster_entry *open[40];
	(void)state;
	for (unsigned i = 0; i < 40; i++)
		open[i] = come(i, i % 2 == 0);
	assert_int_equal(roster_size(roster), 40);
	for (unsigned i = 0; i < 200; i++)
		visit(1000 + i, true);
	for (unsigned i = 0; i < 40; i++)
		assert_true(is_known(i));
	for (unsigned i = 0; i < 40; i++)
		roster_disconnected(roster, open[i]);
	assert_int_equal(roster_size(roster), 20);
}

static void walks_by_time(void **state)
{
	struct roster_walk walk;
	const struct roster_entry *e;
	uint64_t before = UINT64_MAX;
	unsigned seen = 0;
	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		struct roster_entry *one = come(i, i % 3 == 0);
		if (i % 4 != 0)
			roster_disconnected(roster, one);
	}
	walk = roster_walk(roster);
	while ((e = roster_next(&walk)) != NULL) {
		assert_true(e->turn < before);
		before = e->turn;
		seen++;
	}
	assert_int_equal(seen, 12);
}

/* limits.log_rate: ten thousand refusals are five lines and a number. */
static void a_flood_is_counted(void **state)
{
	struct roster_entry *e = come(1, false), *other = come(2, false);
	unsigned logged = 0;
	(void)state;
	int64_t started = e->gate.since_ms;
	for (unsigned i = 0; i < 10000; i++)
		logged += roster_refused(roster, e, "421 no");
	/* The gate may have seen the next second begin. */
	assert_true(logged == 5 || e->gate.since_ms != started);
	assert_true(logged <= 5 * 20);
	assert_int_equal(e->gate.held, 10000 - logged);
	assert_true(e->muted);
	assert_true(roster_refused(roster, other, "421 no"));
	assert_false(other->muted);
	/* The timer tells it, once. */
	event_base_loop(base, EVLOOP_ONCE);
	assert_false(e->muted);
	assert_int_equal(e->gate.held, 0);
	assert_int_equal(e->refused, 10000);
	roster_disconnected(roster, e);
	roster_disconnected(roster, other);
}

static void keep(struct roster_entry *e, int64_t started_ms, size_t bytes)
{
	struct transcript *t = transcript_new(started_ms, limits.transcript_size);
	for (size_t n = 0; n < bytes; n += 64)
		transcript_event(t, started_ms, "(fifty bytes or so, that is what this text has)");
	roster_keep(roster, e, t);
}

/* limits.transcripts */
static void the_last_transcripts_are_kept(void **state)
{
	struct roster_entry *e = come(1, true);
	const struct transcript *t = NULL;
	int64_t expected = 7;
	(void)state;
	for (int64_t i = 0; i < 10; i++)
		keep(e, i, 64);
	assert_int_equal(e->transcript_count, 3);
	TAILQ_FOREACH (t, &e->transcripts, of_address) {
		assert_int_equal(t->started_ms, expected);
		expected++;
	}
	assert_int_equal(expected, 10);
	roster_disconnected(roster, e);
}

/* limits.transcript_memory: strangers pay first. */
static void transcripts_are_bounded_together(void **state)
{
	struct roster_entry *printer = come(1, true);
	(void)state;
	limits.known_addresses = 100000;
	limits.transcript_memory = 64 * 1024;
	keep(printer, 0, 2048);
	for (unsigned i = 0; i < 200; i++) {
		struct roster_entry *e = come(100 + i, false);
		keep(e, 1, 4096);
		roster_disconnected(roster, e);
	}
	assert_int_equal(printer->transcript_count, 1);
	struct netaddr early = number(100), late = number(299);
	assert_int_equal(roster_get(roster, &early)->transcript_count, 0);
	assert_int_equal(roster_get(roster, &late)->transcript_count, 1);
	roster_disconnected(roster, printer);
}

#define WITH_ROSTER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROSTER(remembers_what_has_been),
		WITH_ROSTER(messages_coming_in),
		WITH_ROSTER(a_scan_does_not_drive_printers_out),
		WITH_ROSTER(admitted_ones_replace_each_other),
		WITH_ROSTER(open_ones_stay),
		WITH_ROSTER(walks_by_time),
		WITH_ROSTER(a_flood_is_counted),
		WITH_ROSTER(the_last_transcripts_are_kept),
		WITH_ROSTER(transcripts_are_bounded_together),
	};
	roster_free(NULL);
	return cmocka_run_group_tests_name("inbound/roster", tests, NULL, NULL);
}
