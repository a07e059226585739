/* SPDX-License-Identifier: MIT */
#include "oauth/token_request.h"

#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "config/config.h"
#include "oauth/credential.h"

enum {
	FIELDS_MAX = 10
};

struct field {
	const char *name;
	struct str value;
};

struct form {
	struct field fields[FIELDS_MAX];
	size_t n;
};

static const struct {
	const char *grant_type; /* NULL: it is no token that is asked for */
	const char *value;	/* the field of request->value; NULL: none */
	bool scope;
	bool credential;
} kinds[REQUEST_KIND_COUNT] = {
	[REQUEST_CLIENT_CREDENTIALS] = { "client_credentials", NULL, true, true },
	[REQUEST_REFRESH] = { "refresh_token", "refresh_token", true, true },
	[REQUEST_CODE] = { "authorization_code", "code", true, true },
	[REQUEST_DEVICE_CODE] = { NULL, NULL, true, false },
	[REQUEST_DEVICE_POLL] = { "urn:ietf:params:oauth:grant-type:device_code", "device_code",
				  false, true },
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

static void add(struct form *form, const char *name, struct str value)
{
	form->fields[form->n++] = (struct field){ name, value };
}

static void add_credential(struct form *form, const struct token_request *request)
{
	enum credential_kind kind =
		request->credential != NULL ? request->credential->kind : CREDENTIAL_NONE;
	switch (kind) {
	case CREDENTIAL_NONE:
		break;
	case CREDENTIAL_SECRET:
		add(form, "client_secret", secret_reveal(&request->credential->secret));
		break;
	case CREDENTIAL_CERTIFICATE:
	case CREDENTIAL_FEDERATED:
		add(form, "client_assertion_type",
		    STR("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
		add(form, "client_assertion", request->assertion);
		break;
	}
}

static void fill(struct form *form, const struct token_request *request)
{
	if (kinds[request->kind].grant_type != NULL)
		add(form, "grant_type", str_of(kinds[request->kind].grant_type));
	add(form, "client_id", str_of(request->account->client_id));
	if (kinds[request->kind].scope)
		add(form, "scope", str_of(request->account->scope));
	if (kinds[request->kind].value != NULL)
		add(form, kinds[request->kind].value, request->value);
	if (request->kind == REQUEST_CODE) {
		add(form, "redirect_uri", str_of(request->redirect_uri));
		add(form, "code_verifier", str_of(request->verifier));
	}
	if (kinds[request->kind].credential)
		add_credential(form, request);
}

void token_request_body(const struct token_request *request, struct secret *out)
{
	struct form form = { .n = 0 };
	fill(&form, request);
	/* Measured first: a buffer that grew would leave copies of the secret behind. */
	size_t room = 1;
	for (size_t i = 0; i < form.n; i++)
		room += strlen(form.fields[i].name) + 2 + encoded_length(form.fields[i].value);
	secret_done(out);
	out->p = mem_alloc(room);
	char *at = out->p;
	for (size_t i = 0; i < form.n; i++) {
		if (i != 0)
			*at++ = '&';
		at = encode(at, str_of(form.fields[i].name));
		*at++ = '=';
		at = encode(at, form.fields[i].value);
	}
	*at = '\0';
	out->n = (size_t)(at - out->p);
}
