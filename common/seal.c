/* SPDX-License-Identifier: MIT */
#include "common/seal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	MAGIC_BYTES = 4,
	ID_BYTES = 8,
	NONCE_BYTES = 12,
	TAG_BYTES = 16,
	ID_AT = MAGIC_BYTES + 1,
	HEAD_BYTES = ID_AT + ID_BYTES, /* authenticated, with the context behind it */
	NONCE_AT = HEAD_BYTES,
	BODY_AT = NONCE_AT + NONCE_BYTES,
	DIGEST_BYTES = 32,
};
_Static_assert(BODY_AT + TAG_BYTES == SEAL_OVERHEAD, "the header says so");

static const char magic[] = "OARS";
static const unsigned version = 1;

struct seal_key {
	unsigned char id[ID_BYTES];
	unsigned char bytes[SEAL_KEY_BYTES];
};

struct seal {
	struct seal_key keys[SEAL_KEYS_MAX];
	size_t count;
};

struct seal *seal_new(void)
{
	return mem_zalloc(sizeof(struct seal));
}

void seal_free(struct seal *seal)
{
	if (seal == NULL)
		return;
	secret_wipe(seal, sizeof(*seal));
	free(seal);
}

static const struct seal_key *key_of(const struct seal *seal, const void *id)
{
	for (size_t i = 0; i < seal->count; i++)
		if (memcmp(seal->keys[i].id, id, ID_BYTES) == 0)
			return &seal->keys[i];
	return NULL;
}

bool seal_add_key(struct seal *seal, const struct secret *key, struct err *err)
{
	unsigned char digest[DIGEST_BYTES];
	struct str bytes = secret_reveal(key);
	if (bytes.n != SEAL_KEY_BYTES)
		return err_set(err, "a sealing key has %d bytes, not %zu", (int)SEAL_KEY_BYTES,
			       bytes.n);
	if (EVP_Digest(bytes.p, bytes.n, digest, NULL, EVP_sha256(), NULL) != 1)
		return err_set(err, "OpenSSL has no SHA-256");
	if (key_of(seal, digest) != NULL)
		return true;
	if (seal->count == SEAL_KEYS_MAX)
		return err_set(err, "more than %d sealing keys", (int)SEAL_KEYS_MAX);
	struct seal_key *added = &seal->keys[seal->count++];
	memcpy(added->id, digest, ID_BYTES);
	memcpy(added->bytes, bytes.p, SEAL_KEY_BYTES);
	return true;
}

/* ---- AES-256-GCM ---- */

static const unsigned char *octets(const void *p)
{
	return p;
}

/* Lengths are below SEAL_PLAIN_MAX, or names of ours: they fit an int. */
static bool begin(EVP_CIPHER_CTX *ctx, const struct seal_key *key, const unsigned char *sealed,
		  struct str context, int encrypt)
{
	int n;
	return EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, sealed + NONCE_AT,
				 encrypt) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, sealed, HEAD_BYTES) == 1 &&
	       (context.n == 0 ||
		EVP_CipherUpdate(ctx, NULL, &n, octets(context.p), (int)context.n) == 1);
}

/* n bytes from in to out; an empty text has no update. */
static bool convert(EVP_CIPHER_CTX *ctx, const unsigned char *in, size_t n, unsigned char *out)
{
	int done = 0;
	return n == 0 || (EVP_CipherUpdate(ctx, out, &done, in, (int)n) == 1 && (size_t)done == n);
}

static bool close_with(EVP_CIPHER_CTX *ctx, const struct seal_key *key, struct str context,
		       struct str plain, unsigned char *sealed)
{
	int n = 0;
	memcpy(sealed, magic, MAGIC_BYTES);
	sealed[MAGIC_BYTES] = (unsigned char)version;
	memcpy(sealed + ID_AT, key->id, ID_BYTES);
	return RAND_bytes(sealed + NONCE_AT, NONCE_BYTES) == 1 &&
	       begin(ctx, key, sealed, context, 1) &&
	       convert(ctx, octets(plain.p), plain.n, sealed + BODY_AT) &&
	       EVP_CipherFinal_ex(ctx, sealed + BODY_AT + plain.n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES,
				   sealed + BODY_AT + plain.n) == 1;
}

