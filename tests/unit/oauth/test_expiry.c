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
#include "common/strbuf.h"
#include "config/config.h"
#include "oauth/expiry.h"

#define DAY   (INT64_C(24) * 3600 * 1000)
#define TODAY (INT64_C(1795348800) * 1000) /* 2026-11-22T12:00:00Z */

/* An account with as many credentials as a test adds, and what the relay remembers of it. */
struct world {
	struct account_config account;
	struct credential credentials[20];
	struct credential_list list;
	struct account_record record;
	struct expiry_list ends;
	struct expiry_watch watch;
	struct strbuf told; /* "client secret 14, " */
};

static struct world w;

static int set_up(void **state)
{
	static char name[] = "scanner", provider[] = "microsoft365", id[] = "11111111-2222";
	static char mailbox[] = "scanner@contoso.com", tenant[] = "contoso.com", empty[] = "";
	(void)state;
	memset(&w, 0, sizeof(w));
	w.account = (struct account_config){
		.name = name,
		.provider = provider,
		.client_id = id,
		.mailbox = mailbox,
		.tenant = tenant,
		.host = empty,
		.secret_lifetime = 180 * DAY,
		.sign_in_lifetime = 90 * DAY,
	};
	w.list.v = w.credentials;
	strbuf_init(&w.told, 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < w.list.n; i++)
		secret_done(&w.credentials[i].secret);
	expiry_list_done(&w.ends);
	expiry_watch_done(&w.watch);
	strbuf_done(&w.told);
	return 0;
}

static struct credential *add(enum credential_kind kind, const char *label, int64_t ends_ms)
{
	struct credential *credential = &w.credentials[w.list.n++];
	assert_true(w.list.n <= ARRAY_LEN(w.credentials));
	credential->kind = kind;
	credential->ends_ms = ends_ms;
	snprintf(credential->label, sizeof(credential->label), "%s", label);
	secret_set(&credential->secret, str_of(label));
	return credential;
}

static void make(int64_t sign_in_used_ms, int64_t now_ms)
{
	expiry_list_done(&w.ends);
	expiry_list_make(&w.ends, &w.account, &w.list, sign_in_used_ms, now_ms);
}

/* What is told at that moment, in w.told. */
static const char *tell(int64_t sign_in_used_ms, int64_t now_ms)
{
	const struct expiry *expiry;
	strbuf_reset(&w.told);
	make(sign_in_used_ms, now_ms);
	while ((expiry = expiry_watch_next(&w.watch, &w.ends)) != NULL)
		strbuf_addf(&w.told, "%s %d, ", expiry->label, expiry->days_left);
	return strbuf_cstr(&w.told);
}

/* ---- what ends ---- */

static void test_list(void **state)
{
	(void)state;
	add(CREDENTIAL_CERTIFICATE, "certificate", TODAY + 200 * DAY);
	add(CREDENTIAL_SECRET, "client secret", TODAY + 10 * DAY);
	add(CREDENTIAL_SECRET, "no end", 0);
	add(CREDENTIAL_FEDERATED, "file", 0);
	add(CREDENTIAL_CERTIFICATE, "new one", TODAY + 5 * DAY)->pending = true;
	make(TODAY - 70 * DAY, TODAY);
	assert_int_equal(w.ends.n, 3);
	assert_string_equal(w.ends.v[0].label, "client secret");
	assert_int_equal(w.ends.v[0].what, EXPIRY_SECRET);
	assert_int_equal(w.ends.v[0].ends_ms, TODAY + 10 * DAY);
	assert_int_equal(w.ends.v[0].days_left, 10);
	assert_false(w.ends.v[0].assumed);
	assert_string_equal(w.ends.v[1].label, "sign-in");
	assert_int_equal(w.ends.v[1].what, EXPIRY_SIGN_IN);
	assert_int_equal(w.ends.v[1].days_left, 20);
	assert_int_equal(w.ends.v[2].what, EXPIRY_CERTIFICATE);
	assert_string_equal(expiry_what_name(w.ends.v[2].what), "certificate");
	make(0, TODAY);
	assert_int_equal(w.ends.n, 2); /* nobody has signed in */
	w.account.sign_in_lifetime = 0;
	make(TODAY, TODAY);
	assert_int_equal(w.ends.n, 2); /* or nobody knows how long that lasts */
}

