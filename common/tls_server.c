/* SPDX-License-Identifier: MIT */
#include "common/tls_server.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "common/tls.h"
#include "common/tls_context.h"

/* Instead of a prompt on a terminal that a daemon does not have. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static bool load_certificate(SSL_CTX *context, const char *certificate, const char *key,
			     struct err *err)
{
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return tls_context_error(err, "cannot load the certificate", certificate);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
		unsigned long code = ERR_peek_error();
		if (ERR_GET_LIB(code) == ERR_LIB_X509 &&
		    ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
			return tls_context_error(err, "this key is not the certificate's", key);
		return tls_context_error(err, "cannot load the key", key);
	}
	if (SSL_CTX_check_private_key(context) != 1)
		return tls_context_error(err, "this key is not the certificate's", key);
	return true;
}

/* A session made on one listener, or under one profile, is not resumed on another, where other
 * rules may hold (threats.md TLS-10). The field has 32 bytes: so many as the digest. */
static bool bind_sessions(SSL_CTX *context, struct str id)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	return EVP_Digest(id.p, id.n, digest, &n, EVP_sha256(), NULL) == 1 &&
	       SSL_CTX_set_session_id_context(context, digest, n) == 1;
}

/* Tickets cost us nothing; this is for old clients, which know session ids only. */
static void bound_cache(SSL_CTX *context, uint64_t sessions)
{
	/* To OpenSSL a size of 0 is no limit; and of n it uses n - 1, because it counts the new one
	 * before it makes room. */
	if (sessions == 0)
		SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	else
		SSL_CTX_sess_set_cache_size(context,
					    sessions < LONG_MAX ? (long)sessions + 1 : LONG_MAX);
}

static bool allow_old(SSL_CTX *context)
{
	/* Level 0 first: at level 1 and above OpenSSL 3 refuses TLS 1.1 and below by itself. */
	SSL_CTX_set_security_level(context, 0);
	return SSL_CTX_set_min_proto_version(context, TLS1_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(context, "DEFAULT:!aNULL:!eNULL:!EXPORT:!RC4:!DES:!3DES:"
						"!MD5:@SECLEVEL=0") == 1;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
	struct tls_hello *hello = SSL_get_app_data(ssl);
	const unsigned char *ciphers = NULL;
	const unsigned char *versions = NULL;
	size_t versions_n = 0;
	(void)alert;
	(void)arg;
	if (hello == NULL)
		return SSL_CLIENT_HELLO_SUCCESS;
	size_t ciphers_n = SSL_client_hello_get0_ciphers(ssl, &ciphers);
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &versions,
				      &versions_n) != 1)
		versions_n = 0;
	tls_hello_read(hello, (uint16_t)SSL_client_hello_get0_legacy_version(ssl),
		       (struct str){ (const char *)ciphers, ciphers_n },
		       SSL_client_hello_isv2(ssl) == 1,
		       (struct str){ (const char *)versions, versions_n });
	return SSL_CLIENT_HELLO_SUCCESS;
}

static bool set_up(SSL_CTX *context, const struct tls_server_params *params, struct err *err)
{
	if (!bind_sessions(context, params->id) || (params->legacy && !allow_old(context)))
		return tls_context_error(err, "cannot make a TLS context", NULL);
	if (!load_certificate(context, params->certificate, params->key, err))
		return false;
	bound_cache(context, params->sessions);
	SSL_CTX_set_dh_auto(context, 1);
	SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* 0-RTT data could be replayed. Zero is the default; here it is a promise. */
	SSL_CTX_set_max_early_data(context, 0);
	SSL_CTX_set_recv_max_early_data(context, 0);
	/* Nobody is asked for a certificate: there would be nothing to check it against, and its
	 * chain would be foreign bytes to no end (threats.md TLS-08). */
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_client_hello_cb(context, on_hello, NULL);
	return true;
}

