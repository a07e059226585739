/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attr.h"
#include "config/config.h"
#include "tests/unit/support/config_rows.h"
#include "tests/unit/support/config_text.h"

#define NAMED "hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"
#define ONE   "accounts = ( { " CONFIG_ACCOUNT " } );"
#define TWO                                                                           \
	"accounts = ( { " CONFIG_ACCOUNT " }, { name = \"old\"; provider = \"smtp\";" \
	" host = \"192.168.1.5\"; tls = \"none\"; } );"

static void who_may_send_is_said_explicitly(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "listen = [ \"127.0.0.1:25\" ];", "nobody may send", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; allow = [ ];", "nobody may send", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; allow = [ \"10.0.0.0/8\" ];", NULL, NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; devices = ( { name = \"a\"; "
		  "address = \"10.0.0.1\"; } );",
		  NULL, NULL },
		{ "listeners = ( { address = \"127.0.0.1:25\"; auth = \"required\"; } );"
		  "users_file = \"/nonexistent\";",
		  NULL, "/nonexistent names no user: nobody can log in" },
		{ "listeners = ( { address = \"127.0.0.1:25\"; auth = \"required\"; } );"
		  "users_file = \"@DIR@/users\";",
		  NULL, NULL },
		{ "listeners = ( { address = \"127.0.0.1:25\"; auth = \"required\"; "
		  "tls = \"none\"; } ); users_file = \"@DIR@/users\";",
		  NULL, "offers no encryption" },
		{ "listen = [ \"127.0.0.1:25\" ]; allow = [ \"0.0.0.0/0\" ];",
		  "allow: 0.0.0.0/0 is everybody", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; allow = [ \"::/0\" ];",
		  "allow: ::/0 is everybody", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; allow = [ \"::/64\" ];",
		  "allow: ::/64 is everybody", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; allow = [ \"0.0.0.0/1\", \"128.0.0.0/1\" ];",
		  "allow: 128.0.0.0/1 is more than anybody owns", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; devices = ( { name = \"a\"; "
		  "address = \"2000::/3\"; } );",
		  "2000::/3 is more than anybody owns, which needs auth = \"required\"", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; devices = ( { name = \"a\"; "
		  "address = \"0.0.0.0/0\"; } );",
		  "0.0.0.0/0 is everybody, which needs auth = \"required\"", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; devices = ( { name = \"a\"; "
		  "address = \"0.0.0.0/0\"; auth = \"accept-any-password\"; } );",
		  "0.0.0.0/0 is everybody", NULL },
		{ "listen = [ \"127.0.0.1:25\" ]; devices = ( { name = \"a\"; "
		  "address = \"0.0.0.0/0\"; auth = \"required\"; } );"
		  "users_file = \"@DIR@/users\";",
		  NULL, NULL },
		{ "allow = [ \"10.0.0.0/8\" ];", "nothing to listen on", NULL },
		{ "listen = [ ]; allow = [ \"10.0.0.0/8\" ];", "nothing to listen on", NULL },
		{ "listen = [ \"127.0.0.1:25\", \"127.0.0.1:25\" ]; allow = [ \"10.0.0.0/8\" ];",
		  "listener 127.0.0.1:25 is there twice", NULL },
		{ "listen = [ \"127.0.0.1:0\", \"127.0.0.1:0\" ]; allow = [ \"10.0.0.0/8\" ];",
		  NULL, NULL },
	};
	check_rows(NAMED ONE "%s", rows, ARRAY_LEN(rows));
}

static void every_message_has_an_account(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "allow = [ \"10.0.0.0/8\" ];", "which account is the mail of 10.0.0.0/8 for",
		  NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; } );",
		  "device \"a\" must say its account", NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; account = \"old\"; } );",
		  NULL, NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; account = \"odl\"; } );",
		  "device \"a\": there is no account \"odl\"", NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.0/8\"; account = \"old\"; } );"
		  "allow = [ \"10.1.0.0/16\" ];",
		  NULL, NULL },
		{ "devices = ( { name = \"a\"; address = \"10.1.0.0/16\"; account = \"old\"; } );"
		  "allow = [ \"10.0.0.0/8\" ];",
		  "which account is the mail of 10.0.0.0/8 for", NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; account = \"old\"; } );"
		  "listeners = ( { address = \"127.0.0.1:587\"; auth = \"required\"; } );"
		  "users_file = \"@DIR@/users\";",
		  "listener 127.0.0.1:587 admits whoever logs in", NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; account = \"old\"; } );"
		  "listeners = ( { address = \"127.0.0.1:587\"; auth = \"required\"; } );"
		  "users_file = \"@DIR@/routed\";",
		  NULL, NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; auth = \"required\"; } );"
		  "users_file = \"@DIR@/users\";",
		  "device \"a\" must say its account", NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; auth = \"required\"; } );"
		  "users_file = \"@DIR@/routed\";",
		  NULL, NULL },
		{ "devices = ( { name = \"a\"; address = \"10.0.0.1\"; } );"
		  "users_file = \"@DIR@/routed\";",
		  "device \"a\" must say its account", NULL },
		{ "devices = ( { name = \"login\"; address = \"0.0.0.0/0\"; account = \"old\"; "
		  "auth = \"required\"; } );"
		  "listeners = ( { address = \"127.0.0.1:587\"; auth = \"required\"; } );"
		  "users_file = \"@DIR@/users\";",
		  NULL, NULL },
	};
	check_rows(NAMED "listen = [ \"127.0.0.1:25\" ];" TWO "%s", rows, ARRAY_LEN(rows));
}

static void the_users_file_is_checked(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "users_file = \"@DIR@/users\";", NULL, NULL },
		{ "users_file = \"@DIR@/routed\";",
		  "/routed:1: there is no account \"old\" in relay.conf", NULL },
		{ "users_file = \"@DIR@/secret\";", "/secret:1: write it as name:hash", NULL },
		{ "users_file = \"@DIR@\";", "relay.conf:", NULL },
		{ "users_file = \"/etc/hostname\";", "/etc/hostname:1: ", NULL },
	};
	check_rows(NAMED ONE "listen = [ \"127.0.0.1:25\" ]; allow = [ \"10.0.0.0/8\" ]; %s", rows,
		   ARRAY_LEN(rows));
}

static void names_are_checked(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "hostname = \"relay.contoso.com\";", NULL, NULL },
		{ "hostname = \"[192.168.1.5]\";", NULL, NULL },
		{ "hostname = \"[IPv6:fd00::5]\";", NULL, NULL },
		{ "hostname = \"relay\";", "hostname \"relay\" is neither a full name", NULL },
		{ "hostname = \"print_server.contoso.com\";", "no underscore", NULL },
		{ "hostname = \"relay.contoso.com.\";", "no dot at the end", NULL },
		{ "hostname = \"192.168.1.5\";", "an address in brackets", NULL },
		{ "hostname = \"[fd00::5]\";", "an address in brackets", NULL },
		{ "hostname = \"relay..contoso.com\";", "is neither a full name", NULL },
		{ "hostname = \"-relay.contoso.com\";", "is neither a full name", NULL },
	};
	check_rows("listen = [ \"127.0.0.1:25\" ]; allow = [ \"10.0.0.0/8\" ];"
		   "postmaster = \"it@contoso.com\";" ONE "%s",
		   rows, ARRAY_LEN(rows));
	static const struct row postmasters[] = {
		{ "it@contoso.com", NULL, NULL },
		{ "it", "postmaster \"it\" is not a mail address", NULL },
		{ "it@", "is not a mail address", NULL },
		{ "@contoso.com", "is not a mail address", NULL },
		{ "it@contoso", "is not a mail address", NULL },
		{ "a b@contoso.com", "is not a mail address", NULL },
		{ "it@contoso.com>", "is not a mail address", NULL },
		{ "i..t@contoso.com", "is not a mail address", NULL },
	};
	check_rows("hostname = \"relay.contoso.com\"; listen = [ \"127.0.0.1:25\" ];"
		   "allow = [ \"10.0.0.0/8\" ]; " ONE "postmaster = \"%s\";",
		   postmasters, ARRAY_LEN(postmasters));
}

static void devices_are_checked(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "{ name = \"a b\"; address = \"10.0.0.1\"; }",
		  "device name \"a b\" may hold only", NULL },
		{ "{ name = \"\"; address = \"10.0.0.1\"; }", "name \"\" must not be empty", NULL },
		{ "{ name = \"a\"; address = \"10.0.0.1\"; }, "
		  "{ name = \"a\"; address = \"10.0.0.2\"; }",
		  "there are two devices named \"a\"", NULL },
		{ "{ name = \"a\"; address = \"10.0.0.1\"; }, "
		  "{ name = \"b\"; address = \"10.0.0.1/32\"; }",
		  "devices \"a\" and \"b\" have the same address", NULL },
		{ "{ name = \"a\"; address = \"10.0.0.0/8\"; }, "
		  "{ name = \"b\"; address = \"10.0.0.0/16\"; }",
		  NULL, NULL },
	};
	check_rows(CONFIG_SMALLEST "devices = ( %s );", rows, ARRAY_LEN(rows));
}

