/* SPDX-License-Identifier: MIT */
/* WRAP: timer_start timer_stop arc4random_uniform */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/timer.h"
#include "oauth/token_store.h"
#include "tests/unit/oauth/state_world.h"
#include "tests/unit/support/seal_of.h"

static const char name[] = "accounts/scanner";

static struct {
	struct event *event; /* the only timer */
	int64_t ms;
} timer;

void __wrap_timer_start(struct event *event, int64_t ms);
void __wrap_timer_stop(struct event *event);
uint32_t __wrap_arc4random_uniform(uint32_t bound);

void __wrap_timer_start(struct event *event, int64_t ms)
{
	timer.event = event;
	timer.ms = ms;
}

void __wrap_timer_stop(struct event *event)
{
	(void)event;
	timer.event = NULL;
}

uint32_t __wrap_arc4random_uniform(uint32_t bound)
{
	(void)bound;
	return 0;
}

struct fixture {
	struct event_base *base;
	struct fake_state fake;
	struct seal *seal, *other_seal;
	struct token_store *store;
	int loaded, saved, failed, troubles;
	enum token_store_trouble trouble;
};

static void on_loaded(void *arg)
{
	((struct fixture *)arg)->loaded++;
}

static void on_trouble(void *arg, enum token_store_trouble trouble, const struct err *why)
{
	struct fixture *f = arg;
	assert_true(why->text[0] != '\0');
	f->troubles++;
	f->trouble = trouble;
}

static void on_saved(void *arg)
{
	((struct fixture *)arg)->saved++;
}

static void on_failed(void *arg, const struct err *why)
{
	assert_non_null(strstr(why->text, "No space left"));
	((struct fixture *)arg)->failed++;
}

