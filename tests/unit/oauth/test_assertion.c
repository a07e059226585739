/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/worker.h"
#include "oauth/assertion.h"
#include "tests/unit/support/run_loop.h"

static const char client_id[] = "11111111-2222-3333-4444-555555555555";
static const char audience[] =
	"https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token";
static const char jti[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

enum {
	LIMIT_MS = 10000
};
static const int64_t now_ms = INT64_C(1795000000999);

/* A key with its certificate, as PEM texts. */
struct pair {
	EVP_PKEY *key;
	X509 *x509;
	char *key_pem;
	char *certificate_pem;
};

static struct pair pair;  /* RSA, 2048 bits */
static struct pair other; /* another one */

static char *pem_text(BIO *bio)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	char *text = mem_strndup(p, (size_t)n);
	BIO_free(bio);
	return text;
}

static void pair_make(struct pair *out, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	out->key = key;
	out->x509 = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(out->x509), 7);
	X509_gmtime_adj(X509_getm_notBefore(out->x509), 0);
	X509_gmtime_adj(X509_getm_notAfter(out->x509), 3600);
	assert_int_equal(X509_set_pubkey(out->x509, key), 1);
	assert_true(X509_sign(out->x509, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	out->key_pem = pem_text(bio);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, out->x509), 1);
	out->certificate_pem = pem_text(bio);
}

static void pair_done(struct pair *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->x509);
	free(p->key_pem);
	free(p->certificate_pem);
}

static int setup(void **state)
{
	(void)state;
	pair_make(&pair, EVP_RSA_gen(2048));
	pair_make(&other, EVP_RSA_gen(2048));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pair_done(&pair);
	pair_done(&other);
	return 0;
}

/* Points into from and key, frees nothing. */
static struct credential credential_of(const struct pair *from, char *key_pem)
{
	struct credential c = {
		.kind = CREDENTIAL_CERTIFICATE,
		.label = "certificate of a test",
		.key_pem = { key_pem, strlen(key_pem) },
		.certificate_pem = from->certificate_pem,
	};
	return c;
}

/* ---- looking at a JWT without any of the code under test */

struct jwt {
	struct str signed_text;
	struct strbuf header;
	struct strbuf claims;
	struct strbuf signature;
};

static void jwt_read(struct jwt *jwt, struct str text)
{
	ptrdiff_t dot = str_chr(text, '.');
	assert_true(dot > 0);
	struct str rest = str_skip(text, (size_t)dot + 1);
	ptrdiff_t second = str_chr(rest, '.');
	assert_true(second > 0);
	strbuf_init(&jwt->header, 4096);
	strbuf_init(&jwt->claims, 4096);
	strbuf_init(&jwt->signature, 4096);
	jwt->signed_text = str_head(text, (size_t)(dot + 1 + second));
	assert_true(base64url_decode(&jwt->header, str_head(text, (size_t)dot)));
	assert_true(base64url_decode(&jwt->claims, str_head(rest, (size_t)second)));
	assert_true(base64url_decode(&jwt->signature, str_skip(rest, (size_t)second + 1)));
}

static void jwt_done(struct jwt *jwt)
{
	strbuf_done(&jwt->header);
	strbuf_done(&jwt->claims);
	strbuf_done(&jwt->signature);
}

static bool verifies(const struct jwt *jwt, EVP_PKEY *key, bool pss)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;
	assert_int_equal(EVP_DigestVerifyInit(digest, &context, EVP_sha256(), NULL, key), 1);
	if (pss) {
		assert_true(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0);
		/* This many and no others. */
		assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, 32) > 0);
		assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0);
	}
	bool ok = EVP_DigestVerify(digest, (const unsigned char *)jwt->signature.p,
				   jwt->signature.n, (const unsigned char *)jwt->signed_text.p,
				   jwt->signed_text.n) == 1;
	EVP_MD_CTX_free(digest);
	ERR_clear_error();
	return ok;
}

static void thumbprint(X509 *x509, const EVP_MD *md, struct strbuf *out)
{
	unsigned char bytes[64];
	unsigned char *der = NULL;
	unsigned n = 0;
	int length = i2d_X509(x509, &der);
	assert_true(length > 0);
	assert_int_equal(EVP_Digest(der, (size_t)length, bytes, &n, md, NULL), 1);
	OPENSSL_free(der);
	base64url_encode(out, (struct str){ (const char *)bytes, n });
}

