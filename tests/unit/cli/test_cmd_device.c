/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app.h"
#include "cli/cli.h"
#include "config/config.h"
#include "tests/unit/cli/fake_relay.h"
#include "tests/unit/support/config_text.h"

/* Not run here. */
int app_run(const struct app_options *options)
{
	(void)options;
	return 1;
}

#define NUMBERS(open, connections, accepted, refused)                                 \
	"\"open\":" #open ",\"connections\":" #connections ",\"accepted\":" #accepted \
	",\"refused\":" #refused
#define STRANGER(address, helo)                                          \
	"{\"name\":null,\"address\":\"" address "\",\"admitted\":false," \
	"\"not_allowed\":true,\"last_age_s\":7,\"helo\":\"" helo "\","   \
	"\"error\":\"550 5.7.1 " address " is not allowed here\"," NUMBERS(0, 1, 0, 1) "}"
#define XEROX                                                                                    \
	"{\"name\":\"xerox-3f\",\"address\":\"192.168.10.21\",\"admitted\":true,"                \
	"\"not_allowed\":false,\"last_age_s\":180,\"tls\":\"TLSv1.2\",\"login\":\"LOGIN\","      \
	"\"user\":null,\"helo\":\"xerox\",\"error\":\"535 5.7.8 \\u001b[2JAuthentication "       \
	"failed: wrong user name or password, and a text that does not end\"," NUMBERS(1, 12345, \
										       678, 9) "}"
#define UNSEEN                                                                           \
	"{\"name\":\"ups\",\"address\":\"192.168.9.7\",\"admitted\":true,\"last\":null," \
	"\"last_age_s\":null,\"error\":null," NUMBERS(0, 0, 0, 0) "}"
#define PAGE(configured, rows) \
	"200 {\"total\":3,\"offset\":0,\"configured\":" #configured ",\"devices\":[" rows "]}"

/* The caller ends cli with cli_done(). */
static const char *device(struct cli *cli, const char *answer, const char *what, const char *whom)
{
	const char *const answers[] = { answer, NULL };
	struct fake f;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(cli, f.address.sun_path, "device", what, whom), CLI_OK);
	fake_stop(&f);
	fake_done(&f);
	return fake_out(cli);
}

static void assert_fits(const char *text)
{
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
		if (strcspn(line, "\n") > 80)
			fail_msg("too wide: %.100s", line);
}

static void lists_all_that_connect(void **state)
{
	struct cli cli;
	(void)state;
	const char *text =
		device(&cli, PAGE(2, XEROX "," STRANGER("192.168.1.9", "PRN-7.lan") "," UNSEEN),
		       "list", NULL);
	assert_string_equal(
		text,
		"NAME       ADDRESS        LAST SEEN   CONN  MAIL  REFUSED  TLS  LOGIN\n"
		"xerox-3f   192.168.10.21  connected  12345   678        9  1.2  LOGIN\n"
		"          535 5.7.8 \\x1b[2JAuthentication failed: wrong user name or "
		"password,\n"
		"          and a text that does not end\n"
		"(unknown)  192.168.1.9    7s ago         1     0        1  -    -\n"
		"          550 5.7.1 192.168.1.9 is not allowed here\n"
		"ups        192.168.9.7    never          0     0        0  -    -\n"
		"\nAn address wanted to send and was not allowed to. If it should be, put this\n"
		"before the `)` that ends `devices` in the configuration, then reload:\n\n"
		"    ,\n"
		"    { name = \"PRN-7\"; address = \"192.168.1.9\"; }\n");
	cli_done(&cli);
}

static void fits_a_terminal(void **state)
{
	struct cli cli;
	(void)state;
	const char *text = device(
		&cli,
		PAGE(0, "{\"name\":\"a-device-whose-name-is-as-long-as-it-may-be-and-then-some-"
			"more-xx\",\"address\":\"2001:db8:1234:5678:9abc:def0:1234:5678\","
			"\"admitted\":true,\"last_age_s\":3600,\"tls\":\"TLSv1.3\",\"login\":"
			"\"PLAIN\",\"user\":\"somebody.with.a.long.name@contoso.com\"," NUMBERS(
				0, 1234567, 1234567, 1234567) "}," STRANGER("fd00::1:9", "x")),
		"list", NULL);
	assert_fits(text);
	cli_done(&cli);
}

