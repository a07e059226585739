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
#include "config/config.h"
#include "oauth/device_reply.h"

static char name[] = "scanner", none[] = "";

static bool read_body(const char *body, long status, struct device_reply *out,
		      struct token_failure *failure)
{
	const struct account_config account = { .name = name,
						.client_id = none,
						.tenant = none,
						.mailbox = none,
						.host = none,
						.scope = none,
						.provider = none,
						.redirect_uri = none,
						.grant = GRANT_DELEGATED };
	const struct http_reply reply = {
		.status = status, .body = str_of(body), .retry_after_ms = -1, .date_ms = -1
	};
	return device_reply_read(&reply, &account, out, failure);
}

#define CODES "\"user_code\":\"AB-CD\",\"device_code\":\"d\","
#define PAGE  "\"verification_uri\":\"https://a.test/device\""

static void test_read(void **state)
{
	static const struct {
		const char *body;
		const char *user_code, *uri;
		int64_t life_ms, interval_ms;
	} rows[] = {
		{ "{" CODES PAGE "}", "AB-CD", "https://a.test/device", 900000, 5000 },
		{ "{" CODES "\"verification_url\":\"https://a.test/d?x=1\",\"interval\":\"7\","
		  "\"expires_in\":\"60\"}",
		  "AB-CD", "https://a.test/d?x=1", 60000, 7000 },
		{ "{" CODES PAGE ",\"interval\":0,\"expires_in\":99999999}", "AB-CD",
		  "https://a.test/device", DEVICE_LIFE_MAX_MS, DEVICE_INTERVAL_MIN_MS },
		{ "{" CODES PAGE ",\"interval\":0.3}", "AB-CD", "https://a.test/device", 900000,
		  DEVICE_INTERVAL_MIN_MS },
		{ "{" CODES PAGE ",\"interval\":-9,\"expires_in\":1e308}", "AB-CD",
		  "https://a.test/device", DEVICE_LIFE_MAX_MS, DEVICE_INTERVAL_MIN_MS },
		{ "{\"user_code\":\"A\\u001b[2JB\",\"device_code\":\"d\"," PAGE "}", "A\\x1b[2JB",
		  "https://a.test/device", 900000, 5000 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct device_reply out;
		struct token_failure failure;
		assert_true(read_body(rows[i].body, 200, &out, &failure));
		assert_string_equal(out.user_code, rows[i].user_code);
		assert_string_equal(out.verification_uri, rows[i].uri);
		assert_int_equal(out.life_ms, rows[i].life_ms);
		assert_int_equal(out.interval_ms, rows[i].interval_ms);
		assert_true(str_eq(secret_reveal(&out.device_code), STR("d")));
		device_reply_done(&out);
		assert_null(out.device_code.p);
	}
}

static void test_refuses(void **state)
{
	static const char *const bodies[] = {
		"",
		"[]",
		"{}",
		"<html>",
		"{" PAGE "}",
		"{" CODES "\"verification_uri\":\"http://a.test/device\"}",
		"{" CODES "\"verification_uri\":\"javascript:x\"}",
		"{" CODES "\"verification_uri\":\"https://\"}",
		"{" CODES "\"verification_uri\":\"https://a.test/\\u001b[2J\"}",
		"{" CODES "\"verification_uri\":\"https://a.test/ x\"}",
		"{" CODES "\"verification_uri\":\"https://microsoft.com@a.test/\"}",
		"{" CODES "\"verification_uri\":\"https://\\u0430.test/\"}",
		"{\"user_code\":\" \",\"device_code\":\"d\"," PAGE "}",
		"{\"user_code\":7,\"device_code\":\"d\"," PAGE "}",
		"{\"user_code\":\"AB\",\"device_code\":\"\"," PAGE "}",
		"{\"user_code\":\"AB\",\"device_code\":\"a\\nb\"," PAGE "}",
		"{\"user_code\":\"AB\"," PAGE "}",
		"{\"access_token\":\"a\",\"token_type\":\"Bearer\"}",
		"{\"error\":\"invalid_client\"}",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct device_reply out;
		struct token_failure failure = { .code = "" };
		memset(&out, 'x', sizeof(out));
		if (read_body(bodies[i], 200, &out, &failure))
			fail_msg("%s", bodies[i]);
		assert_int_equal(out.user_code[0], 'x');
		assert_string_not_equal(failure.code, "");
		assert_string_not_equal(failure.text.text, "");
	}
}

/* A reply whose member has n digits. */
static bool read_long(const char *before, size_t n)
{
	struct strbuf body;
	struct device_reply out;
	struct token_failure failure;
	strbuf_init(&body, 20000);
	strbuf_adds(&body, before);
	for (size_t i = 0; i < n; i++)
		strbuf_addc(&body, '1');
	strbuf_adds(&body, "\"," PAGE "}");
	bool ok = read_body(strbuf_cstr(&body), 200, &out, &failure);
	if (ok)
		device_reply_done(&out);
	strbuf_done(&body);
	return ok;
}

static void test_long(void **state)
{
	(void)state;
	for (size_t n = 60; n < 70; n++)
		assert_int_equal(read_long("{\"device_code\":\"d\",\"user_code\":\"", n),
				 n < DEVICE_USER_CODE_MAX);
	for (size_t n = DEVICE_CODE_BYTES_MAX; n < DEVICE_CODE_BYTES_MAX + 2; n++)
		assert_int_equal(read_long("{\"user_code\":\"A\",\"device_code\":\"", n),
				 n == DEVICE_CODE_BYTES_MAX);
}

static void test_pace(void **state)
{
	struct device_pace pace = { .interval_ms = 5000 };
	struct token_failure f = { .class = TOKEN_FAIL_POLL, .code = "authorization_pending" };
	(void)state;
	assert_int_equal(device_pace_next(&pace, &f), 5000);
	snprintf(f.code, sizeof(f.code), "slow_down");
	assert_int_equal(device_pace_next(&pace, &f), 10000);
	f.class = TOKEN_FAIL_TRANSIENT;
	for (int64_t wait = 10000; wait < DEVICE_INTERVAL_MAX_MS; wait *= 2)
		assert_int_equal(device_pace_next(&pace, &f), wait);
	for (int i = 0; i < 100; i++)
		assert_int_equal(device_pace_next(&pace, &f), DEVICE_INTERVAL_MAX_MS);
	f.retry_in_ms = 120000;
	assert_int_equal(device_pace_next(&pace, &f), 120000);
	f.class = TOKEN_FAIL_CONFIG;
	assert_int_equal(device_pace_next(&pace, &f), -1);
	f.class = TOKEN_FAIL_LOGIN;
	assert_int_equal(device_pace_next(&pace, &f), -1);
}

static void test_forbidden(void **state)
{
	static const char *const yes[] = { "AADSTS530036", "AADSTS7000218", "unauthorized_client",
					   "http-404" };
	static const char *const no[] = { "AADSTS65004", "access_denied", "dns", "http-503", "" };
	struct token_failure f = { .code = "" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		snprintf(f.code, sizeof(f.code), "%s", yes[i]);
		assert_true(device_is_forbidden(&f));
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		snprintf(f.code, sizeof(f.code), "%s", no[i]);
		assert_false(device_is_forbidden(&f));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),	  cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_long),	  cmocka_unit_test(test_pace),
		cmocka_unit_test(test_forbidden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
