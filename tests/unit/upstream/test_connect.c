/* SPDX-License-Identifier: MIT */
/* WRAP: dial_start dial_cancel event_add */
#include "tests/unit/upstream/login.h"

/* The way from a connected descriptor to READY. */

#define GOOGLE_JSON                                                                       \
	("S:334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJodHRwczovL21h" \
	 "aWwuZ29vZ2xlLmNvbS8ifQ==")
/* {"status":"401","token":...} */
#define JSON_WITH_TOKEN                                                                   \
	("S:334 eyJzdGF0dXMiOiI0MDEiLCJ0b2tlbiI6IkV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQlda" \
	 "V0NjbFJDM0VvQUEudkY5ZGZ0NHFtVGMyTnZiM1JsY2tCaGRIUmhkbWx6ZEdFdVkyOXRDZyJ9")

static const struct scenario reaches_ready_list[] = {
	{ .name = "XOAUTH2",
	  .steps = STEPS(LOGGED_IN, BYE),
	  .log = READY "ended idle 221 2.0.0 bye\n" },
	{ .name = "byte by byte",
	  .drip = true,
	  .steps = STEPS(LOGGED_IN, BYE),
	  .log = READY "ended idle 221 2.0.0 bye\n" },
	{ .name = "334 with nothing behind it",
	  .steps = STEPS(ASKED, "S:334", SASL, "S:235 ok", BYE),
	  .log = READY "ended idle 221 2.0.0 bye\n" },
	{ .name = "OAUTHBEARER where it is the only one",
	  .steps = STEPS(EHLO_TLS, "S:250-x", "S:250 AUTH PLAIN OAUTHBEARER", "C:AUTH OAUTHBEARER",
			 "S:334", SASL_BEARER, "S:235 ok", BYE),
	  .log = READY "ended idle 221 2.0.0 bye\n" },
	{ .name = "XOAUTH2 where both are offered",
	  .steps = STEPS(EHLO_TLS, "S:250-x", "S:250 AUTH OAUTHBEARER XOAUTH2", "C:AUTH XOAUTH2",
			 "S:334", SASL, "S:235 ok", BYE),
	  .log = READY "ended idle 221 2.0.0 bye\n" },
	{ .name = "neither TLS nor AUTH",
	  .plain = true,
	  .steps = STEPS(EHLO, "S:250-x", "S:250-STARTTLS", "S:250 AUTH XOAUTH2", BYE),
	  .log = "connected " RELAY " none\nready\nended idle 221 2.0.0 bye\n" },
	{ .name = "a greeting of several lines, ended by LF alone",
	  .plain = true,
	  .steps = STEPS("s:220-hello\n220-there\n220 you\n", "C:EHLO client.test", "s:250 x\n",
			 BYE),
	  .log = "connected " RELAY " none\nready\nended idle 221 2.0.0 bye\n" },
};

static void reaches_ready(void **state)
{
	(void)state;
	play_all(reaches_ready_list, ARRAY_LEN(reaches_ready_list));
}

