/* SPDX-License-Identifier: MIT */
#include "config/credential_file.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

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

static bool complain_no_key(const char *path, struct err *err)
{
	return err_set(err,
		       "there is no private key in %s; say where it is: key = "
		       "\"file:/etc/oauthrelay/name.key\";",
		       path);
}

/* path is where the key's text came from. */
static EVP_PKEY *parse_key(const struct secret *text, const char *path, struct err *err)
{
	char passphrase[] = ""; /* nobody is asked for one, as there may be nobody */
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
	EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, passphrase) : NULL;
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

/* Looked at first: a certificate alone may be read by everybody, and what is missing is its key. */
static bool has_key_inside(const char *path, struct err *err)
{
	char room[4096], line[256];
	bool found = false;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return err_errno(err, errno, "%s cannot be read", path);
	setvbuf(file, room, _IOFBF, sizeof(room));
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = holds_key(str_of(line));
	(void)fclose(file);
	secret_wipe(room, sizeof(room));
	secret_wipe(line, sizeof(line));
	return found || complain_no_key(path, err);
}

/* From where it begins, so that no key in front of it is copied. */
static X509 *parse_certificate(const struct secret *text, const char *path, struct err *err)
{
	struct str pem = secret_reveal(text);
	ptrdiff_t at = str_icontains(pem, STR("-----BEGIN CERTIFICATE-----"));
	struct str from = str_skip(pem, at >= 0 ? (size_t)at : pem.n);
	ERR_clear_error();
	BIO *bio = from.n != 0 ? BIO_new_mem_buf(from.p, (int)from.n) : NULL;
	X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (certificate == NULL)
		err_set(err, "there is no certificate in %s: it must be in PEM", path);
	return certificate;
}

/* Both out of one file. */
static X509 *read_both(const char *path, struct secret *text, struct err *err)
{
	struct strbuf ref;
	strbuf_init(&ref, 8192);
	strbuf_addf(&ref, "file:%s", path);
	bool ok = has_key_inside(path, err) && secret_load(strbuf_str(&ref), text, err);
	strbuf_done(&ref);
	return ok ? parse_certificate(text, path, err) : NULL;
}

static X509 *read_apart(const struct credential_config *credential, struct secret *text,
			struct err *err)
{
	X509 *certificate = tls_certificate_read(credential->certificate, err);
	if (certificate != NULL && !secret_load(str_of(credential->key_ref), text, err)) {
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

/* Where the key is, for people. */
static const char *key_path(const struct credential_config *credential)
{
	struct str ref = str_of(credential->key_ref);
	if (ref.n == 0)
		return credential->certificate;
	return str_starts(ref, STR("file:")) ? credential->key_ref + 5 : credential->key_ref;
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

/* What has no end, or does not begin, would never be read. That nothing is there is for others to
 * say. */
static bool has_an_end(const char *path, struct err *err)
{
	struct stat st;
	return stat(path, &st) != 0 || S_ISREG(st.st_mode) ||
	       err_set(err, "%s is not a regular file", path);
}

bool credential_file_read(struct credential_config *credential, struct err *err)
{
	struct secret text = { 0 };
	const char *path = key_path(credential);
	if (!has_an_end(credential->certificate, err))
		return false;
	X509 *certificate = credential->key_ref[0] != '\0'
				    ? read_apart(credential, &text, err)
				    : read_both(credential->certificate, &text, err);
	EVP_PKEY *key = certificate != NULL ? parse_key(&text, path, err) : NULL;
	bool ok =
		key != NULL && check_pair(certificate, key, path, credential->certificate, err) &&
		(use(credential, certificate, &text) ||
		 err_set(err, "%s holds a certificate too large to use", credential->certificate));
	EVP_PKEY_free(key);
	X509_free(certificate);
	secret_done(&text);
	return ok;
}
