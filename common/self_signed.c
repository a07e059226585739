/* SPDX-License-Identifier: MIT */
#include "common/self_signed.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "common/clock.h"

enum {
	SERIAL_BYTES = 16,
};

static const int64_t base_ms = INT64_C(1767225600000); /* 2026-01-01 */

int64_t self_signed_now_ms(void)
{
	int64_t now_ms = clock_wall_ms();
	return now_ms > base_ms ? now_ms : base_ms;
}

static bool add_extension(X509 *certificate, const struct self_signed_extension *row)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, row->nid, row->value);
	bool ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool set_serial(X509 *certificate)
{
	unsigned char bytes[SERIAL_BYTES];
	bool ok = false;
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	/* RFC 5280 4.1.2.2: positive, and not zero. */
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	if (number != NULL)
		ok = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return ok;
}

static bool set_subject(X509 *certificate, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name,
					  -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, subject) == 1;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const struct self_signed *what)
{
	time_t start = (time_t)(what->starts_ms / 1000);
	time_t end = (time_t)(what->ends_ms / 1000);
	bool ok = X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
		  set_subject(certificate, what->common_name) &&
		  ASN1_TIME_set(X509_getm_notBefore(certificate), start) != NULL &&
		  ASN1_TIME_set(X509_getm_notAfter(certificate), end) != NULL &&
		  X509_set_pubkey(certificate, key) == 1;
	for (size_t i = 0; ok && i < what->extension_count; i++)
		ok = add_extension(certificate, &what->extensions[i]);
	return ok && X509_sign(certificate, key, EVP_sha256()) > 0;
}

X509 *self_signed_make(EVP_PKEY *key, const struct self_signed *what)
{
	X509 *certificate = X509_new();
	if (certificate != NULL && fill(certificate, key, what))
		return certificate;
	X509_free(certificate);
	return NULL;
}
