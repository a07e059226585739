/* SPDX-License-Identifier: MIT */
#include "oauth/token_request.h"

#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "config/config.h"

struct field {
	const char *name;
	struct str value;
};

/* RFC 3986 2.3: what needs no percent sign anywhere. */
static bool is_unreserved(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static size_t encoded_length(struct str value)
{
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++)
		n += is_unreserved(value.p[i]) ? 1 : 3;
	return n;
}

static char *encode(char *at, struct str value)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (is_unreserved(value.p[i])) {
			*at++ = value.p[i];
			continue;
		}
		*at++ = '%';
		*at++ = hex[c >> 4];
		*at++ = hex[c & 15];
	}
	return at;
}

void token_request_encode(struct str value, struct secret *out)
{
	secret_done(out);
	out->n = encoded_length(value);
	out->p = mem_alloc(out->n + 1);
	*encode(out->p, value) = '\0';
}

void token_request_body(const struct account_config *account, struct secret *out)
{
	const struct field fields[] = {
		{ "grant_type", STR("client_credentials") },
		{ "client_id", str_of(account->client_id) },
		{ "scope", str_of(account->scope) },
		{ "client_secret", secret_reveal(&account->credentials[0].secret) },
	};
	/* Measured first: a buffer that grew would leave copies of the secret behind. */
	size_t room = 1;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		room += strlen(fields[i].name) + 2 + encoded_length(fields[i].value);
	secret_done(out);
	out->p = mem_alloc(room);
	char *at = out->p;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (i != 0)
			*at++ = '&';
		at = encode(at, str_of(fields[i].name));
		*at++ = '=';
		at = encode(at, fields[i].value);
	}
	*at = '\0';
	out->n = (size_t)(at - out->p);
}

bool token_request_same(const struct account_config *a, const struct account_config *b)
{
	return strcmp(a->token_endpoint, b->token_endpoint) == 0 &&
	       strcmp(a->client_id, b->client_id) == 0 && strcmp(a->scope, b->scope) == 0 &&
	       strcmp(a->ca_file, b->ca_file) == 0 &&
	       secret_equal(&a->credentials[0].secret, &b->credentials[0].secret);
}