static void test_days_left(void **state)
{
	static const struct {
		int64_t left_ms;
		int days;
		bool near, urgent;
	} cases[] = {
		{ 31 * DAY, 31, false, false },
		/* The midnight behind the thirtieth day; TODAY is noon. */
		{ 30 * DAY + DAY / 2 + 1, 31, false, false },
		{ 30 * DAY + DAY / 2, 30, true, false },
		{ 30 * DAY, 30, true, false },
		{ 29 * DAY + DAY / 2 + 1, 30, true, false },
		{ 3 * DAY + DAY / 2 + 1, 4, true, false },
		{ 3 * DAY, 3, true, true },
		{ DAY, 1, true, true },
		{ DAY / 4, 1, true, true },
		{ 1, 1, true, true },
		{ 0, 0, true, true },
		{ -DAY + 1, 0, true, true },
		{ -DAY, -1, true, true },
		{ -400 * DAY, -400, true, true },
	};
	(void)state;
	struct credential *credential = add(CREDENTIAL_SECRET, "client secret", 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		credential->ends_ms = TODAY + cases[i].left_ms;
		make(0, TODAY);
		assert_int_equal(w.ends.n, 1);
		assert_int_equal(w.ends.v[0].days_left, cases[i].days);
		assert_int_equal(expiry_is_near(&w.ends.v[0]), cases[i].near);
		assert_int_equal(expiry_is_urgent(&w.ends.v[0]), cases[i].urgent);
	}
}

static void test_remedies(void **state)
{
	static char other[] = "smtp";
	static const char *const commands[] = { "`oauthrelay account certificate scanner`",
						"`oauthrelay account secret scanner`",
						"`oauthrelay login scanner`" };
	(void)state;
	add(CREDENTIAL_CERTIFICATE, "certificate", TODAY + DAY);
	add(CREDENTIAL_SECRET, "client secret", TODAY + 2 * DAY)->ends_assumed = true;
	make(TODAY - 87 * DAY, TODAY);
	assert_int_equal(w.ends.n, ARRAY_LEN(commands));
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		assert_non_null(strstr(w.ends.v[i].remedy.text, commands[i]));
	assert_non_null(strstr(w.ends.v[0].remedy.text,
			       "All applications > 11111111-2222 > Certificates & secrets"));
	assert_null(strstr(w.ends.v[0].remedy.text, "nobody has said"));
	assert_non_null(strstr(w.ends.v[1].remedy.text,
			       "All applications > 11111111-2222 > Certificates & secrets"));
	assert_non_null(strstr(w.ends.v[1].remedy.text, "nobody has said when it ends"));
	w.account.provider = other;
	make(TODAY - 87 * DAY, TODAY);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		assert_non_null(strstr(w.ends.v[i].remedy.text, commands[i]));
		assert_null(strstr(w.ends.v[i].remedy.text, "Entra"));
		assert_null(strstr(w.ends.v[i].remedy.text, "Microsoft"));
		assert_null(strchr(w.ends.v[i].remedy.text, '{'));
	}
}

/* ---- secrets without a date ---- */

