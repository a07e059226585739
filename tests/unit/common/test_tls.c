/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <openssl/err.h>

#include "tests/unit/common/tls_world.h"

static void test_good_certificates(void **state)
{
	static const char *const hosts[] = { "mail.test", "x.wild.test", "192.0.2.1",
					     "2001:db8::1" };
	const struct recipe r = { "x",	"DNS:mail.test,DNS:*.wild.test,IP:192.0.2.1,IP:2001:db8::1",
				  -1,	1,
				  2048, EVP_sha256(),
				  false };
	struct fixture *f = *state;
	bake(f, &r);
	SSL_CTX *server = server_context(f);
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct outcome o = visit(f, server, f->ca, hosts[i]);
		if (!o.connected)
			fail_msg("%s: %s", hosts[i], o.client.text);
		assert_string_equal(o.version, "TLSv1.3");
	}
	SSL_CTX_free(server);
}

struct bad_case {
	struct recipe recipe;
	const char *host;
	const char *text;
};

/* threats.md UPS-08 */
static void test_bad_certificates(void **state)
{
	const EVP_MD *sha256 = EVP_sha256();
	const struct bad_case cases[] = {
		{ { "x", "DNS:a.test,DNS:*.b.test,IP:192.0.2.1", -1, 1, 2048, sha256, false },
		  "mail.test",
		  "the server's certificate is not for mail.test but for a.test, *.b.test, "
		  "192.0.2.1" },
		{ { "x", "IP:192.0.2.1", -1, 1, 2048, sha256, false },
		  "192.0.2.2",
		  "is not for 192.0.2.2 but for 192.0.2.1" },
		{ { "x", "DNS:192.0.2.1", -1, 1, 2048, sha256, false },
		  "192.0.2.1",
		  "is not for 192.0.2.1 but for 192.0.2.1" },
		{ { "x", "DNS:*.b.test", -1, 1, 2048, sha256, false },
		  "y.x.b.test",
		  "is not for y.x.b.test but for *.b.test" },
		{ { "x", "DNS:mail*.test", -1, 1, 2048, sha256, false },
		  "mail1.test",
		  "is not for mail1.test" },
		{ { "mail.test", NULL, -1, 1, 2048, sha256, false },
		  "mail.test",
		  "is not for mail.test but for no host at all" },
		{ { "x",
		    "DNS:1.t,DNS:2.t,DNS:3.t,DNS:4.t,DNS:5.t,DNS:6.t,DNS:7.t,DNS:8.t,DNS:9.t,"
		    "DNS:10.t",
		    -1, 1, 2048, sha256, false },
		  "mail.test",
		  "7.t, 8.t and 2 more" },
		{ { "x", "DNS:mail.test", -5, -2, 2048, sha256, false },
		  "mail.test",
		  "certificate ended on 20" },
		{ { "x", "DNS:mail.test", 2, 5, 2048, sha256, false },
		  "mail.test",
		  "is valid only from 20" },
		{ { "Me \"Myself\"\n", "DNS:mail.test", -1, 1, 2048, sha256, true },
		  "mail.test",
		  "from an authority unknown to this machine, \"CN=Me " },
		{ { "x", "DNS:mail.test", -1, 1, 1024, sha256, false },
		  "mail.test",
		  "cannot be verified (EE certificate key too weak)" },
		{ { "x", "DNS:mail.test", -1, 1, 2048, EVP_sha1(), false },
		  "mail.test",
		  "cannot be verified (CA signature digest algorithm too weak)" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bake(f, &cases[i].recipe);
		SSL_CTX *server = weak_server_context(f);
		struct outcome o = visit(f, server, f->ca, cases[i].host);
		assert_false(o.connected);
		expect_text(&o.client, cases[i].text);
		SSL_CTX_free(server);
	}
}

static void test_unknown_authority(void **state)
{
	const struct recipe r = { "x", "DNS:mail.test", -1, 1, 2048, EVP_sha256(), false };
	struct fixture *f = *state;
	bake(f, &r);
	SSL_CTX *server = server_context(f);
	struct outcome o = visit(f, server, "", "mail.test");
	assert_false(o.connected);
	expect_text(&o.client, "unknown to this machine, \"CN=Test Root\": if a proxy");
	expect_text(&o.client, "ca_file");
	/* What the other side makes of our certificate. */
	expect_text(&o.server, "TLS: the other side does not trust our certificate");
	SSL_CTX_free(server);
}

static void test_clock_hint(void **state)
{
	const struct recipe r = { "x", "DNS:mail.test", 2, 5, 2048, EVP_sha256(), false };
	struct fixture *f = *state;
	bake(f, &r);
	SSL_CTX *server = server_context(f);
	struct outcome o = visit(f, server, f->ca, "mail.test");
	expect_text(&o.client, "Z: is this machine's clock right?");
	SSL_CTX_free(server);
	assert_string_equal(tls_verify_hint(X509_V_ERR_CERT_HAS_EXPIRED),
			    ": is this machine's clock right?");
	assert_string_equal(tls_verify_hint(X509_V_OK), "");
}

static void test_old_protocol(void **state)
{
	const struct recipe r = { "x", "DNS:mail.test", -1, 1, 2048, EVP_sha256(), false };
	struct fixture *f = *state;
	struct err err;
	bake(f, &r);
	SSL_CTX *server = weak_server_context(f);
	SSL_CTX_set_max_proto_version(server, TLS1_1_VERSION);
	SSL_CTX_set_min_proto_version(server, TLS1_VERSION);
	struct outcome o = visit(f, server, f->ca, "mail.test");
	assert_false(o.connected);
	expect_text(&o.client, "TLS: there is no TLS version that both sides have (1.2 is needed)");
	SSL_CTX_free(server);
	/* And the other way round. */
	server = server_context(f);
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(client, 0);
	SSL_CTX_set_min_proto_version(client, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client, TLS1_1_VERSION);
	SSL *ssl = SSL_new(client);
	SSL_set_connect_state(ssl);
	o = shake(f, ssl, SSL_new(server));
	assert_false(o.connected);
	expect_text(&o.server, "TLS: the other side's TLS is too old (1.2 is needed)");
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	(void)err;
}

/* The other side says something else than TLS, or nothing. */
static struct err meet(struct fixture *f, const char *says)
{
	struct err err;
	struct end a = { 0 }, nobody = { .over = true };
	bool both = false;
	int fds[2];
	SSL_CTX *client = tls_client_context(f->ca, &err);
	SSL *ssl = tls_client_new(client, "mail.test", &err);
	a.both = &both;
	a.other = &nobody;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	begin(f, &a, fds[0], ssl, true);
	assert_int_equal(write(fds[1], says, strlen(says)), (ssize_t)strlen(says));
	if (says[0] == '\0') {
		char room[4096];
		run_loop_for(f->base, 20);
		assert_true(read(fds[1], room, sizeof(room)) > 0);
		close(fds[1]);
	}
	run_loop_until(f->base, &both, 5000);
	assert_true(a.over);
	assert_false(a.connected);
	if (says[0] != '\0')
		close(fds[1]);
	bufferevent_free(a.bev);
	SSL_CTX_free(client);
	return a.err;
}

static void test_no_tls_at_all(void **state)
{
	struct fixture *f = *state;
	struct err err = meet(f, "220 hello there, what can I do\r\n");
	assert_string_equal(err.text, "TLS: the other side does not speak TLS");
	err = meet(f, "");
	assert_string_equal(err.text, "TLS: the other side closed the connection");
}

static void test_explain_without_a_connection(void **state)
{
	struct err err;
	(void)state;
	tls_explain(NULL, NULL, BEV_EVENT_TIMEOUT, &err);
	assert_string_equal(err.text, "TLS: the other side does not answer");
	tls_explain(NULL, NULL, BEV_EVENT_EOF, &err);
	assert_string_equal(err.text, "TLS: the other side closed the connection");
}

/* OpenSSL has no words for what the system says. */
static void test_explain_a_reset(void **state)
{
	struct err err;
	(void)state;
	tls_explain_code(ERR_SYSTEM_FLAG | ECONNRESET, NULL, BEV_EVENT_ERROR, &err);
	assert_string_equal(err.text, "TLS: Connection reset by peer");
}

static void test_contexts_that_cannot_be(void **state)
{
	const struct recipe r = { "x", "DNS:mail.test", -1, 1, 2048, EVP_sha256(), false };
	struct fixture *f = *state;
	struct err err;
	bake(f, &r);
	assert_null(tls_client_context("/nonexistent/ca.pem", &err));
	expect_text(&err, "\"/nonexistent/ca.pem\": cannot load the CA certificates: No such file");
	assert_null(tls_client_context(f->key, &err));
	SSL_CTX *client = tls_client_context("", &err);
	assert_non_null(client);
	assert_null(tls_client_new(client, "", &err));
	SSL_CTX_free(client);
}

/* NULL: takes it away. No other thread looks at the environment then. */
static void set_environment(const char *name, const char *value)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe) */
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

/* threats.md 2.14: the keys of our connections go into no file the environment names. */
static void test_no_key_log(void **state)
{
	struct fixture *f = *state;
	struct err err;
	char log[96];
	snprintf(log, sizeof(log), "%s/keys", f->folder);
	set_environment("SSLKEYLOGFILE", log);
	assert_true(tls_make_self_signed(f->certificate, f->key, "mail.test", &err));
	SSL_CTX *server = server_context(f);
	struct outcome o = visit(f, server, f->certificate, "mail.test");
	assert_true(o.connected);
	SSL_CTX_free(server);
	set_environment("SSLKEYLOGFILE", NULL);
	assert_int_not_equal(access(log, F_OK), 0);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_good_certificates),
		WITH_FIXTURE(test_bad_certificates),
		WITH_FIXTURE(test_unknown_authority),
		WITH_FIXTURE(test_clock_hint),
		WITH_FIXTURE(test_old_protocol),
		WITH_FIXTURE(test_no_tls_at_all),
		WITH_FIXTURE(test_explain_without_a_connection),
		WITH_FIXTURE(test_explain_a_reset),
		WITH_FIXTURE(test_contexts_that_cannot_be),
		WITH_FIXTURE(test_no_key_log),
	};
	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
