/* SPDX-License-Identifier: MIT */
#include "spool/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct digest {
	EVP_MD_CTX *context;
};

static void must(int result)
{
	if (result != 1)
		abort();
}

struct digest *digest_new(void)
{
	struct digest *digest = mem_alloc(sizeof(*digest));
	digest->context = EVP_MD_CTX_new();
	must(digest->context != NULL);
	must(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL));
	return digest;
}

void digest_free(struct digest *digest)
{
	if (digest == NULL)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

void digest_add(struct digest *digest, struct str bytes)
{
	must(EVP_DigestUpdate(digest->context, bytes.p, bytes.n));
}

struct sha256 digest_end(struct digest *digest)
{
	struct sha256 sum;
	must(EVP_DigestFinal_ex(digest->context, sum.b, NULL));
	return sum;
}

struct sha256 digest_of(struct str bytes)
{
	struct sha256 sum;
	must(EVP_Digest(bytes.n != 0 ? bytes.p : "", bytes.n, sum.b, NULL, EVP_sha256(), NULL));
	return sum;
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