static const struct scenario survives_bad_greetings_list[] = {
	{ .name = "554",
	  .steps = STEPS("S:554 5.7.1 go away", "EOF"),
	  .log = "ended connect 554 5.7.1 go away\n" },
	{ .name = "421",
	  .steps = STEPS("S:421 4.3.2 too many connections", "EOF"),
	  .log = "ended connect 421 4.3.2 too many connections\n" },
	{ .name = "554 and 421",
	  .steps = STEPS("s:554 go away\r\n421 bye\r\n", "EOF"),
	  .log = "ended connect 554 go away\n" },
	{ .name = "250",
	  .steps = STEPS("S:250 hello", "EOF"),
	  .log = "ended connect 906 " RELAY ": sent \"250 hello\" as the greeting\n" },
	{ .name = "ssh",
	  .steps = STEPS("S:SSH-2.0-OpenSSH_9.2", "EOF"),
	  .log = "ended connect 906 " RELAY ": sent a line that does not begin with a reply "
		 "code: \"SSH-2.0-OpenSSH_9.2*\n" },
	{ .name = "terminal escapes",
	  .steps = STEPS("S:\x1b]0;owned\a", "EOF"),
	  .log = "ended connect 906 *\"\\x1b]0;owned\\x07*\n" },
	{ .name = "a greeting and more",
	  .steps = STEPS("s:220 hello\r\n250 x\r\n", "EOF"),
	  .log = "ended connect 906 " RELAY ": sent \"250 x\" without having been asked\n" },
	{ .name = "a greeting and a bit more",
	  .steps = STEPS("s:220 hello\r\n250 ", "EOF"),
	  .log = "ended connect 906 " RELAY
		 ": sent bytes that no command has asked for: \"250 \"\n" },
	{ .name = "a greeting and 421",
	  .steps = STEPS("s:220 hello\r\n421 changed my mind\r\n", "EOF"),
	  .log = "ended connect 421 changed my mind\n" },
	{ .name = "closed",
	  .steps = STEPS("FIN"),
	  .log = "ended connect 905 " RELAY ": the server closed the connection while we "
		 "waited for the greeting\n" },
	{ .name = "closed in its midst",
	  .steps = STEPS("s:220 hello", "FIN"),
	  .log = "ended connect 905 *\n" },
	{ .name = "reset",
	  .steps = STEPS("RST"),
	  .log = "ended connect 905 " RELAY ": the connection was lost while we waited for "
		 "the greeting: Connection reset by peer\n" },
	{ .name = "silence",
	  .divide = 1000,
	  .steps = STEPS("EOF"),
	  .log = "ended connect 904 " RELAY ": waited 60 s in vain for the greeting\n" },
	{ .name = "endless words",
	  .divide = 100,
	  .steps = STEPS("s:220-", "EOF"),
	  .log = "ended connect 904 " RELAY ": waited 60 s in vain for the greeting\n" },
};

static void survives_bad_greetings(void **state)
{
	(void)state;
	play_all(survives_bad_greetings_list, ARRAY_LEN(survives_bad_greetings_list));
}

static const struct scenario survives_bad_ehlo_replies_list[] = {
	{ .name = "502",
	  .steps = STEPS(EHLO, "S:502 5.5.1 what", "EOF"),
	  .log = "ended connect 502 5.5.1 what\n" },
	{ .name = "220 to EHLO",
	  .steps = STEPS(EHLO, "S:220 hello", "EOF"),
	  .log = "ended connect 906 " RELAY ": sent \"220 hello\" as the reply to EHLO\n" },
	{ .name = "two replies",
	  .steps = STEPS(EHLO, "s:250-x\r\n250 STARTTLS\r\n220 ok\r\n", "EOF"),
	  .log = "ended connect 906 *\n" },
	{ .name = "changing code",
	  .steps = STEPS(EHLO, "s:250-x\r\n354 STARTTLS\r\n", "EOF"),
	  .log = "ended connect 906 " RELAY ": sent a reply whose code changes*\n" },
	{ .name = "silence",
	  .steps = STEPS("FAST:300", EHLO, "EOF"),
	  .log = "ended connect 904 " RELAY ": waited 60 s in vain for the reply to EHLO\n" },
	{ .name = "421",
	  .steps = STEPS(EHLO, "S:421 4.7.66 TLS 1.0 and 1.1 are not supported", "EOF"),
	  .log = "ended connect 421 4.7.66 TLS 1.0 and 1.1 are not supported\n" },
};

static void survives_bad_ehlo_replies(void **state)
{
	(void)state;
	play_all(survives_bad_ehlo_replies_list, ARRAY_LEN(survives_bad_ehlo_replies_list));
}

