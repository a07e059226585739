/* SPDX-License-Identifier: MIT */
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "common/tls.h"
#include "common/tls_certificate.h"

enum {
	NAMES_SHOWN = 8
};

#define HINT_CLOCK ": is this machine's clock right?"
#define HINT_CA                                                                                     \
	": if a proxy or firewall here inspects TLS, put its CA certificate into ca_file; else do " \
	"not trust this server"

/* ---- certificates that were not accepted ---- */

struct verify_kind {
	long result;
	const char *hint;
};

static const struct verify_kind verify_kinds[] = {
	{ X509_V_ERR_CERT_NOT_YET_VALID, HINT_CLOCK },
	{ X509_V_ERR_CERT_HAS_EXPIRED, HINT_CLOCK },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, HINT_CA },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, HINT_CA },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, HINT_CA },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, HINT_CA },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, HINT_CA },
	{ X509_V_ERR_CERT_UNTRUSTED, HINT_CA },
};

const char *tls_verify_hint(long verify_result)
{
	for (size_t i = 0; i < ARRAY_LEN(verify_kinds); i++)
		if (verify_kinds[i].result == verify_result)
			return verify_kinds[i].hint;
	return "";
}

static void append_expected(struct strbuf *out, SSL *ssl)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
	char *address = host == NULL ? X509_VERIFY_PARAM_get1_ip_asc(param) : NULL;
	strbuf_adds(out, host != NULL ? host : address != NULL ? address : "this host");
	OPENSSL_free(address);
}

static void explain_certificate(struct strbuf *out, SSL *ssl, long result)
{
	/* OpenSSL leaves the chain it tried there after a failure as well. */
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	const X509 *leaf = sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;
	const X509 *top = leaf != NULL ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
	bool wrong_name =
		result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH;
	if (leaf != NULL && wrong_name) {
		strbuf_adds(out, "the server's certificate is not for ");
		append_expected(out, ssl);
		strbuf_adds(out, " but for ");
		tls_certificate_append_hosts(out, leaf, NAMES_SHOWN);
	} else if (leaf != NULL && result == X509_V_ERR_CERT_HAS_EXPIRED) {
		strbuf_adds(out, "the server's certificate ended on ");
		tls_certificate_append_time(out, X509_get0_notAfter(leaf));
	} else if (leaf != NULL && result == X509_V_ERR_CERT_NOT_YET_VALID) {
		strbuf_adds(out, "the server's certificate is valid only from ");
		tls_certificate_append_time(out, X509_get0_notBefore(leaf));
	} else if (top != NULL && strcmp(tls_verify_hint(result), HINT_CA) == 0) {
		strbuf_adds(out, "the server's certificate comes from an authority unknown to this "
				 "machine, \"");
		tls_certificate_append_name(out, X509_get_issuer_name(top));
		strbuf_addc(out, '"');
	} else {
		strbuf_addf(out, "the server's certificate cannot be verified (%s)",
			    X509_verify_cert_error_string(result));
	}
	strbuf_adds(out, tls_verify_hint(result));
}

/* ---- handshakes that failed otherwise ---- */

struct reason_kind {
	int reason;
	const char *words;
};

static const struct reason_kind reason_kinds[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, "the other side does not speak TLS" },
	{ SSL_R_HTTP_REQUEST, "the other side speaks HTTP, not TLS" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the other side's TLS is too old (1.2 is needed)" },
	{ SSL_R_UNKNOWN_PROTOCOL, "the other side's TLS is too old (1.2 is needed)" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
	  "there is no TLS version that both sides have (1.2 is needed)" },
	{ SSL_R_NO_SHARED_CIPHER, "there is no cipher that both sides have" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	  "the other side found nothing that both sides have" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the other side does not trust our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the other side does not trust our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the other side does not trust our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the other side says our certificate has ended" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING, "the other side closed the connection" },
	{ SSL_R_DH_KEY_TOO_SMALL, "the other side's keys are too weak" },
	{ SSL_R_EE_KEY_TOO_SMALL, "the other side's keys are too weak" },
};

static void explain_reason(struct strbuf *out, unsigned long code)
{
	char words[128];
	const char *reason = ERR_reason_error_string(code);
	/* System errors carry an errno and no reason. */
	if (ERR_SYSTEM_ERROR(code))
		reason = strerror_r(ERR_GET_REASON(code), words, sizeof(words));
	for (size_t i = 0; i < ARRAY_LEN(reason_kinds); i++) {
		if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
		    ERR_GET_REASON(code) == reason_kinds[i].reason) {
			strbuf_adds(out, reason_kinds[i].words);
			return;
		}
	}
	strbuf_adds(out, reason != NULL ? reason : "unknown reason");
}

void tls_explain_code(unsigned long code, SSL *ssl, short what, struct err *err)
{
	struct strbuf text;
	char words[128];
	int errnum = EVUTIL_SOCKET_ERROR();
	long verified = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
	strbuf_init(&text, sizeof(err->text) - 1);
	strbuf_adds(&text, "TLS: ");
	if (verified != X509_V_OK)
		explain_certificate(&text, ssl, verified);
	else if (code != 0)
		explain_reason(&text, code);
	else if ((what & BEV_EVENT_TIMEOUT) != 0)
		strbuf_adds(&text, "the other side does not answer");
	else if ((what & BEV_EVENT_EOF) != 0 || errnum == 0)
		strbuf_adds(&text, "the other side closed the connection");
	else
		strbuf_adds(&text, strerror_r(errnum, words, sizeof(words)));
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

void tls_explain(struct bufferevent *bev, SSL *ssl, short what, struct err *err)
{
	tls_explain_code(bev != NULL ? bufferevent_get_openssl_error(bev) : 0, ssl, what, err);
}
