/* SPDX-License-Identifier: MIT */
#include "common/clock.h"

#include <time.h>

static int64_t now_ms(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	/* BOOTTIME goes on while a laptop or VM sleeps, as the tokens' lives do. */
	return now_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
	return now_ms(CLOCK_REALTIME);
}

static struct tm to_utc(int64_t wall_ms)
{
	struct tm tm;
	time_t seconds = (time_t)(wall_ms / 1000);
	gmtime_r(&seconds, &tm);
	return tm;
}

void clock_append_iso(struct strbuf *out, int64_t wall_ms)
{
	struct tm tm = to_utc(wall_ms);
	strbuf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall_ms % 1000));
}

void clock_append_rfc5322(struct strbuf *out, int64_t wall_ms)
{
	/* strftime would use the locale's names. */
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm tm = to_utc(wall_ms);
	strbuf_addf(out, "%s, %d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
		    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