SSL_CTX *tls_server_context(const struct tls_server_params *params, struct err *err)
{
	ERR_clear_error();
	SSL_CTX *context = tls_context_new(TLS_server_method());
	if (context == NULL) {
		tls_context_error(err, "cannot make a TLS context", NULL);
		return NULL;
	}
	if (set_up(context, params, err))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

SSL *tls_server_new(SSL_CTX *context, struct tls_hello *hello, struct err *err)
{
	ERR_clear_error();
	SSL *ssl = SSL_new(context);
	if (ssl == NULL || SSL_set_app_data(ssl, hello) != 1) {
		tls_context_error(err, "cannot begin TLS", NULL);
		SSL_free(ssl);
		return NULL;
	}
	*hello = (struct tls_hello){ 0 };
	/* Passwords come through here. */
	SSL_set_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
	SSL_set_accept_state(ssl);
	return ssl;
}

void tls_server_done(SSL *ssl)
{
	(void)SSL_set_app_data(ssl, NULL);
}

#define NO_TRUST "does not trust our certificate: import what `oauthrelay tls export` prints"

/* What OpenSSL's reasons mean on this side, and what helps; the rest is common/tls_explain.c's. */
static const struct reason_row {
	int reason;
	enum tls_fault fault;
	const char *words;
} reason_rows[] = {
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, TLS_FAULT_NONE, NO_TRUST },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, TLS_FAULT_NONE, NO_TRUST },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, TLS_FAULT_NONE, NO_TRUST },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, TLS_FAULT_NONE, NO_TRUST },
	{ SSL_R_TLSV1_ALERT_ACCESS_DENIED, TLS_FAULT_NONE, NO_TRUST },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, TLS_FAULT_NONE,
	  "cannot read our certificate: give it one with an RSA key of 2048 bits and SHA-256" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, TLS_FAULT_NONE,
	  "says that our certificate is not valid today: is the device's clock right?" },
	{ SSL_R_HTTP_REQUEST, TLS_FAULT_NONE, "speaks HTTP, not TLS" },
	{ SSL_R_HTTPS_PROXY_REQUEST, TLS_FAULT_NONE, "speaks HTTP, not TLS" },
	{ SSL_R_WRONG_VERSION_NUMBER, TLS_FAULT_NONE,
	  "does not speak TLS: turn TLS on on the device, or set tls = \"auto\" for this listener" },
	/* Level 2 wants signatures and keys that its time did not know. */
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_FAULT_LEGACY,
	  "offers no signature that is strong enough" },
	{ SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_FAULT_LEGACY,
	  "offers no signature that is strong enough" },
	{ SSL_R_DH_KEY_TOO_SMALL, TLS_FAULT_LEGACY, "wants keys that are too short" },
};

static const struct reason_row *find_reason(unsigned long code)
{
	for (size_t i = 0; i < ARRAY_LEN(reason_rows); i++)
		if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
		    ERR_GET_REASON(code) == reason_rows[i].reason)
			return &reason_rows[i];
	return NULL;
}

static bool is_legacy(SSL *ssl)
{
	return SSL_get_security_level(ssl) == 0;
}

/* It went away without an alert, when our certificate was on its way to it. */
static bool left_at_certificate(SSL *ssl, const struct tls_hello *hello, unsigned long code)
{
	OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);
	bool left = code == 0 || (ERR_GET_LIB(code) == ERR_LIB_SSL &&
				  ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
	return left && hello->seen && state != TLS_ST_BEFORE && state != TLS_ST_SR_CLNT_HELLO;
}

/* Old devices have ciphers for RSA keys only. */
static bool needs_rsa(const SSL *ssl, unsigned long code)
{
	const X509 *certificate = SSL_get_certificate(ssl);
	return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_NO_SHARED_CIPHER &&
	       certificate != NULL && EVP_PKEY_is_a(X509_get0_pubkey(certificate), "RSA") != 1;
}

static enum tls_fault explain(struct strbuf *text, unsigned long code, SSL *ssl, short what)
{
	const struct tls_hello *hello = SSL_get_app_data(ssl);
	const struct reason_row *row = find_reason(code);
	enum tls_fault fault = tls_hello_fault(hello, is_legacy(ssl));
	struct err other = { .text = "" };
	if (fault != TLS_FAULT_NONE) {
		tls_hello_append(text, hello, fault);
	} else if (row != NULL) {
		fault = is_legacy(ssl) ? TLS_FAULT_NONE : row->fault;
		strbuf_adds(text, row->words);
	} else if (needs_rsa(ssl, code)) {
		tls_hello_append(text, hello, fault);
		strbuf_adds(text, ", and nothing for our certificate: give it one with an RSA key");
	} else if (left_at_certificate(ssl, hello, code)) {
		strbuf_adds(text, "hung up when it had our certificate; perhaps it " NO_TRUST);
	} else {
		tls_explain_code(code, ssl, what, &other);
		strbuf_adds(text, other.text);
		if (hello->seen) {
			strbuf_adds(text, "; it ");
			tls_hello_append(text, hello, fault);
		}
	}
	return fault;
}

enum tls_fault tls_server_explain(struct bufferevent *bev, SSL *ssl, short what, struct err *err)
{
	struct strbuf text;
	unsigned long code = bufferevent_get_openssl_error(bev);
	strbuf_init(&text, sizeof(err->text) - 1);
	enum tls_fault fault = explain(&text, code, ssl, what);
	if (fault != TLS_FAULT_NONE)
		strbuf_addf(&text, ": %s", tls_fault_remedy(fault));
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
	return fault;
}
