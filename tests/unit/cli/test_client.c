/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "app.h"
#include "cli/client.h"
#include "cli/command.h"
#include "tests/unit/cli/fake_relay.h"

/* Not run here. */
int app_run(const struct app_options *options)
{
	(void)options;
	return 1;
}

/* ---- tests */

#define HELD_REASON "AADSTS7000215: Invalid client secret provided"
#define STATUS_HELD                                                                          \
	"200 {\"version\":\"0.1.0\",\"pid\":42,\"uptime_s\":7260,\"queue\":{\"messages\":3," \
	"\"recipients\":4,\"bytes\":5242880,\"oldest_age_s\":300,\"ready\":3,\"active\":0,"  \
	"\"deferred\":0,\"held\":0,\"failed\":1,\"delivered_total\":17,\"failed_total\":1}," \
	"\"accounts\":[{\"name\":\"scanner\",\"mailbox\":\"scanner@contoso.com\","           \
	"\"state\":\"held\",\"reason\":\"" HELD_REASON                                       \
	"\",\"remedy\":\"make a \\\"new\\\" secret\","                                       \
	"\"next_try_s\":300,\"token\":{\"state\":\"held\",\"good_for_s\":0},\"sessions\":0," \
	"\"active\":0,\"waiting\":3},{\"name\":\"old\",\"mailbox\":\"\",\"state\":\"open\"," \
	"\"reason\":\"\",\"remedy\":\"\",\"next_try_s\":null,\"token\":null,\"sessions\":1," \
	"\"active\":1,\"waiting\":0}],\"listeners\":[{\"address\":\"0.0.0.0:25\","           \
	"\"tls\":\"starttls\",\"auth\":\"none\",\"connections\":3,"                          \
	"\"connections_total\":70}],\"intake\":{\"accepted\":20,\"refused\":2,"              \
	"\"connections\":1}}"

static void status_tells_what_is_wrong_first(void **state)
{
	(void)state;
	static const char *const answers[] = { STATUS_HELD, NULL };
	struct fake f;
	struct cli cli;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "status", NULL, NULL), CLI_OK);
	fake_stop(&f);
	assert_string_equal(f.asked[0], "GET /v1/status HTTP/1.1");
	const char *text = fake_out(&cli);
	assert_ptr_equal(strstr(text,
				"! Account scanner cannot send: " HELD_REASON "\n"
				"  To do: make a \"new\" secret\n"
				"  3 messages wait and will not grow too old meanwhile; it is "
				"tried again in 5 min.\n\n"
				"! 1 message could not be delivered to everybody and is kept."),
			 text);
	assert_non_null(strstr(text,
			       "ACCOUNT  STATE  TOKEN  SESSIONS  SENDING  WAITING  SENDS AS\n"
			       "scanner  held   held          0        0        3  scanner@"));
	assert_non_null(strstr(text, "LISTENER    TLS       LOGIN  CONNECTED  IN ALL\n"
				     "0.0.0.0:25  starttls  none           3      70\n"));
	assert_non_null(strstr(text, "Queue      3 messages (5.0M), oldest 5 min; ready 3, sending "
				     "0, later 0\n"));
	assert_non_null(strstr(text, "Running    2 h 1 min, version 0.1.0, process 42\n"));
	assert_null(strchr(text, '\x1b'));
	fake_done(&f);
	cli_done(&cli);
}

static void status_says_that_all_is_well(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"200 {\"version\":\"0.1.0\",\"queue\":{\"messages\":0},\"accounts\":[{\"name\":"
		"\"a\",\"state\":\"open\",\"token\":{\"state\":\"valid\",\"good_for_s\":3500}}],"
		"\"listeners\":[],\"intake\":{}}",
		NULL
	};
	struct fake f;
	struct cli cli;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "status", NULL, NULL), CLI_OK);
	fake_stop(&f);
	assert_ptr_equal(strstr(fake_out(&cli), "All is well.\n\n"), fake_out(&cli));
	assert_non_null(strstr(fake_out(&cli), "valid 58m"));
	assert_non_null(strstr(fake_out(&cli), "Queue      empty\n"));
	fake_done(&f);
	cli_done(&cli);
}