static void test_assumed(void **state)
{
	(void)state;
	add(CREDENTIAL_SECRET, "client secret", 0);
	add(CREDENTIAL_SECRET, "dated", TODAY + 3 * DAY);
	add(CREDENTIAL_CERTIFICATE, "certificate", 0);
	assert_true(expiry_note_secrets(&w.list, &w.account, &w.record, TODAY));
	assert_int_equal(w.record.seen_count, 1);
	assert_int_equal(w.credentials[0].ends_ms, TODAY + 180 * DAY);
	assert_true(w.credentials[0].ends_assumed);
	assert_int_equal(w.credentials[1].ends_ms, TODAY + 3 * DAY);
	assert_false(w.credentials[1].ends_assumed);
	assert_int_equal(w.credentials[2].ends_ms, 0);
	/* Later, also after a restart, with what was stored: the day does not move. */
	w.credentials[0].ends_ms = 0;
	w.credentials[0].ends_assumed = false;
	assert_false(expiry_note_secrets(&w.list, &w.account, &w.record, TODAY + 100 * DAY));
	assert_false(expiry_note_secrets(&w.list, &w.account, &w.record, TODAY + 100 * DAY));
	assert_int_equal(w.credentials[0].ends_ms, TODAY + 180 * DAY);
	make(0, TODAY + 170 * DAY);
	assert_true(w.ends.v[1].assumed);
	assert_int_equal(w.ends.v[1].days_left, 10);
	/* Another secret in its place begins anew. */
	secret_set(&w.credentials[0].secret, STR("another"));
	assert_true(expiry_note_secrets(&w.list, &w.account, &w.record, TODAY + 100 * DAY));
	assert_int_equal(w.record.seen_count, 2);
	assert_int_equal(w.credentials[0].ends_ms, TODAY + 280 * DAY);
	/* Who wants no assumption has none, but the day is noted. */
	w.account.secret_lifetime = 0;
	assert_false(expiry_note_secrets(&w.list, &w.account, &w.record, TODAY + 100 * DAY));
	assert_int_equal(w.credentials[0].ends_ms, 0);
	assert_false(w.credentials[0].ends_assumed);
}

static void test_first_seen_by_a_wrong_clock(void **state)
{
	(void)state;
	add(CREDENTIAL_SECRET, "client secret", 0);
	/* 1970: not noted at all. */
	assert_false(expiry_note_secrets(&w.list, &w.account, &w.record, 60 * 1000));
	assert_int_equal(w.record.seen_count, 0);
	assert_int_equal(w.credentials[0].ends_ms, 0);
	/* 2076: as soon as the clock is right, it is today. */
	assert_true(expiry_note_secrets(&w.list, &w.account, &w.record, TODAY + 18000 * DAY));
	assert_true(expiry_note_secrets(&w.list, &w.account, &w.record, TODAY));
	assert_int_equal(w.record.seen_count, 1);
	assert_int_equal(w.credentials[0].ends_ms, TODAY + 180 * DAY);
	/* A little back is a clock that was set, or a leap second. */
	assert_false(expiry_note_secrets(&w.list, &w.account, &w.record, TODAY - DAY / 2));
	assert_int_equal(w.credentials[0].ends_ms, TODAY + 180 * DAY);
}

static void test_more_secrets_than_are_remembered(void **state)
{
	(void)state;
	for (size_t i = 0; i < RECORD_SEEN_MAX; i++) {
		char label[64];
		snprintf(label, sizeof(label), "secret %zu", i);
		add(CREDENTIAL_SECRET, label, 0);
		expiry_note_secrets(&w.list, &w.account, &w.record, TODAY + (int64_t)i);
	}
	assert_int_equal(w.record.seen_count, RECORD_SEEN_MAX);
	add(CREDENTIAL_SECRET, "new", 0);
	struct credential_list only_new = { &w.credentials[RECORD_SEEN_MAX], 1 };
	assert_true(expiry_note_secrets(&only_new, &w.account, &w.record, TODAY + DAY));
	assert_int_equal(w.record.seen_count, RECORD_SEEN_MAX);
	/* The one that was seen first had to go, and no other. */
	assert_int_equal(w.record.seen[0].first_ms, TODAY + DAY);
	for (size_t i = 1; i < RECORD_SEEN_MAX; i++)
		assert_int_equal(w.record.seen[i].first_ms, TODAY + (int64_t)i);
}

