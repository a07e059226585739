/* SPDX-License-Identifier: MIT */
#include "common/attr.h"
#include "tests/unit/support/config_rows.h"

#define ACCOUNTS(text) CONFIG_TOP "accounts = ( { " text " } );"
#define CLIENT	       "client_id = \"11111111-2222-3333-4444-555555555555\";"
#define SECRET	       "client_secret = \"file:@DIR@/secret\";"
#define MICROSOFT      "name = \"a\"; provider = \"microsoft365\"; mailbox = \"a@b.c\";"

static void each_grant_needs_its_parts(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "tenant = \"b.c\";" CLIENT, "account \"a\" needs a client_secret", NULL },
		{ "tenant = \"b.c\";" CLIENT SECRET, NULL, NULL },
		{ "grant = \"delegated\";" CLIENT, NULL, NULL },
		{ "grant = \"delegated\"; tenant = \"b.c\";" CLIENT, NULL, NULL },
		{ "grant = \"delegated\"; tenant = \"common\";" CLIENT SECRET, NULL, NULL },
		{ "grant = \"delegated\"; tenant = \"a/b\";" CLIENT,
		  "is neither a directory id nor a domain", NULL },
		{ "grant = \"delegated\";", "needs a client_id", NULL },
		{ "grant = \"managed_identity\";", NULL, NULL },
		{ "grant = \"managed_identity\"; identity = \"azure-arc\";", NULL, NULL },
		{ "grant = \"managed_identity\";" CLIENT, NULL, NULL },
		{ "grant = \"managed_identity\"; identity = \"azure-arc\";" CLIENT,
		  "has one only: leave client_id out", NULL },
		{ "grant = \"managed_identity\"; tenant = \"common\";",
		  "tenant \"common\" stands for people", NULL },
		{ "grant = \"managed_identity\";" SECRET,
		  "a managed identity is this machine's and has no secret, so leave", NULL },
		{ "grant = \"managed_identity\"; credentials = ( { secret = "
		  "\"file:@DIR@/secret\"; } );",
		  "a managed identity is this machine's and has no secret, so leave", NULL },
		{ "grant = \"federated\"; tenant = \"b.c\";" CLIENT, "needs an assertion_file",
		  NULL },
		{ "grant = \"federated\"; tenant = \"b.c\"; assertion_file = "
		  "\"@DIR@/secret\";" CLIENT,
		  NULL, NULL },
		{ "grant = \"federated\"; tenant = \"b.c\"; assertion_file = "
		  "\"@DIR@/none\";" CLIENT,
		  NULL, "/none cannot be read: No such file" },
		{ "grant = \"federated\"; tenant = \"b.c\"; assertion_file = "
		  "\"/etc/passwd\";" CLIENT,
		  NULL, "everybody on this machine may read /etc/passwd and sign in as" },
		{ "grant = \"federated\"; tenant = \"b.c\"; assertion_file = \"token\";" CLIENT,
		  "assertion_file \"token\" must be a full path, beginning with /", NULL },
		{ "grant = \"federated\"; tenant = \"organizations\"; assertion_file = "
		  "\"@DIR@/secret\";" CLIENT,
		  "tenant \"organizations\" stands for people", NULL },
		{ "grant = \"federated\"; tenant = \"b.c\"; assertion_file = "
		  "\"@DIR@/secret\";" CLIENT SECRET,
		  "what assertion_file holds stands in for a secret", NULL },
		{ "tenant = \"b.c\"; assertion_file = \"@DIR@/secret\";" CLIENT SECRET,
		  "assertion_file is for grant = \"federated\"", NULL },
		{ "tenant = \"b.c\"; identity = \"azure-arc\";" CLIENT SECRET,
		  "identity and identity_endpoint are for grant = \"managed_identity\"", NULL },
		{ "grant = \"password\";", "grant \"password\" must be one of", NULL },
	};
	check_rows(ACCOUNTS(MICROSOFT "%s"), rows, ARRAY_LEN(rows));
}