#define MESSAGE(id)                                                                                 \
	"{\"id\":\"" id "\",\"accepted\":\"2026-11-22T12:00:00.123Z\",\"age_s\":240,"               \
	"\"size\":5452595,\"from\":\"scan@printer.local\",\"device\":\"xerox-3f\",\"user\":null,"   \
	"\"account\":\"scanner\",\"blocked\":null,\"recipients\":[{\"to\":\"a@contoso.com\","       \
	"\"state\":\"deferred\",\"attempts\":2,\"next_s\":119,\"reply\":\"432 4.3.2 too\\u001b[2J " \
	"many\"},{\"to\":\"b@contoso.com\",\"state\":\"sent\",\"attempts\":1,\"next_s\":null,"      \
	"\"reply\":null}]}"

static void status_tells_of_held_devices(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"200 {\"queue\":{\"messages\":3,\"held\":0,\"held_by_rate\":3,"
		"\"oldest_age_s\":99999},\"held_devices\":["
		"{\"device\":\"erp\",\"messages\":2,\"rate\":\"5/h\"},"
		"{\"device\":\"old\",\"messages\":1,\"rate\":\"\"}]}",
		NULL
	};
	struct fake f;
	struct cli cli;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "status", NULL, NULL), CLI_OK);
	fake_stop(&f);
	assert_ptr_equal(strstr(fake_out(&cli),
				"! Device erp is above 5/h: 2 messages are held.\n"
				"  To do: oauthrelay device release erp\n\n"
				"! Device old is above its rate: 1 message is held.\n"
				"  To do: oauthrelay device release old\n\n"),
			 fake_out(&cli));
	assert_null(strstr(fake_out(&cli), "has waited for"));
	fake_done(&f);
	cli_done(&cli);
}

static void a_device_is_released(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		const char *text;
	} rows[] = {
		{ "200 {\"device\":\"erp\",\"released\":12}", "12 messages of erp are released\n" },
		{ "200 {\"device\":\"erp\",\"released\":1}", "1 message of erp is released\n" },
		{ "200 {\"device\":\"erp\",\"released\":0}", "nothing of erp is held\n" },
		{ "404 {\"error\":\"there is no device erp\"}", "" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const answers[] = { rows[i].answer, NULL };
		struct fake f;
		struct cli cli;
		fake_start(&f, answers);
		int status = fake_ask(&cli, f.address.sun_path, "device", "release", "erp");
		fake_stop(&f);
		assert_int_equal(status, rows[i].text[0] != '\0' ? CLI_OK : CLI_FAILURE);
		assert_string_equal(f.asked[0], "POST /v1/devices/erp/release HTTP/1.1");
		assert_string_equal(fake_out(&cli), rows[i].text);
		fake_done(&f);
		cli_done(&cli);
	}
	struct cli cli;
	assert_int_equal(fake_ask(&cli, "/nonexistent/sock", "device", "release", "a/b"),
			 CLI_USAGE);
	cli_done(&cli);
}

static void a_body_is_sent(void **state)
{
	(void)state;
	static const char *const answers[] = { "200 {\"ok\":1}", NULL };
	struct fake f;
	struct cli cli;
	struct err err;
	cJSON *answer = NULL;
	cJSON *body = cJSON_Parse("{\"a\":1}");
	fake_start(&f, answers);
	cli_init(&cli);
	cli.socket = f.address.sun_path;
	assert_true(client_post(&cli, "/v1/x", body, &answer, &err));
	fake_stop(&f);
	assert_string_equal(f.asked[0], "POST /v1/x HTTP/1.1");
	assert_string_equal(f.body, "{\"a\":1}");
	assert_int_equal(client_int(answer, "ok"), 1);
	cJSON_Delete(body);
	cJSON_Delete(answer);
	fake_done(&f);
	/* Too much is not sent at all. */
	body = cJSON_CreateObject();
	char *large = calloc(1, 70000);
	assert_non_null(large);
	memset(large, 'x', 69999);
	cJSON_AddStringToObject(body, "large", large);
	assert_false(client_post(&cli, "/v1/x", body, &answer, &err));
	assert_string_equal(err.text, "that is too much to tell the relay at once");
	free(large);
	cJSON_Delete(body);
	cli_done(&cli);
}