/* ---- warnings ---- */

static void test_each_threshold_once(void **state)
{
	static const int told_at[] = { 30, 14, 7, 3, 1, 0 };
	size_t next = 0;
	(void)state;
	add(CREDENTIAL_SECRET, "client secret", TODAY);
	/* Four looks a day, from forty days before to ten after. */
	for (int quarter = -160; quarter < 40; quarter++) {
		char expected[64] = "";
		int64_t now = TODAY + quarter * (DAY / 4);
		/* Days begin at midnight; the end is the end's own moment. */
		int64_t midnight = told_at[next < ARRAY_LEN(told_at) ? next : 0] != 0 ? DAY / 2 : 0;
		if (next < ARRAY_LEN(told_at) && now == TODAY - told_at[next] * DAY - midnight)
			snprintf(expected, sizeof(expected), "client secret %d, ", told_at[next++]);
		assert_string_equal(tell(0, now), expected);
	}
	assert_int_equal(next, ARRAY_LEN(told_at));
}

static void test_start_inside_a_threshold(void **state)
{
	(void)state;
	add(CREDENTIAL_SECRET, "client secret", TODAY + 5 * DAY);
	add(CREDENTIAL_CERTIFICATE, "certificate", TODAY - 40 * DAY);
	add(CREDENTIAL_SECRET, "later", TODAY + 50 * DAY);
	assert_string_equal(tell(0, TODAY), "certificate -40, client secret 5, ");
	assert_string_equal(tell(0, TODAY), "");
	/* Asleep over two thresholds: the last of them only. */
	assert_string_equal(tell(0, TODAY + 4 * DAY), "client secret 1, ");
}

static void test_another_end(void **state)
{
	(void)state;
	struct credential *credential = add(CREDENTIAL_SECRET, "client secret", TODAY + 2 * DAY);
	assert_string_equal(tell(0, TODAY), "client secret 2, ");
	credential->ends_ms = TODAY + 100 * DAY; /* a new one in its place */
	assert_string_equal(tell(0, TODAY), "");
	assert_string_equal(tell(0, TODAY + 75 * DAY), "client secret 25, ");
	credential->ends_ms = TODAY + 80 * DAY; /* `expires` was given */
	assert_string_equal(tell(0, TODAY + 75 * DAY), "client secret 5, ");
	assert_string_equal(tell(0, TODAY + 75 * DAY), "");
	/* Gone, and there again. */
	w.list.n = 0;
	assert_string_equal(tell(0, TODAY + 75 * DAY), "");
	w.list.n = 1;
	assert_string_equal(tell(0, TODAY + 75 * DAY), "client secret 5, ");
}

static void test_superseded(void **state)
{
	(void)state;
	struct credential *added = add(CREDENTIAL_SECRET, "secret added", TODAY + 300 * DAY);
	added->added_ms = TODAY - DAY;
	add(CREDENTIAL_SECRET, "client secret", TODAY + 5 * DAY);
	/* What the warning asked for has been done. */
	assert_string_equal(tell(0, TODAY), "");
	assert_true(w.ends.v[0].superseded);
	assert_false(w.ends.v[1].superseded);
	/* Not by one that ends sooner, that is not in use yet, or that the configuration has. */
	added->ends_ms = TODAY + 4 * DAY;
	assert_string_equal(tell(0, TODAY), "secret added 4, client secret 5, ");
	added->ends_ms = TODAY + 300 * DAY;
	added->pending = true;
	make(0, TODAY);
	assert_false(w.ends.v[0].superseded);
	added->pending = false;
	added->added_ms = 0;
	make(0, TODAY);
	assert_false(w.ends.v[0].superseded);
}

