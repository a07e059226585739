/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/fsx.h"
#include "config/config.h"
#include "config/schema.h"
#include "config/syntax.h"
#include "tests/unit/support/config_text.h"

static void the_smallest_file_gets_its_defaults(void **state)
{
	(void)state;
	struct config *c = config_must_load(CONFIG_SMALLEST);
	const struct account_config *a = &c->accounts[0];
	assert_int_equal(c->listener_count, 1);
	assert_string_equal(c->listeners[0].address, "127.0.0.1:2525");
	assert_int_equal(c->listeners[0].endpoint.len, sizeof(struct sockaddr_in));
	assert_int_equal(c->listeners[0].tls, LISTENER_TLS_STARTTLS);
	assert_int_equal(c->listeners[0].auth, AUTH_RULE_NONE);
	assert_int_equal(c->allow_count, 1);
	assert_string_equal(c->users_file, "/var/lib/oauthrelay/users");
	assert_string_equal(c->admin_socket, "/run/oauthrelay/control.sock");
	assert_int_equal(c->account_count, 1);
	assert_string_equal(a->host, "smtp.office365.com");
	assert_int_equal(a->port, 587);
	assert_int_equal(a->sender, SENDER_REWRITE);
	assert_int_equal(a->auth, UPSTREAM_AUTH_XOAUTH2);
	assert_int_equal(a->limits.per_minute, 28);
	assert_string_equal(a->login, "scanner@contoso.com");
	assert_string_equal(a->token_endpoint, "https://login.microsoftonline.com/"
					       "contoso.onmicrosoft.com/oauth2/v2.0/token");
	assert_true(str_eq(secret_reveal(&a->credentials[0].secret), STR(CONFIG_SECRET)));
	config_unref(c);
}

static void the_full_shape_is_read(void **state)
{
	(void)state;
	struct config *c = config_must_load(
		"hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"
		"state_dir = \"/srv/state\"; listen = [ \"[::1]:25\" ];"
		"listeners = ( { address = \"0.0.0.0:587\"; tls = \"none\"; },"
		"              { address = \"0.0.0.0:25\"; auth = \"accept-any-password\"; } );"
		"allow = ( \"10.0.0.0/8\", \"fd00::/8\" );"
		"devices = ( { name = \"erp\"; address = \"10.1.2.3\"; cleartext_auth = true;"
		"              account = \"scanner\"; auth = \"accept-any-password\"; },"
		"            { name = \"floor\"; address = \"10.1.0.0/16\"; } );"
		"queue = { path = \"/srv/q\"; lifetime = \"2d\"; retry = { first = \"10s\"; };"
		"          min_free = 1000000; on_uncertain = \"hold\"; };"
		"limits = { connections = 9; message_size = \"35M\"; data_timeout = \"90s\"; };"
		"admin = { socket = \"/srv/s\"; }; log = { level = \"debug\"; };"
		"accounts = ( { " CONFIG_ACCOUNT " port = 2587; login = \"svc@contoso.com\";"
		"  send_as = [ \"a@contoso.com\", \"*.contoso.com\" ]; sender = \"keep\";"
		"  authority = \"https://login.microsoftonline.us/\";"
		"  limits = { connections = 1; message_size = 1048576; }; } );");
	assert_int_equal(c->listener_count, 3);
	assert_string_equal(c->listeners[0].address, "[::1]:25");
	assert_int_equal(c->listeners[1].tls, LISTENER_TLS_NONE);
	assert_int_equal(c->listeners[2].auth, AUTH_RULE_ANY_PASSWORD);
	assert_string_equal(c->users_file, "/srv/state/users");
	assert_int_equal(c->allow_count, 2);
	assert_int_equal(c->device_count, 2);
	assert_true(c->devices[0].cleartext_auth);
	assert_string_equal(c->devices[0].account, "scanner");
	assert_null(c->devices[1].account);
	assert_int_equal(c->queue.retry_first, 10000);
	assert_int_equal(c->queue.retry_max, 3600000);
	assert_int_equal(c->queue.min_free, 1000000);
	assert_int_equal(c->queue.on_uncertain, UNCERTAIN_HOLD);
	assert_int_equal(c->limits.message_size, 35 << 20);
	assert_int_equal(c->limits.data_timeout, 90000);
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c->accounts[0].port, 2587);
	assert_string_equal(c->accounts[0].login, "svc@contoso.com");
	assert_int_equal(c->accounts[0].send_as.n, 2);
	assert_int_equal(c->accounts[0].limits.connections, 1);
	assert_int_equal(c->accounts[0].limits.per_minute, 28);
	assert_string_equal(c->accounts[0].token_endpoint,
			    "https://login.microsoftonline.us/contoso.onmicrosoft.com/oauth2/v2.0/"
			    "token");
	config_unref(c);
}

