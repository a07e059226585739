/* SPDX-License-Identifier: MIT */
#include "tests/unit/common/tls_world.h"

#include "common/fsx.h"
#include "common/tls_certificate.h"

static void what_is_written_is_what_was_read(void **state)
{
	const struct recipe r = {
		"Me \"x\"\n", "DNS:a.test,DNS:b.test,IP:192.0.2.1", -1, 1, 2048, EVP_sha256(), true
	};
	struct fixture *f = *state;
	struct strbuf file, pem, der, text;
	struct err err;
	bake(f, &r);
	X509 *certificate = tls_certificate_read(f->certificate, &err);
	assert_non_null(certificate);
	strbuf_init(&file, 65536);
	strbuf_init(&pem, 65536);
	strbuf_init(&der, 65536);
	strbuf_init(&text, 65536);
	assert_true(fsx_read_file(f->certificate, &file, &err));
	assert_true(tls_certificate_append_pem(&pem, certificate));
	assert_string_equal(strbuf_cstr(&pem), strbuf_cstr(&file));
	assert_true(tls_certificate_append_der(&der, certificate));
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *again = d2i_X509(NULL, &p, (long)der.n);
	assert_non_null(again);
	assert_int_equal(X509_cmp(certificate, again), 0);
	tls_certificate_append_hosts(&text, certificate, 2);
	assert_string_equal(strbuf_cstr(&text), "a.test, b.test and 1 more");
	strbuf_reset(&text);
	tls_certificate_append_name(&text, X509_get_subject_name(certificate));
	assert_string_equal(strbuf_cstr(&text), "CN=Me \\\\\\\"x\\\\\\\"\\\\0A");
	strbuf_reset(&text);
	tls_certificate_append_fingerprint(&text, certificate);
	assert_int_equal(text.n, 32 * 3 - 1);
	assert_int_equal(text.p[2], ':');
	strbuf_reset(&text);
	tls_certificate_append_time(&text, X509_get0_notAfter(certificate));
	assert_int_equal(text.p[text.n - 1], 'Z');
	X509_free(certificate);
	X509_free(again);
	strbuf_done(&file);
	strbuf_done(&pem);
	strbuf_done(&der);
	strbuf_done(&text);
}

static void what_cannot_be_read_is_named(void **state)
{
	struct fixture *f = *state;
	struct err err;
	assert_null(tls_certificate_read("/nonexistent/x.crt", &err));
	expect_text(&err, "\"/nonexistent/x.crt\": cannot read the certificate: No such file");
	write_pem(f->key, NULL, f->ca_key, false);
	assert_null(tls_certificate_read(f->key, &err));
	expect_text(&err, "k.pem\": cannot read the certificate: ");
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(what_is_written_is_what_was_read),
		WITH_FIXTURE(what_cannot_be_read_is_named),
	};
	return cmocka_run_group_tests_name("common/tls_certificate", tests, NULL, NULL);
}
