/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/attr.h"
#include "config/credential_file.h"

/* 2033-05-18 03:33:20 UTC */
#define ENDS_S INT64_C(2000000000)

struct world {
	char folder[64];
	EVP_PKEY *key; /* 2048 bits, of the certificate */
	EVP_PKEY *stranger;
	EVP_PKEY *small; /* 1024 */
	EVP_PKEY *curve;
};

static const char *const files[] = { "good.crt",   "small.crt",	   "curve.crt", "both.pem",
				     "good.key",   "stranger.key", "small.key", "curve.key",
				     "locked.key", "open.key",	   "open.pem",	"text",
				     "empty",	   "pipe" };

static FILE *create(const struct world *w, const char *name, mode_t mode)
{
	char path[128];
	assert_true(snprintf(path, sizeof(path), "%s/%s", w->folder, name) > 0);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), mode), 0);
	return file;
}

static void write_certificate(FILE *file, EVP_PKEY *key)
{
	X509 *x = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), 0));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), ENDS_S));
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(file, x), 1);
	X509_free(x);
}

static void write_key(FILE *file, EVP_PKEY *key, const char *passphrase)
{
	assert_int_equal(PEM_write_PKCS8PrivateKey(
				 file, key, passphrase != NULL ? EVP_aes_256_cbc() : NULL,
				 passphrase, passphrase != NULL ? (int)strlen(passphrase) : 0, NULL,
				 NULL),
			 1);
}

static void make_certificate(const struct world *w, const char *name, EVP_PKEY *key)
{
	FILE *file = create(w, name, 0644);
	write_certificate(file, key);
	fclose(file);
}

static void make_key(const struct world *w, const char *name, EVP_PKEY *key, const char *passphrase,
		     mode_t mode)
{
	FILE *file = create(w, name, mode);
	write_key(file, key, passphrase);
	fclose(file);
}

static void make_both(const struct world *w, const char *name, mode_t mode)
{
	FILE *file = create(w, name, mode);
	write_certificate(file, w->key);
	write_key(file, w->key, NULL);
	fclose(file);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	snprintf(w->folder, sizeof(w->folder), "/tmp/test_credfile.XXXXXX");
	*state = w;
	if (mkdtemp(w->folder) == NULL)
		return -1;
	w->key = EVP_RSA_gen(2048);
	w->stranger = EVP_RSA_gen(2048);
	w->small = EVP_RSA_gen(1024);
	w->curve = EVP_EC_gen("P-256");
	make_certificate(w, "good.crt", w->key);
	make_certificate(w, "small.crt", w->small);
	make_certificate(w, "curve.crt", w->curve);
	make_both(w, "both.pem", 0600);
	make_both(w, "open.pem", 0644);
	make_key(w, "good.key", w->key, NULL, 0600);
	make_key(w, "stranger.key", w->stranger, NULL, 0600);
	make_key(w, "small.key", w->small, NULL, 0600);
	make_key(w, "curve.key", w->curve, NULL, 0600);
	make_key(w, "locked.key", w->key, "canary", 0600);
	make_key(w, "open.key", w->key, NULL, 0644);
	FILE *text = create(w, "text", 0600);
	assert_true(fputs("-----BEGIN PRIVATE KEY-----\ncanary\n", text) >= 0);
	fclose(text);
	fclose(create(w, "empty", 0600));
	char pipe[128];
	assert_true(snprintf(pipe, sizeof(pipe), "%s/pipe", w->folder) > 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char path[128];
		assert_true(snprintf(path, sizeof(path), "%s/%s", w->folder, files[i]) > 0);
		unlink(path);
	}
	rmdir(w->folder);
	EVP_PKEY_free(w->key);
	EVP_PKEY_free(w->stranger);
	EVP_PKEY_free(w->small);
	EVP_PKEY_free(w->curve);
	free(w);
	return 0;
}

static char *path_of(const struct world *w, const char *prefix, const char *name)
{
	char *path = NULL;
	assert_true(asprintf(&path, "%s%s/%s", prefix, w->folder, name) > 0);
	return path;
}

/* key "": none is named. */
static bool read_files(const struct world *w, const char *certificate, const char *key,
		       struct credential_config *out, struct err *err)
{
	*out = (struct credential_config){ .certificate = path_of(w, "", certificate),
					   .key_ref = key[0] != '\0' ? path_of(w, "file:", key)
								     : calloc(1, 1),
					   .certificate_pem = calloc(1, 1) };
	return credential_file_read(out, err);
}

static void release(struct credential_config *credential)
{
	free(credential->certificate);
	free(credential->key_ref);
	free(credential->certificate_pem);
	secret_done(&credential->key);
}

static void a_pair_is_read(void **state)
{
	const struct world *w = *state;
	static const char *const pairs[][2] = { { "good.crt", "good.key" },
						{ "both.pem", "" },
						{ "both.pem", "good.key" },
						{ "good.crt", "both.pem" } };
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct credential_config c;
		struct err err;
		if (!read_files(w, pairs[i][0], pairs[i][1], &c, &err))
			fail_msg("%s", err.text);
		assert_int_equal(c.expires_ms, ENDS_S * 1000);
		assert_true(str_starts(str_of(c.certificate_pem),
				       STR("-----BEGIN CERTIFICATE-----\n")));
		assert_true(str_icontains(str_of(c.certificate_pem), STR("PRIVATE")) < 0);
		assert_true(str_icontains(secret_reveal(&c.key), STR("BEGIN PRIVATE KEY")) >= 0);
		release(&c);
	}
}

static void what_is_no_pair_is_refused(void **state)
{
	const struct world *w = *state;
	static const struct {
		const char *certificate;
		const char *key;
		const char *error;
	} rows[] = {
		{ "good.crt", "", "there is no private key in /tmp/" },
		{ "good.crt", "", "say where it is: key = \"file:/etc/oauthrelay/" },
		{ "good.key", "", "there is no certificate in /tmp/" },
		{ "none", "", "none cannot be read: No such file" },
		{ "open.pem", "", "can be read by others (mode 0644): chmod 600 /tmp/" },
		{ "good.crt", "open.key", "can be read by others (mode 0644): chmod 600 /tmp/" },
		{ "good.crt", "stranger.key", "does not belong to the certificate /tmp/" },
		{ "small.crt", "small.key", "has 1024 bits, and Entra wants 2048 or more" },
		{ "curve.crt", "curve.key", "is not an RSA key, and Entra takes no other" },
		{ "good.crt", "locked.key", "wants a passphrase, which nobody could type" },
		{ "good.crt", "text", "cannot be read: it must be in PEM" },
		{ "good.crt", "empty", "is empty" },
		{ "good.crt", "none", "does not exist" },
		{ "both.pem", "good.crt", "can be read by others" },
		{ "pipe", "", "pipe is not a regular file" },
		{ "pipe", "good.key", "pipe is not a regular file" },
		{ "good.crt", "pipe", "is not a regular file" },
		{ "none", "good.key", "cannot read the certificate" },
		{ "good.key", "good.key", "cannot read the certificate" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct credential_config c;
		struct err err = { .text = "" };
		bool ok = read_files(w, rows[i].certificate, rows[i].key, &c, &err);
		if (ok || strstr(err.text, rows[i].error) == NULL ||
		    strstr(err.text, "canary") != NULL)
			fail_msg("%s, %s: %s", rows[i].certificate, rows[i].key, err.text);
		assert_string_equal(c.certificate_pem, "");
		assert_null(c.key.p);
		assert_int_equal(c.expires_ms, 0);
		release(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_is_read),
		cmocka_unit_test(what_is_no_pair_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