/* Each text is added to the smallest file, on lines of its own from line 2 on. */
static void mistakes_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{ "tennant = 1;",
		  "relay.conf:2: unknown key \"tennant\"; `oauthrelay config keys`" },
		{ "hostnam = \"x\";", ":2: unknown key \"hostnam\"; did you mean \"hostname\"?" },
		{ "mailbox = \"x\";", ":2: unknown key \"mailbox\"; it belongs into accounts" },
		{ "queue = {\n lifetim = \"5d\"; };", ":3: unknown key \"lifetim\"; did you mean" },
		{ "queue = { retrey = { }; };", "did you mean \"retry\"?" },
		{ "queue = { state_dir = \"/x\"; };", "it belongs at the top, outside of any" },
		{ "devices = ( { name = \"a\"; addressx = \"10.0.0.1\"; } );",
		  "unknown key \"addressx\"; did you mean \"address\"?" },
		{ "queue = 5;", ":2: queue must be a group: queue = { ... };" },
		{ "devices = { name = \"a\"; };", "devices must be a list of groups: devices = (" },
		{ "devices = ( \"10.0.0.1\" );", "devices must be a list of groups" },
		{ "queue = { lifetime = 5; };", ":2: lifetime needs a unit: \"5s\", \"5m\"" },
		{ "queue = { lifetime = \"5 days\"; };", "lifetime \"5 days\" is not a duration" },
		{ "queue = { lifetime = \"900d\"; };", "lifetime \"900d\" must be at most 60d" },
		{ "queue = { path = \"spool\"; };", "path \"spool\" must be a full path" },
		{ "queue = { path = [ \"a\" ]; };", "path must be a path" },
		{ "queue = { min_free = 1.5; };", "min_free must be a size" },
		{ "limits = { connections = \"5\"; };",
		  "connections \"5\" is a number: write it without quotes" },
		{ "limits = { connections = 0; };", "connections must be at least 1" },
		{ "limits = { connections = true; };", "connections must be a number" },
		{ "log = { level = \"verbose\"; };", "level \"verbose\" must be one of \"debug\"" },
		{ "state_dir = \"/a\\x01b\";", "state_dir \"/a\\x01b\" holds a control character" },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; cleartext_auth = \"yes\"; } );",
		  "cleartext_auth \"yes\" is a true or false: write it without quotes" },
		{ "devices = ( { address = \"10.0.0.1\"; } );",
		  ":2: this one of devices has no name: what the log" },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1/8\"; } );",
		  "device \"a\": \"10.0.0.1/8\" is not a network: bits are set behind the prefix; did "
		  "you mean 10.0.0.0/8?" },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; hold_above = 5000; } );",
		  "hold_above needs a unit: \"5000/h\"" },
		{ "listeners = ( { address = \"25\"; } );",
		  "listener: \"25\" is not an address with a port" },
		{ "listeners = ( { tls = \"none\"; } );", "this one of listeners has no address" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_report report;
		struct strbuf text;
		strbuf_init(&text, 65536);
		strbuf_addf(&text, "%s\n%s\n", CONFIG_SMALLEST, rows[i].text);
		struct config *c = config_from_text(strbuf_cstr(&text), &report);
		if (c != NULL || strstr(strbuf_cstr(&report.errors), rows[i].error) == NULL)
			fail_msg("%s\nwanted %s\ngot %s", rows[i].text, rows[i].error,
				 strbuf_cstr(&report.errors));
		strbuf_done(&text);
		config_report_done(&report);
	}
}

static void all_mistakes_are_told_in_order(void **state)
{
	(void)state;
	struct config_report report;
	struct config *c = config_from_text("listen = [ \"127.0.0.1:25\" ];\n"
					    "allow = [ \"10.0.0.1/8\",\n"
					    "          \"nonsense\" ];\n"
					    "bogus = 1;\n"
					    "accounts = ( { " CONFIG_ACCOUNT "\n"
					    "  port = 70000; } );\n",
					    &report);
	assert_null(c);
	assert_int_equal(report.error_count, 5);
	const char *at = strbuf_cstr(&report.errors);
	static const char *const order[] = { "relay.conf:2: allow: \"10.0.0.1/8\"",
					     "relay.conf:3: allow: \"nonsense\"",
					     "relay.conf:4: unknown key \"bogus\"",
					     "relay.conf:6: port must be at most 65535",
					     "relay.conf: postmaster is missing" };
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		const char *hit = strstr(at, order[i]);
		if (hit == NULL)
			fail_msg("%s not in its place in\n%s", order[i],
				 strbuf_cstr(&report.errors));
		else
			at = hit;
	}
	config_report_done(&report);
}

