/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/rate.h"
#include "tests/unit/support/config_text.h"

enum {
	MINUTE = 60 * 1000,
	HOUR = 60 * MINUTE
};

static const struct units_rate five_an_hour = { 5, HOUR };

/* One message that is accepted at once; is it above? */
static bool send_one(struct rates *rates, const char *device, struct units_rate rate, int64_t now)
{
	bool above = rates_reserve(rates, device, rate, now);
	rates_accept(rates, device, now);
	return above;
}

static void the_window_slides(void **state)
{
	struct rates *rates = rates_new();
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_false(send_one(rates, "erp", five_an_hour, i * 10 * MINUTE));
	assert_true(send_one(rates, "erp", five_an_hour, 50 * MINUTE));
	assert_false(send_one(rates, "other", five_an_hour, 50 * MINUTE));
	/* At 70 minutes those of 0 and 10 are out, that above the rate is in. */
	assert_true(rates_reserve(rates, "erp", five_an_hour, 59 * MINUTE));
	rates_cancel(rates, "erp");
	assert_false(send_one(rates, "erp", five_an_hour, 70 * MINUTE));
	assert_true(send_one(rates, "erp", five_an_hour, 70 * MINUTE + 1));
	/* Much later all is forgotten, however far the clock has gone. */
	for (int i = 0; i < 5; i++)
		assert_false(send_one(rates, "erp", five_an_hour, 1000 * (int64_t)HOUR + i));
	assert_true(send_one(rates, "erp", five_an_hour, 1000 * (int64_t)HOUR + 5));
	rates_free(rates);
}

/* Whoever stays at exactly the rate is never above it. */
static void the_rate_itself_is_allowed(void **state)
{
	static const struct units_rate rows[] = {
		{ 1, 1000 }, { 30, MINUTE }, { 60, MINUTE }, { 5000, HOUR }, { 7, 24 * HOUR }
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rates *rates = rates_new();
		for (int64_t n = 0; n < 3 * (int64_t)rows[i].count; n++)
			assert_false(send_one(rates, "erp", rows[i],
					      n * rows[i].per_ms / (int64_t)rows[i].count));
		rates_free(rates);
	}
}

/* What is being received has its place already, and gives it back when nothing comes of it. */
static void reservations_count(void **state)
{
	struct rates *rates = rates_new();
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_false(rates_reserve(rates, "erp", five_an_hour, 0));
	assert_true(rates_reserve(rates, "erp", five_an_hour, 0));
	rates_cancel(rates, "erp");
	rates_cancel(rates, "erp");
	assert_false(rates_reserve(rates, "erp", five_an_hour, 0));
	for (int i = 0; i < 5; i++)
		rates_accept(rates, "erp", 10);
	assert_true(rates_reserve(rates, "erp", five_an_hour, 20));
	rates_cancel(rates, "erp");
	rates_cancel(rates, "nobody");
	rates_accept(rates, "nobody", 0);
	rates_forget(rates, STR("nobody"));
	rates_free(rates);
}

static void a_release_begins_anew(void **state)
{
	struct rates *rates = rates_new();
	(void)state;
	for (int i = 0; i < 9; i++)
		(void)send_one(rates, "erp", five_an_hour, 0);
	assert_false(rates_reserve(rates, "other", five_an_hour, 0));
	assert_true(rates_reserve(rates, "erp", five_an_hour, 0));
	rates_forget(rates, STR("erp"));
	/* The one under way still counts. */
	for (int i = 0; i < 4; i++)
		assert_false(send_one(rates, "erp", five_an_hour, 0));
	assert_true(send_one(rates, "erp", five_an_hour, 0));
	rates_free(rates);
}

static const char text[] = CONFIG_SMALLEST
	"devices = ( { name = \"erp\"; address = \"10.0.0.1\"; hold_above = \"5/h\"; },"
	"            { name = \"xerox\"; address = \"10.0.0.2\"; } );";

static void a_reload_keeps_what_still_has_a_rate(void **state)
{
	struct rates *rates = rates_new();
	struct config *config = config_must_load(text);
	static const char *const names[] = { "erp", "xerox", "gone" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (int n = 0; n < 5; n++)
			assert_false(send_one(rates, names[i], five_an_hour, 0));
	rates_keep(rates, config);
	assert_true(send_one(rates, "erp", five_an_hour, 0));
	assert_false(send_one(rates, "xerox", five_an_hour, 0));
	assert_false(send_one(rates, "gone", five_an_hour, 0));
	/* More of the same time goes on counting; another time begins anew. */
	assert_false(send_one(rates, "erp", (struct units_rate){ 7, HOUR }, 0));
	assert_true(send_one(rates, "erp", (struct units_rate){ 7, HOUR }, 0));
	assert_false(send_one(rates, "erp", (struct units_rate){ 7, MINUTE }, 0));
	config_unref(config);
	rates_free(rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_slides),
		cmocka_unit_test(the_rate_itself_is_allowed),
		cmocka_unit_test(reservations_count),
		cmocka_unit_test(a_release_begins_anew),
		cmocka_unit_test(a_reload_keeps_what_still_has_a_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
