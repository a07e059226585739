/* SPDX-License-Identifier: MIT */
#include "tests/unit/common/tls_world.h"

#include <openssl/bio.h>

static const struct recipe good = { "x", "DNS:mail.test", -1, 1, 2048, NULL, false };

static void bake_good(struct fixture *f)
{
	struct recipe r = good;
	r.md = EVP_sha256();
	bake(f, &r);
}

static SSL_CTX *context_of(struct fixture *f, const char *id, bool legacy, uint64_t sessions)
{
	struct err err = { .text = "" };
	struct tls_server_params params = server_params(f, id);
	params.legacy = legacy;
	params.sessions = sessions;
	SSL_CTX *context = tls_server_context(&params, &err);
	if (context == NULL)
		fail_msg("%s", err.text);
	return context;
}

static void expect_refused(struct fixture *f, const char *certificate, const char *text)
{
	struct err err = { .text = "" };
	struct tls_server_params params = server_params(f, "x");
	params.certificate = certificate;
	assert_null(tls_server_context(&params, &err));
	expect_text(&err, text);
}

static void contexts_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	expect_refused(f, f->certificate,
		       "c.pem\": cannot load the certificate: No such file or directory");
	bake_good(f);
	unlink(f->key);
	expect_refused(f, f->certificate, "k.pem\": cannot load the key: No such file");
	write_pem(f->key, NULL, f->ca_key, false);
	expect_refused(f, f->certificate, "k.pem\": this key is not the certificate's");
	write_pem(f->key, NULL, f->ca_key, true);
	expect_refused(f, f->certificate, "k.pem\": cannot load the key: ");
	expect_refused(f, f->key, "k.pem\": cannot load the certificate: ");
}

/* TLS-08, 09, 11: what a context may not allow, whatever openssl.cnf says. */
static void options(void **state)
{
	struct fixture *f = *state;
	bake_good(f);
	for (unsigned legacy = 0; legacy < 2; legacy++) {
		SSL_CTX *server = context_of(f, "x", legacy != 0, 7);
		assert_int_equal(SSL_CTX_get_min_proto_version(server),
				 legacy ? TLS1_VERSION : TLS1_2_VERSION);
		assert_int_equal(SSL_CTX_get_security_level(server), legacy ? 0 : 2);
		assert_true((SSL_CTX_get_options(server) & SSL_OP_NO_RENEGOTIATION) != 0);
		assert_int_equal(SSL_CTX_get_max_early_data(server), 0);
		assert_int_equal(SSL_CTX_get_verify_mode(server), SSL_VERIFY_NONE);
		assert_int_equal(SSL_CTX_sess_get_cache_size(server), 8);
		STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(server);
		bool old = false;
		for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
			const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i));
			old = old || strcmp(name, "AES128-SHA") == 0;
			assert_null(strstr(name, "RC4"));
			assert_null(strstr(name, "DES"));
			assert_null(strstr(name, "NULL"));
			assert_null(strstr(name, "ADH"));
			assert_null(strstr(name, "AECDH"));
		}
		assert_true(old);
		SSL_CTX_free(server);
	}
}

/* ---- sessions ---- */

static SSL_SESSION *session_at(struct fixture *f, SSL_CTX *client, SSL_CTX *server,
			       SSL_SESSION *resume, bool *resumed)
{
	SSL *ssl = SSL_new(client);
	SSL_set_connect_state(ssl);
	if (resume != NULL)
		SSL_set_session(ssl, resume);
	struct outcome o = shake(f, ssl, SSL_new(server));
	assert_true(o.connected);
	*resumed = o.resumed;
	return o.session;
}

static bool resumes(struct fixture *f, SSL_CTX *client, SSL_CTX *server, SSL_SESSION *session)
{
	bool resumed;
	SSL_SESSION_free(session_at(f, client, server, session, &resumed));
	return resumed;
}

