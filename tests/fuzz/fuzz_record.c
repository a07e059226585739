/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "oauth/account_record.h"
#include "oauth/token_response.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support/seal_of.h"

/* What lies inside an account's seal. Input: the JSON; the target seals it. */
static bool is_binding(const char *text)
{
	return text[0] == '\0' || (strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64);
}

static void check_credential(const struct credential *credential)
{
	bool secret = credential->kind == CREDENTIAL_SECRET;
	fuzz_check(secret || credential->kind == CREDENTIAL_CERTIFICATE, "only these are added");
	fuzz_check((credential->secret.n != 0) == secret, "a secret has its secret");
	fuzz_check((credential->key_pem.n != 0) == !secret, "a certificate has its key");
	fuzz_check((credential->certificate_pem != NULL) == !secret, "and is there");
	fuzz_check(credential->secret.n <= SECRET_MAX && credential->key_pem.n <= SECRET_MAX,
		   "a secret keeps its limit");
}

static void check_record(const struct account_record *record)
{
	fuzz_check(is_binding(record->binding) && is_binding(record->added_binding),
		   "a binding is a digest");
	fuzz_check(record->access_token.n <= TOKEN_BYTES_MAX &&
			   record->refresh_token.n <= TOKEN_BYTES_MAX,
		   "a token keeps its limit");
	fuzz_check(record->access_got_ms >= 0 && record->access_ends_ms >= 0 &&
			   record->refresh_used_ms >= 0 && record->signed_in_ms >= 0,
		   "times are not negative");
	fuzz_check(record->added.n <= RECORD_ADDED_MAX && record->seen_count <= RECORD_SEEN_MAX,
		   "lists keep their limits");
	for (size_t i = 0; i < record->added.n; i++)
		check_credential(&record->added.v[i]);
}

/* What could be read can be written, and is then the same. */
static void check_again(const struct account_record *record, const struct seal *seal)
{
	struct account_record again = { 0 };
	struct strbuf sealed;
	struct err err;
	strbuf_init(&sealed, SEAL_PLAIN_MAX + SEAL_OVERHEAD);
	fuzz_check(account_record_close(record, "a", seal, &sealed, &err), "it can be sealed");
	fuzz_check(account_record_open(&again, "a", seal, strbuf_str(&sealed), &err) == SEAL_OK,
		   "it can be opened");
	fuzz_check(secret_equal(&record->access_token, &again.access_token) &&
			   secret_equal(&record->refresh_token, &again.refresh_token),
		   "the tokens are the same");
	fuzz_check(record->added.n == again.added.n && record->seen_count == again.seen_count &&
			   record->signed_in_ms == again.signed_in_ms,
		   "so is the rest");
	for (size_t i = 0; i < record->added.n; i++)
		fuzz_check(credential_same(&record->added.v[i], &again.added.v[i]),
			   "and each credential");
	account_record_done(&again);
	strbuf_done(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct seal *seal = seal_of('k');
	struct account_record record = { 0 };
	struct strbuf sealed;
	struct err err = { .text = "" };
	strbuf_init(&sealed, SEAL_PLAIN_MAX + SEAL_OVERHEAD);
	if (seal_close(seal, STR("accounts/a"), in, &sealed, &err)) {
		enum seal_failure failure =
			account_record_open(&record, "a", seal, strbuf_str(&sealed), &err);
		fuzz_check(failure != SEAL_OTHER_KEY, "the key is the right one");
		if (failure == SEAL_OK) {
			check_record(&record);
			check_again(&record, seal);
		} else {
			fuzz_check(err.text[0] != '\0', "a refusal says why");
		}
	}
	account_record_done(&record);
	strbuf_done(&sealed);
	seal_free(seal);
	return 0;
}
