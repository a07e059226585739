/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spool/record.h"

static struct msgid some_id(void)
{
	struct msgid id;
	assert_true(msgid_parse(STR("00112233445566778899aabbccddeeff"), &id));
	return id;
}

static void test_known_text(void **state)
{
	struct strbuf out;
	(void)state;
	strbuf_init(&out, 4096);
	/* printf '{"a":1}' | sha256sum */
	assert_true(record_append(&out, RECORD_ENVELOPE, STR("{\"a\":1}")));
	assert_string_equal(strbuf_cstr(&out), "OAR1 envelope 7 015abd7f5cc57a2d {\"a\":1}\n");
	strbuf_done(&out);
}

static struct record_end some_end(void)
{
	struct record_end end = { .id = some_id(), .content_at = 96, .recipients = 2 };
	end.stats = (struct body_stats){
		.header_size = 300,
		.size = 12345,
		.longest_line = 76,
		.eight_bit = true,
		.eight_bit_header = true,
		.header_done = true,
		.received_count = 3,
	};
	end.sum = digest_of(STR("content"));
	return end;
}

static void test_end(void **state)
{
	struct strbuf out;
	struct str payload;
	struct record_end want = some_end();
	struct record_end end;
	size_t line;
	(void)state;
	strbuf_init(&out, RECORD_LINE_MAX);
	record_append_end(&out, &want);
	assert_true(str_starts(strbuf_str(&out), record_magic(RECORD_END)));
	assert_true(record_parse(strbuf_str(&out), RECORD_END, &payload, &line));
	assert_int_equal(line, out.n);
	assert_true(record_parse_end(payload, &end));
	assert_true(msgid_equal(&end.id, &want.id));
	assert_int_equal(end.content_at, want.content_at);
	assert_int_equal(end.recipients, want.recipients);
	assert_int_equal(end.stats.size, want.stats.size);
	assert_int_equal(end.stats.header_size, want.stats.header_size);
	assert_int_equal(end.stats.longest_line, want.stats.longest_line);
	assert_int_equal(end.stats.received_count, want.stats.received_count);
	assert_true(end.stats.eight_bit);
	assert_true(end.stats.eight_bit_header);
	assert_true(end.stats.header_done);
	assert_true(sha256_equal(&end.sum, &want.sum));
	assert_false(record_parse(strbuf_str(&out), RECORD_PROGRESS, &payload, &line));
	assert_true(memmem(out.p, out.n, "eight_bit_header", 16) != NULL);
	strbuf_reset(&out);
	want.stats.eight_bit_header = false;
	record_append_end(&out, &want);
	assert_true(record_parse(strbuf_str(&out), RECORD_END, &payload, &line));
	assert_true(memmem(payload.p, payload.n, "eight_bit_header", 16) == NULL);
	assert_true(record_parse_end(payload, &end));
	assert_false(end.stats.eight_bit_header);
	strbuf_done(&out);
}