static void the_queue_is_listed(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"200 {\"total\":70,\"offset\":0,\"messages\":[" MESSAGE(
			"0123456789abcdef0123456789abcdef") "]}",
		NULL
	};
	struct fake f;
	struct cli cli;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "queue", "list", NULL), CLI_OK);
	fake_stop(&f);
	assert_string_equal(f.asked[0], "GET /v1/queue?limit=50&offset=0 HTTP/1.1");
	const char *text = fake_out(&cli);
	assert_non_null(strstr(
		text, "ID        AGE  SIZE  FROM                TO             STATE     NEXT\n"
		      "01234567   4m  5.2M  scan@printer.local  a@contoso.com  deferred  119s\n"
		      "          432 4.3.2 too\\x1b[2J many\n"
		      "                                         b@contoso.com  sent         -\n"));
	assert_non_null(strstr(text, "1 of 70 messages; --offset 1 shows the next"));
	assert_null(strchr(text, '\x1b'));
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_true(strcspn(line, "\n") <= 80);
	fake_done(&f);
	cli_done(&cli);
}

static void a_wide_list_has_whole_ids(void **state)
{
	(void)state;
	static const char *const answers[] = {
		"200 {\"total\":1,\"offset\":0,\"messages\":[" MESSAGE(
			"0123456789abcdef0123456789abcdef") "]}",
		NULL
	};
	struct fake f;
	struct cli cli;
	struct err err;
	const char *argv[] = { "oauthrelay", "--socket", NULL };
	fake_start(&f, answers);
	argv[2] = f.address.sun_path;
	cli_init(&cli);
	assert_true(cli_parse(&cli, 3, argv, &err));
	cli.width = CLI_WIDTH_ANY;
	assert_int_equal(cmd_queue_list(&cli), CLI_OK);
	fake_stop(&f);
	assert_non_null(strstr(fake_out(&cli), "\n0123456789abcdef0123456789abcdef   4m  5.2M"));
	fake_done(&f);
	cli_done(&cli);
}

static void an_empty_queue_says_so(void **state)
{
	(void)state;
	static const char *const answers[] = { "200 {\"total\":0,\"offset\":0,\"messages\":[]}",
					       NULL };
	struct fake f;
	struct cli cli;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "queue", "list", NULL), CLI_OK);
	fake_stop(&f);
	assert_string_equal(fake_out(&cli), "The queue is empty.\n");
	fake_done(&f);
	cli_done(&cli);
}

static void all_pages_are_fetched(void **state)
{
	(void)state;
	struct strbuf page;
	struct fake f;
	struct cli cli;
	strbuf_init(&page, 1U << 20);
	strbuf_adds(&page, "200 {\"total\":201,\"offset\":0,\"messages\":[");
	for (int i = 0; i < 200; i++)
		strbuf_addf(&page, "%s%s", i != 0 ? "," : "",
			    MESSAGE("0123456789abcdef0123456789abcdef"));
	strbuf_adds(&page, "]}");
	const char *const answers[] = { strbuf_cstr(&page),
					"200 {\"total\":201,\"offset\":200,\"messages\":[" MESSAGE(
						"ffff456789abcdef0123456789abcdef") "]}",
					NULL };
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "queue", "list", "--all"), CLI_OK);
	fake_stop(&f);
	assert_int_equal(f.asked_count, 2);
	assert_string_equal(f.asked[1], "GET /v1/queue?limit=200&offset=200 HTTP/1.1");
	assert_non_null(strstr(fake_out(&cli), "ffff4567"));
	fake_done(&f);
	cli_done(&cli);
	strbuf_done(&page);
}

static void a_message_is_shown(void **state)
{
	(void)state;
	static const char *const answers[] = { "200 " MESSAGE("0123456789abcdef0123456789abcdef"),
					       NULL };
	struct fake f;
	struct cli cli;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "queue", "show", "01234567"), CLI_OK);
	fake_stop(&f);
	assert_string_equal(f.asked[0], "GET /v1/queue/01234567 HTTP/1.1");
	assert_string_equal(fake_out(&cli), "Message    0123456789abcdef0123456789abcdef\n"
					    "Accepted   2026-11-22T12:00:00.123Z, 4 min ago\n"
					    "Size       5452595 bytes\n"
					    "From       scan@printer.local\n"
					    "Device     xerox-3f\n"
					    "Account    scanner\n"
					    "To\n"
					    "  a@contoso.com: deferred, 2 attempts, next in 1 min\n"
					    "      432 4.3.2 too\\x1b[2J many\n"
					    "  b@contoso.com: sent, 1 attempt\n");
	fake_done(&f);
	cli_done(&cli);
}