static void test_every_combination(void **state)
{
	static const struct {
		enum assertion_algorithm algorithm;
		enum assertion_thumbprint thumbprint;
		const char *head;
	} rows[] = {
		{ 0, 0, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"" },
		{ ASSERTION_PS256, THUMBPRINT_SHA1,
		  "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t\":\"" },
		{ ASSERTION_RS256, THUMBPRINT_SHA256,
		  "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t#S256\":\"" },
		{ ASSERTION_RS256, THUMBPRINT_SHA1,
		  "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t\":\"" },
	};
	struct strbuf want;
	(void)state;
	strbuf_init(&want, 256);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct credential c = credential_of(&pair, pair.key_pem);
		struct secret out = { 0 };
		struct jwt jwt;
		struct err err;
		bool pss = rows[i].algorithm == ASSERTION_PS256;
		c.algorithm = rows[i].algorithm;
		c.thumbprint = rows[i].thumbprint;
		assert_true(assertion_sign(&c, client_id, audience, now_ms, jti, &out, &err));
		jwt_read(&jwt, secret_reveal(&out));
		strbuf_reset(&want);
		strbuf_adds(&want, rows[i].head);
		thumbprint(pair.x509, c.thumbprint == THUMBPRINT_SHA1 ? EVP_sha1() : EVP_sha256(),
			   &want);
		strbuf_adds(&want, "\"}");
		assert_string_equal(strbuf_cstr(&jwt.header), strbuf_cstr(&want));
		assert_string_equal(strbuf_cstr(&jwt.claims),
				    "{\"aud\":\"https://login.microsoftonline.com/"
				    "contoso.onmicrosoft.com/oauth2/v2.0/token\","
				    "\"iss\":\"11111111-2222-3333-4444-555555555555\","
				    "\"sub\":\"11111111-2222-3333-4444-555555555555\","
				    "\"jti\":\"6ba7b810-9dad-41d1-80b4-00c04fd430c8\","
				    "\"nbf\":1794999940,\"iat\":1794999940,\"exp\":1795000540}");
		assert_true(verifies(&jwt, pair.key, pss));
		assert_false(verifies(&jwt, pair.key, !pss));
		assert_false(verifies(&jwt, other.key, pss));
		jwt_done(&jwt);
		secret_done(&out);
	}
	strbuf_done(&want);
}

static void test_foreign_text_is_escaped(void **state)
{
	static const char odd[] = "a\"b\\c\x01\n\xc3\xa4\",\"aud\":\"evil";
	struct credential c = credential_of(&pair, pair.key_pem);
	struct secret out = { 0 };
	struct jwt jwt;
	struct err err;
	struct str got;
	(void)state;
	assert_true(assertion_sign(&c, odd, audience, now_ms, jti, &out, &err));
	jwt_read(&jwt, secret_reveal(&out));
	cJSON *claims = json_parse(strbuf_str(&jwt.claims), &err);
	assert_non_null(claims);
	assert_true(json_get_str(claims, "sub", &got));
	assert_true(str_eq(got, str_of(odd)));
	assert_true(json_get_str(claims, "aud", &got));
	assert_true(str_eq(got, str_of(audience)));
	cJSON_Delete(claims);
	jwt_done(&jwt);
	secret_done(&out);
}

/* It fails, and the text names the credential, says this, and shows no key. */
static void expect_refused(struct credential c, const char *text)
{
	struct secret out = { 0 };
	struct err err = { .text = "" };
	assert_false(assertion_sign(&c, client_id, audience, now_ms, jti, &out, &err));
	assert_null(out.p);
	if (strstr(err.text, text) == NULL || strstr(err.text, "certificate of a test") == NULL)
		fail_msg("%s", err.text);
	assert_null(strstr(err.text, "BEGIN"));
	assert_int_equal(err.code, 0);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_what_cannot_sign(void **state)
{
	struct pair small, curve;
	(void)state;
	pair_make(&small, EVP_RSA_gen(1024));
	pair_make(&curve, EVP_EC_gen("P-256"));
	expect_refused(credential_of(&small, small.key_pem), "1024 bits");
	expect_refused(credential_of(&curve, curve.key_pem), "not an RSA key");
	expect_refused(credential_of(&pair, other.key_pem), "does not belong");
	expect_refused(credential_of(&pair, pair.certificate_pem), "no key in PEM form");
	struct credential c = credential_of(&pair, pair.key_pem);
	c.certificate_pem = pair.key_pem;
	expect_refused(c, "no certificate in PEM form");
	c = credential_of(&pair, pair.key_pem);
	c.key_pem = (struct secret){ 0 };
	expect_refused(c, "no key in PEM form");
	c = credential_of(&pair, pair.key_pem);
	c.certificate_pem = NULL;
	expect_refused(c, "no certificate in PEM form");
	pair_done(&small);
	pair_done(&curve);
}

static void test_passphrase_is_not_asked_for(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());
	(void)state;
	assert_int_equal(
		PEM_write_bio_PKCS8PrivateKey(bio, pair.key, EVP_aes_128_cbc(), "x", 1, NULL, NULL),
		1);
	char *locked = pem_text(bio);
	expect_refused(credential_of(&pair, locked), "has a passphrase");
	free(locked);
}