static void other_providers_need_theirs(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "provider = \"gmail\";", NULL, NULL },
		{ "provider = \"gmail\";" SECRET, NULL, NULL },
		{ "provider = \"gmail\"; grant = \"client_credentials\";" SECRET,
		  "gmail gives tokens only to those who sign in: grant = \"delegated\"; and then "
		  "`oauthrelay login a`",
		  NULL },
		{ "provider = \"outlook\";", NULL, NULL },
		{ "provider = \"outlook\"; grant = \"managed_identity\";",
		  "outlook gives tokens only to those who sign in", NULL },
		{ "provider = \"microsoft365-gcch\"; tenant = \"b.us\";" SECRET, NULL, NULL },
		{ "provider = \"microsoft365-dod\"; grant = \"delegated\";", NULL, NULL },
		{ "provider = \"microsoft365-china\"; tenant = \"b.cn\";" SECRET, NULL, NULL },
		{ "provider = \"smtp\"; host = \"h.example\"; auth = \"xoauth2\"; grant = "
		  "\"delegated\"; scope = \"mail\"; token_endpoint = \"https://h/t\"; "
		  "authorization_endpoint = \"https://h/a\";",
		  NULL, NULL },
		{ "provider = \"smtp\"; host = \"h.example\"; auth = \"xoauth2\"; grant = "
		  "\"delegated\"; scope = \"mail\"; token_endpoint = \"https://h/t\"; "
		  "device_endpoint = \"https://h/d\";",
		  NULL, NULL },
		{ "provider = \"smtp\"; host = \"h.example\"; auth = \"xoauth2\"; grant = "
		  "\"delegated\"; scope = \"mail\"; token_endpoint = \"https://h/t\";",
		  "needs an authorization_endpoint or a device_endpoint", NULL },
		{ "provider = \"smtp\"; host = \"h.example\"; auth = \"xoauth2\"; grant = "
		  "\"delegated\"; scope = \"mail\"; token_endpoint = \"https://h/t\"; "
		  "device_endpoint = \"http://h/d\";",
		  "device_endpoint \"http://h/d\" must be an https address", NULL },
		{ "provider = \"gmail\"; authorization_endpoint = \"https://h/a?b=c&d=e\";", NULL,
		  NULL },
		{ "provider = \"gmail\"; authorization_endpoint = \"https://h/?a=b#c\";",
		  "authorization_endpoint \"https://h/?a=b#c\" must be an https address", NULL },
		{ "provider = \"gmail\"; device_endpoint = \"https://h/?a=b\";",
		  "device_endpoint \"https://h/?a=b\" must be an https address", NULL },
		{ "provider = \"smtp\"; host = \"h.example\"; auth = \"xoauth2\"; grant = "
		  "\"managed_identity\"; scope = \"https://h/x\";",
		  NULL, "that scope is the resource and /.default" },
	};
	check_rows(ACCOUNTS("name = \"a\"; mailbox = \"a@b.c\";" CLIENT "%s"), rows,
		   ARRAY_LEN(rows));
}

static void credentials_are_checked(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; } );", NULL, NULL },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; expires = \"9998-12-31\"; }, "
		  "{ secret = \"file:@DIR@/secret\"; } );",
		  NULL, NULL },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; expires = \"2020-01-31\"; } );",
		  NULL, "the secret of credential 1 has expired; `oauthrelay account secret a`" },
		{ SECRET "credentials = ( { secret = \"file:@DIR@/secret\"; } );",
		  "has client_secret and credentials; the one is short for the other", NULL },
		{ "credentials = ( );", "needs a client_secret", NULL },
		{ "credentials = ( { } );", "credential 1 has neither a secret nor a certificate",
		  NULL },
		{ "credentials = ( { secret = \"file:@DIR@/none\"; } );",
		  "the secret of credential 1 of account \"a\": ", NULL },
		{ "credentials = ( { secret = \"file:none\"; } );",
		  "write the full path: secret = \"file:/etc/oauthrelay/a.secret\";", NULL },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; }, { secret = \"x\"; } );",
		  NULL,
		  "better in a file of its own: secret = \"file:/etc/oauthrelay/a-2.secret\";" },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; certificate = "
		  "\"@DIR@/secret\"; } );",
		  "credential 1 has a secret and a certificate; they are two credentials", NULL },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; key = \"file:@DIR@/secret\"; } "
		  ");",
		  "credential 1 has no certificate, to which key", NULL },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; algorithm = \"RS256\"; } );",
		  "credential 1 has no certificate, to which key", NULL },
		{ "credentials = ( { key = \"file:@DIR@/secret\"; } );",
		  "credential 1 has neither a secret nor a certificate", NULL },
		{ "credentials = ( { certificate = \"relay.crt\"; } );",
		  "certificate \"relay.crt\" must be a full path", NULL },
		{ "credentials = ( { certificate = \"@DIR@/none\"; } );",
		  "credential 1 of account \"a\": ", NULL },
		{ "credentials = ( { certificate = \"@DIR@/secret\"; expires = \"2030-01-01\"; } );",
		  "the certificate of credential 1 says its own end", NULL },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; expires = \"31.1.2027\"; } );",
		  "expires \"31.1.2027\" is not a date; write it as \"2027-05-01\"", NULL },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; expire = \"2027-05-01\"; } );",
		  "unknown key \"expire\"; did you mean \"expires\"?", NULL },
		{ "credentials = { secret = \"file:@DIR@/secret\"; };",
		  "credentials must be a list of groups: credentials = ( { ... }, { ... } );",
		  NULL },
		{ "credentials = ( { secret = \"file:@DIR@/secret\"; thumbprint = \"md5\"; } );",
		  "thumbprint \"md5\" must be one of \"sha256\", \"sha1\"", NULL },
	};
	check_rows(ACCOUNTS(MICROSOFT "tenant = \"b.c\";" CLIENT "%s"), rows, ARRAY_LEN(rows));
}

