/* SPDX-License-Identifier: MIT */
#include "common/http_reply.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>

#include "common/quote.h"
#include "common/strbuf.h"
#include "common/tls.h"

const char *http_failure_name(enum http_failure failure)
{
	switch (failure) {
	case HTTP_OK:
		return "ok";
	case HTTP_FAIL_DNS:
		return "dns";
	case HTTP_FAIL_CONNECT:
		return "connect";
	case HTTP_FAIL_TLS:
		return "tls";
	case HTTP_FAIL_TIMEOUT:
		return "timeout";
	case HTTP_FAIL_TOO_BIG:
		return "too-big";
	case HTTP_FAIL_PROXY:
		return "proxy";
	case HTTP_FAIL_OTHER:
		return "other";
	}
	return "other";
}

struct result_kind {
	CURLcode result;
	enum http_failure failure;
};

/* Everything that is not here is HTTP_FAIL_OTHER. */
static const struct result_kind result_kinds[] = {
	{ CURLE_OK, HTTP_OK },
	{ CURLE_COULDNT_RESOLVE_HOST, HTTP_FAIL_DNS },
	{ CURLE_COULDNT_CONNECT, HTTP_FAIL_CONNECT },
	{ CURLE_INTERFACE_FAILED, HTTP_FAIL_CONNECT },
	{ CURLE_OPERATION_TIMEDOUT, HTTP_FAIL_TIMEOUT },
	{ CURLE_FILESIZE_EXCEEDED, HTTP_FAIL_TOO_BIG },
	{ CURLE_SSL_CONNECT_ERROR, HTTP_FAIL_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, HTTP_FAIL_TLS },
	{ CURLE_SSL_CACERT_BADFILE, HTTP_FAIL_TLS },
	{ CURLE_SSL_CERTPROBLEM, HTTP_FAIL_TLS },
	{ CURLE_SSL_CIPHER, HTTP_FAIL_TLS },
	{ CURLE_SSL_CLIENTCERT, HTTP_FAIL_TLS },
	{ CURLE_SSL_CRL_BADFILE, HTTP_FAIL_TLS },
	{ CURLE_SSL_ENGINE_INITFAILED, HTTP_FAIL_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, HTTP_FAIL_TLS },
	{ CURLE_SSL_ISSUER_ERROR, HTTP_FAIL_TLS },
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, HTTP_FAIL_TLS },
	{ CURLE_SSL_SHUTDOWN_FAILED, HTTP_FAIL_TLS },
	{ CURLE_USE_SSL_FAILED, HTTP_FAIL_TLS },
};

enum http_failure http_failure_of(CURLcode result)
{
	for (size_t i = 0; i < ARRAY_LEN(result_kinds); i++)
		if (result_kinds[i].result == result)
			return result_kinds[i].failure;
	return HTTP_FAIL_OTHER;
}

void http_explain(CURL *easy, CURLcode result, const char *host, const char *reason,
		  const char *issuer, struct err *err)
{
	struct strbuf text;
	long verified = X509_V_OK;
	strbuf_init(&text, sizeof(err->text) - 1);
	strbuf_addf(&text, "%s: ", host);
	quote_append_bare(&text, str_of(reason[0] != '\0' ? reason : curl_easy_strerror(result)),
			  400);
	if (result == CURLE_PEER_FAILED_VERIFICATION &&
	    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified) == CURLE_OK) {
		if (issuer[0] != '\0')
			strbuf_addf(&text, "; it was issued by \"%s\"", issuer);
		strbuf_adds(&text, tls_verify_hint(verified));
	}
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

int64_t http_date_ms(struct str value)
{
	char *text = str_dup(value);
	time_t seconds = str_chr(value, '\0') < 0 ? curl_getdate(text, NULL) : -1;
	free(text);
	return seconds > 0 ? (int64_t)seconds * 1000 : -1;
}

int64_t http_retry_after_ms(struct str value, int64_t now_ms)
{
	uint64_t seconds;
	struct str digits = value;
	while (digits.n != 0 && ascii_is_digit(digits.p[0]))
		digits = str_skip(digits, 1);
	if (value.n != 0 && digits.n == 0) {
		if (!str_to_u64(value, INT64_MAX / 1000, &seconds))
			return INT64_MAX; /* digits only, so it was too large */
		return (int64_t)seconds * 1000;
	}
	int64_t date = http_date_ms(value);
	if (date < 0 || now_ms < 0)
		return -1;
	return date > now_ms ? date - now_ms : 0;
}

struct str http_reply_header(CURL *easy, const char *name)
{
	struct curl_header *header = NULL;
	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return STR("");
	return str_of(header->value);
}
