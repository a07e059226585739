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
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/clock.h"
#include "common/worker.h"
#include "oauth/assertion.h"
#include "oauth/own_certificate.h"
#include "tests/unit/support/run_loop.h"

enum {
	LIMIT_MS = 60000
};
static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;
static const int64_t now_ms = INT64_C(1795305600000); /* 2026-11-22 */

static X509 *read_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(x509);
	/* Nothing behind it: no key in what people upload. */
	assert_null(PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL));
	BIO_free(bio);
	return x509;
}

static int64_t time_ms(const ASN1_TIME *when)
{
	struct tm tm;
	assert_int_equal(ASN1_TIME_to_tm(when, &tm), 1);
	return (int64_t)timegm(&tm) * 1000;
}

static void expect_common_name(X509 *x509, const char *want)
{
	char name[128];
	X509_NAME *subject = X509_get_subject_name(x509);
	assert_true(X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof(name)) > 0);
	assert_string_equal(name, want);
	assert_int_equal(X509_NAME_cmp(subject, X509_get_issuer_name(x509)), 0);
}

static void test_made(void **state)
{
	struct credential c = { 0 };
	struct secret jwt = { 0 };
	struct err err;
	(void)state;
	if (!own_certificate_make("scanner", now_ms, &c, &err))
		fail_msg("%s", err.text);
	assert_int_equal(c.kind, CREDENTIAL_CERTIFICATE);
	assert_int_equal(c.algorithm, ASSERTION_PS256);
	assert_int_equal(c.thumbprint, THUMBPRINT_SHA256);
	assert_true(c.pending);
	assert_int_equal(c.added_ms, now_ms);
	assert_string_equal(c.label, "certificate added 2026-11-22");
	X509 *x509 = read_certificate(c.certificate_pem);
	expect_common_name(x509, "oauthrelay scanner");
	EVP_PKEY *public_key = X509_get0_pubkey(x509);
	assert_int_equal(EVP_PKEY_get_base_id(public_key), EVP_PKEY_RSA);
	assert_int_equal(EVP_PKEY_get_bits(public_key), 3072);
	assert_int_equal(X509_get_signature_nid(x509), NID_sha256WithRSAEncryption);
	assert_int_equal(X509_verify(x509, public_key), 1);
	assert_int_equal(X509_check_ca(x509), 0);
	assert_int_equal(X509_get_key_usage(x509), KU_DIGITAL_SIGNATURE);
	assert_int_equal(time_ms(X509_get0_notBefore(x509)), now_ms - day_ms);
	assert_int_equal(time_ms(X509_get0_notAfter(x509)), now_ms + 730 * day_ms);
	assert_int_equal(c.ends_ms, now_ms + 730 * day_ms);
	X509_free(x509);
	/* And it can do what it is for. */
	if (!assertion_sign(&c, "id", "https://login.test/", now_ms, "jti", &jwt, &err))
		fail_msg("%s", err.text);
	secret_done(&jwt);
	credential_done(&c);
}

static void test_each_is_another(void **state)
{
	static const char long_name[] =
		"an-account-whose-name-is-as-long-as-one-may-be-0123456789-abc";
	char sha1[2][THUMBPRINT_SHA1_BYTES], sha256[2][THUMBPRINT_SHA256_BYTES];
	struct err err;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct credential c = { 0 };
		assert_true(own_certificate_make(long_name, now_ms, &c, &err));
		X509 *x509 = read_certificate(c.certificate_pem);
		expect_common_name(x509,
				   "oauthrelay an-account-whose-name-is-as-long-as-one-may-be-"
				   "012345");
		X509_free(x509);
		assert_true(own_certificate_thumbprints(c.certificate_pem, sha1[i], sha256[i]));
		credential_done(&c);
	}
	assert_string_not_equal(sha1[0], sha1[1]);
}

