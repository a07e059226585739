/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "queue/outcome.h"

enum {
	MAX_RCPT = 4,
	NOW = 1000000000
};

/* A message with MAX_RCPT recipients at most, and the result of an attempt to its first ones. */
struct fixture {
	struct queued m;
	struct queued_recipient recipients[MAX_RCPT];
	struct delivery_result result;
	uint32_t indices[MAX_RCPT];
	struct reply replies[MAX_RCPT];
	struct queue_config queue;
	struct outcome_policy policy;
	struct outcome out;
};

/* "250 2.1.5 ok" */
static void set_reply(struct reply *r, const char *line)
{
	struct reply_parser parser;
	struct strbuf wire;
	const char *why;
	strbuf_init(&wire, 4096);
	strbuf_addf(&wire, "%s\r\n", line);
	struct str in = strbuf_str(&wire);
	reply_parser_init(&parser);
	assert_int_equal(reply_parser_feed(&parser, &in, r, &why), REPLY_PARSE_DONE);
	reply_parser_done(&parser);
	strbuf_done(&wire);
}

static struct fixture *make(uint32_t recipients, enum upstream_stage stage, const char *reply)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	f->m.recipients = f->recipients;
	f->m.recipient_count = recipients;
	f->m.accepted_ms = NOW - 1000;
	f->result.stage = stage;
	f->result.count = recipients;
	f->result.recipients = f->indices;
	f->result.replies = f->replies;
	for (uint32_t i = 0; i < recipients; i++)
		f->indices[i] = i;
	set_reply(&f->result.reply, reply);
	f->queue = (struct queue_config){ .lifetime = 5 * 86400000LL,
					  .retry_first = 60000,
					  .retry_max = 3600000 };
	f->policy = (struct outcome_policy){ .queue = &f->queue, .now_ms = NOW };
	return f;
}

static void decide(struct fixture *f)
{
	outcome_decide(&f->m, &f->result, &f->policy, &f->out);
}

static void destroy(struct fixture *f)
{
	outcome_done(&f->out);
	reply_done(&f->result.reply);
	for (size_t i = 0; i < MAX_RCPT; i++)
		reply_done(&f->replies[i]);
	free(f);
}

static void test_delivered(void **state)
{
	struct fixture *f = make(2, STAGE_DATA, "250 2.0.0 OK");
	(void)state;
	decide(f);
	assert_int_equal(f->out.next, NEXT_REMOVE);
	assert_int_equal(f->out.recipients[1].state, PROGRESS_SENT);
	assert_string_equal(outcome_status(&f->out.recipients[1], false), "sent");
	assert_null(f->out.account_rule);
	destroy(f);
}

/* UPS-12: what was refused at RCPT is judged alone; what was accepted is never sent again. */
static void test_per_recipient(void **state)
{
	struct fixture *f = make(3, STAGE_DATA, "250 2.0.0 OK");
	(void)state;
	set_reply(&f->replies[0], "250 2.1.5 ok");
	set_reply(&f->replies[1], "550 5.1.10 RecipientNotFound");
	set_reply(&f->replies[2], "450 4.2.1 later");
	decide(f);
	assert_int_equal(f->out.recipients[0].state, PROGRESS_SENT);
	assert_int_equal(f->out.recipients[1].state, PROGRESS_FAILED);
	assert_int_equal(f->out.recipients[2].state, PROGRESS_PENDING);
	assert_int_equal(f->out.next, NEXT_AT);
	assert_in_range(f->out.next_ms, NOW + 48000, NOW + 72000);
	assert_true(f->out.counted);
	destroy(f);
}

static void test_failed_ones_are_parked_not_removed(void **state)
{
	struct fixture *f = make(2, STAGE_DATA, "250 2.0.0 OK");
	(void)state;
	set_reply(&f->replies[1], "550 5.1.10 RecipientNotFound");
	decide(f);
	assert_int_equal(f->out.next, NEXT_PARK);
	destroy(f);
}

static void test_split_goes_on_at_once(void **state)
{
	struct fixture *f = make(2, STAGE_DATA, "250 2.0.0 OK");
	(void)state;
	set_reply(&f->replies[1], "452 4.5.3 Too many recipients");
	decide(f);
	assert_int_equal(f->out.next, NEXT_READY);
	assert_int_equal(f->out.recipients[1].state, PROGRESS_PENDING);
	destroy(f);
}

/* A server that says "too many" to the first recipient would be asked for ever. */
static void test_split_without_progress_waits(void **state)
{
	struct fixture *f = make(1, STAGE_RCPT, "452 4.5.3 Too many recipients");
	(void)state;
	set_reply(&f->replies[0], "452 4.5.3 Too many recipients");
	decide(f);
	assert_int_equal(f->out.next, NEXT_AT);
	destroy(f);
}