static const struct scenario insists_on_tls_list[] = {
	{ .name = "no STARTTLS",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 AUTH XOAUTH2", "EOF"),
	  .log = "ended connect 903 " RELAY ": offers no STARTTLS*refuse to continue in "
		 "clear text\n" },
	{ .name = "STARTTLS in the greeting line only",
	  .steps = STEPS(EHLO, "S:250 STARTTLS", "EOF"),
	  .log = "ended connect 903 *\n" },
	{ .name = "STARTTLS refused",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 STARTTLS", "C:STARTTLS", "S:454 4.7.0 not now",
			 "EOF"),
	  .log = "ended connect 903 " RELAY ": refused STARTTLS: \"454 4.7.0 not now\"\n" },
	{ .name = "250 to STARTTLS",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 STARTTLS", "C:STARTTLS", "S:250 ok", "EOF"),
	  .log = "ended connect 906 *\n" },
	{ .name = "421 to STARTTLS",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 STARTTLS", "C:STARTTLS", "S:421 no", "EOF"),
	  .log = "ended connect 421 no\n" },
	{ .name = "injection: CVE-2021-22947",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 STARTTLS", "C:STARTTLS",
			 "s:220 go\r\n250-x\r\n250 AUTH XOAUTH2\r\n", "EOF"),
	  .log = "ended connect 903 " RELAY ": sent data in clear text after STARTTLS*\n" },
	{ .name = "injection of one byte",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 STARTTLS", "C:STARTTLS", "s:220 go\r\n2", "EOF"),
	  .log = "ended connect 903 " RELAY ": sent data in clear text after STARTTLS*\n" },
	{ .name = "injection in a segment of its own",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 STARTTLS", "C:STARTTLS", "s:220 go\r\n",
			 "s:250-x\r\n250 AUTH XOAUTH2\r\n", "EOF"),
	  .log = "ended connect 903 *\n" },
	{ .name = "closed instead of a handshake",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 STARTTLS", "C:STARTTLS", "S:220 go", "FIN"),
	  .log = "ended connect 903 *\n" },
	{ .name = "silence instead of a handshake",
	  .steps = STEPS(EHLO, "S:250-x", "S:250 STARTTLS", "C:STARTTLS", "FAST:300", "S:220 go",
			 "DEAF"),
	  .log = "ended connect 904 " RELAY ": waited 30 s in vain for the TLS handshake\n" },
	{ .name = "silence after STARTTLS",
	  .steps = STEPS(EHLO, "S:250-x", "FAST:300", "S:250 STARTTLS", "C:STARTTLS", "EOF"),
	  .log = "ended connect 904 " RELAY ": waited 30 s in vain for the reply to STARTTLS\n" },
	{ .name = "the wrong name",
	  .host = "other.test",
	  .steps = STEPS(TLS_UP, "EOF"),
	  .log = "ended connect 903 other.test[127.0.0.1]:587: *\n" },
	{ .name = "an unknown authority",
	  .stranger = true,
	  .steps = STEPS(TLS_UP, "EOF"),
	  .log = "ended connect 903 " RELAY ": *\n" },
	{ .name = "a token without TLS",
	  .auth_in_clear = true,
	  .steps = STEPS(EHLO, "S:250-x", "S:250 AUTH XOAUTH2", "EOF"),
	  .log = "connected " RELAY " none\nended auth 903 " RELAY
		 ": a token is never sent without TLS\n" },
};

static void insists_on_tls(void **state)
{
	(void)state;
	play_all(insists_on_tls_list, ARRAY_LEN(insists_on_tls_list));
}

