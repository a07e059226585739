/* SPDX-License-Identifier: MIT */
#include "oauth/assertion.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/worker.h"
#include "oauth/assertion_file.h"

enum {
	PART_MAX = 8192, /* header and claims, each: a client id and a URL */
	KEY_BITS_MIN = 2048,
	SALT_BYTES = 32, /* RFC 7518 3.5: as long as the digest */
};

/* ---- what is signed ---- */

/* {"alg":"PS256","typ":"JWT","x5t#S256":"..."} */
static bool append_header(struct strbuf *out, const struct credential *credential, X509 *x509)
{
	bool is_sha1 = credential->thumbprint == THUMBPRINT_SHA1;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct strbuf name;
	if (X509_digest(x509, is_sha1 ? EVP_sha1() : EVP_sha256(), digest, &n) != 1)
		return false;
	strbuf_init(&name, 64);
	base64url_encode(&name, (struct str){ (const char *)digest, n });
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "alg",
				credential->algorithm == ASSERTION_RS256 ? "RS256" : "PS256");
	cJSON_AddStringToObject(json, "typ", "JWT");
	cJSON_AddStringToObject(json, is_sha1 ? "x5t" : "x5t#S256", strbuf_cstr(&name));
	json_append(out, json);
	cJSON_Delete(json);
	strbuf_done(&name);
	return true;
}

static void append_claims(struct strbuf *out, const char *client_id, const char *audience,
			  int64_t now_wall_ms, const char *jti)
{
	int64_t start_s = now_wall_ms / 1000 - ASSERTION_EARLY_S;
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "aud", str_of(audience));
	json_add_str(json, "iss", str_of(client_id));
	json_add_str(json, "sub", str_of(client_id));
	json_add_str(json, "jti", str_of(jti));
	cJSON_AddNumberToObject(json, "nbf", (double)start_s);
	cJSON_AddNumberToObject(json, "iat", (double)start_s);
	cJSON_AddNumberToObject(json, "exp", (double)(start_s + ASSERTION_LIFE_S));
	json_append(out, json);
	cJSON_Delete(json);
}

/* ---- the key ---- */

/* A key with a passphrase must fail, and not ask for it on the terminal of the service. */
static int no_passphrase(char *out, int n, int writing, void *arg)
{
	(void)n;
	(void)writing;
	*(bool *)arg = true;
	out[0] = '\0';
	return -1;
}

static BIO *bio_of(struct str text)
{
	return BIO_new_mem_buf(text.n != 0 ? text.p : "", (int)text.n);
}

static EVP_PKEY *read_key(const struct credential *credential, struct err *err)
{
	bool asked = false;
	BIO *bio = bio_of(secret_reveal(&credential->key_pem));
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	ERR_clear_error();
	if (key == NULL && asked)
		err_set(err,
			"%s: its private key has a passphrase, which nobody is there to type; take it "
			"off: openssl pkey -in KEY -out NEWKEY",
			credential->label);
	else if (key == NULL)
		err_set(err, "%s: its private key is no key in PEM form", credential->label);
	return key;
}

static X509 *read_certificate(const struct credential *credential, struct err *err)
{
	BIO *bio = bio_of(str_of(credential->certificate_pem));
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (x509 == NULL)
		err_set(err, "%s: it is no certificate in PEM form", credential->label);
	return x509;
}

static bool fits(const struct credential *credential, X509 *x509, EVP_PKEY *key, struct err *err)
{
	bool same = X509_check_private_key(x509, key) == 1;
	ERR_clear_error();
	if (!EVP_PKEY_is_a(key, "RSA"))
		return err_set(
			err,
			"%s: its key is not an RSA key, and Entra takes no other; make one with "
			"oauthrelay account certificate",
			credential->label);
	if (EVP_PKEY_get_bits(key) < KEY_BITS_MIN)
		return err_set(
			err,
			"%s: its key has %d bits, and Entra takes none below %d; make one with "
			"oauthrelay account certificate",
			credential->label, EVP_PKEY_get_bits(key), KEY_BITS_MIN);
	if (!same)
		return err_set(
			err,
			"%s: the private key does not belong to the certificate; both must come "
			"from the same making",
			credential->label);
	return true;
}

/* ---- signing ---- */

static bool set_padding(EVP_PKEY_CTX *context, enum assertion_algorithm algorithm)
{
	if (algorithm == ASSERTION_RS256)
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, SALT_BYTES) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0;
}

/* *p is the caller's to free. */
static bool make_signature(EVP_PKEY *key, enum assertion_algorithm algorithm, struct str text,
			   unsigned char **p, size_t *n)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL; /* digest's */
	const unsigned char *bytes = (const unsigned char *)text.p;
	bool ok = digest != NULL &&
		  EVP_DigestSignInit(digest, &context, EVP_sha256(), NULL, key) == 1 &&
		  set_padding(context, algorithm) &&
		  EVP_DigestSign(digest, NULL, n, bytes, text.n) == 1;
	if (ok) {
		*p = mem_alloc(*n);
		ok = EVP_DigestSign(digest, *p, n, bytes, text.n) == 1;
	}
	EVP_MD_CTX_free(digest);
	return ok;
}

