/* SPDX-License-Identifier: MIT */
#include "oauth/record_json.h"

#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "oauth/token_response.h"

enum {
	DIGEST_HEX = 2 * RECORD_DIGEST_BYTES,
};

struct word {
	const char *text;
	int value;
};

static const struct word kinds[] = {
	{ "secret", CREDENTIAL_SECRET },
	{ "certificate", CREDENTIAL_CERTIFICATE },
};
static const struct word algorithms[] = {
	{ "PS256", ASSERTION_PS256 },
	{ "RS256", ASSERTION_RS256 },
};
static const struct word thumbprints[] = {
	{ "sha256", THUMBPRINT_SHA256 },
	{ "sha1", THUMBPRINT_SHA1 },
};

/* ---- to JSON ---- */

static void must(const void *added)
{
	if (added == NULL)
		abort(); /* out of memory, as in common/mem.c */
}

static void add_number(cJSON *object, const char *key, int64_t value)
{
	if (value != 0)
		must(cJSON_AddNumberToObject(object, key, (double)value));
}

static void add_text(cJSON *object, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		must(cJSON_AddStringToObject(object, key, text));
}

/* Byte for byte, valid UTF-8 or not: it is read back by the same library. A NUL cannot be stored,
 * nor can any token or secret hold one. */
static bool add_secret(cJSON *object, const char *key, const struct secret *secret, size_t max,
		       struct err *err)
{
	struct str bytes = secret_reveal(secret);
	if (bytes.n == 0)
		return true;
	if (bytes.n > max || str_chr(bytes, '\0') >= 0)
		return err_set(err, "its %s is too long, or no text", key);
	char *text = str_dup(bytes);
	add_text(object, key, text);
	secret_wipe(text, bytes.n);
	free(text);
	return true;
}

static const char *word_for(const struct word *words, size_t count, int value)
{
	for (size_t i = 0; i < count; i++)
		if (words[i].value == value)
			return words[i].text;
	return NULL;
}

static bool add_credential(cJSON *array, const struct credential *credential, struct err *err)
{
	const char *kind = word_for(kinds, ARRAY_LEN(kinds), (int)credential->kind);
	cJSON *object = cJSON_CreateObject();
	must(object);
	cJSON_AddItemToArray(array, object);
	if (kind == NULL)
		return err_set(err, "only a secret or a certificate can be added");
	add_text(object, "kind", kind);
	add_text(object, "label", credential->label);
	add_number(object, "ends", credential->ends_ms);
	add_number(object, "added", credential->added_ms);
	if (credential->ends_assumed)
		must(cJSON_AddTrueToObject(object, "ends_assumed"));
	if (credential->pending)
		must(cJSON_AddTrueToObject(object, "pending"));
	if (credential->kind == CREDENTIAL_SECRET)
		return add_secret(object, "secret", &credential->secret, SECRET_MAX, err);
	add_text(object, "algorithm",
		 word_for(algorithms, ARRAY_LEN(algorithms), (int)credential->algorithm));
	add_text(object, "thumbprint",
		 word_for(thumbprints, ARRAY_LEN(thumbprints), (int)credential->thumbprint));
	add_text(object, "certificate", credential->certificate_pem);
	return add_secret(object, "key", &credential->key_pem, SECRET_MAX, err);
}

static void add_seen(cJSON *array, const struct seen_secret *seen)
{
	struct strbuf hex;
	cJSON *object = cJSON_CreateObject();
	must(object);
	cJSON_AddItemToArray(array, object);
	strbuf_init(&hex, DIGEST_HEX);
	hex_encode(&hex, seen->digest, sizeof(seen->digest));
	add_text(object, "digest", strbuf_cstr(&hex));
	add_number(object, "first", seen->first_ms);
	strbuf_done(&hex);
}

bool record_json_fill(cJSON *object, const struct account_record *record, struct err *err)
{
	cJSON *added, *seen;
	add_text(object, "binding", record->binding);
	add_text(object, "added_binding", record->added_binding);
	add_number(object, "access_got", record->access_got_ms);
	add_number(object, "access_ends", record->access_ends_ms);
	add_number(object, "refresh_used", record->refresh_used_ms);
	add_number(object, "signed_in", record->signed_in_ms);
	if (!add_secret(object, "access_token", &record->access_token, TOKEN_BYTES_MAX, err) ||
	    !add_secret(object, "refresh_token", &record->refresh_token, TOKEN_BYTES_MAX, err))
		return false;
	must(added = cJSON_AddArrayToObject(object, "added"));
	must(seen = cJSON_AddArrayToObject(object, "seen"));
	if (record->added.n > RECORD_ADDED_MAX || record->seen_count > RECORD_SEEN_MAX)
		return err_set(err, "it holds more than it may");
	for (size_t i = 0; i < record->added.n; i++)
		if (!add_credential(added, &record->added.v[i], err))
			return false;
	for (size_t i = 0; i < record->seen_count; i++)
		add_seen(seen, &record->seen[i]);
	return true;
}

/* ---- from JSON ---- */

/* Each of these is true when the member is absent, and false when it is not what it should be. */

