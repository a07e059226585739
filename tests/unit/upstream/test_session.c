/* SPDX-License-Identifier: MIT */
/* WRAP: dial_start dial_cancel event_add */
#include "tests/unit/upstream/login.h"

/* A session's life: before the connection, while READY, and its end. */

static const struct scenario tells_what_dial_found_list[] = {
	{ .name = "dns",
	  .dial_failure = DIAL_FAIL_DNS,
	  .steps = STEPS(NULL),
	  .log = "ended connect 901 what dial says\n" },
	{ .name = "connect",
	  .dial_failure = DIAL_FAIL_CONNECT,
	  .steps = STEPS(NULL),
	  .log = "ended connect 902 what dial says\n" },
	{ .name = "timeout",
	  .dial_failure = DIAL_FAIL_TIMEOUT,
	  .steps = STEPS(NULL),
	  .log = "ended connect 904 what dial says\n" },
};

static void tells_what_dial_found(void **state)
{
	(void)state;
	play_all(tells_what_dial_found_list, ARRAY_LEN(tells_what_dial_found_list));
}

static const struct scenario notices_the_end_while_idle_list[] = {
	{ .name = "FIN",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "FIN"),
	  .log = READY "ended idle 905 *waited for the next message*\n" },
	{ .name = "RST",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "RST"),
	  .log = READY "ended idle 905 *\n" },
	{ .name = "close_notify",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "NOTIFY"),
	  .log = READY "ended idle 905 *\n" },
	{ .name = "half closed",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "HALF"),
	  .log = READY "ended idle 905 *\n" },
	{ .name = "421",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "S:421 4.4.1 Connection timed out", "EOF"),
	  .log = READY "ended idle 421 4.4.1 Connection timed out\n" },
	{ .name = "421 and FIN",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "S:421 4.4.1 Connection timed out", "FIN"),
	  .log = READY "ended idle 421 4.4.1 Connection timed out\n" },
	{ .name = "451",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "S:451 4.7.0 Timeout waiting for client input", "EOF"),
	  .log = READY "ended idle 906 " RELAY ": sent \"451 4.7.0 Timeout waiting for client "
		       "input\" without having been asked\n" },
	{ .name = "250",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "S:250 ok", "EOF"),
	  .log = READY "ended idle 906 *\n" },
	{ .name = "garbage",
	  .stay = true,
	  .steps = STEPS(LOGGED_IN, "S:*** BROADCAST ***", "EOF"),
	  .log = READY "ended idle 906 *\n" },
	{ .name = "FIN in clear text",
	  .stay = true,
	  .plain = true,
	  .steps = STEPS(EHLO, "S:250 x", "FIN"),
	  .log = "connected " RELAY " none\nready\nended idle 905 *\n" },
	/* The 235 and the 421 are one segment: the session is not READY for a message. */
	{ .name = "421 behind 235",
	  .stay = true,
	  .steps = STEPS(GIVEN, "s:235 ok\r\n421 bye\r\n", "EOF"),
	  .log = CONNECTED "authenticated\nended idle 421 bye\n" },
};

static void notices_the_end_while_idle(void **state)
{
	(void)state;
	play_all(notices_the_end_while_idle_list, ARRAY_LEN(notices_the_end_while_idle_list));
}

static const struct scenario quits_list[] = {
	{ .name = "the orderly way",
	  .steps = STEPS(LOGGED_IN, "C:QUIT", "S:221 bye", "CLEAN"),
	  .log = READY "ended idle 221 bye\n" },
	{ .name = "no reply",
	  .steps = STEPS(GIVEN, "FAST:50", "S:235 ok", "C:QUIT", "EOF"),
	  .log = READY "ended idle 904 " RELAY ": waited 5 s in vain for the reply to QUIT\n" },
	{ .name = "closed",
	  .steps = STEPS(LOGGED_IN, "C:QUIT", "FIN"),
	  .log = READY "ended idle 905 *\n" },
	{ .name = "500",
	  .steps = STEPS(LOGGED_IN, "C:QUIT", "S:500 what", "EOF"),
	  .log = READY "ended idle 500 what\n" },
	{ .name = "at connected",
	  .act_at = "connected",
	  .action = ACT_QUIT,
	  .steps = STEPS(OFFERED, "EOF"),
	  .log = CONNECTED "ended connect 905 the session was given up here\n" },
	{ .name = "at authenticated",
	  .act_at = "authenticated",
	  .action = ACT_QUIT,
	  .steps = STEPS(LOGGED_IN, BYE),
	  .log = CONNECTED "authenticated\nended idle 221 2.0.0 bye\n" },
	{ .name = "at ended",
	  .act_at = "ended",
	  .action = ACT_QUIT,
	  .steps = STEPS(LOGGED_IN, BYE),
	  .log = READY "ended idle 221 2.0.0 bye\n" },
};

