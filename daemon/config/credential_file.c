/* SPDX-License-Identifier: MIT */
#include "config/credential_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/fsx.h"
#include "common/mem.h"
#include "common/tls_certificate.h"

enum {
	CERTIFICATE_MAX = 64 * 1024,
	KEY_BITS_MIN = 2048
};

static bool holds_key(struct str text)
{
	return str_icontains(text, STR("PRIVATE KEY-----")) >= 0;
}

/* path is where the key's text came from. */
static EVP_PKEY *parse_key(const struct secret *text, const char *path, struct err *err)
{
	struct str pem = secret_reveal(text);
	if (!holds_key(pem)) {
		err_set(err,
			"there is no private key in %s; say where it is: key = "
			"\"file:/etc/oauthrelay/name.key\";",
			path);
		return NULL;
	}
	ERR_clear_error();
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	/* An empty passphrase: nobody is asked for one, as there may be nobody. */
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
	BIO_free(bio);
	if (key != NULL)
		return key;
	if (str_icontains(pem, STR("ENCRYPTED")) >= 0)
		err_set(err,
			"the private key in %s wants a passphrase, which nobody could type at "
			"every start; take it off: openssl pkey -in %s -out NEW",
			path, path);
	else
		err_set(err, "the private key in %s cannot be read: it must be in PEM", path);
	ERR_clear_error();
	return NULL;
}

static bool check_pair(X509 *certificate, EVP_PKEY *key, const char *key_path,
		       const char *certificate_path, struct err *err)
{
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		return err_set(err,
			       "the private key in %s is not an RSA key, and Entra takes no other",
			       key_path);
	if (EVP_PKEY_get_bits(key) < KEY_BITS_MIN)
		return err_set(err, "the private key in %s has %d bits, and Entra wants %d or more",
			       key_path, EVP_PKEY_get_bits(key), KEY_BITS_MIN);
	if (X509_check_private_key(certificate, key) != 1) {
		ERR_clear_error();
		return err_set(err, "the private key in %s does not belong to the certificate %s",
			       key_path, certificate_path);
	}
	return true;
}

static int64_t end_of(const X509 *certificate)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

/* The reference under which the key's text is read. */
static char *key_reference(const struct credential_config *credential)
{
	struct strbuf ref;
	if (credential->key_ref[0] != '\0')
		return mem_strdup(credential->key_ref);
	strbuf_init(&ref, 8192);
	strbuf_addf(&ref, "file:%s", credential->certificate);
	return strbuf_steal(&ref);
}

static bool use(struct credential_config *credential, X509 *certificate, struct secret *text)
{
	struct strbuf pem;
	strbuf_init(&pem, CERTIFICATE_MAX);
	bool ok = tls_certificate_append_pem(&pem, certificate);
	if (ok) {
		mem_replace_str(&credential->certificate_pem, strbuf_cstr(&pem));
		secret_done(&credential->key);
		credential->key = *text;
		*text = (struct secret){ 0 };
		credential->expires_ms = end_of(certificate);
	}
	strbuf_done(&pem);
	return ok;
}

bool credential_file_read(struct credential_config *credential, struct err *err)
{
	struct secret text = { 0 };
	EVP_PKEY *key = NULL;
	char *ref = key_reference(credential);
	const char *path = str_starts(str_of(ref), STR("file:")) ? ref + 5 : ref;
	X509 *certificate = tls_certificate_read(credential->certificate, err);
	bool ok = certificate != NULL && secret_load(str_of(ref), &text, err);
	if (ok)
		key = parse_key(&text, path, err);
	ok = key != NULL && check_pair(certificate, key, path, credential->certificate, err) &&
	     (use(credential, certificate, &text) ||
	      err_set(err, "%s holds a certificate too large to use", credential->certificate));
	EVP_PKEY_free(key);
	X509_free(certificate);
	secret_done(&text);
	free(ref);
	return ok;
}