bool seal_close(const struct seal *seal, struct str context, struct str plain, struct strbuf *out,
		struct err *err)
{
	if (seal->count == 0)
		return err_set(err, "there is no sealing key");
	if (plain.n > SEAL_PLAIN_MAX)
		return err_set(err, "too large to be sealed: %zu bytes, %d at most", plain.n,
			       (int)SEAL_PLAIN_MAX);
	unsigned char *sealed = mem_alloc(plain.n + SEAL_OVERHEAD);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx != NULL && close_with(ctx, &seal->keys[0], context, plain, sealed);
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		strbuf_add(out, sealed, plain.n + SEAL_OVERHEAD);
	free(sealed);
	if (!ok)
		return err_set(err, "OpenSSL cannot seal with AES-256-GCM");
	return !out->overflow || err_set(err, "no room for what was sealed");
}

/* What is in the open part, before any key is asked. */
static enum seal_failure look_at(const struct seal *seal, struct str sealed,
				 const struct seal_key **key, struct err *err)
{
	if (sealed.n < SEAL_OVERHEAD || memcmp(sealed.p, magic, MAGIC_BYTES) != 0) {
		err_set(err, "cut short, or nothing that was sealed");
		return SEAL_DAMAGED;
	}
	if (sealed.n > SEAL_PLAIN_MAX + SEAL_OVERHEAD) {
		err_set(err, "too large to have been sealed here");
		return SEAL_DAMAGED;
	}
	unsigned found = (unsigned char)sealed.p[MAGIC_BYTES];
	if (found != version) {
		err_set(err, "sealed in format %u, and this oauthrelay knows %u", found, version);
		return SEAL_DAMAGED;
	}
	*key = key_of(seal, sealed.p + ID_AT);
	if (*key == NULL) {
		err_set(err, "sealed with another key than is here");
		return SEAL_OTHER_KEY;
	}
	return SEAL_OK;
}

static bool open_with(EVP_CIPHER_CTX *ctx, const struct seal_key *key, struct str context,
		      struct str sealed, char *plain)
{
	const unsigned char *in = octets(sealed.p);
	unsigned char tag[TAG_BYTES], rest[EVP_MAX_BLOCK_LENGTH];
	size_t n = sealed.n - SEAL_OVERHEAD;
	int none = 0;
	memcpy(tag, in + BODY_AT + n, TAG_BYTES);
	return begin(ctx, key, in, context, 0) &&
	       convert(ctx, in + BODY_AT, n, (unsigned char *)plain) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
	       EVP_CipherFinal_ex(ctx, rest, &none) == 1;
}

enum seal_failure seal_open(const struct seal *seal, struct str context, struct str sealed,
			    struct secret *plain, struct err *err)
{
	const struct seal_key *key = NULL;
	enum seal_failure failure = look_at(seal, sealed, &key, err);
	if (failure != SEAL_OK)
		return failure;
	/* A NUL follows a secret's bytes (secret_set() does the same). */
	size_t n = sealed.n - SEAL_OVERHEAD;
	struct secret opened = { .p = mem_zalloc(n + 1), .n = n };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx != NULL && open_with(ctx, key, context, sealed, opened.p);
	EVP_CIPHER_CTX_free(ctx);
	if (!ok) {
		/* Nothing of what does not bear its seal is shown to anybody. */
		secret_done(&opened);
		err_set(err, "altered or cut, or put in another's place");
		return SEAL_DAMAGED;
	}
	secret_done(plain);
	*plain = opened;
	return SEAL_OK;
}