static void test_end_refused(void **state)
{
#define ID  "id=00112233445566778899aabbccddeeff "
#define SUM "sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	static const char *const good = ID
		"at=1 size=9 header=9 header_done=1 longest=9 eight_bit=0 received=0 recipients=1 " SUM;
	static const char *const bad[] = {
		"",
		"id=",
		ID,
		ID
		"at=1 size=9 header=10 header_done=1 longest=9 eight_bit=0 received=0 recipients=1 " SUM,
		ID
		"at=1 size=9 header=9 header_done=2 longest=9 eight_bit=0 received=0 recipients=1 " SUM,
		ID
		"at=1 size=9 header=9 header_done=1 longest=10 eight_bit=0 received=0 recipients=1 " SUM,
		ID
		"at=01 size=9 header=9 header_done=1 longest=9 eight_bit=0 received=0 recipients=1 " SUM,
		ID
		"at=-1 size=9 header=9 header_done=1 longest=9 eight_bit=0 received=0 recipients=1 " SUM,
		ID "at=18446744073709551615 size=9 header=9 header_done=1 longest=9 eight_bit=0 "
		   "received=0 recipients=1 " SUM,
		ID
		"size=9 at=1 header=9 header_done=1 longest=9 eight_bit=0 received=0 recipients=1 " SUM,
		ID
		"at=1 size=9 header=9 header_done=1 longest=9 eight_bit=0 received=0 recipients=1 " SUM
		" more=1",
		ID
		"at=1 size=9 header=9 header_done=1 longest=9 eight_bit=0 received=0 recipients=1 "
		"sha256=e3b0",
		ID "at=1 size=9 header=9 header_done=1 longest=9 eight_bit=0 eight_bit_header=2 "
		   "received=0 recipients=1 " SUM,
		ID "at=1 size=9 header=9 header_done=1 longest=9 eight_bit=0 eight_bit_headers=1 "
		   "received=0 recipients=1 " SUM,
	};
	struct record_end end;
	(void)state;
	/* As a file of an earlier version has it, and with what was added. */
	assert_true(record_parse_end(str_of(good), &end));
	assert_false(end.stats.eight_bit_header);
	assert_true(record_parse_end(
		str_of(ID "at=1 size=9 header=9 header_done=1 longest=9 eight_bit=1 "
			  "eight_bit_header=1 received=0 recipients=1 " SUM),
		&end));
	assert_true(end.stats.eight_bit_header);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (record_parse_end(str_of(bad[i]), &end))
			fail_msg("%s", bad[i]);
}

static void assert_same_progress(const struct progress *want)
{
	struct strbuf out, reply;
	struct str payload;
	struct progress got;
	size_t line;
	uint32_t number;
	strbuf_init(&out, RECORD_LINE_MAX);
	strbuf_init(&reply, RECORD_LINE_MAX);
	record_append_progress(&out, 7, want);
	assert_false(out.overflow);
	/* One line of printable text, whatever the reply was. */
	for (size_t i = 0; i + 1 < out.n; i++)
		assert_true(ascii_is_print(out.p[i]));
	assert_true(record_parse(strbuf_str(&out), RECORD_PROGRESS, &payload, &line));
	assert_int_equal(line, out.n);
	assert_true(record_parse_progress(payload, &number, &got, &reply));
	assert_int_equal(number, 7);
	assert_int_equal(got.recipient, want->recipient);
	assert_int_equal(got.state, want->state);
	assert_int_equal(got.attempts, want->attempts);
	assert_int_equal(got.next_ms, want->next_ms);
	assert_true(str_eq(got.reply, str_head(want->reply, RECORD_REPLY_MAX)));
	strbuf_done(&reply);
	strbuf_done(&out);
}

static void test_progress(void **state)
{
	char every[256], longest[RECORD_REPLY_MAX + 100];
	(void)state;
	for (size_t i = 0; i < sizeof(every); i++)
		every[i] = (char)i;
	memset(longest, '%', sizeof(longest));
	const struct str replies[] = {
		STR(""),
		STR("250 2.0.0 OK"),
		STR("x\nOAR1 end 1 2 3\n"),
		{ every, sizeof(every) },
		{ longest, sizeof(longest) },
	};
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++)
		for (unsigned s = 0; s < PROGRESS_COUNT; s++) {
			struct progress p = {
				.recipient = s == 0 ? PROGRESS_MESSAGE : 4999 * s,
				.state = (enum progress_state)s,
				.attempts = UINT32_MAX - s,
				.next_ms = s == 1 ? INT64_MAX : s,
				.reply = replies[i],
			};
			assert_same_progress(&p);
		}
}

static void test_progress_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"n=1",
		"n=1 to=0 state=sent attempts=1 next=0",
		"n=1 to=0 state=gone attempts=1 next=0 reply=",
		"n=1 to=4294967295 state=sent attempts=1 next=0 reply=",
		"n=1 to= state=sent attempts=1 next=0 reply=",
		"n=1 to=0 state=sent attempts=4294967296 next=0 reply=",
		"n=1 to=0 state=sent attempts=1 next=9223372036854775808 reply=",
		"n=1 to=0 state=sent attempts=1 next=0 reply=%4",
		"n=1 to=0 state=sent attempts=1 next=0 reply=%4G",
		"n=1 to=0 state=sent attempts=1 next=0 reply=\t",
	};
	struct strbuf reply;
	struct progress p;
	uint32_t n;
	(void)state;
	strbuf_init(&reply, RECORD_LINE_MAX);
	assert_true(record_parse_progress(STR("n=1 to=* state=sent attempts=1 next=0 reply=%41"),
					  &n, &p, &reply));
	assert_int_equal(p.recipient, PROGRESS_MESSAGE);
	assert_true(str_eq(p.reply, STR("A")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		strbuf_reset(&reply);
		if (record_parse_progress(str_of(bad[i]), &n, &p, &reply))
			fail_msg("%s", bad[i]);
	}
	strbuf_done(&reply);
}