/* TLS-10: of one listener or profile on another, although both had the same ticket keys. */
static void sessions_stay_where_they_were_made(void **state)
{
	static const struct {
		const char *id;
		bool legacy;
	} others[] = { { "modern two", false }, { "legacy one", true } };
	struct fixture *f = *state;
	bake_good(f);
	for (unsigned i = 0; i < 4; i++) {
		unsigned char keys[80] = "the same for both, as if somebody had shared them";
		SSL_CTX *one = context_of(f, "modern one", false, 100);
		SSL_CTX *two = context_of(f, others[i / 2].id, others[i / 2].legacy, 100);
		SSL_CTX *client = SSL_CTX_new(TLS_client_method());
		bool resumed;
		SSL_CTX_set_max_proto_version(client, i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
		SSL_CTX_set_tlsext_ticket_keys(one, keys, sizeof(keys));
		SSL_CTX_set_tlsext_ticket_keys(two, keys, sizeof(keys));
		SSL_SESSION *first = session_at(f, client, one, NULL, &resumed);
		assert_true(resumes(f, client, one, first));
		assert_false(resumes(f, client, two, first));
		SSL_SESSION_free(first);
		SSL_CTX_free(client);
		SSL_CTX_free(one);
		SSL_CTX_free(two);
	}
}

/* limits.tls_sessions: clients that know no tickets. */
static void old_sessions_make_room(void **state)
{
	struct fixture *f = *state;
	SSL_SESSION *made[3];
	bool resumed;
	bake_good(f);
	SSL_CTX *server = context_of(f, "x", true, 2);
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_options(client, SSL_OP_NO_TICKET);
	SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
	for (unsigned i = 0; i < 3; i++)
		made[i] = session_at(f, client, server, NULL, &resumed);
	assert_int_equal(SSL_CTX_sess_number(server), 2);
	assert_true(resumes(f, client, server, made[2]));
	assert_true(resumes(f, client, server, made[1]));
	assert_false(resumes(f, client, server, made[0]));
	SSL_CTX_free(server);
	server = context_of(f, "x", true, 0);
	SSL_SESSION_free(session_at(f, client, server, NULL, &resumed));
	assert_int_equal(SSL_CTX_sess_number(server), 0);
	for (unsigned i = 0; i < 3; i++)
		SSL_SESSION_free(made[i]);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
}

/* ---- old clients ---- */

/* What became of a client that has nothing but this version. */
static struct outcome visit_with(struct fixture *f, bool legacy, int version, const char *ciphers)
{
	struct err err;
	struct tls_hello hello;
	SSL_CTX *server = context_of(f, "x", legacy, 10);
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(client, 0);
	SSL_CTX_set_min_proto_version(client, version);
	SSL_CTX_set_max_proto_version(client, version);
	assert_int_equal(SSL_CTX_set_cipher_list(client, ciphers), 1);
	SSL *ssl = SSL_new(client);
	SSL_set_connect_state(ssl);
	SSL *ours = tls_server_new(server, &hello, &err);
	assert_non_null(ours);
	struct outcome o = shake(f, ssl, ours);
	SSL_SESSION_free(o.session);
	o.session = NULL;
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return o;
}

/* TLS-11 */
static void old_versions(void **state)
{
	static const struct {
		int version;
		const char *name;
		const char *refusal; /* NULL: modern takes it */
	} rows[] = {
		{ TLS1_VERSION, "TLSv1",
		  "offers TLS 1.0 at most (AES128-SHA): set tls_profile = \"legacy\" for it" },
		{ TLS1_1_VERSION, "TLSv1.1",
		  "offers TLS 1.1 at most (AES128-SHA): set tls_profile = \"legacy\" for it" },
		{ TLS1_2_VERSION, "TLSv1.2", NULL },
	};
	struct fixture *f = *state;
	bake_good(f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct outcome o = visit_with(f, true, rows[i].version, "AES128-SHA");
		assert_true(o.connected);
		assert_string_equal(o.version, rows[i].name);
		o = visit_with(f, false, rows[i].version, "AES128-SHA");
		assert_int_equal(o.connected, rows[i].refusal == NULL);
		if (rows[i].refusal != NULL)
			assert_string_equal(o.server.text, rows[i].refusal);
	}
}

/* ---- the first bytes, as they come from the wire ---- */

struct fixture_hello {
	const char *name;
	struct str bytes;
	bool legacy;
	enum tls_fault fault;
	const char *text;
};

/* As STR(), where an initialiser must be constant. */
#define BYTES(literal)                         \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}
/* A ClientHello without extensions: 32 bytes of random, no session id, cipher suites, no
 * compression. */
#define RANDOM "0123456789abcdef0123456789abcdef"
#define TWO_SUITES(record, version, a, b) \
	BYTES("\x16" record "\0\x31\x01\0\0\x2d" version RANDOM "\0\0\x04" a b "\x01\0\0\0")

static const struct fixture_hello hellos[] = {
	{ "RC4 only", TWO_SUITES("\x03\x01", "\x03\x01", "\0\x04", "\0\x05"), true,
	  TLS_FAULT_CIPHERS,
	  "offers only RC4 (TLS 1.0 at most; RC4-MD5, RC4-SHA): turn TLS off on the device" },
	{ "RC4 only, modern", TWO_SUITES("\x03\x01", "\x03\x03", "\0\x04", "\0\x05"), false,
	  TLS_FAULT_CIPHERS, "offers only RC4 (TLS 1.2 at most; RC4-MD5, RC4-SHA): turn TLS off" },
	{ "3DES and DES", TWO_SUITES("\x03\x01", "\x03\x01", "\0\x0a", "\0\x09"), true,
	  TLS_FAULT_CIPHERS,
	  "offers only 3DES and DES (TLS 1.0 at most; DES-CBC3-SHA, DES-CBC-SHA)" },
	{ "export", TWO_SUITES("\x03\x01", "\x03\x01", "\0\x03", "\0\x03"), true, TLS_FAULT_CIPHERS,
	  "offers only export ciphers (" },
	{ "SSL 3.0", TWO_SUITES("\x03\0", "\x03\0", "\0\x2f", "\0\x05"), true, TLS_FAULT_SSL,
	  "offers SSL 3.0 at most (AES128-SHA, RC4-SHA): turn TLS off on the device" },
	{ "TLS 1.0", TWO_SUITES("\x03\x01", "\x03\x01", "\0\x2f", "\0\xff"), false,
	  TLS_FAULT_LEGACY, "offers TLS 1.0 at most (AES128-SHA): set tls_profile = \"legacy\"" },
	{ "TLS 1.1", TWO_SUITES("\x03\x01", "\x03\x02", "\0\x2f", "\0\x35"), false,
	  TLS_FAULT_LEGACY, "offers TLS 1.1 at most (AES128-SHA, AES256-SHA): set" },
	{ "ECDSA only", TWO_SUITES("\x03\x01", "\x03\x03", "\xc0\x09", "\xc0\x23"), false,
	  TLS_FAULT_NONE,
	  "no cipher that both sides have; it offers TLS 1.2 at most (ECDHE-ECDSA" },
	/* 31 bytes behind the length; no session id, 16 bytes of challenge, two ciphers. */
	{ "SSL 2.0's form, SSL 2.0",
	  BYTES("\x80\x1f\x01\0\x02\0\x06\0\0\0\x10\x01\0\x80\0\0\x04"
		"0123456789abcdef"),
	  true, TLS_FAULT_SSL, "offers SSL 2.0 at most (RC4-MD5): turn TLS off on the device" },
	{ "SSL 2.0's form, TLS 1.0",
	  BYTES("\x80\x1f\x01\x03\x01\0\x06\0\0\0\x10\0\0\x2f\0\0\x05"
		"0123456789abcdef"),
	  false, TLS_FAULT_LEGACY,
	  "offers TLS 1.0 at most (AES128-SHA, RC4-SHA): set tls_profile" },
	{ "no signature algorithms", TWO_SUITES("\x03\x01", "\x03\x03", "\0\x2f", "\xc0\x13"),
	  false, TLS_FAULT_LEGACY, "offers no signature that is strong enough: set tls_profile" },
	{ "garbage", BYTES("\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), false, TLS_FAULT_NONE,
	  "does not speak TLS: turn TLS on" },
	{ "HTTP", BYTES("GET / HTTP/1.1\r\n\r\n"), false, TLS_FAULT_NONE, "speaks HTTP, not TLS" },
	{ "SSH", BYTES("SSH-2.0-OpenSSH_9.2\r\n"), false, TLS_FAULT_NONE,
	  "does not speak TLS: turn TLS on" },
};

struct failure {
	bool over;
	SSL *ssl;
	enum tls_fault fault;
	struct err err;
};

static void on_failure(struct bufferevent *bev, short what, void *arg)
{
	struct failure *failure = arg;
	failure->over = true;
	failure->fault = tls_server_explain(bev, failure->ssl, what, &failure->err);
}

static struct failure receive(struct fixture *f, struct str bytes, bool legacy, bool shut)
{
	struct failure failure = { 0 };
	struct tls_hello hello;
	struct err err;
	int fds[2];
	SSL_CTX *server = context_of(f, "x", legacy, 10);
	failure.ssl = tls_server_new(server, &hello, &err);
	assert_non_null(failure.ssl);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	struct bufferevent *bev = bufferevent_openssl_socket_new(
		f->base, fds[0], failure.ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, NULL, NULL, on_failure, &failure);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	assert_int_equal(write(fds[1], bytes.p, bytes.n), (ssize_t)bytes.n);
	if (shut)
		shutdown(fds[1], SHUT_WR);
	run_loop_until(f->base, &failure.over, 5000);
	assert_true(failure.over);
	bufferevent_free(bev);
	run_loop_for(f->base, 5);
	close(fds[1]);
	SSL_CTX_free(server);
	return failure;
}

static void first_bytes_are_explained(void **state)
{
	struct fixture *f = *state;
	bake_good(f);
	for (size_t i = 0; i < ARRAY_LEN(hellos); i++) {
		const struct fixture_hello *h = &hellos[i];
		struct failure failure = receive(f, h->bytes, h->legacy, false);
		if (failure.fault != h->fault || strstr(failure.err.text, h->text) == NULL)
			fail_msg("%s: %d, %s", h->name, (int)failure.fault, failure.err.text);
		for (const char *p = failure.err.text; *p != '\0'; p++)
			assert_true(ascii_is_print(*p));
	}
}

/* A certificate that old devices can do nothing with. */
static void a_key_that_is_not_rsa(void **state)
{
	static const struct str hello = TWO_SUITES("\x03\x01", "\x03\x01", "\0\x2f", "\0\x35");
	const struct recipe r = { "x", "DNS:mail.test", -1, 1, 2048, EVP_sha256(), true };
	struct fixture *f = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = make(&r, key, NULL, NULL);
	write_pem(f->certificate, x, NULL, false);
	write_pem(f->key, NULL, key, false);
	struct failure failure = receive(f, hello, true, false);
	assert_string_equal(failure.err.text,
			    "offers TLS 1.0 at most (AES128-SHA, AES256-SHA), and nothing for our "
			    "certificate: give it one with an RSA key");
	X509_free(x);
	EVP_PKEY_free(key);
}

/* A client that leaves without a word as soon as it has seen the certificate. */
static void leaving_at_the_certificate(void **state)
{
	static const struct str hello = TWO_SUITES("\x03\x01", "\x03\x03", "\0\x2f", "\0\x35");
	struct fixture *f = *state;
	bake_good(f);
	struct failure failure = receive(f, hello, true, true);
	expect_text(&failure.err, "hung up when it had our certificate; perhaps it does not trust "
				  "our certificate: import what `oauthrelay tls export` prints");
	failure = receive(f, STR(""), false, true);
	expect_text(&failure.err, "closed the connection");
}

/* The client's alerts, each by its number: a fatal alert instead of the rest of its handshake. */
static void alerts_are_explained(void **state)
{
	static const struct {
		char alert;
		const char *text;
	} rows[] = {
		{ 48,
		  "does not trust our certificate: import what `oauthrelay tls export` prints" },
		{ 42, "does not trust our certificate: import" },
		{ 44, "does not trust our certificate: import" },
		{ 46, "does not trust our certificate: import" },
		{ 49, "does not trust our certificate: import" },
		{ 43, "cannot read our certificate" },
		{ 45, "is the device's clock right?" },
		{ 40, "found nothing that both sides have; it offers TLS 1.2 at most (AES128-SHA" },
	};
	static const struct str hello = TWO_SUITES("\x03\x01", "\x03\x03", "\0\x2f", "\0\x35");
	struct fixture *f = *state;
	bake_good(f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strbuf in;
		strbuf_init(&in, 512);
		strbuf_addstr(&in, hello);
		strbuf_add(&in, "\x15\x03\x03\0\x02\x02", 6);
		strbuf_addc(&in, rows[i].alert);
		struct failure failure = receive(f, strbuf_str(&in), true, false);
		strbuf_done(&in);
		expect_text(&failure.err, rows[i].text);
	}
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(contexts_that_cannot_be),
		WITH_FIXTURE(options),
		WITH_FIXTURE(sessions_stay_where_they_were_made),
		WITH_FIXTURE(old_sessions_make_room),
		WITH_FIXTURE(old_versions),
		WITH_FIXTURE(first_bytes_are_explained),
		WITH_FIXTURE(a_key_that_is_not_rsa),
		WITH_FIXTURE(leaving_at_the_certificate),
		WITH_FIXTURE(alerts_are_explained),
	};
	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests_name("common/tls_server", tests, NULL, NULL);
}
