/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms timer_start timer_stop */
#include "tests/unit/oauth/sign_in_world.h"

#include "oauth/device_code.h"

#define CODE                                                                           \
	"{\"user_code\":\"ABCD-EFGH\",\"device_code\":\"dev/1\",\"verification_uri\":" \
	"\"https://login.test/device\",\"expires_in\":900,\"interval\":5}"
#define PENDING                                                                                \
	"{\"error\":\"authorization_pending\",\"error_description\":\"AADSTS70016: pending\"," \
	"\"error_codes\":[70016]}"
#define SLOW_DOWN "{\"error\":\"slow_down\",\"error_codes\":[70016]}"

static void on_show(void *arg, const struct device_reply *reply)
{
	struct world *w = arg;
	assert_string_equal(reply->user_code, "ABCD-EFGH");
	assert_int_equal(reply->life_ms, 900000);
	w->shown++;
}

static struct device_code *start(struct world *w)
{
	const struct device_params params = { .base = w->base,
					      .account = &w->account,
					      .credentials = &w->credentials };
	const struct device_events events = {
		.show = on_show, .trouble = on_trouble, .done = on_done, .arg = w
	};
	return device_code_start(&params, &events);
}

static void begin(struct world *w)
{
	(void)start(w);
	assert_string_equal(net.url, "https://login.test/device");
	assert_string_equal(net.body, "client_id=1111-22"
				      "&scope=https%3A%2F%2Fx%2FSMTP.Send%20offline_access");
	reply(200, CODE);
	assert_int_equal(w->shown, 1);
}

/* Nothing before its time; then a poll. */
static void next_poll(struct world *w, int64_t after_ms)
{
	int started = net.started;
	pass(w, after_ms - 1);
	assert_int_equal(net.started, started);
	pass(w, 1);
	assert_int_equal(net.started, started + 1);
}

static void test_signs_in(void **state)
{
	struct world *w = *state;
	begin(w);
	next_poll(w, 5000);
	assert_string_equal(net.url, "https://login.test/token");
	assert_string_equal(net.body,
			    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
			    "&client_id=1111-22&device_code=dev%2F1");
	reply(400, PENDING);
	assert_int_equal(w->troubles + w->dones, 0);
	next_poll(w, 5000);
	reply(200, GRANTED);
	assert_int_equal(w->dones, 1);
	assert_true(w->granted);
	assert_string_equal(w->token, "abc.def");
}

/* RFC 8628 3.5: for this and all that follow. */
static void test_slows_down(void **state)
{
	struct world *w = *state;
	begin(w);
	next_poll(w, 5000);
	reply(400, SLOW_DOWN);
	next_poll(w, 10000);
	reply(400, PENDING);
	next_poll(w, 10000);
	reply(400, SLOW_DOWN);
	next_poll(w, 15000);
	reply(200, GRANTED);
	assert_int_equal(w->troubles, 0);
}

static void test_survives_troubles(void **state)
{
	struct world *w = *state;
	begin(w);
	next_poll(w, 5000);
	reply_nothing();
	assert_int_equal(w->troubles, 1);
	next_poll(w, 5000);
	reply_nothing();
	next_poll(w, 10000); /* less often */
	reply(503, "<html>");
	assert_int_equal(w->troubles, 3);
	next_poll(w, 20000);
	reply(400, PENDING);
	next_poll(w, 5000); /* it got through */
	reply(200, GRANTED);
	assert_true(w->granted);
}

static void test_ends(void **state)
{
	static const struct {
		const char *body, *code;
	} rows[] = {
		{ "{\"error\":\"authorization_declined\",\"error_codes\":[65004]}", "AADSTS65004" },
		{ "{\"error\":\"access_denied\"}", "access_denied" },
		{ "{\"error\":\"expired_token\",\"error_codes\":[70019]}", "AADSTS70019" },
		{ "{\"error\":\"bad_verification_code\",\"error_codes\":[70018]}", "AADSTS70018" },
		{ "{\"error\":\"invalid_grant\",\"error_codes\":[530036]}", "AADSTS530036" },
	};
	struct world *w = *state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		w->shown = 0;
		begin(w);
		next_poll(w, 5000);
		reply(400, rows[i].body);
		assert_int_equal(w->dones, i + 1);
		assert_false(w->granted);
		assert_string_equal(w->failure.code, rows[i].code);
	}
}

static void test_expires(void **state)
{
	struct world *w = *state;
	begin(w);
	int64_t began = now_ms;
	while (w->dones == 0) {
		pass(w, 1000);
		if (net.open)
			reply_nothing();
	}
	assert_int_equal(now_ms - began, 900000);
	assert_string_equal(w->failure.code, "expired_token");
	assert_string_not_equal(w->failure.remedy.text, "");
}

static void test_refused_at_once(void **state)
{
	struct world *w = *state;
	(void)start(w);
	reply(400, "{\"error\":\"unauthorized_client\",\"error_description\":\"no\"}");
	assert_int_equal(w->dones, 1);
	assert_string_equal(w->failure.code, "unauthorized_client");
	assert_true(device_is_forbidden(&w->failure));
	assert_int_equal(w->shown, 0);
}

static void test_cancel(void **state)
{
	struct world *w = *state;
	device_code_cancel(NULL);
	device_code_cancel(start(w));
	assert_int_equal(net.cancelled, 1);
	struct device_code *flow = start(w);
	reply(200, CODE);
	device_code_cancel(flow);
	timer_event = NULL;
	flow = start(w);
	reply(200, CODE);
	next_poll(w, 5000);
	device_code_cancel(flow);
	assert_int_equal(net.cancelled, 2);
	assert_int_equal(w->dones, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_signs_in, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_slows_down, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_survives_troubles, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(test_ends, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_expires, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_refused_at_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_cancel, world_setup, world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
