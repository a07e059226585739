/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/explain.h"
#include "common/attr.h"
#include "common/strbuf.h"
#include "config/config.h"

static const struct {
	const char *text;
	const char *code;
	const char *class; /* "": not known */
	const char *part;  /* of the meaning, or of the remedy */
} cases[] = {
	/* AADSTS numbers, however they come */
	{ "AADSTS7000222", "AADSTS7000222", "configuration", "the client secret has ended" },
	{ "7000222", "AADSTS7000222", "configuration", "has ended" },
	{ " 7000222 ", "AADSTS7000222", "configuration", "has ended" },
	{ "aadsts50076", "AADSTS50076", "sign-in", "second factor" },
	{ "AADSTS90033.", "AADSTS90033", "transient", "a passing error" },
	{ "AADSTS70016", "AADSTS70016", "pending", "device code" },
	{ "AADSTS7000215: Invalid client secret provided. Trace ID: 0b0c1f00 Timestamp: 2026-11-22 "
	  "12:00:00Z",
	  "AADSTS7000215", "configuration", "often the Secret ID" },
	{ "<4>token-failed account=scanner class=configuration code=AADSTS53003 "
	  "error=\"AADSTS53003: Access has been blocked from 10.4.5.6\" retry_s=300",
	  "AADSTS53003", "configuration", "Conditional Access" },
	{ "{\"error\":\"invalid_grant\",\"error_codes\":[70043],\"x\":1}", "AADSTS70043", "sign-in",
	  "refresh token" },
	{ "https://login.microsoftonline.com/error?code=65001", "AADSTS65001", "configuration",
	  "consented" },
	{ "first AADSTS999999 then AADSTS70008", "AADSTS70008", "sign-in", "not used" },
	{ "AADSTS999999", "AADSTS999999", "", "" },
	/* words of `error` */
	{ "invalid_client", "invalid_client", "configuration", "does not know the application" },
	{ "error=invalid_grant", "invalid_grant", "sign-in", "refresh token" },
	{ "{\"error\":\"temporarily_unavailable\"}", "temporarily_unavailable", "transient",
	  "overloaded" },
	{ "slow_down", "slow_down", "pending", "less often" },
	/* no answer, or none that it should be */
	{ "http-429", "http-429", "transient", "too often" },
	{ "HTTP 429", "http-429", "transient", "too often" },
	{ "HTTP/1.1 503 Service Unavailable", "http-503", "transient", "in trouble" },
	{ "status 404", "http-404", "transient", "refuses" },
	{ "token-failed account=x code=bad-reply error=\"\"", "bad-reply", "transient",
	  "none that" },
	{ "timeout", "timeout", "transient", "in time" },
	{ "token-failed code=dns error=x", "dns", "transient", "name server" },
	/* mail servers */
	{ "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
	  "Mailbox. Visit https://aka.ms/smtp_auth_disabled",
	  "535 5.7.139", "hold", "Set-CASMailbox" },
	{ "535 5.7.3 Authentication unsuccessful [SRV 2026-11-22T10:00:00.000Z 08DE]", "535 5.7.3",
	  "refresh", "{rights}" },
	{ "5.7.60", "5.7.60", "sender", "Add-RecipientPermission" },
	{ "550-5.7.60 SMTP; Client does not have permissions", "550 5.7.60", "sender", "SendAs" },
	{ "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication "
	  "unsuccessful, account locked.",
	  "530 5.7.57", "hold", "locked" },
	{ "432 4.3.2 Concurrent connections limit exceeded.", "432 4.3.2", "throttle",
	  "connections" },
	{ "account locked", "account locked", "hold", "locked" },
	{ "535 Authentication failed", "535", "refresh", "token" },
	{ "delivery reply=\"554 5.2.252 SendAsDenied; a not allowed\" took_ms=450", "554 5.2.252",
	  "sender", "send_as" },
	{ "550 5.1.1 User unknown", "550 5.1.1", "", "for good" },
	{ "451 4.2.0 later", "451 4.2.0", "", "passing" },
	/* nothing */
	{ "", "", "", "" },
	{ "hello", "", "", "" },
	{ "10.4.5.6", "", "", "" },
	{ "250 2.0.0 OK", "", "", "" },
	{ "at 2026-11-22T10:00:00.000Z from 4.5.6.7", "", "", "" },
	{ "AADSTS", "", "", "" },
	{ "AADSTS99999999999999", "", "", "" },
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct explanation e;
		explain_text(str_of(cases[i].text), NULL, &e);
		if (strcmp(e.code, cases[i].code) != 0 || strcmp(e.class, cases[i].class) != 0 ||
		    e.known != (cases[i].class[0] != '\0'))
			fail_msg("%s: %s, %s", cases[i].text, e.code, e.class);
		if (strstr(e.meaning, cases[i].part) == NULL &&
		    strstr(e.remedy, cases[i].part) == NULL)
			fail_msg("%s: %s; %s", cases[i].text, e.meaning, e.remedy);
		/* Who knows what it means also knows what happens. */
		assert_int_equal(e.known && e.effect[0] == '\0', false);
	}
}