static void test_jti(void **state)
{
	char a[ASSERTION_JTI_BYTES], b[ASSERTION_JTI_BYTES];
	struct err err;
	(void)state;
	assert_true(assertion_make_jti(a, &err));
	assert_true(assertion_make_jti(b, &err));
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-' && a[14] == '4');
	assert_non_null(strchr("89ab", a[19]));
}

/* ---- off the loop */

static struct event_base *base;
static struct worker *worker;

struct answer {
	bool done;
	bool ok;
	struct secret value;
	struct err err;
};

static void on_assertion(void *arg, const struct secret *value, const struct err *err)
{
	struct answer *answer = arg;
	assert_false(answer->done);
	answer->done = true;
	answer->ok = value != NULL;
	assert_true((value == NULL) == (err != NULL));
	if (value != NULL)
		secret_set(&answer->value, secret_reveal(value));
	else
		answer->err = *err;
}

static int start(void **state)
{
	(void)state;
	base = event_base_new();
	worker = worker_new(base, worker_default_limits);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	worker_free(worker);
	event_base_free(base);
	return 0;
}

static void test_signed_in_a_job(void **state)
{
	struct credential c = credential_of(&pair, mem_strdup(pair.key_pem));
	struct answer answer = { 0 };
	struct jwt jwt;
	struct err err;
	int64_t number, before_s = clock_wall_ms() / 1000;
	(void)state;
	assert_non_null(assertion_start(worker, &c, client_id, audience, on_assertion, &answer));
	assert_false(answer.done);
	assert_int_equal(worker_lane_pending(worker, LANE_CRYPTO), 1);
	secret_done(&c.key_pem); /* it has been copied */
	assert_true(run_loop_until(base, &answer.done, LIMIT_MS));
	assert_true(answer.ok);
	jwt_read(&jwt, secret_reveal(&answer.value));
	assert_true(verifies(&jwt, pair.key, true));
	cJSON *claims = json_parse(strbuf_str(&jwt.claims), &err);
	assert_true(json_get_int(claims, "nbf", &number));
	assert_true(number >= before_s - 60 && number <= clock_wall_ms() / 1000 - 60);
	cJSON_Delete(claims);
	jwt_done(&jwt);
	secret_done(&answer.value);
}

static void test_cancelled(void **state)
{
	struct credential c = credential_of(&pair, pair.key_pem);
	struct answer answer = { 0 };
	(void)state;
	assertion_cancel(assertion_start(worker, &c, client_id, audience, on_assertion, &answer));
	assertion_cancel(NULL);
	worker_free(worker);
	worker = NULL;
	assert_false(answer.done);
}

static void test_full_lane_is_a_passing_trouble(void **state)
{
	struct credential c = credential_of(&pair, pair.key_pem);
	struct answer answer = { 0 };
	(void)state;
	while (worker_slot_take(worker, LANE_CRYPTO))
		;
	assert_non_null(assertion_start(worker, &c, client_id, audience, on_assertion, &answer));
	assert_false(answer.done);
	assert_true(run_loop_until(base, &answer.done, LIMIT_MS));
	assert_false(answer.ok);
	assert_int_equal(answer.err.code, EAGAIN);
	assert_non_null(strstr(answer.err.text, "too busy"));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void get_federated(char *path, struct answer *answer)
{
	struct credential c = { .kind = CREDENTIAL_FEDERATED, .assertion_file = path };
	*answer = (struct answer){ 0 };
	assert_non_null(assertion_start(worker, &c, client_id, audience, on_assertion, answer));
	assert_int_equal(worker_lane_pending(worker, LANE_DISK), 1);
	assert_true(run_loop_until(base, &answer->done, LIMIT_MS));
}

static void test_federated_is_read_each_time(void **state)
{
	char path[] = "/tmp/test_assertion.XXXXXX";
	struct answer answer;
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_file(path, "first.b.c\n");
	get_federated(path, &answer);
	assert_true(str_eq(secret_reveal(&answer.value), STR("first.b.c")));
	secret_done(&answer.value);
	write_file(path, "second.b.c");
	get_federated(path, &answer);
	assert_true(str_eq(secret_reveal(&answer.value), STR("second.b.c")));
	secret_done(&answer.value);
	unlink(path);
	get_federated(path, &answer);
	assert_false(answer.ok);
	assert_non_null(strstr(answer.err.text, path));
	assert_int_not_equal(answer.err.code, EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_foreign_text_is_escaped),
		cmocka_unit_test(test_what_cannot_sign),
		cmocka_unit_test(test_passphrase_is_not_asked_for),
		cmocka_unit_test(test_jti),
		cmocka_unit_test_setup_teardown(test_signed_in_a_job, start, stop),
		cmocka_unit_test_setup_teardown(test_cancelled, start, stop),
		cmocka_unit_test_setup_teardown(test_full_lane_is_a_passing_trouble, start, stop),
		cmocka_unit_test_setup_teardown(test_federated_is_read_each_time, start, stop),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
