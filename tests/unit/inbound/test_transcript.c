/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/command.h"
#include "inbound/transcript.h"

#define CANARY "aHVudGVyMg=="

static char *text_of(const struct transcript *t)
{
	struct strbuf out;
	strbuf_init(&out, 1024 * 1024);
	transcript_append(&out, t);
	assert_false(out.overflow);
	strbuf_addc(&out, '\0');
	return strbuf_steal(&out);
}

static void is_for_people(void **state)
{
	struct transcript *t = transcript_new(1000, 8192);
	(void)state;
	transcript_reply(t, 1000, STR("220 relay.contoso.com ESMTP oauthrelay\r\n"));
	transcript_command(t, 1012, STR("EHLO printer"));
	transcript_reply(t, 1012, STR("250-relay Hello\r\n250 SIZE 1\r\n"));
	transcript_content(t, 2000, "DATA", 1234567);
	transcript_content(t, 2001, "DATA", 1);
	transcript_content(t, 2002, "BDAT", 999);
	transcript_event(t, 62345, "(connection lost)");
	char *text = text_of(t);
	assert_string_equal(text, "    0.000 S: 220 relay.contoso.com ESMTP oauthrelay\n"
				  "    0.012 C: EHLO printer\n"
				  "    0.012 S: 250-relay Hello\n"
				  "    0.012 S: 250 SIZE 1\n"
				  "    1.000 C: (DATA: 1,234,567 bytes)\n"
				  "    1.001 C: (DATA: 1 byte)\n"
				  "    1.002 C: (BDAT: 999 bytes)\n"
				  "   61.345 (connection lost)\n");
	free(text);
	transcript_free(t);
	transcript_free(NULL);
}

static const struct row {
	const char *line;
	const char *shown;
} rows[] = {
	{ "AUTH PLAIN " CANARY, "AUTH PLAIN ***" },
	{ "auth login " CANARY, "auth login ***" },
	{ "AUTH LOGIN", "AUTH LOGIN" },
	{ "  AUTH\tPLAIN  " CANARY " " CANARY, "AUTH PLAIN ***" },
	{ "AUTH " CANARY, "AUTH ***" },
	{ "AUTH", "AUTH" },
	{ CANARY, "(12 bytes that are no command)" },
	{ "AUTHPLAIN " CANARY, "(22 bytes that are no command)" },
	{ "x", "(1 byte that are no command)" },
	{ "", "(0 bytes that are no command)" },
	{ "NOOP " CANARY, "NOOP (12 bytes)" },
	{ "QUIT " CANARY, "QUIT (12 bytes)" },
	{ "RSET", "RSET" },
	{ "MAIL FROM:<a@b.c> SIZE=3", "MAIL FROM:<a@b.c> SIZE=3" },
	{ "RCPT TO:<\x1b[2J\xff@b.c>", "RCPT TO:<\\x1b[2J\\xff@b.c>" },
	/* Lines that end in CR alone. */
	{ "EHLO x\rAUTH PLAIN " CANARY "\r", "EHLO x (25 bytes behind a lone CR)" },
	{ "MAIL FROM:<a@b.c>\r" CANARY, "MAIL FROM:<a@b.c> (13 bytes behind a lone CR)" },
	{ "VRFY x\rAUTH LOGIN\r" CANARY, "VRFY x (24 bytes behind a lone CR)" },
};

static void masks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct transcript *t = transcript_new(0, 8192);
		char *expected = NULL;
		transcript_command(t, 0, str_of(rows[i].line));
		char *text = text_of(t);
		assert_true(asprintf(&expected, "    0.000 C: %s\n", rows[i].shown) > 0);
		assert_string_equal(text, expected);
		assert_null(strstr(text, CANARY));
		free(expected);
		free(text);
		transcript_free(t);
	}
}

/* Whatever command there is or will be: a word behind it is shown only where it says what is
 * wanted. */
static void no_command_shows_what_it_has_no_use_for(void **state)
{
	const struct command *c;
	(void)state;
	for (size_t i = 0; (c = command_at(i)) != NULL; i++) {
		struct transcript *t = transcript_new(0, 8192);
		char *line = NULL;
		assert_true(asprintf(&line, "%s " CANARY, c->verb) > 0);
		transcript_command(t, 0, str_of(line));
		char *text = text_of(t);
		bool shown = strstr(text, CANARY) != NULL;
		bool wanted =
			(c->flags & (COMMAND_NEEDS_ARGUMENT | COMMAND_MAY_HAVE_ARGUMENT)) != 0 &&
			(c->flags & COMMAND_HAS_SECRET) == 0;
		assert_int_equal(shown, wanted);
		if (strcmp(c->verb, "AUTH") == 0)
			assert_false(shown);
		free(text);
		free(line);
		transcript_free(t);
	}
}

/* limits.transcript_size: the first part and the latest are kept, and the gap is told. */
static void is_bounded(void **state)
{
	static const size_t sizes[] = { 1024, 8192, 65536 };
	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		struct transcript *t = transcript_new(0, sizes[k]);
		char line[400];
		unsigned shown = 0, left_out = 0;
		enum {
			LINES = 5000
		};
		for (unsigned i = 0; i < LINES; i++) {
			int n = snprintf(line, sizeof(line), "RCPT TO:<%u%*s>", i, (int)(i % 350),
					 "x");
			transcript_command(t, i, (struct str){ line, (size_t)n });
			assert_true(transcript_memory(t) <= 3 * sizes[k] + 1024);
		}
		char *text = text_of(t);
		assert_true(strlen(text) <= sizes[k] + 64);
		assert_true(strlen(text) >= sizes[k] / 3);
		assert_non_null(strstr(text, "RCPT TO:<0"));
		assert_non_null(strstr(text, "RCPT TO:<4999"));
		assert_null(strstr(text, "RCPT TO:<2500 "));
		const char *gap = strstr(text, "          (");
		assert_int_equal(sscanf(gap, " (%u lines left out)", &left_out), 1);
		for (const char *p = text; *p != '\0'; p++)
			shown += *p == '\n';
		assert_int_equal(shown - 1 + left_out, LINES);
		free(text);
		transcript_free(t);
	}
}

/* An idle connection's: one line. */
static void begins_small(void **state)
{
	struct transcript *t = transcript_new(0, 1024 * 1024);
	(void)state;
	transcript_reply(t, 0, STR("220 relay.contoso.com ESMTP oauthrelay\r\n"));
	assert_true(transcript_memory(t) < 512);
	transcript_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_for_people),
		cmocka_unit_test(masks),
		cmocka_unit_test(no_command_shows_what_it_has_no_use_for),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(begins_small),
	};
	return cmocka_run_group_tests_name("inbound/transcript", tests, NULL, NULL);
}