/* What follows from one mistake is not told as another. */
static void a_mistake_is_told_once(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"address = \"10.0.0.1/33\";",
		"address = \"printer.lan\";",
		"address = \"10.0.0.1\"; senders = \"contoso.com\";",
		"address = \"10.0.0.1\"; recipients = [ ];",
		"address = \"10.0.0.1\"; senders = [ \"*@contoso.com\" ];",
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_report report;
		char *text = NULL;
		assert_true(asprintf(&text, CONFIG_SMALLEST "devices = ( { name = \"a\"; %s } );",
				     rows[i]) > 0);
		assert_null(config_from_text(text, &report));
		const char *first = strchr(strbuf_cstr(&report.errors), '\n');
		if (first == NULL || first[1] != '\0')
			fail_msg("%s\n%s", rows[i], strbuf_cstr(&report.errors));
		config_report_done(&report);
		free(text);
	}
}

static void the_queue_is_checked(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "queue = { retry = { first = \"2h\"; }; };", "first is longer than", NULL },
		{ "queue = { lifetime = \"30m\"; };", NULL, "may get one attempt only" },
		{ "queue = { path = \"/var/lib/oauthrelay\"; };", "must be different folders",
		  NULL },
		{ "queue = { path = \"/tmp\"; min_free = \"1024G\"; };", NULL,
		  "more than the whole file system of /tmp" },
		{ "tls = { certificate = \"@DIR@/secret\"; };", "certificate and key", NULL },
		{ "tls = { certificate = \"@DIR@/secret\"; key = \"@DIR@/secret\"; };", NULL,
		  NULL },
		{ "tls = { certificate = \"@DIR@\"; key = \"@DIR@/none\"; };",
		  "is not a regular file", NULL },
		{ "tls = { certificate = \"@DIR@\"; key = \"@DIR@/none\"; };",
		  "none cannot be read", NULL },
	};
	check_rows(CONFIG_SMALLEST "%s", rows, ARRAY_LEN(rows));
}