/* Names that help and names that harm. */
static void proposes_names(void **state)
{
	struct cli cli;
	(void)state;
	const char *text = device(
		&cli,
		PAGE(0,
		     STRANGER("10.0.0.1", "scan-7.example.com") "," STRANGER("10.0.0.2", "scan-7") "," STRANGER("10.0.0.3", "[10.0.0.3]") "," STRANGER(
			     "10.0.0.4",
			     "10.0.0.4") "," STRANGER("fd00::5",
						      "localhost") "," STRANGER("10.0.0.6",
										"a\\\"; }; evil = 1; #") "," STRANGER("10.0.0.7",
														      "")),
		"list", NULL);
	const char *paste = strstr(text, "devices = (");
	assert_non_null(paste);
	assert_string_equal(paste, "devices = (\n"
				   "    { name = \"scan-7\"; address = \"10.0.0.1\"; },\n"
				   "    { name = \"device-10.0.0.2\"; address = \"10.0.0.2\"; },\n"
				   "    { name = \"device-10.0.0.3\"; address = \"10.0.0.3\"; },\n"
				   "    { name = \"device-10.0.0.4\"; address = \"10.0.0.4\"; },\n"
				   "    { name = \"device-fd00--5\"; address = \"fd00::5\"; },\n"
				   "    { name = \"device-10.0.0.6\"; address = \"10.0.0.6\"; },\n"
				   "    { name = \"device-10.0.0.7\"; address = \"10.0.0.7\"; }\n"
				   ");\n");
	/* What is printed is a configuration that loads, and admits them. */
	struct strbuf conf;
	strbuf_init(&conf, 64 * 1024);
	strbuf_addf(&conf, "%s %s", CONFIG_SMALLEST, paste);
	struct config *config = config_must_load(strbuf_cstr(&conf));
	assert_int_equal(config->device_count, 7);
	assert_string_equal(config->devices[0].name, "scan-7");
	config_unref(config);
	strbuf_done(&conf);
	cli_done(&cli);
}

/* An address that is no address goes into no configuration. */
static void pastes_nothing_odd(void **state)
{
	struct cli cli;
	(void)state;
	const char *text =
		device(&cli, PAGE(0, STRANGER("1.2.3.4\\\"; x", "y") "," XEROX), "list", NULL);
	assert_null(strstr(text, "devices = ("));
	cli_done(&cli);
}

static void says_that_nobody_came(void **state)
{
	struct cli cli;
	(void)state;
	assert_string_equal(device(&cli,
				   "200 {\"total\":0,\"offset\":0,\"configured\":0,\"devices\":[]}",
				   "list", NULL),
			    "Nobody has connected yet, and no device is configured.\n");
	cli_done(&cli);
}

static void prints_transcripts(void **state)
{
	struct cli cli;
	(void)state;
	assert_string_equal(
		device(&cli,
		       "200 {\"connections\":3,\"total\":2,\"transcript\":\"failed\",\"transcripts\":["
		       "{\"address\":\"10.0.0.1\",\"started\":\"2026-11-22T12:00:00.000Z\","
		       "\"age_s\":185,\"took_ms\":1234,\"end\":\"QUIT\",\"failed\":true,\"lines\":["
		       "\"    0.000 S: 220 relay\",\"    0.010 C: EHLO \\u001bx\"]},"
		       "{\"address\":\"10.0.0.2\",\"started\":\"2026-11-22T12:01:00.000Z\","
		       "\"age_s\":5,\"took_ms\":7,\"end\":\"closed\",\"lines\":[]}]}",
		       "transcript", "xerox-3f"),
		"10.0.0.1, 2026-11-22T12:00:00.000Z, 3 min ago\n"
		"      0.000 S: 220 relay\n"
		"      0.010 C: EHLO \\x1bx\n"
		"      1.234 (end: QUIT)\n"
		"\n10.0.0.2, 2026-11-22T12:01:00.000Z, 5 s ago\n"
		"      0.007 (end: closed)\n");
	cli_done(&cli);
}

static void says_why_there_is_no_transcript(void **state)
{
	static const struct {
		const char *answer;
		const char *text;
	} rows[] = {
		{ "200 {\"connections\":0,\"transcript\":\"failed\",\"transcripts\":[]}",
		  ": it has not connected since the relay was started.\n" },
		{ "200 {\"connections\":1,\"transcript\":\"none\",\"transcripts\":[]}",
		  ": log.transcript is \"none\" in the configuration.\n" },
		{ "200 {\"connections\":1,\"transcript\":\"failed\",\"transcripts\":[]}",
		  ": none of its sessions has failed (log.transcript = \"all\" keeps the others "
		  "too).\n" },
		{ "200 {\"connections\":1,\"transcript\":\"all\",\"transcripts\":[]}",
		  ": none of its sessions has ended yet.\n" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cli cli;
		const char *text = device(&cli, rows[i].answer, "transcript", "ups");
		assert_int_equal(strncmp(text, "There is no transcript of ups", 29), 0);
		assert_string_equal(text + 29, rows[i].text);
		cli_done(&cli);
	}
}

/* A name goes into a path: nothing of it may become another path. */
static void encodes_the_name(void **state)
{
	const char *const answers[] = { "404 {\"error\":\"there is no device of that name\"}",
					NULL };
	struct fake f;
	struct cli cli;
	(void)state;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "device", "transcript", "a/../b c?d"),
			 CLI_FAILURE);
	fake_stop(&f);
	assert_string_equal(f.asked[0], "GET /v1/devices/a%2F..%2Fb%20c%3Fd/transcript HTTP/1.1");
	assert_non_null(strstr(fake_err(&cli), "there is no device of that name"));
	fake_done(&f);
	cli_done(&cli);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_all_that_connect),
		cmocka_unit_test(fits_a_terminal),
		cmocka_unit_test(proposes_names),
		cmocka_unit_test(pastes_nothing_odd),
		cmocka_unit_test(says_that_nobody_came),
		cmocka_unit_test(prints_transcripts),
		cmocka_unit_test(says_why_there_is_no_transcript),
		cmocka_unit_test(encodes_the_name),
	};
	return cmocka_run_group_tests_name("cli/cmd_device", tests, NULL, NULL);
}
