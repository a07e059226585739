/* SPDX-License-Identifier: MIT */
#include "oauth/own_certificate.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/self_signed.h"
#include "common/tls_certificate.h"
#include "common/worker.h"

enum {
	PEM_MAX = 16384,
};

static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;

static X509 *make_certificate(EVP_PKEY *key, const char *account, int64_t now_wall_ms)
{
	static const struct self_signed_extension extensions[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_subject_key_identifier, "hash" },
	};
	char name[SELF_SIGNED_NAME_MAX + 1];
	snprintf(name, sizeof(name), "oauthrelay %s", account);
	const struct self_signed what = {
		.common_name = name,
		/* A day back, for clocks that disagree. */
		.starts_ms = now_wall_ms - day_ms,
		.ends_ms = now_wall_ms + OWN_CERTIFICATE_DAYS * day_ms,
		.extensions = extensions,
		.extension_count = ARRAY_LEN(extensions),
	};
	return self_signed_make(key, &what);
}

static bool take_key(EVP_PKEY *key, struct secret *out)
{
	BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
	char *p = NULL;
	bool ok = bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
	long n = ok ? BIO_get_mem_data(bio, &p) : 0;
	if (n > 0)
		secret_set(out, (struct str){ p, (size_t)n });
	BIO_free(bio);
	return n > 0;
}

static void set_label(struct credential *credential, int64_t now_wall_ms)
{
	struct strbuf day;
	strbuf_init(&day, 64);
	clock_append_iso(&day, now_wall_ms);
	snprintf(credential->label, sizeof(credential->label), "certificate added %.10s",
		 strbuf_cstr(&day));
	strbuf_done(&day);
}

bool own_certificate_make(const char *account, int64_t now_wall_ms, struct credential *out,
			  struct err *err)
{
	struct credential made = { .kind = CREDENTIAL_CERTIFICATE,
				   .added_ms = now_wall_ms,
				   .ends_ms = now_wall_ms + OWN_CERTIFICATE_DAYS * day_ms,
				   .pending = true };
	struct strbuf pem;
	EVP_PKEY *key = EVP_RSA_gen(OWN_CERTIFICATE_BITS);
	X509 *x509 = key != NULL ? make_certificate(key, account, now_wall_ms) : NULL;
	strbuf_init(&pem, PEM_MAX);
	bool ok = x509 != NULL && tls_certificate_append_pem(&pem, x509) &&
		  take_key(key, &made.key_pem);
	if (ok) {
		made.certificate_pem = strbuf_steal(&pem);
		set_label(&made, now_wall_ms);
		*out = made;
	} else {
		const char *reason = ERR_reason_error_string(ERR_get_error());
		err_set(err, "a certificate for account %s cannot be made: %s", account,
			reason != NULL ? reason : "unknown reason");
	}
	ERR_clear_error();
	strbuf_done(&pem);
	X509_free(x509);
	EVP_PKEY_free(key);
	return ok;
}

static bool append_digest(char *out, size_t room, const X509 *x509, const EVP_MD *digest)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (X509_digest(x509, digest, bytes, &n) != 1 || room != 2 * (size_t)n + 1)
		return false;
	for (unsigned i = 0; i < n; i++)
		snprintf(&out[2 * (size_t)i], 3, "%02X", bytes[i]);
	return true;
}

bool own_certificate_thumbprints(const char *certificate_pem, char sha1[THUMBPRINT_SHA1_BYTES],
				 char sha256[THUMBPRINT_SHA256_BYTES])
{
	BIO *bio = BIO_new_mem_buf(certificate_pem, -1);
	X509 *x509 = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	bool ok = x509 != NULL && append_digest(sha1, THUMBPRINT_SHA1_BYTES, x509, EVP_sha1()) &&
		  append_digest(sha256, THUMBPRINT_SHA256_BYTES, x509, EVP_sha256());
	ERR_clear_error();
	X509_free(x509);
	BIO_free(bio);
	return ok;
}

/* ---- off the loop ---- */

struct own_certificate {
	struct job job;
	char *account;
	bool ok;
	struct credential made;
	struct err err;
	own_certificate_cb *cb; /* NULL: cancelled */
	void *arg;
};

/* On a thread of the lane. */
static void on_run(struct job *job)
{
	struct own_certificate *own = (struct own_certificate *)(void *)job;
	own->ok = own_certificate_make(own->account, self_signed_now_ms(), &own->made, &own->err);
}

static void on_done(struct job *job)
{
	struct own_certificate *own = (struct own_certificate *)(void *)job;
	if (own->cb != NULL)
		own->cb(own->arg, own->ok ? &own->made : NULL, own->ok ? NULL : &own->err);
	credential_done(&own->made);
	free(own->account);
	free(own);
}

struct own_certificate *own_certificate_start(struct worker *worker, const char *account,
					      own_certificate_cb *cb, void *arg)
{
	struct own_certificate *own = mem_zalloc(sizeof(*own));
	own->job.run = on_run;
	own->job.done = on_done;
	own->account = mem_strdup(account);
	own->cb = cb;
	own->arg = arg;
	if (!worker_try_submit(worker, LANE_CRYPTO, &own->job)) {
		err_set(&own->err, "this machine is too busy to make a certificate; try again");
		own->err.code = EAGAIN;
		worker_skip(worker, LANE_CRYPTO, &own->job);
	}
	return own;
}

void own_certificate_cancel(struct own_certificate *own)
{
	if (own != NULL)
		own->cb = NULL;
}
