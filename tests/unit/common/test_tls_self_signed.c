/* SPDX-License-Identifier: MIT */
#include "tests/unit/common/tls_world.h"

static X509 *read_certificate(const char *path)
{
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	X509 *x = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	assert_non_null(x);
	return x;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_self_signed(void **state)
{
	struct fixture *f = *state;
	struct err err;
	int days, seconds;
	if (!tls_make_self_signed(f->certificate, f->key, "relay.contoso.com", &err))
		fail_msg("%s", err.text);
	assert_int_equal(mode_of(f->key), 0600);
	X509 *x = read_certificate(f->certificate);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 2048);
	assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(x)), EVP_PKEY_RSA);
	assert_int_equal(X509_get_signature_nid(x), NID_sha256WithRSAEncryption);
	assert_int_equal(
		ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), X509_get0_notAfter(x)), 1);
	assert_int_equal(days, 3652);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(x)) < 0);
	assert_int_equal(X509_check_host(x, "relay.contoso.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "relay", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "other", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	X509_free(x);
	SSL_CTX *server = server_context(f);
	struct outcome o = visit(f, server, f->certificate, "relay.contoso.com");
	if (!o.connected)
		fail_msg("%s", o.client.text);
	SSL_CTX_free(server);
}

static ino_t inode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void test_self_signed_is_kept(void **state)
{
	struct fixture *f = *state;
	struct err err;
	assert_true(tls_make_self_signed(f->certificate, f->key, "relay", &err));
	ino_t inode = inode_of(f->certificate);
	assert_true(tls_make_self_signed(f->certificate, f->key, "other", &err));
	assert_true(inode == inode_of(f->certificate));
	/* One of the two is missing: neither is of use. */
	unlink(f->key);
	assert_true(tls_make_self_signed(f->certificate, f->key, "relay", &err));
	SSL_CTX_free(server_context(f));
}

static void test_self_signed_for_odd_hosts(void **state)
{
	static const char *const hosts[] = {
		"192.0.2.77",
		"a-name-of-more-than-sixty-four-characters-which-no-common-name-holds.contoso.com",
		"bad name,DNS:evil.test",
	};
	struct fixture *f = *state;
	struct err err;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		unlink(f->key);
		if (!tls_make_self_signed(f->certificate, f->key, hosts[i], &err))
			fail_msg("%s", err.text);
		X509 *x = read_certificate(f->certificate);
		assert_int_equal(X509_check_host(x, "evil.test", 0, 0, NULL), 0);
		if (i == 0)
			assert_int_equal(X509_check_ip_asc(x, hosts[i], 0), 1);
		if (i == 1)
			assert_int_equal(X509_check_host(x, hosts[i], 0, 0, NULL), 1);
		X509_free(x);
	}
	assert_false(tls_make_self_signed("/nonexistent/c.pem", "/nonexistent/k.pem", "x", &err));
	expect_text(&err, "/nonexistent/");
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(test_self_signed),
		WITH_FIXTURE(test_self_signed_is_kept),
		WITH_FIXTURE(test_self_signed_for_odd_hosts),
	};
	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
