/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/mem.h"
#include "oauth/credential.h"

static struct credential a_secret(const char *label, const char *value)
{
	struct credential c = { .kind = CREDENTIAL_SECRET, .added_ms = 5 };
	memcpy(c.label, label, strlen(label));
	secret_set(&c.secret, str_of(value));
	return c;
}

static struct credential a_certificate(const char *label)
{
	struct credential c = { .kind = CREDENTIAL_CERTIFICATE, .ends_ms = 77, .pending = true };
	memcpy(c.label, label, strlen(label));
	secret_set(&c.key_pem, STR("KEY"));
	c.certificate_pem = mem_strdup("CERTIFICATE");
	return c;
}

static void assert_secret(const struct secret *s, const char *value)
{
	assert_true(str_eq(secret_reveal(s), str_of(value)));
}

static void test_copy_is_its_own(void **state)
{
	struct credential a = a_certificate("mine"), b;
	(void)state;
	a.assertion_file = mem_strdup("/file");
	credential_copy(&b, &a);
	assert_true(credential_same(&a, &b));
	assert_string_equal(b.label, "mine");
	assert_int_equal(b.ends_ms, 77);
	assert_true(b.pending);
	assert_ptr_not_equal(a.key_pem.p, b.key_pem.p);
	credential_done(&a);
	assert_null(a.key_pem.p);
	assert_null(a.certificate_pem);
	assert_secret(&b.key_pem, "KEY");
	assert_string_equal(b.certificate_pem, "CERTIFICATE");
	assert_string_equal(b.assertion_file, "/file");
	credential_done(&b);
	credential_done(&b); /* a second time costs nothing */
}

/* What would be shown decides; what is known about it does not. */
static void test_same(void **state)
{
	struct credential c[7];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		c[i] = a_certificate("x");
	c[1].pending = false;
	c[1].ends_ms = 0;
	c[1].label[0] = 'y';
	assert_true(credential_same(&c[0], &c[1]));
	secret_set(&c[1].secret, STR("s"));
	c[2].kind = CREDENTIAL_SECRET;
	c[3].certificate_pem[0] = 'c';
	c[4].algorithm = ASSERTION_RS256;
	c[5].thumbprint = THUMBPRINT_SHA1;
	secret_set(&c[6].key_pem, STR("key"));
	for (size_t i = 1; i < ARRAY_LEN(c); i++)
		assert_false(credential_same(&c[0], &c[i]));
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		credential_done(&c[i]);
}

static void test_insert_and_remove(void **state)
{
	struct credential_list list = { 0 }, copy;
	struct credential a = a_secret("a", "1"), b = a_secret("b", "2"), c = a_secret("c", "3");
	(void)state;
	credential_list_insert(&list, 0, &a);
	assert_null(a.secret.p); /* taken over */
	credential_list_insert(&list, 0, &b);
	credential_list_insert(&list, 1, &c);
	credential_list_copy(&copy, &list);
	assert_int_equal(copy.n, 3);
	credential_list_remove(&list, 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[0].label, "c");
	assert_string_equal(list.v[1].label, "a");
	credential_list_remove(&list, 1);
	credential_list_done(&list);
	assert_int_equal(list.n, 0);
	assert_string_equal(copy.v[0].label, "b");
	assert_secret(&copy.v[2].secret, "1");
	credential_list_done(&copy);
}

/* ---- an account's ---- */

static void test_configured(void **state)
{
	char pem[] = "PEM", none[] = "";
	struct credential_config configured[2] = {
		{ .certificate_pem = none, .expires_ms = 9 },
		{ .certificate_pem = pem, .algorithm = ASSERTION_RS256 },
	};
	struct account_config account = { .credentials = configured, .credential_count = 2 };
	const struct credential_list nothing = { 0 };
	struct credential_list list;
	(void)state;
	secret_set(&configured[0].secret, STR("s3cret"));
	secret_set(&configured[1].key, STR("K"));
	credential_list_make(&list, &account, &nothing);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.v[0].kind, CREDENTIAL_SECRET);
	assert_int_equal(list.v[0].ends_ms, 9);
	assert_secret(&list.v[0].secret, "s3cret");
	assert_string_equal(list.v[0].label, "credential 1 (client secret)");
	assert_int_equal(list.v[1].kind, CREDENTIAL_CERTIFICATE);
	assert_int_equal(list.v[1].algorithm, ASSERTION_RS256);
	assert_secret(&list.v[1].key_pem, "K");
	assert_string_equal(list.v[1].label, "credential 2 (certificate)");
	credential_list_done(&list);
	account.credential_count = 1;
	credential_list_make(&list, &account, &nothing);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0].label, "client secret");
	credential_list_done(&list);
	secret_done(&configured[0].secret);
	secret_done(&configured[1].key);
}

static void test_added_come_first_but_not_the_pending_one(void **state)
{
	struct credential_config configured[1] = { { .expires_ms = 9 } };
	struct account_config account = { .credentials = configured, .credential_count = 1 };
	struct credential_list added = { 0 }, list;
	struct credential a = a_certificate("new certificate"), b = a_secret("new secret", "n");
	(void)state;
	secret_set(&configured[0].secret, STR("old"));
	credential_list_insert(&added, 0, &b);
	credential_list_insert(&added, 0, &a);
	credential_list_make(&list, &account, &added);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[0].label, "new secret");
	assert_string_equal(list.v[1].label, "client secret");
	credential_list_done(&list);
	added.v[0].pending = false;
	credential_list_make(&list, &account, &added);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.v[0].label, "new certificate");
	assert_secret(&added.v[1].secret, "n"); /* copies */
	credential_list_done(&list);
	credential_list_done(&added);
	secret_done(&configured[0].secret);
}

static void test_grants_without_secrets(void **state)
{
	static char file[] = "/run/assertion";
	static const struct {
		enum account_grant grant;
		size_t count;
		enum credential_kind kind;
		const char *label;
	} rows[] = {
		{ GRANT_DELEGATED, 1, CREDENTIAL_NONE, "public client" },
		{ GRANT_FEDERATED, 1, CREDENTIAL_FEDERATED, "federated assertion" },
		{ GRANT_MANAGED_IDENTITY, 0, CREDENTIAL_NONE, "" },
	};
	const struct credential_list nothing = { 0 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct account_config account = { .grant = rows[i].grant, .assertion_file = file };
		struct credential_list list;
		credential_list_make(&list, &account, &nothing);
		assert_int_equal(list.n, rows[i].count);
		if (list.n != 0) {
			assert_int_equal(list.v[0].kind, rows[i].kind);
			assert_string_equal(list.v[0].label, rows[i].label);
		}
		if (rows[i].grant == GRANT_FEDERATED)
			assert_string_equal(list.v[0].assertion_file, file);
		credential_list_done(&list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_is_its_own),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_insert_and_remove),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_added_come_first_but_not_the_pending_one),
		cmocka_unit_test(test_grants_without_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
