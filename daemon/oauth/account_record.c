/* SPDX-License-Identifier: MIT */
#include "oauth/account_record.h"

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "oauth/record_json.h"

/* What is inside the seal: one object of JSON. Its member "version" is raised when an older
 * oauthrelay would misunderstand it; members that are not known are passed over. */
enum {
	VERSION = 1,
};

void account_record_done(struct account_record *record)
{
	secret_done(&record->access_token);
	secret_done(&record->refresh_token);
	credential_list_done(&record->added);
	secret_wipe(record, sizeof(*record));
}

void account_record_name(struct strbuf *out, const char *account)
{
	strbuf_adds(out, "accounts/");
	strbuf_adds(out, account);
}

/* ---- what a record is bound to ---- */

/* Each part with its end, so that no two lists of parts are the same text. */
static void digest_of(const char *const *parts, size_t count, char out[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct strbuf hex;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; ok && i < count; i++) {
		const char *part = parts[i] != NULL ? parts[i] : "";
		ok = EVP_DigestUpdate(ctx, part, strlen(part) + 1) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		abort(); /* an OpenSSL without SHA-256, or without memory */
	strbuf_init(&hex, 64);
	hex_encode(&hex, digest, RECORD_DIGEST_BYTES);
	memcpy(out, strbuf_cstr(&hex), 65);
	strbuf_done(&hex);
}

void account_record_binding(const struct account_config *account, char out[65])
{
	static const char *const grants[] = {
		[GRANT_CLIENT_CREDENTIALS] = "client_credentials",
		[GRANT_DELEGATED] = "delegated",
		[GRANT_MANAGED_IDENTITY] = "managed_identity",
		[GRANT_FEDERATED] = "federated",
	};
	static const char *const hosts[] = {
		[IDENTITY_AZURE_VM] = "azure-vm",
		[IDENTITY_AZURE_ARC] = "azure-arc",
	};
	bool delegated = account->grant == GRANT_DELEGATED;
	bool managed = account->grant == GRANT_MANAGED_IDENTITY;
	const char *const parts[] = {
		grants[account->grant],
		account->token_endpoint,
		account->client_id,
		account->scope,
		/* A token of another person's sign-in is not this login's. */
		delegated ? account->login : "",
		managed ? account->identity_endpoint : "",
		managed ? hosts[account->identity_host] : "",
	};
	digest_of(parts, ARRAY_LEN(parts), out);
}

void account_record_added_binding(const struct account_config *account, char out[65])
{
	const char *const parts[] = { account->token_endpoint, account->client_id };
	digest_of(parts, ARRAY_LEN(parts), out);
}

/* ---- sealed ---- */

bool account_record_close(const struct account_record *record, const char *account,
			  const struct seal *seal, struct strbuf *out, struct err *err)
{
	struct strbuf context;
	/* Of full size from the start: cJSON does not wipe what it grows out of. */
	char *text = mem_alloc(SEAL_PLAIN_MAX);
	cJSON *object = cJSON_CreateObject();
	if (object == NULL || cJSON_AddNumberToObject(object, "version", VERSION) == NULL)
		abort(); /* out of memory, as in common/mem.c */
	bool ok = record_json_fill(object, record, err);
	if (ok && !cJSON_PrintPreallocated(object, text, SEAL_PLAIN_MAX, 0))
		ok = err_set(err, "it is larger than %d bytes", (int)SEAL_PLAIN_MAX);
	json_delete_wiped(object);
	strbuf_init(&context, 1024);
	account_record_name(&context, account);
	ok = ok && seal_close(seal, strbuf_str(&context), str_of(text), out, err);
	strbuf_done(&context);
	secret_wipe(text, SEAL_PLAIN_MAX);
	free(text);
	return ok ||
	       err_prefix(err, "what account \"%s\" has to remember cannot be sealed", account);
}

/* Not what the parser says of it: that may hold a piece of a secret. */
static bool parse(struct str text, struct account_record *out, struct err *err)
{
	struct err hidden;
	int64_t version;
	cJSON *object = json_parse(text, &hidden);
	bool ok = object != NULL && json_get_int(object, "version", &version);
	if (!ok)
		err_set(err, "what is inside the seal cannot be read");
	else if (version != VERSION)
		ok = err_set(err,
			     "written by a newer oauthrelay: version %jd, and this one knows %d",
			     (intmax_t)version, (int)VERSION);
	else if (!record_json_read(object, out))
		ok = err_set(err, "what is inside the seal is not an account's");
	json_delete_wiped(object);
	return ok;
}

enum seal_failure account_record_open(struct account_record *record, const char *account,
				      const struct seal *seal, struct str sealed, struct err *err)
{
	struct account_record opened = { 0 };
	struct secret text = { 0 };
	struct strbuf context;
	strbuf_init(&context, 1024);
	account_record_name(&context, account);
	enum seal_failure failure = seal_open(seal, strbuf_str(&context), sealed, &text, err);
	strbuf_done(&context);
	if (failure != SEAL_OK)
		return failure;
	bool ok = parse(secret_reveal(&text), &opened, err);
	secret_done(&text);
	if (!ok) {
		account_record_done(&opened);
		return SEAL_DAMAGED;
	}
	account_record_done(record);
	*record = opened;
	secret_wipe(&opened, sizeof(opened));
	return SEAL_OK;
}
