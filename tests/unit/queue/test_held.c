/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdlib.h>

#include "common/mem.h"
#include "queue/held.h"
#include "tests/unit/support/config_text.h"
#include "tests/unit/support/run_loop.h"

enum {
	MANY = 1000
};

/* The test is the queue: it notes whose record is under way, and says when it has been written. */
static struct {
	struct event_base *base;
	struct config *config;
	struct held *held;
	struct queued messages[MANY];
	struct queued *under_way[MANY];
	size_t asked, written;
} world;

static void on_free(void *arg, struct queued *m)
{
	assert_ptr_equal(arg, &world);
	assert_int_equal(m->hold, QUEUED_RELEASING);
	held_remove(world.held, m); /* as queue_place() does */
	world.under_way[world.asked++] = m;
}

static int set_up(void **state)
{
	(void)state;
	world.base = event_base_new();
	world.config = config_must_load(
		CONFIG_SMALLEST
		"devices = ( { name = \"erp\"; address = \"10.0.0.1\"; hold_above = \"5/h\"; } );");
	world.held = held_new(world.base, on_free, &world);
	held_configure(world.held, world.config);
	world.asked = world.written = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	held_free(world.held);
	config_unref(world.config);
	event_base_free(world.base);
	return 0;
}

static char erp[] = "erp", other[] = "other";

static void add(size_t from, size_t to, char *device)
{
	for (size_t i = from; i < to; i++) {
		world.messages[i] = (struct queued){ .device = device, .hold = QUEUED_HELD };
		held_add(world.held, &world.messages[i]);
	}
}

static void turn(void)
{
	event_base_loop(world.base, EVLOOP_NONBLOCK);
}

static void write_next(void)
{
	assert_true(world.written < world.asked);
	held_recorded(world.held, world.under_way[world.written++]);
}

static void others_are_not_touched(void **state)
{
	struct queued m = { .device = NULL };
	(void)state;
	held_add(world.held, &m);
	held_remove(world.held, &m);
	held_recorded(world.held, &m);
	assert_int_equal(held_count(world.held, STR("")), 0);
	assert_int_equal(held_release(world.held, STR("erp")), 0);
}

static void a_release_goes_in_order_and_in_batches(void **state)
{
	size_t most = 0;
	(void)state;
	add(0, MANY, erp);
	assert_int_equal(held_release(world.held, STR("erp")), MANY);
	assert_int_equal(world.asked, 0); /* not from inside */
	while (world.written < MANY) {
		turn();
		if (world.asked - world.written > most)
			most = world.asked - world.written;
		write_next();
	}
	assert_int_equal(most, 16);
	for (size_t i = 0; i < MANY; i++) {
		assert_ptr_equal(world.under_way[i], &world.messages[i]);
		assert_int_equal(world.messages[i].hold, QUEUED_FREE);
	}
	assert_int_equal(held_count(world.held, STR("erp")), 0);
}

static void what_comes_later_stays(void **state)
{
	(void)state;
	add(0, 20, erp);
	add(20, 22, other);
	held_release(world.held, STR("erp"));
	turn();
	add(22, 25, erp);
	while (world.written < 20) {
		write_next();
		turn();
	}
	assert_int_equal(world.asked, 20);
	assert_int_equal(held_count(world.held, STR("erp")), 3);
	assert_int_equal(held_count(world.held, STR("other")), 2);
	assert_int_equal(held_release(world.held, STR("erp")), 3);
	turn();
	assert_int_equal(world.asked, 23);
}

static void a_stop_ends_it(void **state)
{
	(void)state;
	add(0, 100, erp);
	held_release(world.held, STR("erp"));
	turn();
	held_stop(world.held);
	for (int i = 0; i < 16; i++)
		write_next();
	turn();
	assert_int_equal(world.asked, 16);
	assert_int_equal(held_count(world.held, STR("erp")), 84);
}

static void what_is_gone_is_not_missed(void **state)
{
	(void)state;
	add(0, 3, erp);
	held_release(world.held, STR("erp"));
	held_remove(world.held, &world.messages[1]);
	turn();
	assert_int_equal(world.asked, 2);
	assert_ptr_equal(world.under_way[1], &world.messages[2]);
}

static void devices_are_listed(void **state)
{
	const char *name;
	size_t count;
	(void)state;
	assert_false(held_device(world.held, 0, &name, &count));
	add(0, 2, erp);
	add(2, 3, other);
	held_tell(world.held);
	assert_true(held_device(world.held, 1, &name, &count));
	assert_string_equal(name, "other");
	assert_int_equal(count, 1);
	held_release(world.held, STR("erp"));
	turn();
	assert_true(held_device(world.held, 0, &name, &count));
	assert_string_equal(name, "other"); /* of the first one nothing is held now */
	assert_false(held_device(world.held, 1, &name, &count));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(others_are_not_touched),	  TEST(a_release_goes_in_order_and_in_batches),
		TEST(what_comes_later_stays),	  TEST(a_stop_ends_it),
		TEST(what_is_gone_is_not_missed), TEST(devices_are_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
