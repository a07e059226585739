/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_UNITS_H
#define OAUTHRELAY_COMMON_UNITS_H

#include <stdint.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * Sizes and durations as people write them in the configuration, and back. Pure, any thread.
 *   size      digits with an optional K, M, G (powers of 1024): "35M", "9000000"
 *   duration  digits with ms, s, m, h, d: "30m", "5d"; "0" needs no unit
 *   rate      a number for a second, minute, hour or day: "30/m", "5000/h"
 */
bool units_parse_size(struct str text, uint64_t *bytes) MUST_CHECK;
bool units_parse_duration(struct str text, int64_t *ms) MUST_CHECK;
struct units_rate {
	uint64_t count; /* 0: no rate is set */
	int64_t per_ms;
};
bool units_parse_rate(struct str text, struct units_rate *out) MUST_CHECK; /* at least 1 */
/* A day as ISO 8601 has it, "2027-05-01": the wall clock at its end, UTC. */
bool units_parse_date(struct str text, int64_t *end_ms) MUST_CHECK;
void units_append_rate(struct strbuf *out,
		       struct units_rate rate);		    /* "5000/h"; nothing when none is set */
void units_append_size(struct strbuf *out, uint64_t bytes); /* "35M" when exact, else digits */
void units_append_duration(struct strbuf *out, int64_t ms); /* "5d", "90s": largest exact unit */
/* Whole seconds, rounded up: something that is half a second away is not now. */
int64_t units_seconds_up(int64_t ms);
/* The same rounded up to whole seconds, from a minute on to minutes, from two hours to hours:
 * "14m".
 */
void units_append_rough(struct strbuf *out, int64_t ms);
void units_append_age(struct strbuf *out, int64_t ms); /* for people: "3 min", "2 h 5 min" */

#endif
