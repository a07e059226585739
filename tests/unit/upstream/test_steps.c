/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "upstream/steps.h"

static bool waits(enum session_state state)
{
	return state != SESSION_READY && state != SESSION_UNSENT && state != SESSION_ENDED;
}

static void every_row_is_whole(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_STATE_COUNT; i++) {
		const struct session_row *row = session_row((enum session_state)i);
		assert_non_null(row->awaited);
		assert_true(strlen(row->awaited) > 0);
		assert_int_equal(row->timeout_ms != 0, waits((enum session_state)i));
		/* Texts say whole seconds. */
		assert_int_equal(row->timeout_ms % 1000, 0);
		assert_int_equal(row->accepted != NULL, row->first != 0);
		assert_true(row->first <= row->last);
		/* What leads on is never a refusal. */
		assert_true(row->last < 400 && row->also < 400);
	}
}

struct minimum {
	enum session_state state;
	int64_t ms;
};

/* RFC 5321 4.5.3.2.2 and following: from MAIL on, not a second less. */
static void waits_as_long_as_the_rfc(void **state)
{
	static const struct minimum minima[] = {
		{ SESSION_MAIL, 5 * 60000 },   { SESSION_RCPT, 5 * 60000 },
		{ SESSION_DATA, 2 * 60000 },   { SESSION_CONTENT, 3 * 60000 },
		{ SESSION_FINAL, 10 * 60000 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(minima); i++)
		assert_true(session_row(minima[i].state)->timeout_ms >= minima[i].ms);
}

/* Before a message is at stake nobody waits longer than a minute. */
static void does_not_wait_long_for_a_connection(void **state)
{
	(void)state;
	for (int i = SESSION_CONNECTING; i < SESSION_READY; i++)
		assert_in_range(session_row((enum session_state)i)->timeout_ms, 1000, 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(waits_as_long_as_the_rfc),
		cmocka_unit_test(does_not_wait_long_for_a_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