static void quits(void **state)
{
	(void)state;
	play_all(quits_list, ARRAY_LEN(quits_list));
}

static const struct scenario may_be_freed_in_every_callback_list[] = {
	{ .name = "connected",
	  .act_at = "connected",
	  .action = ACT_FREE,
	  .steps = STEPS(OFFERED, "EOF"),
	  .log = CONNECTED },
	{ .name = "authenticated",
	  .act_at = "authenticated",
	  .action = ACT_FREE,
	  .steps = STEPS(LOGGED_IN, "EOF"),
	  .log = CONNECTED "authenticated\n" },
	{ .name = "ready",
	  .act_at = "ready",
	  .action = ACT_FREE,
	  .steps = STEPS(LOGGED_IN, "EOF"),
	  .log = READY },
	{ .name = "ended",
	  .act_at = "ended",
	  .action = ACT_FREE,
	  .steps = STEPS(LOGGED_IN, BYE),
	  .log = READY "ended idle 221 2.0.0 bye\n" },
	{ .name = "ended at the greeting",
	  .act_at = "ended",
	  .action = ACT_FREE,
	  .steps = STEPS("s:554 no\r\n250 x\r\n", "EOF"),
	  .log = "ended connect 554 no\n" },
	{ .name = "ended by dial",
	  .act_at = "ended",
	  .action = ACT_FREE,
	  .dial_failure = DIAL_FAIL_DNS,
	  .steps = STEPS(NULL),
	  .log = "ended connect 901 *" },
	{ .name = "ended by a time-out",
	  .act_at = "ended",
	  .action = ACT_FREE,
	  .divide = 1000,
	  .steps = STEPS("EOF"),
	  .log = "ended connect 904 *" },
	{ .name = "ended by a certificate",
	  .act_at = "ended",
	  .action = ACT_FREE,
	  .stranger = true,
	  .steps = STEPS(TLS_UP, "EOF"),
	  .log = "ended connect 903 *" },
};

static void may_be_freed_in_every_callback(void **state)
{
	(void)state;
	play_all(may_be_freed_in_every_callback_list,
		 ARRAY_LEN(may_be_freed_in_every_callback_list));
}

static void may_be_freed_at_any_turn(void **state)
{
	const struct scenario sc = { .name = "turns", .stay = true, .steps = STEPS(LOGGED_IN) };
	bool was_ready = false;
	(void)state;
	for (int turns = 0; turns < 150; turns++) {
		struct client c;
		start(&c, &sc);
		for (int i = 0; i < turns; i++)
			event_base_loop(c.base, EVLOOP_NONBLOCK);
		was_ready = was_ready || upstream_is_ready(c.up);
		if (turns == 0) {
			upstream_free(c.up);
			c.up = NULL;
			assert_int_equal(fake_dial_cancelled(), 1);
		}
		finish(&c);
	}
	assert_true(was_ready);
	upstream_free(NULL);
}

static void refuses_an_unfit_name(void **state)
{
	const struct scenario sc = { .steps = STEPS(NULL) };
	static const char *const names[] = { "", "a b", "a\r\nMAIL FROM:<x>", "my_host.example" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char host[] = "relay.test", login[] = "";
		const struct account_config account = { .host = host, .login = login, .port = 25 };
		struct client c = { .scenario = &sc };
		start(&c, &sc);
		upstream_free(c.up);
		const struct upstream_params params = {
			.base = c.base,
			.dialer = (struct dialer *)c.base,
			.account = &account,
			.ehlo_name = names[i],
		};
		const struct upstream_events events = { .ended = on_ended, .arg = &c };
		c.up = upstream_new(&params, &events);
		assert_string_equal(strbuf_cstr(&c.log), "");
		run_loop(&c);
		assert_true(like(strbuf_cstr(&c.log), "ended connect 906 our own host name *\n"));
		finish(&c);
	}
}

static void names_every_stage(void **state)
{
	(void)state;
	for (int stage = STAGE_CONNECT; stage <= STAGE_IDLE; stage++)
		assert_non_null(upstream_stage_name((enum upstream_stage)stage));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_dial_found),
		cmocka_unit_test(notices_the_end_while_idle),
		cmocka_unit_test(quits),
		cmocka_unit_test(may_be_freed_in_every_callback),
		cmocka_unit_test(may_be_freed_at_any_turn),
		cmocka_unit_test(refuses_an_unfit_name),
		cmocka_unit_test(names_every_stage),
	};
	return cmocka_run_group_tests(tests, make_tls_files, free_tls_files);
}