/* What `openssl x509 -fingerprint -sha1` and `-sha256` say of it. */
static void test_thumbprints(void **state)
{
	static const char pem[] =
		"-----BEGIN CERTIFICATE-----\n"
		"MIIDAzCCAeugAwIBAgIUC2yDC0ThyqfgVfoAbw4p2WZSVB4wDQYJKoZIhvcNAQEL\n"
		"BQAwETEPMA0GA1UEAwwGYSB0ZXN0MB4XDTI2MTEyMjE5MTAzOVoXDTM2MTExOTE5\n"
		"MTAzOVowETEPMA0GA1UEAwwGYSB0ZXN0MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n"
		"MIIBCgKCAQEAngQyd7HJ3UdQnWYU+hxGW/GzUrUdNqoVIzxo5wnRiMyITbU9mKRo\n"
		"yj+bhBNg0g4fOTXY5A4n0QJg9khQTPW1lD85VO/GIvD0TVohnLk+xvqU/16npEjQ\n"
		"JY1G6n1N9s+yN1k2RrZkgza4xsfKXjgXJmFT5VSVLe1cfVQhXsAKqR9b22YYR94j\n"
		"cyuVKulMwSY17ce0vbQMKJ0iDqat22ivDxIahz8o025xgl5Nsymub/HiXCy+jj6y\n"
		"HyiYg1d9yeZmrgb4w4AL9z7omFAlnV8NOH/gDtjieDDHnCfAxuvlZQfmF8VSK9mx\n"
		"qQJ8GEc8BTJmERrjbkdkc2uXF91WFcRtHwIDAQABo1MwUTAdBgNVHQ4EFgQUGNHK\n"
		"GWEwbCrwBc90+LiBSviaHQQwHwYDVR0jBBgwFoAUGNHKGWEwbCrwBc90+LiBSvia\n"
		"HQQwDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAKij7r/PKH70/\n"
		"bbFhrcc1t9gS1rlqzzATy/UOeNtBnsRysXSzPnWuj1h4HEOl0B+Gv7fw/wnc9jWr\n"
		"WbShtx/dZ45mfgxRv9YiqGt9lA2CA7vQ6I7mSk1QDxyvlzXNAQNJ52zE9dKdT5zo\n"
		"Pz2O+rNsLmhraMkghr5rq7cjgrXvtxFEe0aowxNIWKrpUkobVhVzWVSFuC4Mv8gu\n"
		"b+Eaevp0hSMUarciXRfzDadW/czy4fWBN2YnjgZp1G9xZFRo0lWWKWxx7NJdDwAz\n"
		"YiKZ8whsWvRuJrKP3hYLWhJLqJx4AEjOoxB6qTMFFSmOd+LU74GNzuOnl2KEehhL\n"
		"9d+PTqYpKA==\n"
		"-----END CERTIFICATE-----\n";
	char sha1[THUMBPRINT_SHA1_BYTES], sha256[THUMBPRINT_SHA256_BYTES];
	(void)state;
	assert_true(own_certificate_thumbprints(pem, sha1, sha256));
	assert_string_equal(sha1, "45B5FEA442A75ABDD32C793C7A7E949C5AD757E1");
	assert_string_equal(sha256,
			    "714751ADE7F939E77541ADD1F7CD7AE3F6207FAE10E1C3E4A386C3C91BD0CE1D");
	assert_false(own_certificate_thumbprints("", sha1, sha256));
	assert_false(own_certificate_thumbprints("no certificate", sha1, sha256));
}

/* ---- off the loop */

static struct event_base *base;
static struct worker *worker;

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

struct answer {
	bool done;
	struct credential made;
	struct err err;
};

static void on_made(void *arg, struct credential *credential, const struct err *err)
{
	struct answer *answer = arg;
	assert_false(answer->done);
	answer->done = true;
	if (credential != NULL) {
		assert_null(err);
		answer->made = *credential;
		*credential = (struct credential){ 0 };
	} else {
		answer->err = *err;
	}
}

static void test_made_in_a_job(void **state)
{
	struct answer answer = { 0 };
	(void)state;
	assert_non_null(own_certificate_start(worker, "scanner", on_made, &answer));
	assert_int_equal(worker_lane_pending(worker, LANE_CRYPTO), 1);
	assert_false(answer.done);
	assert_true(run_loop_until(base, &answer.done, LIMIT_MS));
	assert_non_null(answer.made.certificate_pem);
	assert_true(answer.made.ends_ms > clock_wall_ms() + 729 * day_ms);
	credential_done(&answer.made);
}

static void test_cancelled(void **state)
{
	struct answer answer = { 0 };
	(void)state;
	own_certificate_cancel(own_certificate_start(worker, "scanner", on_made, &answer));
	own_certificate_cancel(NULL);
	worker_free(worker);
	worker = NULL;
	assert_false(answer.done);
}

static void test_full_lane(void **state)
{
	struct answer answer = { 0 };
	(void)state;
	while (worker_slot_take(worker, LANE_CRYPTO))
		;
	assert_non_null(own_certificate_start(worker, "scanner", on_made, &answer));
	assert_false(answer.done);
	assert_true(run_loop_until(base, &answer.done, LIMIT_MS));
	assert_null(answer.made.certificate_pem);
	assert_int_equal(answer.err.code, EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_each_is_another),
		cmocka_unit_test(test_thumbprints),
		cmocka_unit_test_setup_teardown(test_made_in_a_job, start, stop),
		cmocka_unit_test_setup_teardown(test_cancelled, start, stop),
		cmocka_unit_test_setup_teardown(test_full_lane, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