static void json_goes_through(void **state)
{
	(void)state;
	static const char *const answers[] = { "200 {\"total\":0,\"offset\":0,\"messages\":[]}",
					       NULL };
	struct fake f;
	struct cli cli;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "queue", "list", "--json"), CLI_OK);
	fake_stop(&f);
	assert_string_equal(fake_out(&cli), "{\"total\":0,\"offset\":0,\"messages\":[]}\n");
	fake_done(&f);
	cli_done(&cli);
}

static void refusals_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *answer;
		const char *error;
	} rows[] = {
		{ "404 {\"error\":\"no such message\"}", "oauthrelay: no such message\n" },
		{ "500 {}", "the relay answered with status 500" },
		{ "200 <html>", "the relay's answer cannot be read" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const answers[] = { rows[i].answer, NULL };
		struct fake f;
		struct cli cli;
		fake_start(&f, answers);
		assert_int_equal(fake_ask(&cli, f.address.sun_path, "queue", "show", "01234567"),
				 CLI_FAILURE);
		fake_stop(&f);
		assert_non_null(strstr(fake_err(&cli), rows[i].error));
		assert_string_equal(fake_out(&cli), "");
		fake_done(&f);
		cli_done(&cli);
	}
}

static void a_relay_that_is_not_there_is_told(void **state)
{
	(void)state;
	struct cli cli;
	assert_int_equal(fake_ask(&cli, "/nonexistent/sock", "status", NULL, NULL), CLI_FAILURE);
	assert_non_null(strstr(fake_err(&cli), "the relay is not running: nobody answers at "
					       "/nonexistent/sock. Start it with"));
	cli_done(&cli);

	static const char *const answers[] = { NULL };
	struct fake f;
	fake_start(&f, answers);
	pthread_join(f.thread, NULL);
	close(f.fd); /* the file stays: nobody listens any more */
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "status", NULL, NULL), CLI_FAILURE);
	assert_non_null(strstr(fake_err(&cli), "the relay is not running"));
	cli_done(&cli);
	unlink(f.address.sun_path);
	rmdir(f.dir);
}

static void a_forbidden_socket_is_told(void **state)
{
	(void)state;
	static const char *const answers[] = { NULL };
	struct fake f;
	struct cli cli;
	fake_start(&f, answers);
	pthread_join(f.thread, NULL);
	assert_int_equal(chmod(f.dir, 0755), 0);
	assert_int_equal(chmod(f.address.sun_path, 0600), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0); /* root may everything */
	else
		assert_int_equal(chmod(f.address.sun_path, 0), 0);
	int status = fake_ask(&cli, f.address.sun_path, "status", NULL, NULL);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(status, CLI_FAILURE);
	assert_non_null(strstr(fake_err(&cli), "you may not ask the relay"));
	cli_done(&cli);
	close(f.fd);
	unlink(f.address.sun_path);
	rmdir(f.dir);
}

static void members_are_not_trusted(void **state)
{
	(void)state;
	cJSON *json = cJSON_Parse("{\"s\":5,\"n\":\"x\",\"big\":1e300,\"neg\":-5,\"ok\":7}");
	assert_string_equal(client_str(json, "s"), "");
	assert_string_equal(client_str(json, "absent"), "");
	assert_int_equal(client_int(json, "n"), -1);
	assert_int_equal(client_int(json, "big"), -1);
	assert_int_equal(client_int(json, "neg"), -1);
	assert_int_equal(client_int(json, "ok"), 7);
	assert_int_equal(client_int(NULL, "ok"), -1);
	cJSON_Delete(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_tells_what_is_wrong_first),
		cmocka_unit_test(status_says_that_all_is_well),
		cmocka_unit_test(status_tells_of_held_devices),
		cmocka_unit_test(a_device_is_released),
		cmocka_unit_test(a_body_is_sent),
		cmocka_unit_test(the_queue_is_listed),
		cmocka_unit_test(a_wide_list_has_whole_ids),
		cmocka_unit_test(an_empty_queue_says_so),
		cmocka_unit_test(all_pages_are_fetched),
		cmocka_unit_test(a_message_is_shown),
		cmocka_unit_test(json_goes_through),
		cmocka_unit_test(refusals_are_told),
		cmocka_unit_test(a_relay_that_is_not_there_is_told),
		cmocka_unit_test(a_forbidden_socket_is_told),
		cmocka_unit_test(members_are_not_trusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