static void a_syntax_error_is_told_alone(void **state)
{
	(void)state;
	struct config_report report;
	assert_null(config_from_text("bogus = 1;\nlisten = [ \"a\" \n allow = 5;\n", &report));
	assert_int_equal(report.error_count, 1);
	assert_non_null(strstr(strbuf_cstr(&report.errors), "relay.conf:3: syntax error"));
	config_report_done(&report);
}

static void a_secret_is_never_told(void **state)
{
	(void)state;
	struct config_report report;
	assert_null(config_from_text(CONFIG_TOP
				     "accounts = ( { name = \"a\"; provider = \"microsoft365\";"
				     "client_secret = \"Top\\x01Secret\"; } );",
				     &report));
	assert_null(strstr(strbuf_cstr(&report.errors), "Top"));
	assert_non_null(strstr(strbuf_cstr(&report.errors), "client_secret holds a control"));
	config_report_done(&report);
}

static void secrets_are_followed(void **state)
{
	(void)state;
	struct config_report report;
	static const char head[] =
		CONFIG_TOP "accounts = ( { name = \"scanner\"; provider = \"microsoft365\"; "
			   "mailbox = \"scanner@contoso.com\"; tenant = \"contoso.com\"; "
			   "client_id = \"11111111-2222-3333-4444-555555555555\"; client_secret = ";
	static const struct {
		const char *value;
		const char *secret;  /* NULL: refused */
		const char *finding; /* in errors or warnings */
	} rows[] = {
		{ "\"file:@DIR@/secret\"", CONFIG_SECRET, "" },
		{ "\"file:@DIR@/none\"", NULL, "client_secret of account \"scanner\"" },
		{ "\"file:secret\"", NULL, "write the full path" },
		{ "\"env:OAR_TEST_SECRET\"", "from-the-environment", "" },
		{ "\"env:OAR_TEST_UNSET\"", NULL, "OAR_TEST_UNSET" },
		{ "\"literal\"", "literal", "stands in the configuration itself" },
	};
	setenv("OAR_TEST_SECRET", "from-the-environment", 1); /* NOLINT(concurrency-mt-unsafe) */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf text;
		strbuf_init(&text, 65536);
		strbuf_addf(&text, "%s%s; } );", head, rows[i].value);
		struct config *c = config_from_text(strbuf_cstr(&text), &report);
		const struct strbuf *told =
			rows[i].secret != NULL ? &report.warnings : &report.errors;
		assert_non_null(strstr(strbuf_cstr(told), rows[i].finding));
		assert_true((c != NULL) == (rows[i].secret != NULL));
		if (c != NULL) {
			const struct account_config *a = &c->accounts[0];
			assert_true(str_eq(secret_reveal(&a->credentials[0].secret),
					   str_of(rows[i].secret)));
			/* Once is enough. */
			assert_null(strstr(a->client_secret_ref, rows[i].secret));
			assert_null(strstr(a->credentials[0].secret_ref, rows[i].secret));
		}
		config_unref(c);
		config_report_done(&report);
		strbuf_done(&text);
	}
}

static void unreadable_files_are_errors(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		const char *error;
	} rows[] = {
		{ "/nonexistent/relay.conf", "No such file" },
		{ "/tmp", "not a regular file" },
		{ "/dev/null", "not a regular file" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_report report;
		config_report_init(&report);
		assert_null(config_load(rows[i].path, &report));
		assert_int_equal(report.error_count, 1);
		assert_non_null(strstr(strbuf_cstr(&report.errors), rows[i].error));
		config_report_done(&report);
	}
}

static void the_hostname_defaults_to_something_valid(void **state)
{
	(void)state;
	struct config_report report;
	struct config *c =
		config_from_text("listen = [ \"127.0.0.1:2525\" ]; allow = [ \"10.0.0.0/8\" ];"
				 "postmaster = \"it@contoso.com\";"
				 "accounts = ( { " CONFIG_ACCOUNT " } );",
				 &report);
	assert_string_equal(strbuf_cstr(&report.errors), "");
	assert_non_null(c);
	assert_true(syntax_is_fqdn(str_of(c->hostname)) || syntax_is_literal(str_of(c->hostname)));
	config_unref(c);
	config_report_done(&report);
}