/* What a crash leaves is torn; what has been tampered with is not. */
static void test_torn_and_damaged(void **state)
{
	struct strbuf out;
	struct progress p = { .state = PROGRESS_SENT, .reply = STR("250 OK") };
	struct str payload;
	size_t line;
	(void)state;
	strbuf_init(&out, RECORD_LINE_MAX);
	record_append_progress(&out, 1, &p);
	for (size_t n = 1; n < out.n; n++) {
		struct str cut = str_head(strbuf_str(&out), n);
		assert_false(record_parse(cut, RECORD_PROGRESS, &payload, &line));
		assert_true(record_is_torn(cut, 1000));
	}
	for (size_t i = 0; i < out.n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			out.p[i] = (char)(out.p[i] ^ (1 << bit));
			assert_false(
				record_parse(strbuf_str(&out), RECORD_PROGRESS, &payload, &line));
			assert_false(record_is_torn(strbuf_str(&out), 1000));
			out.p[i] = (char)(out.p[i] ^ (1 << bit));
		}
	strbuf_done(&out);
}

static void test_blocks_that_never_came(void **state)
{
	char bytes[1024] = "OAR1 progress 60 0123";
	(void)state;
	assert_true(record_is_torn((struct str){ bytes, 40 }, 5));	  /* to the file's end */
	assert_true(record_is_torn((struct str){ bytes + 200, 100 }, 5)); /* nothing came */
	memset(bytes + 512, 'x', 512);
	bytes[1023] = '\n';
	assert_true(record_is_torn((struct str){ bytes, 1024 }, 0)); /* to a block's end */
	assert_false(record_is_torn((struct str){ bytes, 1024 }, 1));
	assert_false(record_is_torn((struct str){ bytes + 600, 424 }, 600));
}

static void test_heads(void **state)
{
	static const char *const bad[] = {
		"",
		"OAR1",
		"OAR1 end",
		"OAR1 end 1",
		"OAR1 end 1 0123456789abcdef",
		"OAR1 end 1 0123456789abcde x",
		"OAR1 end x1 0123456789abcdef x",
		"OAR1 end 01 0123456789abcdef x",
		"OAR1 end  0123456789abcdef x",
		"OAR1 end 99999999999999999999 0123456789abcdef x",
		"OAR1 end 4194305 0123456789abcdef x",
		"OAR2 end 1 0123456789abcdef x",
		"OAR1 endx 1 0123456789abcdef x",
		" OAR1 end 1 0123456789abcdef x",
	};
	struct record_head head;
	(void)state;
	assert_true(record_head_parse(STR("OAR1 end 1 0123456789abcdef x"), &head));
	assert_int_equal(head.type, RECORD_END);
	assert_int_equal(head.length, 1);
	assert_int_equal(head.head_length, 28);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (record_head_parse(str_of(bad[i]), &head))
			fail_msg("%s", bad[i]);
}

static void test_digest(void **state)
{
	/* FIPS 180-2, B.1: "abc" */
	static const uint8_t abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
	(void)state;
	struct digest *digest = digest_new();
	digest_add(digest, STR("a"));
	digest_add(digest, STR(""));
	digest_add(digest, STR("bc"));
	struct sha256 sum = digest_end(digest);
	struct sha256 other = digest_of(STR("abc"));
	assert_memory_equal(sum.b, abc, sizeof(abc));
	assert_true(sha256_equal(&sum, &other));
	digest_free(digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_text),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_end_refused),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_progress_refused),
		cmocka_unit_test(test_torn_and_damaged),
		cmocka_unit_test(test_blocks_that_never_came),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_digest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
