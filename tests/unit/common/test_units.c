/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/units.h"

static void sizes_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		uint64_t bytes;
	} rows[] = {
		{ "0", true, 0 },
		{ "9000000", true, 9000000 },
		{ "35M", true, UINT64_C(35) << 20 },
		{ "35m", true, UINT64_C(35) << 20 },
		{ "500K", true, 500 << 10 },
		{ "2G", true, UINT64_C(2) << 30 },
		{ " 2G ", true, UINT64_C(2) << 30 },
		{ "8589934591G", true, UINT64_C(8589934591) << 30 },
		{ "8589934592G", false, 0 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "9223372036854775808", false, 0 },
		{ "", false, 0 },
		{ "M", false, 0 },
		{ "35MB", false, 0 },
		{ "35 M", false, 0 },
		{ "-1", false, 0 },
		{ "1.5M", false, 0 },
		{ "0x10", false, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t bytes = 99;
		bool ok = units_parse_size(str_of(rows[i].text), &bytes);
		if (ok != rows[i].ok || bytes != (ok ? rows[i].bytes : 99))
			fail_msg("%s", rows[i].text);
	}
}

static void a_date_is_good_to_its_end(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t end_s; /* as date -u -d "TEXT + 1 day" +%s has it; 0: no date */
	} rows[] = {
		{ "1970-01-01", 86400 },
		{ "2000-02-29", 951868800 },
		{ "2024-02-29", 1709251200 },
		{ "2026-11-22", 1795392000 },
		{ "2027-05-01", 1809216000 },
		{ "2027-12-31", 1830297600 },
		{ "9999-12-31", 253402300800 },
		{ "2027-02-29", 0 },
		{ "1900-02-29", 0 },
		{ "2100-02-29", 0 },
		{ "2027-13-01", 0 },
		{ "2027-00-10", 0 },
		{ "2027-04-31", 0 },
		{ "2027-01-00", 0 },
		{ "2027-1-01", 0 },
		{ "2027-05-01 ", 0 },
		{ "27-05-01", 0 },
		{ "2027/05/01", 0 },
		{ "2027-05-+1", 0 },
		{ "", 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t end_ms = 99;
		bool ok = units_parse_date(str_of(rows[i].text), &end_ms);
		if (ok != (rows[i].end_s != 0) || end_ms != (ok ? rows[i].end_s * 1000 : 99))
			fail_msg("%s: %lld", rows[i].text, (long long)end_ms);
	}
}

static void durations_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		int64_t ms;
	} rows[] = {
		{ "0", true, 0 },
		{ "0s", true, 0 },
		{ "250ms", true, 250 },
		{ "30s", true, 30000 },
		{ "5m", true, 300000 },
		{ "1h", true, 3600000 },
		{ "5d", true, INT64_C(432000000) },
		{ "106751991167d", true, INT64_C(106751991167) * 86400000 },
		{ "106751991168d", false, 0 },
		{ "30", false, 0 },
		{ "5M", false, 0 }, /* would be a size */
		{ "5 m", false, 0 },
		{ "5min", false, 0 },
		{ "", false, 0 },
		{ "m", false, 0 },
		{ "-5m", false, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = 99;
		bool ok = units_parse_duration(str_of(rows[i].text), &ms);
		if (ok != rows[i].ok || ms != (ok ? rows[i].ms : 99))
			fail_msg("%s", rows[i].text);
	}
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = { { 0, "0" },
		      { 1, "1" },
		      { 1024, "1K" },
		      { 1025, "1025" },
		      { UINT64_C(35) << 20, "35M" },
		      { UINT64_C(1) << 40, "1024G" } };
	static const struct {
		int64_t ms;
		const char *text;
	} durations[] = { { 0, "0" },		{ 1, "1ms" },	   { 1500, "1500ms" },
			  { 90000, "90s" },	{ 3600000, "1h" }, { 432000000, "5d" },
			  { 176400000, "49h" }, { 5400000, "90m" } };
	struct strbuf out;
	strbuf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint64_t again;
		strbuf_reset(&out);
		units_append_size(&out, sizes[i].bytes);
		assert_string_equal(strbuf_cstr(&out), sizes[i].text);
		assert_true(units_parse_size(strbuf_str(&out), &again));
		assert_int_equal(again, sizes[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
		int64_t again;
		strbuf_reset(&out);
		units_append_duration(&out, durations[i].ms);
		assert_string_equal(strbuf_cstr(&out), durations[i].text);
		assert_true(units_parse_duration(strbuf_str(&out), &again));
		assert_int_equal(again, durations[i].ms);
	}
	strbuf_done(&out);
}

static void ages_are_for_people(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ -5, "0 s" },		 { 0, "0 s" },
		{ 59999, "59 s" },	 { 60000, "1 min" },
		{ 3599999, "59 min" },	 { 7500000, "2 h 5 min" },
		{ 86400000, "1 d 0 h" }, { 180000000, "2 d 2 h" },
	};
	struct strbuf out;
	strbuf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		strbuf_reset(&out);
		units_append_age(&out, rows[i].ms);
		assert_string_equal(strbuf_cstr(&out), rows[i].text);
	}
	strbuf_done(&out);
}

static void rates_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t count; /* 0: refused */
		int64_t per_ms;
	} rows[] = {
		{ "5000/h", 5000, 3600000 },
		{ "1/s", 1, 1000 },
		{ " 30/m ", 30, 60000 },
		{ "7/d", 7, 86400000 },
		{ "0/h", 0, 0 },
		{ "5000", 0, 0 },
		{ "5/ms", 0, 0 },
		{ "/h", 0, 0 },
		{ "5/", 0, 0 },
		{ "-5/h", 0, 0 },
		{ "5 /h", 0, 0 },
		{ "99999999999999999999/h", 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct units_rate rate = { 0 }, again = { 0 };
		struct strbuf out;
		assert_int_equal(units_parse_rate(str_of(rows[i].text), &rate), rows[i].count != 0);
		assert_int_equal(rate.count, rows[i].count);
		if (rate.count == 0)
			continue;
		assert_int_equal(rate.per_ms, rows[i].per_ms);
		strbuf_init(&out, 64);
		units_append_rate(&out, rate);
		assert_true(units_parse_rate(strbuf_str(&out), &again));
		assert_int_equal(again.count, rate.count);
		assert_int_equal(again.per_ms, rate.per_ms);
		strbuf_done(&out);
	}
}

static void test_seconds_up(void **state)
{
	(void)state;
	assert_int_equal(units_seconds_up(0), 0);
	assert_int_equal(units_seconds_up(1), 1);
	assert_int_equal(units_seconds_up(1000), 1);
	assert_int_equal(units_seconds_up(1001), 2);
}

static void rough_durations(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 1, "1s" },
		{ 1000, "1s" },
		{ 1001, "2s" },
		{ 59000, "59s" },
		{ 59001, "1m" },
		{ 60001, "2m" },
		{ 13 * 60000 + 1, "14m" },
		{ 90 * 60000, "90m" },
		{ 119 * 60000 + 1, "2h" },
		{ 23 * 3600000, "23h" },
		{ 86400000, "1d" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf out;
		strbuf_init(&out, 64);
		units_append_rough(&out, rows[i].ms);
		assert_string_equal(strbuf_cstr(&out), rows[i].text);
		strbuf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rough_durations),
		cmocka_unit_test(test_seconds_up),
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(a_date_is_good_to_its_end),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(ages_are_for_people),
		cmocka_unit_test(rates_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