static const struct scenario tells_how_auth_failed_list[] = {
	{ .name = "no token mechanism",
	  .steps = STEPS(EHLO_TLS, "S:250-x", "S:250 AUTH LOGIN PLAIN", "EOF"),
	  .log = CONNECTED "ended auth 907 " RELAY ": offers neither XOAUTH2 nor "
			   "OAUTHBEARER, only AUTH \"LOGIN PLAIN\"\n" },
	{ .name = "no AUTH",
	  .steps = STEPS(EHLO_TLS, "S:250 x", "EOF"),
	  .log = CONNECTED "ended auth 907 " RELAY ": offers no AUTH at all*\n" },
	{ .name = "AUTH before TLS only",
	  .steps = STEPS(EHLO, "S:250-x", "S:250-AUTH XOAUTH2", "S:250 STARTTLS", "C:STARTTLS",
			 "S:220 go", "TLS", "C:EHLO client.test", "S:250 x", "EOF"),
	  .log = CONNECTED "ended auth 907 *\n" },
	{ .name = "535",
	  .steps = STEPS(GIVEN, "S:535 5.7.3 Authentication unsuccessful [X]", "EOF"),
	  .log = CONNECTED "ended auth 535 5.7.3 Authentication unsuccessful [X]\n" },
	{ .name = "535 and 421",
	  .steps = STEPS(GIVEN, "s:535 5.7.3 no\r\n421 bye\r\n", "EOF"),
	  .log = CONNECTED "ended auth 535 5.7.3 no\n" },
	{ .name = "535 and FIN",
	  .steps = STEPS(GIVEN, "s:535 5.7.3 no\r\n", "FIN"),
	  .log = CONNECTED "ended auth 535 5.7.3 no\n" },
	{ .name = "504 to AUTH",
	  .steps = STEPS(ASKED, "S:504 5.7.4 Unrecognized authentication type", "EOF"),
	  .log = CONNECTED "ended auth 504 5.7.4 Unrecognized authentication type\n" },
	{ .name = "454",
	  .steps = STEPS(GIVEN, "S:454 4.7.0 later", "EOF"),
	  .log = CONNECTED "ended auth 454 4.7.0 later\n" },
	{ .name = "421",
	  .steps = STEPS(GIVEN, "S:421 4.3.2 later", "EOF"),
	  .log = CONNECTED "ended auth 421 4.3.2 later\n" },
	{ .name = "JSON, then 535: UPS-09",
	  .steps =
		  STEPS(GIVEN, GOOGLE_JSON, "C:", "S:535-5.7.8 Username and Password not accepted.",
			"S:535 5.7.8 more", "EOF"),
	  .log = CONNECTED "ended auth 535 5.7.8 Username and Password not accepted. more "
			   "({\\\"status\\\":\\\"401\\\",\\\"schemes\\\":\\\"bearer\\\","
			   "\\\"scope\\\":\\\"https://mail.google.com/\\\"})\n" },
	{ .name = "a challenge that is not base64",
	  .steps = STEPS(GIVEN, "S:334 what?", "C:", "S:535 no", "EOF"),
	  .log = CONNECTED "ended auth 535 no (what?)\n" },
	{ .name = "an empty challenge",
	  .steps = STEPS(GIVEN, "S:334", "C:", "S:535 no", "EOF"),
	  .log = CONNECTED "ended auth 535 no\n" },
	{ .name = "OAUTHBEARER's way: RFC 7628 3.2.3",
	  .steps = STEPS(EHLO_TLS, "S:250-x", "S:250 AUTH OAUTHBEARER", "C:AUTH OAUTHBEARER",
			 "S:334", SASL_BEARER, "S:334 e30=", "C:AQ==", "S:535 no", "EOF"),
	  .log = CONNECTED "ended auth 535 no ({})\n" },
	{ .name = "challenges without end",
	  .steps = STEPS(GIVEN, "S:334 a", "C:", "S:334 b", "EOF"),
	  .log = CONNECTED "ended auth 906 " RELAY ": sent \"334 b\" as the reply to AUTH\n" },
	{ .name = "235 after the challenge",
	  .steps = STEPS(GIVEN, "S:334 a", "C:", "S:235 b", "EOF"),
	  .log = CONNECTED "ended auth 906 *\n" },
	{ .name = "235 to AUTH",
	  .steps = STEPS(ASKED, "S:235 2.7.0 ok", "EOF"),
	  .log = CONNECTED "ended auth 906 " RELAY ": sent \"235 2.7.0 ok\" as the reply to "
			   "AUTH\n" },
	{ .name = "235 before AUTH: UPS-05",
	  .steps = STEPS(EHLO_TLS, "s:250-x\r\n250 AUTH XOAUTH2\r\n235 2.7.0 ok\r\n", "EOF"),
	  .log = CONNECTED "ended auth 906 *\n" },
	{ .name = "334 and 235 at once",
	  .steps = STEPS(ASKED, "s:334\r\n235 ok\r\n", "EOF"),
	  .log = CONNECTED "ended auth 906 *\n" },
	{ .name = "250 to the token",
	  .steps = STEPS(GIVEN, "S:250 ok", "EOF"),
	  .log = CONNECTED "ended auth 906 *\n" },
	{ .name = "closed",
	  .steps = STEPS(GIVEN, "FIN"),
	  .log = CONNECTED "ended auth 905 *waited for the reply to the token*\n" },
	{ .name = "silence",
	  .steps = STEPS(ASKED, "FAST:300", "S:334", SASL, "EOF"),
	  .log = CONNECTED "ended auth 904 " RELAY
			   ": waited 60 s in vain for the reply to the token\n" },
	{ .name = "silence to AUTH",
	  .steps = STEPS(EHLO_TLS, "S:250-x", "FAST:300", "S:250 AUTH XOAUTH2", "C:AUTH XOAUTH2",
			 "EOF"),
	  .log = CONNECTED "ended auth 904 " RELAY
			   ": waited 60 s in vain for the reply to AUTH\n" },
};