#define ACCOUNTS(text) CONFIG_TOP "accounts = ( { " text " } );"

static void microsoft_accounts_are_checked(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "port = 2587;", NULL, NULL },
		{ "limits = { connections = 3; per_minute = 30; };", NULL, NULL },
		{ "limits = { connections = 4; };", NULL,
		  "limits.connections is above what Microsoft allows (3)" },
		{ "limits = { per_minute = 31; };", NULL,
		  "limits.per_minute is above what Microsoft allows (30)" },
		{ "limits = { message_size = \"151M\"; };", NULL, "allows (150M)" },
		{ "host = \"smtp-have.office365.com\";", "smtp.hve.mx.microsoft", NULL },
		{ "host = \"SMTP-HAVE.office365.com\";", "smtp.hve.mx.microsoft", NULL },
		{ "host = \"smtp.office365.com:587\";", "the port is a key of its own", NULL },
		{ "host = \"smtp_office365\";", "is neither a name nor an address", NULL },
		{ "host = \"fd00::5\";", NULL, NULL },
		{ "port = 465;", NULL, "port 465 wants TLS from the first byte" },
		{ "tls = \"none\";", "would send its token in clear text",
		  "sends its mail readable" },
		{ "auth = \"none\";", NULL, "takes no mail without a login" },
		{ "authority = \"http://login.microsoftonline.com\";",
		  "must be written as https://", NULL },
		{ "authority = \"https://user@host\";", "must be written as https://", NULL },
		{ "authority = \"https://127.0.0.1:8443\";", NULL, NULL },
		{ "authority = \"https://[::1]:8443/x\";", NULL, NULL },
		{ "authority = \"https://ho st\";", "must be written as https://", NULL },
		{ "token_endpoint = \"http://h/t\";", "must be an https address", NULL },
		{ "token_endpoint = \"https://h:0/t\";", "must be an https address", NULL },
		{ "token_endpoint = \"https://h/t\";", NULL, NULL },
		{ "scope = \"https://graph.microsoft.com/SMTP.Send\";",
		  "asks for a token for Microsoft Graph, which SMTP does not take", NULL },
		{ "scope = \"https://outlook.office365.com/SMTP.Send\";", NULL,
		  "does not end in /.default" },
		{ "scope = \"\";", "needs a scope", NULL },
		{ "send_as = [ \"a@b.c\", \"b.c\", \"*.b.c\" ];", NULL, NULL },
		{ "send_as = [ \"a@b.c\", \"nonsense\" ];", "send_as \"nonsense\" must be", NULL },
		{ "send_as = [ \"*@b.c\", \"*b.c\" ];", "send_as \"*b.c\" must be", NULL },
		{ "login = \"svc\";", "login \"svc\" is not a mail address", NULL },
		{ "ca_file = \"@DIR@/none\";", "ca_file", NULL },
		{ "ca_file = \"@DIR@/secret\";", NULL, NULL },
		{ "username = \"x\";", "unknown key \"username\"", NULL },
	};
	check_rows(ACCOUNTS(CONFIG_ACCOUNT "%s"), rows, ARRAY_LEN(rows));
}