static void test_sign_in(void **state)
{
	(void)state;
	/* Renewed every week: silence for ever. */
	for (int day = 0; day < 700; day++)
		assert_string_equal(tell(TODAY + day / 7 * 7 * DAY, TODAY + day * DAY), "");
	/* Then not any more. */
	assert_string_equal(tell(TODAY, TODAY + 59 * DAY), "");
	assert_string_equal(tell(TODAY, TODAY + 60 * DAY), "sign-in 30, ");
	assert_string_equal(tell(TODAY, TODAY + 61 * DAY), "");
	/* A use moves the end by a day: no news. One more month: the same again. */
	assert_string_equal(tell(TODAY + DAY, TODAY + 61 * DAY), "");
	assert_string_equal(tell(TODAY + 40 * DAY, TODAY + 61 * DAY), "");
	assert_string_equal(tell(TODAY + 40 * DAY, TODAY + 130 * DAY), "sign-in 0, ");
	/* What never lasts a month is not about to end because there is less than a month. */
	w.account.sign_in_lifetime = 7 * DAY;
	assert_string_equal(tell(TODAY + 140 * DAY, TODAY + 140 * DAY), "");
	assert_string_equal(tell(TODAY + 140 * DAY, TODAY + 144 * DAY), "sign-in 3, ");
	w.account.sign_in_lifetime = DAY;
	assert_string_equal(tell(TODAY + 145 * DAY, TODAY + 145 * DAY), "");
	assert_string_equal(tell(TODAY + 145 * DAY, TODAY + 146 * DAY), "sign-in 0, ");
}

/* ---- clocks ---- */

static void test_implausible_clock(void **state)
{
	static const int64_t early[] = { 0, 60 * 1000, INT64_C(1767225600) * 1000 - 1 };
	(void)state;
	add(CREDENTIAL_SECRET, "client secret", TODAY + 2 * DAY);
	for (size_t i = 0; i < ARRAY_LEN(early); i++) {
		assert_string_equal(tell(TODAY, early[i]), "");
		assert_int_equal(w.ends.n, 0);
		assert_int_equal(expiry_next_look_ms(&w.ends, early[i]), 3600 * 1000);
	}
	assert_string_equal(tell(TODAY, TODAY), "client secret 2, ");
}

static void test_clock_that_jumps(void **state)
{
	(void)state;
	add(CREDENTIAL_SECRET, "client secret", TODAY + 20 * DAY);
	assert_string_equal(tell(0, TODAY + 30 * DAY), "client secret -10, ");
	assert_string_equal(tell(0, TODAY), "");
	assert_string_equal(tell(0, TODAY + 6 * DAY), "client secret 14, ");
}

static void test_next_look(void **state)
{
	const int64_t hour = 3600 * 1000;
	(void)state;
	struct credential *credential = add(CREDENTIAL_SECRET, "client secret", 0);
	credential->ends_ms = TODAY + 5000;
	make(0, TODAY);
	assert_int_equal(expiry_next_look_ms(&w.ends, TODAY), 5000);
	assert_int_equal(expiry_next_look_ms(&w.ends, TODAY + 5000), hour);
	assert_int_equal(expiry_next_look_ms(&w.ends, TODAY - 2 * hour), hour);
	assert_int_equal(expiry_next_look_ms(&w.ends, TODAY + DAY / 2 - 7000), 7000);
	assert_int_equal(expiry_next_look_ms(&w.ends, TODAY + DAY / 2), hour);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_list),
		TEST(test_days_left),
		TEST(test_remedies),
		TEST(test_assumed),
		TEST(test_first_seen_by_a_wrong_clock),
		TEST(test_more_secrets_than_are_remembered),
		TEST(test_each_threshold_once),
		TEST(test_start_inside_a_threshold),
		TEST(test_another_end),
		TEST(test_superseded),
		TEST(test_sign_in),
		TEST(test_implausible_clock),
		TEST(test_clock_that_jumps),
		TEST(test_next_look),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