static void open_store(struct fixture *f, struct state *state, const struct seal *seal)
{
	const struct token_store_events events = { on_loaded, on_trouble, on_saved, on_failed, f };
	token_store_free(f->store);
	f->store = token_store_new(f->base, state, seal, "scanner", &events);
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	timer.event = NULL;
	f->base = event_base_new();
	fake_init(&f->fake);
	f->seal = seal_of('k');
	f->other_seal = seal_of('o');
	open_store(f, &f->fake.state, f->seal);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	token_store_free(f->store);
	fake_done(&f->fake);
	seal_free(f->seal);
	seal_free(f->other_seal);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void tick(struct fixture *f)
{
	struct event *event = timer.event;
	assert_non_null(event);
	timer.event = NULL;
	event_active(event, EV_TIMEOUT, 0);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static uint64_t set_refresh_token(struct fixture *f, const char *value)
{
	secret_set(&token_store_record(f->store)->refresh_token, str_of(value));
	return token_store_save(f->store);
}

static void expect_in_use(struct fixture *f, const char *value)
{
	struct str in_use = token_store_refresh_token(f->store);
	if (!str_eq(in_use, str_of(value)))
		fail_msg("%.*s is in use, not %s", (int)in_use.n, in_use.p, value);
}

/* What another process would find now. */
static void expect_on_disk(struct fixture *f, const char *value)
{
	struct account_record record = { .seen_count = 0 };
	struct err err;
	enum seal_failure failure = account_record_open(
		&record, "scanner", f->seal, secret_reveal(fake_value(&f->fake, name)), &err);
	assert_int_equal(failure, SEAL_OK);
	assert_true(str_eq(secret_reveal(&record.refresh_token), str_of(value)));
	account_record_done(&record);
}

static void test_nothing_there_yet(void **state)
{
	struct fixture *f = *state;
	assert_false(token_store_is_loaded(f->store));
	assert_int_equal(f->loaded, 0);
	fake_run(&f->fake);
	assert_int_equal(f->loaded, 1);
	assert_true(token_store_is_loaded(f->store));
	assert_int_equal(f->troubles, 0);
	expect_in_use(f, "");
	assert_true(token_store_is_stored(f->store));
}

static void test_without_a_state(void **state)
{
	struct fixture *f = *state;
	fake_run(&f->fake);
	for (int i = 0; i < 2; i++) {
		open_store(f, i == 0 ? NULL : &f->fake.state, i == 0 ? f->seal : NULL);
		assert_true(token_store_is_loaded(f->store));
		assert_true(token_store_is_durable(f->store, set_refresh_token(f, "r")));
		expect_in_use(f, "r");
	}
	assert_int_equal(f->fake.puts, 0);
	assert_int_equal(f->loaded, 1);
}

/* TOK-11: a rotated one is not used before it is durable. */
static void test_rotation(void **state)
{
	struct fixture *f = *state;
	fake_run(&f->fake);
	uint64_t first = set_refresh_token(f, "one");
	assert_false(token_store_is_durable(f->store, first));
	fake_run(&f->fake);
	assert_true(token_store_is_durable(f->store, first));
	expect_on_disk(f, "one");
	uint64_t second = set_refresh_token(f, "two");
	expect_in_use(f, "one");
	/* A third before the second is there: one put at a time, and the last one wins. */
	uint64_t third = set_refresh_token(f, "three");
	assert_int_equal(f->fake.puts, 2);
	assert_true(fake_step(&f->fake));
	assert_true(token_store_is_durable(f->store, second));
	assert_false(token_store_is_durable(f->store, third));
	expect_in_use(f, "two");
	assert_false(token_store_is_stored(f->store));
	fake_run(&f->fake);
	expect_in_use(f, "three");
	expect_on_disk(f, "three");
	assert_int_equal(f->fake.puts, 3);
	assert_true(token_store_is_stored(f->store));
	/* And a new process finds it. */
	open_store(f, &f->fake.state, f->seal);
	fake_run(&f->fake);
	expect_in_use(f, "three");
}

static void test_full_disk(void **state)
{
	static const int64_t waits[] = { 1000, 2000, 4000 };
	struct fixture *f = *state;
	fake_run(&f->fake);
	(void)set_refresh_token(f, "one");
	fake_run(&f->fake);
	f->fake.broken = true;
	uint64_t change = set_refresh_token(f, "two");
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		fake_run(&f->fake);
		assert_int_equal(f->failed, i + 1);
		assert_int_equal(timer.ms, waits[i]);
		expect_in_use(f, "one");
		expect_on_disk(f, "one");
		tick(f);
	}
	assert_int_equal(f->troubles, 1); /* told once */
	assert_int_equal(f->trouble, STORE_NOT_STORED);
	assert_false(token_store_is_durable(f->store, change));
	f->fake.broken = false;
	fake_run(&f->fake);
	assert_true(token_store_is_durable(f->store, change));
	expect_in_use(f, "two");
	expect_on_disk(f, "two");
	/* The next failure is news again. */
	f->fake.broken = true;
	(void)set_refresh_token(f, "three");
	fake_run(&f->fake);
	assert_int_equal(f->troubles, 2);
	assert_int_equal(timer.ms, 1000);
}

/* Better the newest, though it may be lost in a crash, than one that is worth nothing. */
static void test_the_durable_one_is_dead(void **state)
{
	struct fixture *f = *state;
	fake_run(&f->fake);
	(void)set_refresh_token(f, "one");
	fake_run(&f->fake);
	assert_false(token_store_use_newest(f->store));
	f->fake.broken = true;
	(void)set_refresh_token(f, "two");
	fake_run(&f->fake);
	assert_true(token_store_use_newest(f->store));
	expect_in_use(f, "two");
	assert_false(token_store_use_newest(f->store));
}

static void test_another_machine(void **state)
{
	struct fixture *f = *state;
	fake_run(&f->fake);
	(void)set_refresh_token(f, "one");
	fake_run(&f->fake);
	open_store(f, &f->fake.state, f->other_seal);
	fake_run(&f->fake);
	assert_int_equal(f->loaded, 2);
	assert_int_equal(f->troubles, 1);
	assert_int_equal(f->trouble, STORE_OTHER_KEY);
	expect_in_use(f, "");
	/* Whoever brings the key back finds it, even after something else took its place. */
	(void)set_refresh_token(f, "two");
	fake_run(&f->fake);
	assert_true(fake_value(&f->fake, "accounts/scanner.refused")->n != 0);
	secret_set(fake_value(&f->fake, name),
		   secret_reveal(fake_value(&f->fake, "accounts/scanner.refused")));
	expect_on_disk(f, "one");
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;
	fake_run(&f->fake);
	(void)set_refresh_token(f, "one");
	fake_run(&f->fake);
	struct secret *value = fake_value(&f->fake, name);
	value->p[value->n - 1] ^= 1;
	open_store(f, &f->fake.state, f->seal);
	fake_run(&f->fake);
	assert_int_equal(f->trouble, STORE_DAMAGED);
	assert_true(token_store_is_loaded(f->store));
	expect_in_use(f, "");
}

/* An unreadable record may be a good one: nothing takes its place but by order. */
static void test_unreadable(void **state)
{
	struct fixture *f = *state;
	f->fake.broken = true;
	fake_run(&f->fake);
	assert_int_equal(f->loaded, 1);
	assert_int_equal(f->trouble, STORE_UNREADABLE);
	f->fake.broken = false;
	(void)set_refresh_token(f, "one");
	assert_int_equal(f->fake.puts, 0);
	expect_in_use(f, "one");
	token_store_override(f->store);
	(void)token_store_save(f->store);
	fake_run(&f->fake);
	expect_on_disk(f, "one");
}

static void test_the_last_change_at_the_end(void **state)
{
	struct fixture *f = *state;
	fake_run(&f->fake);
	f->fake.broken = true;
	(void)set_refresh_token(f, "one");
	fake_run(&f->fake);
	f->fake.broken = false;
	token_store_free(f->store);
	f->store = NULL;
	fake_run(&f->fake);
	expect_on_disk(f, "one");
	assert_int_equal(f->saved, 0); /* nobody is there to be told */
}

/* What is on its way already is not put again, and what was never loaded is not overwritten. */
static void test_no_more_than_needed_at_the_end(void **state)
{
	struct fixture *f = *state;
	(void)token_store_save(f->store);
	open_store(f, &f->fake.state, f->seal);
	assert_int_equal(f->fake.puts, 0);
	fake_run(&f->fake);
	(void)set_refresh_token(f, "one");
	token_store_free(f->store);
	f->store = NULL;
	assert_int_equal(f->fake.puts, 1);
	fake_run(&f->fake);
	expect_on_disk(f, "one");
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_nothing_there_yet),
		WITH_FIXTURE(test_without_a_state),
		WITH_FIXTURE(test_rotation),
		WITH_FIXTURE(test_full_disk),
		WITH_FIXTURE(test_the_durable_one_is_dead),
		WITH_FIXTURE(test_another_machine),
		WITH_FIXTURE(test_damaged),
		WITH_FIXTURE(test_unreadable),
		WITH_FIXTURE(test_the_last_change_at_the_end),
		WITH_FIXTURE(test_no_more_than_needed_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
