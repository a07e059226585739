/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "inbound/line.h"

enum {
	MAX = 10
};

/* "[a][b]" for lines, L for one too long, E for one without end. */
static void read_all(struct line_reader *r, struct evbuffer *in, struct strbuf *out)
{
	for (;;) {
		struct secret line;
		switch (line_take(r, in, MAX, &line)) {
		case LINE_NONE:
			return;
		case LINE_READY:
			strbuf_addc(out, '[');
			strbuf_addstr(out, secret_reveal(&line));
			strbuf_addc(out, ']');
			secret_done(&line);
			break;
		case LINE_LONG:
			strbuf_addc(out, 'L');
			break;
		case LINE_ENDLESS:
			strbuf_addc(out, 'E');
			return;
		}
	}
}

static void assert_lines(struct str input, size_t piece, const char *want)
{
	struct line_reader r = { 0 };
	struct evbuffer *in = evbuffer_new();
	struct strbuf out;
	strbuf_init(&out, 4096);
	while (input.n != 0) {
		struct str part = str_head(input, piece);
		input = str_skip(input, part.n);
		evbuffer_add(in, part.p, part.n);
		read_all(&r, in, &out);
	}
	assert_string_equal(strbuf_cstr(&out), want);
	strbuf_done(&out);
	evbuffer_free(in);
}

static void lines(void **state)
{
	static const struct {
		const char *input;
		const char *want;
	} rows[] = {
		{ "", "" },
		{ "a", "" },
		{ "a\r\n", "[a]" },
		{ "a\n", "[a]" },
		{ "\r\n\n", "[][]" },
		{ "a\r\r\n", "[a\r]" },
		{ "a\rb\n", "[a\rb]" },
		{ "\n\ra\n", "[][\ra]" },
		{ "0123456789\r\nb\r\n", "[0123456789][b]" },
		{ "0123456789\nb\n", "[0123456789][b]" },
		{ "0123456789x\r\nb\r\n", "L[b]" },
		{ "0123456789x\nb\n", "L[b]" },
		{ "0123456789xyzQUIT\r\nb\r\n", "L[b]" },
		{ "0123456789\r\r\nb\n", "L[b]" },
		{ "0123456789012345678901234567890123456789\nb\n0123456789xx\nc\n", "L[b]L[c]" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = 1; piece < 20; piece++)
			assert_lines(str_of(rows[i].input), piece, rows[i].want);
}

/* Whatever the segmentation, and of this line only. */
static void long_bdat_is_known(void **state)
{
	static const struct {
		const char *line;
		bool bdat;
	} rows[] = {
		{ "BDAT 86          LAST\r\n", true },
		{ " \tbdat            \n", true },
		{ "NOOP BDAT 1 LAST\r\n", false },
		{ "BDA T           \n", false },
		{ "BBDAT           \n", false },
		{ "                \n", false },
		{ "BDAT            \n", true },
		{ "\x01"
		  "BDAT           \n",
		  false },
	};
	(void)state;
	for (size_t piece = 1; piece < 25; piece++) {
		struct line_reader r = { 0 };
		struct evbuffer *in = evbuffer_new();
		struct secret line;
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			struct str rest = str_of(rows[i].line);
			enum line_status status = LINE_NONE;
			for (; rest.n != 0; rest = str_skip(rest, piece)) {
				evbuffer_add(in, rest.p, str_head(rest, piece).n);
				status = line_take(&r, in, MAX, &line);
			}
			assert_int_equal(status, LINE_LONG);
			assert_int_equal(line_is_bdat(&r), rows[i].bdat);
		}
		evbuffer_free(in);
	}
}

static void nul_is_a_byte(void **state)
{
	struct line_reader r = { 0 };
	struct secret line;
	struct evbuffer *in = evbuffer_new();
	(void)state;
	evbuffer_add(in, "a\0b\r\n", 5);
	assert_int_equal(line_take(&r, in, MAX, &line), LINE_READY);
	assert_true(str_eq(secret_reveal(&line), STR("a\0b")));
	secret_done(&line);
	evbuffer_free(in);
}

/* Any CR taken, wherever it stands, also in what is thrown away; not one that is still to come. */
static void sees_a_cr(void **state)
{
	static const struct {
		const char *bytes;
		bool cr;
	} rows[] = {
		{ "a\nb\n", false },
		{ "a\n\r", false },
		{ "a\r\n", true },
		{ "a\rb\n", true },
		{ "aaaaaaaaaaaaaaa\raaaaaaaaaaaaaaaaaa\n", true },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct line_reader r = { 0 };
		struct evbuffer *in = evbuffer_new();
		struct secret line;
		evbuffer_add(in, rows[i].bytes, strlen(rows[i].bytes));
		for (enum line_status status = LINE_READY; status != LINE_NONE;) {
			status = line_take(&r, in, 10, &line);
			if (status == LINE_READY)
				secret_done(&line);
		}
		assert_int_equal(r.cr, rows[i].cr);
		evbuffer_free(in);
	}
}

/* LEX-02: nothing is kept of a line that does not end. */
static void endless(void **state)
{
	struct line_reader r = { 0 };
	struct secret line;
	struct evbuffer *in = evbuffer_new();
	char block[1000];
	size_t fed = 0;
	(void)state;
	memset(block, 'x', sizeof(block));
	enum line_status status = LINE_NONE;
	while (status == LINE_NONE) {
		evbuffer_add(in, block, sizeof(block));
		fed += sizeof(block);
		status = line_take(&r, in, MAX, &line);
		assert_int_equal(evbuffer_get_length(in), 0);
	}
	assert_int_equal(status, LINE_ENDLESS);
	assert_in_range(fed, LINE_ENDLESS_BYTES, LINE_ENDLESS_BYTES + 2 * sizeof(block));
	evbuffer_free(in);
}

/* The bytes of a line are gone from the buffer's memory, too. */
static void wiped(void **state)
{
	static char memory[] = "secret\r\nnext";
	struct line_reader r = { 0 };
	struct secret line;
	struct evbuffer *in = evbuffer_new();
	(void)state;
	evbuffer_add_reference(in, memory, strlen(memory), NULL, NULL);
	assert_int_equal(line_take(&r, in, MAX, &line), LINE_READY);
	assert_true(str_eq(secret_reveal(&line), STR("secret")));
	assert_memory_equal(memory, "\0\0\0\0\0\0\0\0next", 12);
	secret_done(&line);
	evbuffer_free(in);
}

/* A long line byte by byte is not looked through again and again. */
static void linear(void **state)
{
	struct line_reader r = { 0 };
	struct secret line;
	struct evbuffer *in = evbuffer_new();
	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		evbuffer_add(in, "x", 1);
		assert_int_equal(line_take(&r, in, 65536, &line), LINE_NONE);
	}
	evbuffer_add(in, "\n", 1);
	assert_int_equal(line_take(&r, in, 65536, &line), LINE_READY);
	assert_int_equal(line.n, 60000);
	secret_done(&line);
	evbuffer_free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(nul_is_a_byte),
		cmocka_unit_test(endless),
		cmocka_unit_test(sees_a_cr),
		cmocka_unit_test(wiped),
		cmocka_unit_test(linear),
		cmocka_unit_test(long_bdat_is_known),
	};
	return cmocka_run_group_tests_name("inbound/line", tests, NULL, NULL);
}