static void scopes_are_checked(void **state)
{
	(void)state;
	static const struct row app[] = {
		{ "scope = \"https://outlook.office.com/.default\";", NULL, NULL },
		{ "scope = \"https://outlook.office365.com/SMTP.SendAsApp\";",
		  "SMTP.SendAsApp is a permission that the app registration gets in Entra", NULL },
		{ "scope = \"SMTP.SendAsApp\";", "and not a scope; leave scope out", NULL },
		{ "scope = \"https://graph.microsoft.com/.default\";",
		  "scope \"https://graph.microsoft.com/.default\" asks for a token for Microsoft "
		  "Graph",
		  NULL },
		{ "scope = \"https://outlook.office365.com/Mail.Send\";", NULL,
		  "does not end in /.default" },
		{ "scope = \"https://a.example/.default https://b.example/.default\";",
		  "names two resources, https://a.example and https://b.example", NULL },
	};
	static const struct row delegated[] = {
		{ "scope = \"https://outlook.office.com/SMTP.Send offline_access\";", NULL, NULL },
		{ "scope = \"openid https://outlook.office.com/SMTP.Send offline_access\";", NULL,
		  NULL },
		{ "scope = \"https://outlook.office.com/SMTP.Send\";",
		  "scope lacks offline_access, without which a sign-in ends with its first token",
		  NULL },
		{ "scope = \"SMTP.Send offline_access\";", NULL,
		  "\"SMTP.Send\" names no resource, and Microsoft then takes Graph" },
		{ "scope = \"https://outlook.office.com/SMTP.Send "
		  "https://graph.microsoft.com/Mail.Send offline_access\";",
		  "scope \"https://graph.microsoft.com/Mail.Send\" asks for a token for Microsoft "
		  "Graph",
		  NULL },
		{ "redirect_uri = \"https://relay.example/back\";" SECRET, NULL, NULL },
		{ "redirect_uri = \"http://localhost:8400/back\";" SECRET, NULL, NULL },
		{ "redirect_uri = \"http://127.0.0.1:8400/\";" SECRET, NULL, NULL },
		{ "redirect_uri = \"http://[::1]/\";" SECRET, NULL, NULL },
		{ "redirect_uri = \"https://relay.example/back\";", NULL,
		  "redirect_uri is of a Web platform, which wants a client_secret" },
		{ "redirect_uri = \"http://relay.example/back\";" SECRET,
		  "redirect_uri \"http://relay.example/back\" must be an https address, or", NULL },
		{ "redirect_uri = \"http://localhost.evil.example/\";" SECRET,
		  "must be an https address, or", NULL },
		{ "redirect_uri = \"http://127.0.0.1@evil.example/\";" SECRET,
		  "must be an https address, or", NULL },
	};
	check_rows(ACCOUNTS(MICROSOFT "tenant = \"b.c\";" CLIENT SECRET "%s"), app, ARRAY_LEN(app));
	check_rows(ACCOUNTS(MICROSOFT "grant = \"delegated\";" CLIENT "%s"), delegated,
		   ARRAY_LEN(delegated));
	static const struct row stray[] = {
		{ "redirect_uri = \"https://relay.example/back\";",
		  "redirect_uri is for grant = \"delegated\"", NULL },
	};
	check_rows(ACCOUNTS(MICROSOFT "tenant = \"b.c\";" CLIENT SECRET "%s"), stray,
		   ARRAY_LEN(stray));
}

static void identity_endpoints_are_near(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "http://169.254.169.254/metadata/identity/oauth2/token", NULL, NULL },
		{ "http://localhost:40342/metadata/identity/oauth2/token", NULL, NULL },
		{ "http://127.9.9.9/x", NULL, NULL },
		{ "https://identity.example/x", NULL, NULL },
		{ "http://identity.example/x", "its answer is a token", NULL },
		{ "http://169.254.169.253/x", "its answer is a token", NULL },
		{ "http://10.0.0.1/x", "its answer is a token", NULL },
		{ "http://localhost/x?y=z", "its answer is a token", NULL },
		{ "ftp://localhost/x", "its answer is a token", NULL },
	};
	check_rows(ACCOUNTS(MICROSOFT "grant = \"managed_identity\"; identity_endpoint = \"%s\";"),
		   rows, ARRAY_LEN(rows));
}

