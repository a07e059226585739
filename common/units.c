/* SPDX-License-Identifier: MIT */
#include "common/units.h"

#include "common/attr.h"

static const struct size_unit {
	char letter;
	uint64_t bytes;
} size_units[] = {
	{ 'G', UINT64_C(1) << 30 },
	{ 'M', UINT64_C(1) << 20 },
	{ 'K', UINT64_C(1) << 10 },
};

static const struct duration_unit {
	const char *name; /* largest first */
	int64_t ms;
} duration_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

/* Digits at the start of text; *unit gets what follows. */
static bool split_number(struct str text, uint64_t *number, struct str *unit)
{
	size_t digits = 0;
	while (digits < text.n && ascii_is_digit(text.p[digits]))
		digits++;
	*unit = str_skip(text, digits);
	return str_to_u64(str_head(text, digits), INT64_MAX, number);
}

bool units_parse_size(struct str text, uint64_t *bytes)
{
	uint64_t number;
	struct str unit;
	if (!split_number(str_trim(text), &number, &unit))
		return false;
	if (unit.n == 0) {
		*bytes = number;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(size_units); i++) {
		if (unit.n != 1 || ascii_lower(unit.p[0]) != ascii_lower(size_units[i].letter))
			continue;
		if (number > INT64_MAX / size_units[i].bytes)
			return false;
		*bytes = number * size_units[i].bytes;
		return true;
	}
	return false;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar, whose years begin in March here. */
static int64_t days_from_1970(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;
	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t days_in(uint64_t year, uint64_t month)
{
	static const int64_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

bool units_parse_date(struct str text, int64_t *end_ms)
{
	uint64_t year, month, day;
	if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-' ||
	    !str_to_u64(str_head(text, 4), 9999, &year) ||
	    !str_to_u64((struct str){ text.p + 5, 2 }, 12, &month) ||
	    !str_to_u64((struct str){ text.p + 8, 2 }, 31, &day))
		return false;
	if (year < 1970 || month == 0 || day == 0 || (int64_t)day > days_in(year, month))
		return false;
	*end_ms = (days_from_1970((int64_t)year, (int64_t)month, (int64_t)day) + 1) * 86400000;
	return true;
}

bool units_parse_duration(struct str text, int64_t *ms)
{
	uint64_t number;
	struct str unit;
	if (!split_number(str_trim(text), &number, &unit))
		return false;
	if (unit.n == 0 && number == 0) {
		*ms = 0;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
		if (!str_eq(unit, str_of(duration_units[i].name)))
			continue;
		if (number > (uint64_t)(INT64_MAX / duration_units[i].ms))
			return false;
		*ms = (int64_t)number * duration_units[i].ms;
		return true;
	}
	return false;
}

bool units_parse_rate(struct str text, struct units_rate *out)
{
	uint64_t count;
	struct str unit;
	if (!split_number(str_trim(text), &count, &unit) || count == 0 || unit.n != 2 ||
	    unit.p[0] != '/')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
		if (!str_eq(str_skip(unit, 1), str_of(duration_units[i].name)))
			continue;
		*out = (struct units_rate){ count, duration_units[i].ms };
		return true;
	}
	return false;
}

void units_append_rate(struct strbuf *out, struct units_rate rate)
{
	for (size_t i = 0; rate.count != 0 && i < ARRAY_LEN(duration_units); i++)
		if (duration_units[i].ms == rate.per_ms)
			strbuf_addf(out, "%llu/%s", (unsigned long long)rate.count,
				    duration_units[i].name);
}

void units_append_size(struct strbuf *out, uint64_t bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(size_units); i++) {
		if (bytes == 0 || bytes % size_units[i].bytes != 0)
			continue;
		strbuf_addf(out, "%llu%c", (unsigned long long)(bytes / size_units[i].bytes),
			    size_units[i].letter);
		return;
	}
	strbuf_addf(out, "%llu", (unsigned long long)bytes);
}

void units_append_duration(struct strbuf *out, int64_t ms)
{
	for (size_t i = 0; i < ARRAY_LEN(duration_units); i++) {
		if (ms == 0 || ms % duration_units[i].ms != 0)
			continue;
		strbuf_addf(out, "%lld%s", (long long)(ms / duration_units[i].ms),
			    duration_units[i].name);
		return;
	}
	strbuf_addc(out, '0');
}

int64_t units_seconds_up(int64_t ms)
{
	return (ms + 999) / 1000;
}

void units_append_rough(struct strbuf *out, int64_t ms)
{
	int64_t unit = ms <= 59 * 1000 ? 1000 : ms <= 119 * 60 * 1000 ? 60 * 1000 : 3600 * 1000;
	units_append_duration(out, (ms + unit - 1) / unit * unit);
}

void units_append_age(struct strbuf *out, int64_t ms)
{
	long long s = ms > 0 ? ms / 1000 : 0;
	if (s < 60)
		strbuf_addf(out, "%lld s", s);
	else if (s < 3600)
		strbuf_addf(out, "%lld min", s / 60);
	else if (s < 86400)
		strbuf_addf(out, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		strbuf_addf(out, "%lld d %lld h", s / 86400, s / 3600 % 24);
}