static void test_account_matters_cost_no_attempt(void **state)
{
	static const struct row {
		enum upstream_stage stage;
		const char *reply;
		enum verdict verdict;
	} rows[] = {
		{ STAGE_DATA, "432 4.3.2 Concurrent connections limit exceeded.",
		  VERDICT_THROTTLE },
		{ STAGE_DATA, "550 5.1.90 daily limit", VERDICT_SLOW },
		{ STAGE_DATA, "554 5.2.2 mailbox full; x", VERDICT_HOLD },
		{ STAGE_MAIL, "530 5.7.57 Client not authenticated", VERDICT_REFRESH },
		{ STAGE_MAIL, "421 4.4.1 Connection timed out.", VERDICT_RECONNECT },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = make(1, rows[i].stage, rows[i].reply);
		f->m.accepted_ms = NOW - 10 * 86400000LL; /* age alone kills nothing */
		decide(f);
		assert_int_equal(f->out.next, NEXT_READY);
		assert_false(f->out.counted);
		assert_non_null(f->out.account_rule);
		assert_int_equal(f->out.account_rule->verdict, rows[i].verdict);
		assert_ptr_equal(f->out.account_reply, &f->result.reply);
		destroy(f);
	}
}

static void test_reconnect_is_forgiven_once(void **state)
{
	struct fixture *f = make(1, STAGE_MAIL, "421 4.4.1 Connection timed out.");
	(void)state;
	decide(f);
	assert_true(f->out.reconnected);
	assert_int_equal(f->out.next, NEXT_READY);
	outcome_done(&f->out);
	f->m.reconnected = true;
	decide(f);
	assert_int_equal(f->out.next, NEXT_AT);
	assert_true(f->out.counted);
	destroy(f);
}

static void test_sender_waits_and_does_not_expire(void **state)
{
	struct fixture *f = make(1, STAGE_MAIL, "550 5.7.60 SMTP; no permissions");
	(void)state;
	f->m.accepted_ms = NOW - 10 * 86400000LL;
	decide(f);
	assert_int_equal(f->out.next, NEXT_AT);
	assert_int_equal(f->out.recipients[0].state, PROGRESS_PENDING);
	assert_true(f->out.next_ms >= NOW + 12 * 60000);
	assert_string_equal(outcome_status(&f->out.recipients[0], false), "held");
	destroy(f);
}

static void test_lifetime(void **state)
{
	struct fixture *f = make(1, STAGE_DATA, "451 4.3.0 later");
	(void)state;
	f->m.accepted_ms = NOW - 6 * 86400000LL;
	decide(f);
	assert_int_equal(f->out.next, NEXT_PARK);
	assert_int_equal(f->out.recipients[0].state, PROGRESS_FAILED);
	assert_true(f->out.recipients[0].expired);
	outcome_done(&f->out);
	/* time in which the account was held does not age it */
	f->policy.account_since_ms = NOW - 3600000;
	decide(f);
	assert_int_equal(f->out.next, NEXT_AT);
	outcome_done(&f->out);
	/* nor does time in which the message was */
	f->policy.account_since_ms = 0;
	f->m.free_ms = NOW - 3600000;
	decide(f);
	assert_int_equal(f->out.next, NEXT_AT);
	destroy(f);
}

static void test_uncertain(void **state)
{
	struct fixture *f = make(1, STAGE_DATA, "451 4.3.0 later");
	(void)state;
	reply_done(&f->result.reply);
	reply_set(&f->result.reply, REPLY_LOCAL_LOST, "connection lost");
	f->result.uncertain = true;
	decide(f);
	assert_int_equal(f->out.next, NEXT_AT);
	assert_string_equal(outcome_status(&f->out.recipients[0], true), "uncertain");
	outcome_done(&f->out);
	f->queue.on_uncertain = UNCERTAIN_HOLD;
	decide(f);
	assert_int_equal(f->out.next, NEXT_PARK);
	assert_int_equal(f->out.recipients[0].state, PROGRESS_HELD);
	destroy(f);
}

static void test_gone_file(void **state)
{
	struct fixture *f = make(1, STAGE_DATA, "451 4.3.0 later");
	(void)state;
	f->result.gone = true;
	decide(f);
	assert_int_equal(f->out.next, NEXT_DROP);
	destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivered),
		cmocka_unit_test(test_per_recipient),
		cmocka_unit_test(test_failed_ones_are_parked_not_removed),
		cmocka_unit_test(test_split_goes_on_at_once),
		cmocka_unit_test(test_split_without_progress_waits),
		cmocka_unit_test(test_account_matters_cost_no_attempt),
		cmocka_unit_test(test_reconnect_is_forgiven_once),
		cmocka_unit_test(test_sender_waits_and_does_not_expire),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_uncertain),
		cmocka_unit_test(test_gone_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
