/* SPDX-License-Identifier: MIT */
#include <ifaddrs.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/netaddr.h"
#include "common/self_signed.h"
#include "common/tls.h"

enum {
	KEY_BITS =
		2048, /* printers that know nothing larger are common, and it is good till 2030 */
	NAMES_MAX = 8192,
};

static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;

/* In the form X509V3_EXT_conf_nid() takes: "DNS:relay.contoso.com,DNS:relay,IP:192.0.2.1". Only
 * characters that mean nothing else there. */
static void add_name(struct strbuf *out, struct str name)
{
	struct netaddr literal;
	if (name.n == 0)
		return;
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_is_alnum(name.p[i]) && str_chr(STR(".-_:"), name.p[i]) < 0)
			return;
	strbuf_adds(out, out->n != 0 ? "," : "");
	strbuf_adds(out, netaddr_parse(name, &literal) ? "IP:" : "DNS:");
	strbuf_addstr(out, name);
}

/* Devices are often told the relay's address and not its name. */
static void add_own_addresses(struct strbuf *out)
{
	struct ifaddrs *list = NULL;
	struct strbuf text;
	struct netaddr a;
	if (getifaddrs(&list) != 0)
		return;
	strbuf_init(&text, 64);
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || !netaddr_from_sockaddr(i->ifa_addr, &a))
			continue;
		if (a.b[0] == 0xfe && (a.b[1] & 0xc0) == 0x80) /* link-local */
			continue;
		strbuf_reset(&text);
		netaddr_append(&text, &a);
		if (out->n + text.n + 4 < out->max)
			add_name(out, strbuf_str(&text));
	}
	strbuf_done(&text);
	freeifaddrs(list);
}

static X509 *make_certificate(EVP_PKEY *key, const char *hostname)
{
	struct strbuf names;
	struct str host = str_of(hostname);
	ptrdiff_t dot = str_chr(host, '.');
	struct netaddr literal;
	strbuf_init(&names, NAMES_MAX);
	add_name(&names, host);
	if (dot > 0 && !netaddr_parse(host, &literal))
		add_name(&names, str_head(host, (size_t)dot));
	add_own_addresses(&names);
	const struct self_signed_extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature,keyEncipherment" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_subject_alt_name, strbuf_cstr(&names) }, /* last: there may be none */
	};
	int64_t starts_ms = self_signed_now_ms() - day_ms;
	const struct self_signed what = {
		.common_name = host.n <= SELF_SIGNED_NAME_MAX ? hostname : "oauthrelay",
		.starts_ms = starts_ms,
		.ends_ms = starts_ms + 3652 * day_ms,
		.extensions = extensions,
		.extension_count = ARRAY_LEN(extensions) - (names.n == 0),
	};
	X509 *certificate = self_signed_make(key, &what);
	strbuf_done(&names);
	return certificate;
}

static struct str contents(BIO *bio)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	return (struct str){ p, n > 0 ? (size_t)n : 0 };
}

bool tls_make_self_signed(const char *certificate, const char *key, const char *hostname,
			  struct err *err)
{
	if (access(certificate, F_OK) == 0 && access(key, F_OK) == 0)
		return true;
	ERR_clear_error();
	EVP_PKEY *pair = EVP_RSA_gen(KEY_BITS);
	X509 *made = pair != NULL ? make_certificate(pair, hostname) : NULL;
	BIO *key_pem = BIO_new(BIO_s_secmem()); /* wiped when freed */
	BIO *certificate_pem = BIO_new(BIO_s_mem());
	bool ok = made != NULL && key_pem != NULL && certificate_pem != NULL &&
		  PEM_write_bio_PrivateKey(key_pem, pair, NULL, NULL, 0, NULL, NULL) == 1 &&
		  PEM_write_bio_X509(certificate_pem, made) == 1;
	if (!ok) {
		const char *reason = ERR_reason_error_string(ERR_get_error());
		err_set(err, "cannot make a certificate for %s: %s", hostname,
			reason != NULL ? reason : "unknown reason");
		ERR_clear_error();
	}
	/* The key first: a certificate is never there without the key that belongs to it, unless
	 * somebody took one of the two away; then both are made anew. */
	ok = ok && fsx_replace_durable(key, contents(key_pem), 0600, err) &&
	     fsx_replace_durable(certificate, contents(certificate_pem), 0644, err);
	BIO_free(key_pem);
	BIO_free(certificate_pem);
	X509_free(made);
	EVP_PKEY_free(pair);
	return ok;
}
