/* SPDX-License-Identifier: MIT */
#include "common/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/clock.h"
#include "common/netaddr.h"
#include "common/quote.h"
#include "common/tls_context.h"

enum {
	NAME_MAX_SHOWN = 80
};

X509 *tls_certificate_read(const char *path, struct err *err)
{
	ERR_clear_error();
	BIO *file = BIO_new_file(path, "r");
	X509 *certificate = file != NULL ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
	BIO_free(file);
	if (certificate == NULL)
		tls_context_error(err, "cannot read the certificate", path);
	return certificate;
}

static bool append_bio(struct strbuf *out, BIO *bio, bool ok)
{
	char *p = NULL;
	long n = ok ? BIO_get_mem_data(bio, &p) : 0;
	if (n > 0)
		strbuf_add(out, p, (size_t)n);
	BIO_free(bio);
	return n > 0 && !out->overflow;
}

bool tls_certificate_append_pem(struct strbuf *out, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return append_bio(out, bio, bio != NULL && PEM_write_bio_X509(bio, certificate) == 1);
}

bool tls_certificate_append_der(struct strbuf *out, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	return append_bio(out, bio, bio != NULL && i2d_X509_bio(bio, certificate) == 1);
}

void tls_certificate_append_fingerprint(struct strbuf *out, const X509 *certificate)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (X509_digest(certificate, EVP_sha256(), digest, &n) != 1)
		n = 0;
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(out, "%s%02X", i != 0 ? ":" : "", digest[i]);
}

void tls_certificate_append_name(struct strbuf *out, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	/* Newest part first and escaped: "CN=Example Root,O=Example". */
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
	long n = BIO_get_mem_data(bio, &text);
	quote_append_bare(out, (struct str){ text, n > 0 ? (size_t)n : 0 }, NAME_MAX_SHOWN * 2);
	BIO_free(bio);
}

static bool append_san(struct strbuf *out, const GENERAL_NAME *name)
{
	if (name->type == GEN_DNS) {
		const ASN1_IA5STRING *dns = name->d.dNSName;
		struct str text = { (const char *)ASN1_STRING_get0_data(dns),
				    (size_t)ASN1_STRING_length(dns) };
		quote_append_bare(out, text, NAME_MAX_SHOWN);
		return true;
	}
	if (name->type == GEN_IPADD) {
		static const struct netaddr mapped = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
							 0xff } };
		struct netaddr address = mapped;
		size_t n = (size_t)ASN1_STRING_length(name->d.iPAddress);
		if (n != 4 && n != 16)
			return false;
		memcpy(address.b + 16 - n, ASN1_STRING_get0_data(name->d.iPAddress), n);
		netaddr_append(out, &address);
		return true;
	}
	return false;
}

void tls_certificate_append_hosts(struct strbuf *out, const X509 *certificate, size_t max)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t shown = 0, more = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (shown == max) {
			more++;
			continue;
		}
		size_t before = out->n;
		strbuf_adds(out, shown != 0 ? ", " : "");
		if (append_san(out, sk_GENERAL_NAME_value(names, i)))
			shown++;
		else
			out->n = before;
	}
	if (shown == 0)
		strbuf_adds(out, "no host at all");
	if (more != 0)
		strbuf_addf(out, " and %zu more", more);
	GENERAL_NAMES_free(names);
}

void tls_certificate_append_time(struct strbuf *out, const ASN1_TIME *when)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(when, &tm) == 1)
		clock_append_iso(out, (int64_t)timegm(&tm) * 1000);
	else
		strbuf_adds(out, "an unknown date");
}
