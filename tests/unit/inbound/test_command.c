/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/command.h"

/* The table itself: unique verbs in capitals, a syntax for each, flags that do not contradict. */
static void table(void **state)
{
	const struct command *c;
	size_t n = 0;
	(void)state;
	for (; (c = command_at(n)) != NULL; n++) {
		assert_ptr_equal(command_find(str_of(c->verb)), c);
		assert_true(str_starts(str_of(c->syntax), str_of(c->verb)));
		assert_true(c->phases != 0);
		assert_true((c->flags & COMMAND_NO_ARGUMENT) == 0 ||
			    (c->flags & COMMAND_NEEDS_ARGUMENT) == 0);
		for (const char *p = c->verb; *p != '\0'; p++)
			assert_in_range(*p, 'A', 'Z');
	}
	assert_true(n >= 12);
	assert_ptr_equal(command_find(STR("eHlO")), command_at(0));
	assert_null(command_find(STR("")));
	assert_null(command_find(STR("EHL")));
	assert_null(command_find(STR("EHLOX")));
}

/* Which command is legal in which phase: S(tart) H(ello) M(ail) R(cpt) B(dat). */
static const struct legal_row {
	const char *verb;
	const char *args;
	const char *phases;
} legal_rows[] = {
	{ "EHLO", "x", "SHMRB" }, { "HELO", "x", "SHMRB" },   { "STARTTLS", "", "H" },
	{ "AUTH", "PLAIN", "H" }, { "MAIL", "FROM:<>", "H" }, { "RCPT", "TO:<a@b>", "MR" },
	{ "DATA", "", "R" },	  { "BDAT", "1 LAST", "RB" }, { "RSET", "", "SHMRB" },
	{ "NOOP", "", "SHMRB" },  { "NOOP", "x", "SHMRB" },   { "VRFY", "x", "SHMRB" },
	{ "HELP", "", "SHMRB" },  { "QUIT", "", "SHMRB" },    { "EXPN", "x", "" },
	{ "STARTTLS", "x", "" },  { "DATA", "x", "" },	      { "BDAT", "", "" },
	{ "RSET", "x", "" },	  { "EHLO", "", "" },	      { "MAIL", "", "" },
	{ "RCPT", "", "" },	  { "AUTH", "", "" },	      { "VRFY", "", "" },
};

static void legality(void **state)
{
	static const char letters[] = "SHMRB";
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(legal_rows); i++) {
		const struct command *c = command_find(str_of(legal_rows[i].verb));
		assert_non_null(c);
		for (unsigned phase = PHASE_START; phase <= PHASE_BDAT; phase++) {
			struct inbound_refusal why = { .code = 0 };
			bool want = strchr(legal_rows[i].phases, letters[phase]) != NULL;
			bool got = command_legal(c, (enum session_phase)phase,
						 str_of(legal_rows[i].args), &why);
			if (got != want)
				fail_msg("%s in %c", c->verb, letters[phase]);
			if (!got)
				assert_true(why.code >= 501 && why.code <= 503);
		}
	}
}

static void http(void **state)
{
	static const char *const yes[] = { "GET / HTTP/1.1", "post /x",	      "OPTIONS *",
					   "CONNECT a:1",    "HEAD /",	      "PUT /",
					   "DELETE /",	     "PRI * HTTP/2.0" };
	static const char *const no[] = { "", "GET", "GETX /", "HELP GET", "QUIT", "NOOP GET /" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(command_is_http(str_of(yes[i])));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(command_is_http(str_of(no[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(legality),
		cmocka_unit_test(http),
	};
	return cmocka_run_group_tests_name("inbound/command", tests, NULL, NULL);
}
