/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/sreply.h"

static void assert_reply(unsigned code, struct str text, const char *want)
{
	struct strbuf out;
	strbuf_init(&out, 8192);
	sreply_append(&out, code, text);
	assert_string_equal(strbuf_cstr(&out), want);
	strbuf_done(&out);
}

static void lines(void **state)
{
	(void)state;
	assert_reply(250, STR("2.0.0 OK"), "250 2.0.0 OK\r\n");
	assert_reply(334, STR(""), "334 \r\n");
	assert_reply(250, STR("a\nb\nc"), "250-a\r\n250-b\r\n250 c\r\n");
	assert_reply(250, STR("a\n"), "250-a\r\n250 \r\n");
}

/* INJ: nothing a client said can begin a line of its own, or speak to a terminal. */
static void only_printable(void **state)
{
	(void)state;
	assert_reply(501, STR("x\r\x1b[2J\t\0\x7f\xc3\xbcz"), "501 x??[2J????\?z\r\n");
}

static void at_most_512_octets(void **state)
{
	char text[2000];
	struct strbuf out;
	(void)state;
	memset(text, 'a', sizeof(text));
	text[1000] = '\n';
	strbuf_init(&out, 8192);
	sreply_append(&out, 550, (struct str){ text, sizeof(text) });
	assert_int_equal(out.n, 2 * SREPLY_LINE_MAX);
	assert_memory_equal(out.p + SREPLY_LINE_MAX - 2, "\r\n550 ", 6);
	strbuf_done(&out);
}

static void refusals(void **state)
{
	struct inbound_refusal why;
	char text[1000];
	(void)state;
	assert_false(refusal_set(&why, 452, "4.5.3 %d", 7));
	assert_int_equal(why.code, 452);
	assert_string_equal(why.text, "4.5.3 7");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(refusal_set(&why, 501, "%s", text));
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(only_printable),
		cmocka_unit_test(at_most_512_octets),
		cmocka_unit_test(refusals),
	};
	return cmocka_run_group_tests_name("inbound/sreply", tests, NULL, NULL);
}
