/* SPDX-License-Identifier: MIT */
#include "common/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/netaddr.h"
#include "common/quote.h"
#include "common/tls_context.h"

/*
 * SSLKEYLOGFILE has no power over connections made here: libssl itself does not read it, only a
 * callback set by SSL_CTX_set_keylog_callback() would, and nobody sets one. libcurl does read it,
 * so the program removes it from its environment (common/curl_loop.c and main()).
 */

bool tls_context_error(struct err *err, const char *what, const char *path)
{
	struct strbuf text;
	char words[256];
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	/* System errors carry an errno and no reason. */
	if (ERR_SYSTEM_ERROR(code))
		reason = strerror_r(ERR_GET_REASON(code), words, sizeof(words));
	ERR_clear_error();
	strbuf_init(&text, sizeof(err->text) - 1);
	if (path != NULL) {
		quote_append(&text, str_of(path), 256);
		strbuf_adds(&text, ": ");
	}
	strbuf_addf(&text, "%s: %s", what, reason != NULL ? reason : "unknown reason");
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
	return false;
}

SSL_CTX *tls_context_new(const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new(method);
	if (context == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	/* 112 bits: no SHA-1 signatures, no RSA-1024, whatever openssl.cnf says. */
	if (SSL_CTX_get_security_level(context) < 2)
		SSL_CTX_set_security_level(context, 2);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* A connection that idles needs no 34 KiB of buffers. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	/* Back to the loop after each record that is not data: else a peer that floods us with
	 * KeyUpdate keeps SSL_read() busy, and the loop with it (threats.md TLS-09). */
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	return context;
}

SSL_CTX *tls_client_context(const char *ca_file, struct err *err)
{
	ERR_clear_error();
	SSL_CTX *context = tls_context_new(TLS_client_method());
	if (context == NULL) {
		tls_context_error(err, "cannot make a TLS context", NULL);
		return NULL;
	}
	int ok = ca_file[0] != '\0' ? SSL_CTX_load_verify_file(context, ca_file)
				    : SSL_CTX_set_default_verify_paths(context);
	if (ok != 1) {
		tls_context_error(err, "cannot load the CA certificates",
				  ca_file[0] != '\0' ? ca_file : NULL);
		SSL_CTX_free(context);
		return NULL;
	}
	/* What the administrator put into ca_file is trusted, be it a root or not; libcurl does so
	 * too, and the two should not differ. */
	if (ca_file[0] != '\0')
		X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* Each connection is verified by itself. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	return context;
}

/* SSL_set_tlsext_host_name() without its cast, which throws const away. OpenSSL copies the name. */
static bool set_sni(SSL *ssl, const char *host)
{
	char *copy = mem_strdup(host);
	long ok = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, copy);
	free(copy);
	return ok == 1;
}

SSL *tls_client_new(SSL_CTX *context, const char *host, struct err *err)
{
	struct netaddr literal;
	ERR_clear_error();
	SSL *ssl = SSL_new(context);
	X509_VERIFY_PARAM *param = ssl != NULL ? SSL_get0_param(ssl) : NULL;
	bool ok = false;
	if (param == NULL) {
		/* below */
	} else if (netaddr_parse(str_of(host), &literal)) {
		/* RFC 6066 3: no literal addresses in SNI. */
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	} else {
		/* RFC 6125 6.4.4: the subject's common name is no name of a host. */
		X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
							       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
		ok = host[0] != '\0' && X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
		     set_sni(ssl, host);
	}
	if (!ok) {
		tls_context_error(err, "cannot begin TLS", host);
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

const char *tls_version(const SSL *ssl)
{
	return SSL_get_version(ssl);
}