/* text, a dot and the signature, in memory that is never moved: secret_done() wipes all of it. */
static void join(struct secret *out, struct str text, struct str signature)
{
	struct strbuf encoded;
	strbuf_init(&encoded, signature.n * 2 + 4);
	base64url_encode(&encoded, signature);
	secret_done(out);
	out->n = text.n + 1 + encoded.n;
	out->p = mem_alloc(out->n);
	memcpy(out->p, text.p, text.n);
	out->p[text.n] = '.';
	memcpy(out->p + text.n + 1, encoded.p, encoded.n);
	secret_wipe(encoded.p, encoded.n);
	strbuf_done(&encoded);
}

static bool sign_text(const struct credential *credential, EVP_PKEY *key, struct str text,
		      struct secret *out, struct err *err)
{
	unsigned char *signature = NULL;
	size_t n = 0;
	bool ok = make_signature(key, credential->algorithm, text, &signature, &n);
	if (ok) {
		join(out, text, (struct str){ (const char *)signature, n });
		secret_wipe(signature, n);
	} else {
		const char *reason = ERR_reason_error_string(ERR_get_error());
		err_set(err, "%s: its key cannot sign: %s", credential->label,
			reason != NULL ? reason : "unknown reason");
	}
	ERR_clear_error();
	free(signature);
	return ok;
}

static void append_part(struct strbuf *out, const struct strbuf *json)
{
	strbuf_adds(out, out->n != 0 ? "." : "");
	base64url_encode(out, strbuf_str(json));
	out->overflow = out->overflow || json->overflow;
}

bool assertion_sign(const struct credential *credential, const char *client_id,
		    const char *audience, int64_t now_wall_ms, const char *jti, struct secret *out,
		    struct err *err)
{
	struct strbuf header, claims, text;
	X509 *x509 = read_certificate(credential, err);
	EVP_PKEY *key = x509 != NULL ? read_key(credential, err) : NULL;
	strbuf_init(&header, PART_MAX);
	strbuf_init(&claims, PART_MAX);
	strbuf_init(&text, 4 * PART_MAX);
	bool ok = key != NULL && fits(credential, x509, key, err);
	if (ok) {
		ok = append_header(&header, credential, x509);
		append_claims(&claims, client_id, audience, now_wall_ms, jti);
		append_part(&text, &header);
		append_part(&text, &claims);
		ok = ok && !text.overflow ? sign_text(credential, key, strbuf_str(&text), out, err)
					  : err_set(err, "%s: the client assertion cannot be made",
						    credential->label);
	}
	strbuf_done(&header);
	strbuf_done(&claims);
	strbuf_done(&text);
	EVP_PKEY_free(key); /* which wipes its numbers */
	X509_free(x509);
	return ok;
}

bool assertion_make_jti(char out[ASSERTION_JTI_BYTES], struct err *err)
{
	unsigned char b[16];
	struct strbuf text;
	if (RAND_bytes(b, sizeof(b)) != 1)
		return err_set(err, "the system gives no random bytes");
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	strbuf_init(&text, ASSERTION_JTI_BYTES);
	for (size_t i = 0; i < sizeof(b); i++) {
		strbuf_adds(&text, i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "");
		hex_encode(&text, &b[i], 1);
	}
	memcpy(out, strbuf_cstr(&text), ASSERTION_JTI_BYTES);
	strbuf_done(&text);
	return true;
}

/* ---- off the loop ---- */

struct assertion {
	struct job job;
	struct credential credential;
	char *client_id;
	char *audience;
	bool ok;
	struct secret value;
	struct err err;
	assertion_cb *cb; /* NULL: cancelled */
	void *arg;
};

/* On a thread of the lane. */
static void on_run(struct job *job)
{
	struct assertion *assertion = (struct assertion *)(void *)job;
	const struct credential *credential = &assertion->credential;
	char jti[ASSERTION_JTI_BYTES];
	if (credential->kind == CREDENTIAL_FEDERATED)
		assertion->ok = assertion_file_read(credential->assertion_file, &assertion->value,
						    &assertion->err);
	else
		assertion->ok =
			assertion_make_jti(jti, &assertion->err) &&
			assertion_sign(credential, assertion->client_id, assertion->audience,
				       clock_wall_ms(), jti, &assertion->value, &assertion->err);
}

static void on_done(struct job *job)
{
	struct assertion *assertion = (struct assertion *)(void *)job;
	if (assertion->cb != NULL)
		assertion->cb(assertion->arg, assertion->ok ? &assertion->value : NULL,
			      assertion->ok ? NULL : &assertion->err);
	secret_done(&assertion->value);
	credential_done(&assertion->credential);
	free(assertion->client_id);
	free(assertion->audience);
	free(assertion);
}

struct assertion *assertion_start(struct worker *worker, const struct credential *credential,
				  const char *client_id, const char *audience, assertion_cb *cb,
				  void *arg)
{
	struct assertion *assertion = mem_zalloc(sizeof(*assertion));
	enum lane lane = credential->kind == CREDENTIAL_FEDERATED ? LANE_DISK : LANE_CRYPTO;
	assertion->job.run = on_run;
	assertion->job.done = on_done;
	credential_copy(&assertion->credential, credential);
	assertion->client_id = mem_strdup(client_id);
	assertion->audience = mem_strdup(audience);
	assertion->cb = cb;
	assertion->arg = arg;
	if (!worker_try_submit(worker, lane, &assertion->job)) {
		err_set(&assertion->err, "%s: this machine is too busy to prepare the request",
			credential->label);
		assertion->err.code = EAGAIN;
		worker_skip(worker, lane, &assertion->job);
	}
	return assertion;
}

void assertion_cancel(struct assertion *assertion)
{
	if (assertion != NULL)
		assertion->cb = NULL;
}
