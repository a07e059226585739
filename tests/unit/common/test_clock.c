/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/clock.h"

static void dates_are_written(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *iso;
		const char *rfc5322;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z", "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ INT64_C(1795348800123), "2026-11-22T12:00:00.123Z",
		  "Sun, 22 Nov 2026 12:00:00 +0000" },
		{ INT64_C(1709164799999), "2024-02-28T23:59:59.999Z",
		  "Wed, 28 Feb 2024 23:59:59 +0000" },
		{ INT64_C(1709164800000), "2024-02-29T00:00:00.000Z",
		  "Thu, 29 Feb 2024 00:00:00 +0000" },
		{ INT64_C(4102444799001), "2099-12-31T23:59:59.001Z",
		  "Thu, 31 Dec 2099 23:59:59 +0000" },
	};
	/* Neither the zone nor the language of the process may show. */
	setenv("TZ", "Asia/Tokyo", 1); /* NOLINT(concurrency-mt-unsafe) */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out;
		strbuf_init(&out, 100);
		clock_append_iso(&out, rows[i].ms);
		assert_string_equal(strbuf_cstr(&out), rows[i].iso);
		strbuf_reset(&out);
		clock_append_rfc5322(&out, rows[i].ms);
		assert_string_equal(strbuf_cstr(&out), rows[i].rfc5322);
		strbuf_done(&out);
	}
}

static void the_clocks_go(void **state)
{
	(void)state;
	int64_t before = clock_mono_ms();
	int64_t wall = clock_wall_ms();
	assert_true(wall > INT64_C(1600000000000)); /* milliseconds since 1970 */
	/* Ends by itself as soon as a millisecond has passed. */
	while (clock_mono_ms() == before)
		continue;
	assert_true(clock_mono_ms() > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_written),
		cmocka_unit_test(the_clocks_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