static void the_socket_can_be_found_in_a_broken_file(void **state)
{
	(void)state;
	char path[] = "/tmp/oar-peek-XXXXXX";
	int fd = mkstemp(path);
	static const char text[] = "bogus = 1; admin = { socket = \"/srv/x.sock\"; };";
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	char *socket = config_peek_socket(path);
	assert_string_equal(socket, "/srv/x.sock");
	free(socket);
	assert_int_equal(ftruncate(fd, 3), 0);
	socket = config_peek_socket(path);
	assert_string_equal(socket, "/run/oauthrelay/control.sock");
	free(socket);
	close(fd);
	unlink(path);
	socket = config_peek_socket(path);
	assert_string_equal(socket, "/run/oauthrelay/control.sock");
	free(socket);
}

static void a_configuration_is_counted(void **state)
{
	(void)state;
	struct config *c = config_must_load(CONFIG_SMALLEST);
	assert_ptr_equal(config_ref(c), c);
	config_unref(c);
	assert_string_equal(c->accounts[0].name, "scanner");
	config_unref(c);
	config_unref(NULL);
}

/* The sample's text; with everything a # at the start of a line hides, when all is true. */
static void read_sample(struct strbuf *out, bool all)
{
	static const char before[] = "file:/etc/oauthrelay/", after[] = ".secret\"";
	struct strbuf file;
	struct err err;
	strbuf_init(&file, 1U << 20);
	if (!fsx_read_file("conf/oauthrelay.conf", &file, &err))
		fail_msg("%s", err.text);
	const char *p = strbuf_cstr(&file);
	while (*p != '\0') {
		const char *end = strchr(p, '\n') + 1;
		/* Prose has a blank behind its #, keys have none or an indent of four. */
		if (all && p[0] == '#' &&
		    (p[1] != ' ' || (strncmp(p, "#    ", 5) == 0 && p[5] != ' ')))
			p++;
		struct str line = { p, (size_t)(end - p) };
		ptrdiff_t hit = str_icontains(line, STR(before));
		ptrdiff_t tail = str_icontains(line, STR(after));
		if (hit >= 0 && tail > hit) {
			strbuf_addstr(out, str_head(line, (size_t)hit));
			strbuf_adds(out, "file:@DIR@/secret\"");
			line = str_skip(line, (size_t)tail + sizeof(after) - 1);
		}
		strbuf_addstr(out, line);
		p = end;
	}
	strbuf_done(&file);
}

static void the_sample_is_right(void **state)
{
	(void)state;
	struct strbuf text;
	struct config_report report;
	strbuf_init(&text, 1U << 20);
	read_sample(&text, false);
	struct config *c = config_from_text(strbuf_cstr(&text), &report);
	assert_string_equal(strbuf_cstr(&report.errors), "");
	assert_non_null(c);
	assert_string_equal(c->accounts[0].mailbox, "scanner@contoso.com");
	config_unref(c);
	config_report_done(&report);
	strbuf_done(&text);
}

/* Its comments too: only files that are not here are missing. */
static void what_the_sample_hides_is_right(void **state)
{
	(void)state;
	static const char *const missing[] = {
		"tls.certificate /etc/oauthrelay/relay.crt",
		"tls.key /etc/oauthrelay/relay.key",
		"seal_key: \"/etc/oauthrelay/seal.key\" does not exist",
		"/etc/oauthrelay/invoices.crt",
	};
	struct strbuf text;
	struct config_report report;
	strbuf_init(&text, 1U << 20);
	read_sample(&text, true);
	struct config *c = config_from_text(strbuf_cstr(&text), &report);
	assert_null(c);
	const char *errors = strbuf_cstr(&report.errors);
	bool right = report.error_count == ARRAY_LEN(missing);
	for (size_t i = 0; i < ARRAY_LEN(missing); i++)
		right = right && strstr(errors, missing[i]) != NULL;
	if (!right)
		fail_msg("%s", errors);
	for (size_t i = 0; i < schema_key_count; i++)
		if (strstr(strbuf_cstr(&text), schema_keys[i].name) == NULL)
			fail_msg("the sample does not show %s", schema_keys[i].name);
	config_report_done(&report);
	strbuf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_file_gets_its_defaults),
		cmocka_unit_test(the_full_shape_is_read),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(all_mistakes_are_told_in_order),
		cmocka_unit_test(a_syntax_error_is_told_alone),
		cmocka_unit_test(a_secret_is_never_told),
		cmocka_unit_test(secrets_are_followed),
		cmocka_unit_test(unreadable_files_are_errors),
		cmocka_unit_test(the_hostname_defaults_to_something_valid),
		cmocka_unit_test(the_socket_can_be_found_in_a_broken_file),
		cmocka_unit_test(a_configuration_is_counted),
		cmocka_unit_test(the_sample_is_right),
		cmocka_unit_test(what_the_sample_hides_is_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