static void test_guesses(void **state)
{
	static const struct {
		const char *text;
		const char *guess;
	} guesses[] = {
		{ "AADSTS7000223", "AADSTS7000222" },
		{ "AADSTS700216", "AADSTS700016" },
		{ "invalid_clinet", "invalid_client" },
		{ "http429", "http-429" },
		{ "AADSTS123456789", "" },
		{ "hello", "" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(guesses); i++) {
		struct explanation e;
		explain_text(str_of(guesses[i].text), NULL, &e);
		assert_false(e.known);
		assert_string_equal(e.guess, guesses[i].guess);
	}
}

static void test_more_about_it(void **state)
{
	struct explanation e;
	(void)state;
	explain_text(STR("AADSTS7000222"), NULL, &e);
	assert_true(e.credential);
	assert_string_equal(e.link, "https://login.microsoftonline.com/error?code=7000222");
	assert_non_null(strstr(e.fixer, "Application Administrator"));
	explain_text(STR("AADSTS999999"), NULL, &e);
	assert_string_equal(e.link, "https://login.microsoftonline.com/error?code=999999");
	explain_text(STR("550 5.1.1 User unknown"), NULL, &e);
	assert_string_equal(e.about, "an address");
	assert_string_equal(e.link, "");
	/* For whom it is. */
	const struct account_config delegated = { .grant = GRANT_DELEGATED };
	explain_text(STR("AADSTS65001"), NULL, &e);
	assert_non_null(strstr(e.remedy, "Application permissions"));
	explain_text(STR("AADSTS65001"), &delegated, &e);
	assert_non_null(strstr(e.remedy, "Delegated permissions"));
}

/* Whatever a text holds, and however long it is. */
static void test_hostile_texts(void **state)
{
	static const char *const parts[] = { "AADSTS",	       "7000222", "5.7.1",
					     "535 ",	       "http-",	  "\x1b[0m",
					     "invalid_client", "....",	  "\xff\xfe",
					     "%s%n",	       "_",	  " " };
	struct strbuf text;
	(void)state;
	strbuf_init(&text, 128 * 1024);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		for (size_t j = 0; j < ARRAY_LEN(parts); j++) {
			struct explanation e;
			strbuf_reset(&text);
			while (text.n < 64 * 1024)
				strbuf_addf(&text, "%s%s", parts[i], parts[j]);
			explain_text(strbuf_str(&text), NULL, &e);
			assert_true(strlen(e.code) < sizeof(e.code));
			for (const char *c = e.code; *c != '\0'; c++)
				assert_true(ascii_is_print(*c));
		}
	strbuf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_guesses),
		cmocka_unit_test(test_more_about_it),
		cmocka_unit_test(test_hostile_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
