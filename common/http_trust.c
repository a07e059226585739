/* SPDX-License-Identifier: MIT */
#include "common/http_trust.h"

#include <openssl/ssl.h>
#include <stdio.h>

#include "common/strbuf.h"
#include "common/tls_certificate.h"

/* As OpenSSL's own, but of a chain from an unknown authority it keeps that one's name: with a
 * proxy that inspects TLS, this is the one fact an administrator needs. */
static int verify(X509_STORE_CTX *context, void *arg)
{
	struct http_trust *trust = arg;
	int result = X509_verify_cert(context);
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
	int error = X509_STORE_CTX_get_error(context);
	if (result > 0 || sk_X509_num(chain) <= 0 || error == X509_V_ERR_CERT_HAS_EXPIRED ||
	    error == X509_V_ERR_CERT_NOT_YET_VALID)
		return result;
	const X509 *top = sk_X509_value(chain, sk_X509_num(chain) - 1);
	struct strbuf name;
	strbuf_init(&name, 4096);
	tls_certificate_append_name(&name, X509_get_issuer_name(top));
	snprintf(trust->issuer, sizeof(trust->issuer), "%s", strbuf_cstr(&name));
	strbuf_done(&name);
	return result;
}

static CURLcode on_context(CURL *easy, void *context, void *arg)
{
	struct http_trust *trust = arg;
	(void)easy;
	trust->begun = true;
	/* What has been read, a token perhaps, does not stay in OpenSSL's buffers. */
	SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_cert_verify_callback(context, verify, trust);
	return CURLE_OK;
}

void http_trust_apply(struct http_trust *trust, CURL *easy, const char *ca_file,
		      const char *ca_path)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* A resumed session is not verified again, though ca_file may have changed meanwhile. */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, trust);
	if (ca_file[0] != '\0') {
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	} else if (ca_path != NULL) {
		/* The folder alone: reading the system's whole bundle for each connection would
		 * hold the loop for 20 ms; from the folder it reads the one file it needs. */
		curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(easy, CURLOPT_CAPATH, ca_path);
	}
}