static void a_token_needs_its_parts(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "tenant = \"contoso.com\"; client_id = \"11111111-2222-3333-4444-555555555555\";",
		  NULL, NULL },
		{ "tenant = \"11111111-2222-3333-4444-555555555555\"; client_id = \"x\";", NULL,
		  "client_id \"x\" does not look like" },
		{ "tenant = \"contoso.com\";", "needs a client_id", NULL },
		{ "client_id = \"11111111-2222-3333-4444-555555555555\";", "needs a tenant", NULL },
		{ "client_id = \"11111111-2222-3333-4444-555555555555\"; "
		  "token_endpoint = \"https://h/t\";",
		  "needs a tenant", NULL },
		{ "tenant = \"common\"; client_id = \"11111111-2222-3333-4444-555555555555\";",
		  "tenant \"common\" stands for people who sign in", NULL },
		{ "tenant = \"Organizations\"; client_id = \"11111111-2222-3333-4444-555555555555\";",
		  "stands for people who sign in", NULL },
		{ "tenant = \"a/b\"; client_id = \"11111111-2222-3333-4444-555555555555\";",
		  "is neither a directory id nor a domain", NULL },
	};
	check_rows(ACCOUNTS("name = \"a\"; provider = \"microsoft365\"; mailbox = \"a@b.c\";"
			    "client_secret = \"file:@DIR@/secret\"; %s"),
		   rows, ARRAY_LEN(rows));
}

static void other_accounts_are_checked(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "provider = \"smtp\"; host = \"smtp.example.net\";", NULL, NULL },
		{ "provider = \"smtp\";", "needs a host", NULL },
		{ "provider = \"smtp\"; host = \"192.168.1.5\"; tls = \"none\";", NULL, NULL },
		{ "provider = \"smtp\"; host = \"localhost\"; tls = \"none\";", NULL, NULL },
		{ "provider = \"smtp\"; host = \"fd00::1\"; tls = \"none\";", NULL, NULL },
		{ "provider = \"smtp\"; host = \"8.8.8.8\"; tls = \"none\";", "is on the internet",
		  NULL },
		{ "provider = \"smtp\"; host = \"172.32.0.1\"; tls = \"none\";",
		  "is on the internet", NULL },
		{ "provider = \"smtp\"; host = \"relay.local\"; tls = \"none\";", NULL,
		  "sure that relay.local is in your own network?" },
		{ "provider = \"smtp\"; host = \"h.example\"; sender = \"rewrite\";",
		  "needs a mailbox: sender = \"rewrite\"", NULL },
		{ "provider = \"smtp\"; host = \"h.example\"; auth = \"xoauth2\"; "
		  "mailbox = \"a@b.c\"; client_id = \"x\"; scope = \"s\";"
		  "client_secret = \"file:@DIR@/secret\"; tenant = \"t.example\";",
		  "needs an authority or a token_endpoint", NULL },
		{ "provider = \"smtp\"; host = \"h.example\"; auth = \"xoauth2\"; "
		  "mailbox = \"a@b.c\"; client_id = \"x\"; scope = \"s\";"
		  "client_secret = \"file:@DIR@/secret\"; token_endpoint = \"https://h/t\";",
		  NULL, NULL },
		{ "provider = \"microsft365\";", "(did you mean \"microsoft365\"?)", NULL },
		{ "provider = \"yahoo\";",
		  "there are microsoft365, microsoft365-hve, microsoft365-gcch, microsoft365-dod, "
		  "microsoft365-china, outlook, gmail and smtp",
		  NULL },
		{ "provider = \"microsoft365\";", "account \"a\" needs a mailbox", NULL },
		{ "provider = \"microsoft365\";", "account \"a\" needs a client_secret", NULL },
		{ "mailbox = \"a@b.c\";", "this one of accounts has no provider", NULL },
		{ "provider = \"microsoft365-hve\"; mailbox = \"a@b.c\"; tenant = \"b.c\"; "
		  "client_id = \"11111111-2222-3333-4444-555555555555\";"
		  "client_secret = \"file:@DIR@/secret\"; limits = { per_minute = 5000; };",
		  NULL, NULL },
		{ "provider = \"microsoft365-hve\"; mailbox = \"a@b.c\"; tenant = \"b.c\"; "
		  "client_id = \"11111111-2222-3333-4444-555555555555\";"
		  "client_secret = \"file:@DIR@/secret\"; limits = { recipients = 51; };",
		  NULL, "limits.recipients is above what Microsoft allows (50)" },
	};
	check_rows(ACCOUNTS("name = \"a\"; %s"), rows, ARRAY_LEN(rows));
	static const struct row names[] = {
		{ "accounts = ( );", "there is no account to send with", NULL },
		{ "", "there is no account to send with", NULL },
		{ "accounts = ( { " CONFIG_ACCOUNT " }, { " CONFIG_ACCOUNT " } );",
		  "there are two accounts named \"scanner\"", NULL },
	};
	check_rows(CONFIG_TOP "%s", names, ARRAY_LEN(names));
}

