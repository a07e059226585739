/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_TLS_WORLD_H
#define OAUTHRELAY_TESTS_TLS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/tls.h"
#include "common/tls_server.h"
#include "tests/unit/support/run_loop.h"

/* ---- certificates as they should not be ---- */

struct recipe {
	const char *common_name;
	const char *san; /* NULL: none */
	int days_from, days_to;
	unsigned bits;
	const EVP_MD *md;
	bool by_itself; /* else signed by the authority */
};

struct fixture {
	struct event_base *base;
	char folder[64];
	char ca[96], certificate[96], key[96];
	EVP_PKEY *ca_key;
	X509 *ca_certificate;
};

static inline void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static inline X509 *make(const struct recipe *r, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *x = X509_new();
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
				   (const unsigned char *)r->common_name, -1, -1, 0);
	X509_gmtime_adj(X509_getm_notBefore(x), (long)r->days_from * 86400);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)r->days_to * 86400);
	X509_set_pubkey(x, key);
	X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer : x));
	if (issuer == NULL && r->san == NULL)
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	if (r->san != NULL)
		add_extension(x, NID_subject_alt_name, r->san);
	assert_true(X509_sign(x, issuer != NULL ? issuer_key : key, r->md) > 0);
	return x;
}

static inline void write_pem(const char *path, X509 *x, EVP_PKEY *key, bool encrypted)
{
	FILE *file = fopen(path, "w");
	char words[16] = "secret";
	const EVP_CIPHER *cipher = encrypted ? EVP_aes_128_cbc() : NULL;
	assert_non_null(file);
	if (x != NULL)
		assert_int_equal(PEM_write_X509(file, x), 1);
	if (key != NULL)
		assert_int_equal(PEM_write_PrivateKey(file, key, cipher, NULL, 0, NULL, words), 1);
	assert_int_equal(fclose(file), 0);
}

/* Making keys takes a while: one of each kind does for all tests. */
static inline EVP_PKEY *key_of(unsigned bits, bool authority)
{
	static EVP_PKEY *keys[3];
	EVP_PKEY **key = &keys[authority ? 0 : bits == 2048 ? 1 : 2];
	if (*key == NULL)
		*key = EVP_RSA_gen(bits);
	assert_int_equal(EVP_PKEY_get_bits(*key), bits);
	return *key;
}

/* Writes certificate and key by the recipe. */
static inline void bake(struct fixture *f, const struct recipe *r)
{
	EVP_PKEY *key = key_of(r->bits, false);
	X509 *x = make(r, key, r->by_itself ? NULL : f->ca_certificate, f->ca_key);
	write_pem(f->certificate, x, NULL, false);
	write_pem(f->key, NULL, key, false);
	X509_free(x);
}

static inline int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	struct recipe root = { "Test Root", NULL, -10, 10, 2048, EVP_sha256(), true };
	f->base = event_base_new();
	snprintf(f->folder, sizeof(f->folder), "/tmp/test_tls.XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	snprintf(f->ca, sizeof(f->ca), "%s/ca.pem", f->folder);
	snprintf(f->certificate, sizeof(f->certificate), "%s/c.pem", f->folder);
	snprintf(f->key, sizeof(f->key), "%s/k.pem", f->folder);
	f->ca_key = key_of(2048, true);
	f->ca_certificate = make(&root, f->ca_key, NULL, NULL);
	write_pem(f->ca, f->ca_certificate, NULL, false);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	unlink(f->ca);
	unlink(f->certificate);
	unlink(f->key);
	rmdir(f->folder);
	X509_free(f->ca_certificate);
	event_base_free(f->base);
	free(f);
	return 0;
}

/* ---- a handshake, both ends here ---- */

struct end {
	struct bufferevent *bev;
	SSL *ssl;
	bool over, connected;
	struct err err;
	bool *both;
	struct end *other;
};

static inline void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct end *end = arg;
	if (end->over)
		return;
	end->over = true;
	end->connected = (what & BEV_EVENT_CONNECTED) != 0;
	bool noted = SSL_is_server(end->ssl) && SSL_get_app_data(end->ssl) != NULL;
	if (!end->connected && noted)
		(void)tls_server_explain(bev, end->ssl, what, &end->err);
	else if (!end->connected)
		tls_explain(bev, end->ssl, what, &end->err);
	*end->both = end->over && end->other->over;
}

static inline void begin(struct fixture *f, struct end *end, int fd, SSL *ssl, bool client)
{
	end->ssl = ssl;
	end->bev = bufferevent_openssl_socket_new(
		f->base, fd, ssl, client ? BUFFEREVENT_SSL_CONNECTING : BUFFEREVENT_SSL_ACCEPTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(end->bev, NULL, NULL, on_event, end);
	bufferevent_enable(end->bev, EV_READ | EV_WRITE);
}

struct outcome {
	bool connected;
	struct err client, server;
	char version[16];
	bool resumed;
	SSL_SESSION *session;
};

static inline struct outcome shake(struct fixture *f, SSL *client, SSL *server)
{
	struct outcome outcome = { 0 };
	struct end a = { 0 }, b = { 0 };
	bool both = false;
	int fds[2];
	a.both = b.both = &both;
	a.other = &b;
	b.other = &a;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	begin(f, &a, fds[0], client, true);
	begin(f, &b, fds[1], server, false);
	/* The client may find fault first and the server hear of it only when it goes. */
	run_loop_until(f->base, &a.over, 5000);
	assert_true(a.over);
	if (a.connected)
		run_loop_for(f->base, 50); /* tickets */
	outcome.connected = a.connected;
	snprintf(outcome.version, sizeof(outcome.version), "%s", tls_version(client));
	outcome.resumed = SSL_session_reused(client) == 1;
	outcome.session = a.connected ? SSL_get1_session(client) : NULL;
	/* Else OpenSSL takes the end for a failure and forgets the session. */
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	bufferevent_free(a.bev);
	run_loop_until(f->base, &b.over, 5000);
	outcome.client = a.err;
	outcome.server = b.err;
	if (b.connected)
		SSL_set_shutdown(server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	bufferevent_free(b.bev);
	return outcome;
}

static inline struct tls_server_params server_params(const struct fixture *f, const char *id)
{
	return (struct tls_server_params){
		.certificate = f->certificate, .key = f->key, .id = str_of(id), .sessions = 100
	};
}

static inline SSL_CTX *server_context(struct fixture *f)
{
	struct err err;
	struct tls_server_params params = server_params(f, "0.0.0.0:25");
	SSL_CTX *context = tls_server_context(&params, &err);
	if (context == NULL)
		fail_msg("%s", err.text);
	return context;
}

/* A server as weak as its certificate. */
static inline SSL_CTX *weak_server_context(struct fixture *f)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(context, 0);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(context, f->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(context, f->key, SSL_FILETYPE_PEM), 1);
	return context;
}

static inline struct outcome visit(struct fixture *f, SSL_CTX *server, const char *ca,
				   const char *host)
{
	struct err err;
	SSL_CTX *client = tls_client_context(ca, &err);
	assert_non_null(client);
	SSL *ssl = tls_client_new(client, host, &err);
	assert_non_null(ssl);
	struct outcome outcome = shake(f, ssl, SSL_new(server));
	SSL_SESSION_free(outcome.session);
	SSL_CTX_free(client);
	return outcome;
}

static inline void expect_text(const struct err *err, const char *text)
{
	if (strstr(err->text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, err->text);
	assert_null(strchr(err->text, '\n'));
}

#endif