static void tells_how_auth_failed(void **state)
{
	(void)state;
	play_all(tells_how_auth_failed_list, ARRAY_LEN(tells_how_auth_failed_list));
}

static const struct letter to_two = {
	.from = "a@x.test",
	.to = STEPS("b@y.test", "c@y.test"),
	.header = "A: 1\r\n\r\n",
	.chunks = STEPS("one\r\n"),
	.size = 1,
};

static const struct scenario keeps_the_token_to_itself_list[] = {
	{ .name = "a token with a line end",
	  .token = "abc\r\nMAIL FROM:<a@b>",
	  .steps = STEPS(OFFERED, "EOF"),
	  .log = CONNECTED "ended auth 908 " RELAY
			   ": cannot log in: byte 4 of the token is one that no token can hold\n" },
	{ .name = "a token with ^A",
	  .token = "abc\001\001auth=Bearer x",
	  .steps = STEPS(OFFERED, "EOF"),
	  .log = CONNECTED "ended auth 908 *\n" },
	{ .name = "no token",
	  .token = "",
	  .steps = STEPS(OFFERED, "EOF"),
	  .log = CONNECTED "ended auth 908 " RELAY ": cannot log in: the token is empty\n" },
	{ .name = "the server repeats it",
	  .steps = STEPS(GIVEN, ("S:535 5.7.3 wrong: " TOKEN), "EOF"),
	  .log = CONNECTED "ended auth 535 5.7.3 (text withheld: it repeats the token)\n" },
	{ .name = "the server repeats a part of it",
	  .steps = STEPS(GIVEN, "S:535 5.7.3 FpUAo7J3Ve0bjLBWZWCclRC3EoAA.vF9dft4qmTc2Nvb3Rl",
			 "EOF"),
	  .log = CONNECTED "ended auth 535 5.7.3 (text withheld: it repeats the token)\n" },
	{ .name = "the server repeats the line",
	  .steps = STEPS(GIVEN, ECHO_OF_SASL("S:501 5.5.2 what is "), "EOF"),
	  .log = CONNECTED "ended auth 501 5.5.2 (text withheld: it repeats the token)\n" },
	{ .name = "the server repeats the line as garbage",
	  .steps = STEPS(GIVEN, ECHO_OF_SASL("S:"), "EOF"),
	  .log = CONNECTED "ended auth 906 (text withheld: it repeats the token)\n" },
	{ .name = "the server repeats it in a challenge",
	  .steps = STEPS(GIVEN, JSON_WITH_TOKEN, "C:", "S:535 5.7.8 no", "EOF"),
	  .log = CONNECTED "ended auth 535 5.7.8 (text withheld: it repeats the token)\n" },
	{ .name = "the server repeats it when a message comes",
	  .letters = &to_two,
	  .letter_count = 1,
	  .steps = STEPS(LOGGED_IN, "C:MAIL FROM:<a@x.test>", "C:RCPT TO:<b@y.test>",
			 "C:RCPT TO:<c@y.test>", "S:250 ok", ("S:550 5.7.1 not you: " TOKEN),
			 "S:250 ok", "C:DATA", "S:354 go", "DATA", ECHO_OF_SASL("S:554 5.2.0 "),
			 BYE),
	  .log = READY "rcpt 0 550 5.7.1 (text withheld: it repeats the token)\nrcpt 1 250 ok\n"
		       "want\nfinished data 554 5.2.0 (text withheld: it repeats the token)\n"
		       "ready\nended idle 221 2.0.0 bye\n" },
};

static void keeps_the_token_to_itself(void **state)
{
	(void)state;
	play_all(keeps_the_token_to_itself_list, ARRAY_LEN(keeps_the_token_to_itself_list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reaches_ready),
		cmocka_unit_test(survives_bad_greetings),
		cmocka_unit_test(survives_bad_ehlo_replies),
		cmocka_unit_test(insists_on_tls),
		cmocka_unit_test(tells_how_auth_failed),
		cmocka_unit_test(keeps_the_token_to_itself),
	};
	return cmocka_run_group_tests(tests, make_tls_files, free_tls_files);
}