static struct netaddr addr_of(const char *text)
{
	struct netaddr a;
	assert_true(netaddr_parse(str_of(text), &a));
	return a;
}

static void the_most_specific_device_wins(void **state)
{
	(void)state;
	struct config *c = config_must_load(
		CONFIG_SMALLEST "devices = ( { name = \"wide\"; address = \"10.0.0.0/8\"; },"
				"            { name = \"one\"; address = \"10.1.2.3\"; },"
				"            { name = \"floor\"; address = \"10.1.0.0/16\"; } );");
	static const struct {
		const char *addr;
		const char *device; /* NULL: none */
		bool admitted;
	} rows[] = {
		{ "10.1.2.3", "one", true },	    { "10.1.2.4", "floor", true },
		{ "10.2.0.1", "wide", true },	    { "192.168.7.7", NULL, true },
		{ "192.169.0.1", NULL, false },	    { "::1", NULL, false },
		{ "::ffff:10.1.2.3", "one", true },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netaddr a = addr_of(rows[i].addr);
		const struct device_config *d = config_device(c, &a);
		assert_true((d == NULL) == (rows[i].device == NULL));
		if (d != NULL)
			assert_string_equal(d->name, rows[i].device);
		assert_true(config_admits(c, &a) == rows[i].admitted);
	}
	assert_non_null(config_account(c, "scanner"));
	assert_null(config_account(c, "Scanner"));
	config_unref(c);
}

static void patterns_match(void **state)
{
	(void)state;
	static char scan[] = "scan@contoso.com";
	static char fabrikam[] = "fabrikam.com";
	static char adatum[] = "*.adatum.com";
	static char *v[] = { scan, fabrikam, adatum };
	static const struct config_strings patterns = { v, ARRAY_LEN(v) };
	static const struct {
		const char *address;
		bool match;
	} rows[] = {
		{ "scan@contoso.com", true },
		{ "SCAN@Contoso.COM", true },
		{ "scan2@contoso.com", false },
		{ "ascan@contoso.com", false },
		{ "x@fabrikam.com", true },
		{ "x@Fabrikam.Com", true },
		{ "x@sub.fabrikam.com", false },
		{ "x@notfabrikam.com", false },
		{ "x@sub.adatum.com", true },
		{ "x@a.b.adatum.com", true },
		{ "x@adatum.com", false },
		{ "x@.adatum.com", false },
		{ "x@evil.com.notadatum.com", false },
		{ "fabrikam.com", false },
		{ "@fabrikam.com", false },
		{ "", false },
		{ "\"a@b\"@fabrikam.com", true },
		{ "x@fabrikam.com@evil.com", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (config_pattern_matches(&patterns, str_of(rows[i].address)) != rows[i].match)
			fail_msg("%s", rows[i].address);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_send_is_said_explicitly),
		cmocka_unit_test(every_message_has_an_account),
		cmocka_unit_test(the_users_file_is_checked),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(devices_are_checked),
		cmocka_unit_test(a_mistake_is_told_once),
		cmocka_unit_test(the_queue_is_checked),
		cmocka_unit_test(microsoft_accounts_are_checked),
		cmocka_unit_test(a_token_needs_its_parts),
		cmocka_unit_test(other_accounts_are_checked),
		cmocka_unit_test(the_most_specific_device_wins),
		cmocka_unit_test(patterns_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