/* No finding repeats an address that holds a password. */
static void proxies_are_checked(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "tokens = \"none\";", NULL, NULL },
		{ "tokens = \"http://proxy.example:3128\";", NULL, NULL },
		{ "tokens = \"socks5h://[::1]:1080/\";", NULL, NULL },
		{ "tokens = \"http://me@proxy.example:3128\"; password = "
		  "\"file:@DIR@/secret\";",
		  NULL, NULL },
		{ "tokens = \"http://me@proxy.example:3128\";", NULL,
		  "there is a name for the proxy, but no password: password = "
		  "\"file:/etc/oauthrelay/proxy.secret\";" },
		{ "tokens = \"http://proxy.example:3128\"; password = \"file:@DIR@/secret\";",
		  "a password needs a name", NULL },
		{ "password = \"file:@DIR@/secret\";", NULL, "but no proxy in tokens" },
		{ "tokens = \"http://me:canary@proxy.example:3128\";",
		  "the proxy's password does not belong here but into proxy.password", NULL },
		{ "tokens = \"http://me:canary\\x01@proxy.example:3128\";",
		  "tokens holds a control character", NULL },
		{ "tokens = \"https://proxy.example:3128\";",
		  "a proxy begins with http:// or socks5h://", NULL },
		{ "tokens = \"socks5://proxy.example:1080\";",
		  "a proxy begins with http:// or socks5h://", NULL },
		{ "tokens = \"proxy.example:3128\";", "not a proxy as http://", NULL },
		{ "tokens = \"http://proxy.example\";", "a proxy needs host and port", NULL },
		{ "tokens = \"http://me@proxy.example:3128\"; password = \"file:@DIR@/none\";",
		  "proxy.password", NULL },
		{ "tokens = \"http://me@proxy.example:3128\"; password = \"canary\";", NULL,
		  "stands in the configuration itself; better in a file" },
	};
	check_rows(CONFIG_SMALLEST "proxy = { %s };", rows, ARRAY_LEN(rows));
	check_rows(ACCOUNTS(CONFIG_ACCOUNT "proxy = { %s };"), rows, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_report report;
		struct strbuf text;
		strbuf_init(&text, 65536);
		strbuf_addf(&text, CONFIG_SMALLEST "proxy = { %s };", rows[i].text);
		config_unref(config_from_text(strbuf_cstr(&text), &report));
		assert_null(strstr(strbuf_cstr(&report.errors), "canary"));
		assert_null(strstr(strbuf_cstr(&report.warnings), "canary"));
		config_report_done(&report);
		strbuf_done(&text);
	}
}

static void the_sealing_key_is_looked_at(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "file:@DIR@/secret", NULL, NULL },
		{ "file:@DIR@/none", "none\" does not exist", NULL },
		{ "file:none", "complete path of a file", NULL },
		{ "env:KEY", "this must be in a file", NULL },
		{ "c2VjcmV0",
		  "seal_key: this must be in a file: \"file:/path\" or "
		  "\"credential:NAME\"",
		  NULL },
		{ "credential:seal.key", "the service's unit needs LoadCredential=seal.key:/PATH",
		  NULL },
	};
	check_rows(CONFIG_SMALLEST "seal_key = \"%s\";", rows, ARRAY_LEN(rows));
}

/* RFC 7628's and Google's format has ^A between its fields: none may come from the file. */
static void no_name_can_break_xoauth2(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "mailbox = \"a\\x01auth=Bearer x\\x01@b.c\";", "holds a control character",
		  NULL },
		{ "login = \"a@b.c\\x01auth=Bearer x\";", "holds a control character", NULL },
		{ "login = \"a b@b.c\";", "login \"a b@b.c\" is not a mail address", NULL },
		{ "mailbox = \"a@b.c\\r\\nRCPT\";", "holds a control character", NULL },
	};
	check_rows(ACCOUNTS("name = \"a\"; provider = \"smtp\"; host = \"h.example\"; auth = "
			    "\"xoauth2\"; scope = \"s\"; token_endpoint = \"https://h/t\";" CLIENT
				    SECRET "%s"),
		   rows, ARRAY_LEN(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_grant_needs_its_parts),
		cmocka_unit_test(other_providers_need_theirs),
		cmocka_unit_test(credentials_are_checked),
		cmocka_unit_test(scopes_are_checked),
		cmocka_unit_test(identity_endpoints_are_near),
		cmocka_unit_test(proxies_are_checked),
		cmocka_unit_test(the_sealing_key_is_looked_at),
		cmocka_unit_test(no_name_can_break_xoauth2),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