static bool get_number(const cJSON *object, const char *key, int64_t *out)
{
	int64_t value;
	if (cJSON_GetObjectItemCaseSensitive(object, key) == NULL)
		return true;
	if (!json_get_int(object, key, &value) || value < 0)
		return false;
	*out = value;
	return true;
}

static bool get_flag(const cJSON *object, const char *key, bool *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	if (item != NULL)
		*out = cJSON_IsTrue(item) != 0;
	return item == NULL || cJSON_IsBool(item);
}

/* room counts the NUL. */
static bool get_text(const cJSON *object, const char *key, char *out, size_t room)
{
	struct str text;
	if (cJSON_GetObjectItemCaseSensitive(object, key) == NULL)
		return true;
	if (!json_get_str(object, key, &text) || text.n >= room)
		return false;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return true;
}

static bool get_binding(const cJSON *object, const char *key, char out[65])
{
	unsigned char digest[RECORD_DIGEST_BYTES];
	return get_text(object, key, out, DIGEST_HEX + 1) &&
	       (out[0] == '\0' || hex_decode(str_of(out), digest, sizeof(digest)));
}

static bool get_secret(const cJSON *object, const char *key, struct secret *out, size_t max)
{
	struct str text;
	if (cJSON_GetObjectItemCaseSensitive(object, key) == NULL)
		return true;
	if (!json_get_str(object, key, &text) || text.n > max)
		return false;
	if (text.n != 0)
		secret_set(out, text);
	return true;
}

/* False also when it is absent. */
static bool get_word(const cJSON *object, const char *key, const struct word *words, size_t count,
		     int *out)
{
	struct str text;
	if (!json_get_str(object, key, &text))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!str_eq(text, str_of(words[i].text)))
			continue;
		*out = words[i].value;
		return true;
	}
	return false;
}

static bool get_certificate(const cJSON *object, struct credential *out)
{
	struct str pem;
	int algorithm, thumbprint;
	if (!get_word(object, "algorithm", algorithms, ARRAY_LEN(algorithms), &algorithm) ||
	    !get_word(object, "thumbprint", thumbprints, ARRAY_LEN(thumbprints), &thumbprint) ||
	    !json_get_str(object, "certificate", &pem) || pem.n > SECRET_MAX)
		return false;
	out->algorithm = (enum assertion_algorithm)algorithm;
	out->thumbprint = (enum assertion_thumbprint)thumbprint;
	out->certificate_pem = str_dup(pem);
	return get_secret(object, "key", &out->key_pem, SECRET_MAX) && out->key_pem.n != 0;
}

static bool get_credential(const cJSON *object, struct credential *out)
{
	int kind;
	if (!get_word(object, "kind", kinds, ARRAY_LEN(kinds), &kind))
		return false;
	out->kind = (enum credential_kind)kind;
	if (!get_text(object, "label", out->label, sizeof(out->label)) ||
	    !get_number(object, "ends", &out->ends_ms) ||
	    !get_number(object, "added", &out->added_ms) ||
	    !get_flag(object, "ends_assumed", &out->ends_assumed) ||
	    !get_flag(object, "pending", &out->pending))
		return false;
	if (out->kind == CREDENTIAL_CERTIFICATE)
		return get_certificate(object, out);
	return get_secret(object, "secret", &out->secret, SECRET_MAX) && out->secret.n != 0;
}

static bool get_added(const cJSON *object, struct account_record *out)
{
	const cJSON *item, *array = cJSON_GetObjectItemCaseSensitive(object, "added");
	if (array != NULL && !cJSON_IsArray(array))
		return false;
	cJSON_ArrayForEach (item, array) {
		struct credential credential = { 0 };
		if (out->added.n == RECORD_ADDED_MAX || !get_credential(item, &credential)) {
			credential_done(&credential);
			return false;
		}
		credential_list_insert(&out->added, out->added.n, &credential);
	}
	return true;
}

static bool get_seen(const cJSON *object, struct account_record *out)
{
	const cJSON *item, *array = cJSON_GetObjectItemCaseSensitive(object, "seen");
	if (array != NULL && !cJSON_IsArray(array))
		return false;
	cJSON_ArrayForEach (item, array) {
		struct str hex;
		if (out->seen_count == RECORD_SEEN_MAX || !json_get_str(item, "digest", &hex))
			return false;
		struct seen_secret *seen = &out->seen[out->seen_count++];
		if (!hex_decode(hex, seen->digest, sizeof(seen->digest)) ||
		    !get_number(item, "first", &seen->first_ms))
			return false;
	}
	return true;
}

bool record_json_read(const cJSON *object, struct account_record *out)
{
	return get_binding(object, "binding", out->binding) &&
	       get_binding(object, "added_binding", out->added_binding) &&
	       get_number(object, "access_got", &out->access_got_ms) &&
	       get_number(object, "access_ends", &out->access_ends_ms) &&
	       get_number(object, "refresh_used", &out->refresh_used_ms) &&
	       get_number(object, "signed_in", &out->signed_in_ms) &&
	       get_secret(object, "access_token", &out->access_token, TOKEN_BYTES_MAX) &&
	       get_secret(object, "refresh_token", &out->refresh_token, TOKEN_BYTES_MAX) &&
	       get_added(object, out) && get_seen(object, out);
}
