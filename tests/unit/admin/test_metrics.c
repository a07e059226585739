/* SPDX-License-Identifier: MIT */
#include "tests/unit/admin/admin_world.h"

#include "admin/metrics.h"

static char *page(void)
{
	struct admin_answer a = ask("GET /metrics");
	assert_int_equal(a.status, 200);
	assert_null(a.body);
	assert_non_null(a.text);
	return a.text;
}

static void expect(const char *text, const char *line)
{
	struct strbuf whole;
	strbuf_init(&whole, 1024);
	strbuf_addf(&whole, "\n%s\n", line);
	if (strstr(text, strbuf_cstr(&whole)) == NULL)
		fail_msg("%s is not in:\n%s", line, text);
	strbuf_done(&whole);
}

static void numbers_are_told(void **state)
{
	static struct credential list[] = {
		{ .kind = CREDENTIAL_SECRET, .label = "client \"a\\b\"" },
		{ .kind = CREDENTIAL_CERTIFICATE, .label = "certificate" },
	};
	static struct expiry ends[] = {
		{ .what = EXPIRY_CERTIFICATE, .label = "certificate", .ends_ms = 1795348800123 },
		{ .what = EXPIRY_SIGN_IN, .label = "sign-in", .ends_ms = 1800000000000 },
		{ .what = EXPIRY_SECRET,
		  .label = "client \"a\\b\"",
		  .ends_ms = 1900000000000,
		  .assumed = true },
	};
	(void)state;
	token_credentials = (struct credential_list){ list, ARRAY_LEN(list) };
	token_expiries = (struct expiry_list){ ends, ARRAY_LEN(ends) };
	token_counts = (struct account_token_counters){ .fetched = 12, .refused = 1 };
	token_counts.failed[TOKEN_FAIL_CONFIG] = 3;
	token_now.serving = list[1].label;
	token_now.serving_index = 1;
	token_now.skew_ms = 301000;
	token_refused[0] = true;
	char *text = page();
	static const char *const lines[] = {
		"# TYPE oauthrelay_queue_messages gauge",
		"oauthrelay_queue_messages 120",
		"oauthrelay_queue_bytes 5368709120",
		"oauthrelay_queue_oldest_message_age_seconds 61",
		"# TYPE oauthrelay_delivered_recipients_total counter",
		"oauthrelay_delivered_recipients_total 17",
		"oauthrelay_intake_messages_total 20",
		"oauthrelay_intake_connections 1",
		"oauthrelay_listener_connections{listener=\"127.0.0.1:2525\"} 0",
		"oauthrelay_account_state{account=\"scanner\",state=\"held\"} 0",
		"oauthrelay_account_sessions{account=\"scanner\"} 2",
		"oauthrelay_token_state{account=\"scanner\",state=\"valid\"} 1",
		"oauthrelay_token_state{account=\"scanner\",state=\"held\"} 0",
		"oauthrelay_token_good_for_seconds{account=\"scanner\"} 59",
		"oauthrelay_token_fetches_total{account=\"scanner\"} 12",
		"oauthrelay_token_failures_total{account=\"scanner\",class=\"configuration\"} 3",
		"oauthrelay_token_failures_total{account=\"scanner\",class=\"transient\"} 0",
		"oauthrelay_credential_refusals_total{account=\"scanner\"} 1",
		"oauthrelay_credential_serving{account=\"scanner\",credential=\"certificate\"} 1",
		"oauthrelay_credential_refused{account=\"scanner\",credential=\"client "
		"\\\"a\\\\b\\\"\"} 1",
		"oauthrelay_credential_expiry_timestamp_seconds{account=\"scanner\","
		"credential=\"certificate\",kind=\"certificate\",assumed=\"false\","
		"superseded=\"false\"} 1795348800",
		"oauthrelay_sign_in_expiry_timestamp_seconds{account=\"scanner\"} 1800000000",
		"oauthrelay_clock_skew_seconds{account=\"scanner\"} 301",
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		expect(text, lines[i]);
	free(text);
}

/* An account that needs no token has no numbers about one. */
static void no_token_no_numbers(void **state)
{
	(void)state;
	has_token = false;
	char *text = page();
	expect(text, "oauthrelay_account_sessions{account=\"scanner\"} 2");
	assert_null(strstr(text, "oauthrelay_token_good_for_seconds{"));
	assert_null(strstr(text, "oauthrelay_token_state{"));
	assert_null(strstr(text, "oauthrelay_token_failures_total{"));
	assert_null(strstr(text, "oauthrelay_clock_skew_seconds{"));
	assert_null(strstr(text, "nan"));
	free(text);
}

/* Every family: HELP, TYPE, then its samples; a counter ends in _total, and no other does. */
static void the_page_is_in_order(void **state)
{
	(void)state;
	char *text = page();
	struct str rest = str_of(text), name = STR("");
	size_t families = 0;
	while (rest.n != 0) {
		ptrdiff_t end = str_chr(rest, '\n');
		assert_true(end > 0);
		struct str line = str_head(rest, (size_t)end);
		rest = str_skip(rest, (size_t)end + 1);
		if (str_starts(line, STR("# HELP "))) {
			struct str words = str_skip(line, 7);
			name = str_word(&words);
			assert_true(str_starts(name, STR("oauthrelay_")));
			assert_true(words.p[words.n - 1] == '.');
			families++;
		} else if (str_starts(line, STR("# TYPE "))) {
			struct str words = str_skip(line, 7);
			assert_true(str_eq(str_word(&words), name));
			assert_int_equal(str_eq(str_word(&words), STR("counter")),
					 str_iends(name, STR("_total")));
		} else {
			assert_true(str_starts(line, name));
			assert_true(line.p[name.n] == ' ' || line.p[name.n] == '{');
		}
	}
	assert_true(families > 30);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_token_no_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_page_is_in_order, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
