/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_RECORD_WORLD_H
#define OAUTHRELAY_TESTS_RECORD_WORLD_H

#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "oauth/account_record.h"

/* Records for those who test what becomes of them. */

/* With something in every member. */
static inline void record_fill(struct account_record *record)
{
	static const char pem[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
	*record = (struct account_record){
		.access_got_ms = 1795000000123,
		.access_ends_ms = 1795003600123,
		.refresh_used_ms = 1795000000456,
		.signed_in_ms = 1790000000789,
		.seen_count = 2,
	};
	memset(record->binding, 'a', 64);
	memset(record->added_binding, 'b', 64);
	memset(record->seen[0].digest, 1, RECORD_DIGEST_BYTES);
	memset(record->seen[1].digest, 0xff, RECORD_DIGEST_BYTES);
	record->seen[1].first_ms = 1780000000000;
	secret_set(&record->access_token, STR("canary.access.token"));
	secret_set(&record->refresh_token, STR("canary-refresh-\xc3\xa9\"\\\x01\x7f\xff"));
	struct credential secret = {
		.kind = CREDENTIAL_SECRET,
		.label = "secret added 2026-11-22",
		.ends_ms = 1810000000000,
		.ends_assumed = true,
		.added_ms = 1795000000000,
	};
	secret_set(&secret.secret, STR("canary~secret"));
	credential_list_insert(&record->added, 0, &secret);
	struct credential certificate = {
		.kind = CREDENTIAL_CERTIFICATE,
		.label = "certificate added 2026-11-22",
		.algorithm = ASSERTION_RS256,
		.thumbprint = THUMBPRINT_SHA1,
		.certificate_pem = mem_strdup(pem),
		.added_ms = 1795000000001,
		.pending = true,
	};
	secret_set(&certificate.key_pem, STR("-----BEGIN PRIVATE KEY-----\ncanary\n"));
	credential_list_insert(&record->added, 1, &certificate);
}

static inline void records_same(const struct account_record *a, const struct account_record *b)
{
	assert_string_equal(a->binding, b->binding);
	assert_string_equal(a->added_binding, b->added_binding);
	assert_true(secret_equal(&a->access_token, &b->access_token));
	assert_true(secret_equal(&a->refresh_token, &b->refresh_token));
	assert_true(a->access_got_ms == b->access_got_ms);
	assert_true(a->access_ends_ms == b->access_ends_ms);
	assert_true(a->refresh_used_ms == b->refresh_used_ms);
	assert_true(a->signed_in_ms == b->signed_in_ms);
	assert_int_equal(a->added.n, b->added.n);
	for (size_t i = 0; i < a->added.n; i++) {
		const struct credential *one = &a->added.v[i], *two = &b->added.v[i];
		assert_true(credential_same(one, two));
		assert_string_equal(one->label, two->label);
		assert_true(one->ends_ms == two->ends_ms);
		assert_true(one->ends_assumed == two->ends_assumed);
		assert_true(one->added_ms == two->added_ms);
		assert_true(one->pending == two->pending);
	}
	assert_int_equal(a->seen_count, b->seen_count);
	for (size_t i = 0; i < a->seen_count; i++) {
		assert_memory_equal(a->seen[i].digest, b->seen[i].digest, RECORD_DIGEST_BYTES);
		assert_true(a->seen[i].first_ms == b->seen[i].first_ms);
	}
}

#endif
