/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/clock.h"
#include "config/check.h"

static void warn_of_end(const struct account_config *a, size_t index, struct diag *d)
{
	const struct credential_config *c = &a->credentials[index];
	bool certificate = c->certificate[0] != '\0';
	if (c->expires_ms != 0 && c->expires_ms <= clock_wall_ms())
		diag_warning_at(d, certificate ? (const void *)&c->certificate : &c->expires,
				"account \"%s\": the %s of credential %zu has expired; `oauthrelay "
				"account %s %s` puts a new one in its place",
				a->name, certificate ? "certificate" : "secret", index + 1,
				certificate ? "certificate" : "secret", a->name);
}

/* Keys of a certificate in a row that has none. */
static void check_secret_row(const struct account_config *a, size_t index, struct diag *d)
{
	const struct credential_config *c = &a->credentials[index];
	const void *stray = NULL;
	if (diag_is_set(d, &c->key_ref))
		stray = &c->key_ref;
	else if (c->algorithm != ASSERTION_PS256)
		stray = &c->algorithm;
	else if (c->thumbprint != THUMBPRINT_SHA256)
		stray = &c->thumbprint;
	if (stray != NULL)
		diag_error_at(d, stray,
			      "account \"%s\": credential %zu has no certificate, to which key, "
			      "algorithm and thumbprint belong",
			      a->name, index + 1);
}

static void check_row(const struct account_config *a, size_t index, struct diag *d)
{
	const struct credential_config *c = &a->credentials[index];
	bool secret = c->secret_ref[0] != '\0';
	bool certificate = c->certificate[0] != '\0';
	if (secret && certificate)
		diag_error_at(d, &c->certificate,
			      "account \"%s\": credential %zu has a secret and a certificate; they "
			      "are two credentials: ( { secret = ...; }, { certificate = ...; } )",
			      a->name, index + 1);
	else if (!secret && !certificate && !diag_is_wrong(d, c))
		diag_error_at(
			d, c,
			"account \"%s\": credential %zu has neither a secret nor a certificate",
			a->name, index + 1);
	else if (!certificate && !diag_is_set(d, &c->certificate))
		check_secret_row(a, index, d);
	if (certificate && c->expires[0] != '\0')
		diag_error_at(
			d, &c->expires,
			"account \"%s\": expires is for a secret; the certificate of credential "
			"%zu says its own end",
			a->name, index + 1);
	warn_of_end(a, index, d);
}

/* Where the application shows no secret. */
static void check_none_wanted(const struct account_config *a, const char *instead, struct diag *d)
{
	const void *where = a->client_secret_ref[0] != '\0' ? (const void *)&a->client_secret_ref
							    : (const void *)a->credentials;
	if (a->client_secret_ref[0] != '\0' || a->credential_count != 0)
		diag_error_at(d, where,
			      "account \"%s\": %s, so leave client_secret and credentials out",
			      a->name, instead);
}

void check_credentials(const struct account_config *account, struct diag *diag)
{
	const struct account_config *a = account;
	bool listed = a->credential_count != 0 && diag_is_set(diag, a->credentials);
	if (a->client_secret_ref[0] != '\0' && listed)
		diag_error_at(diag, &a->client_secret_ref,
			      "account \"%s\" has client_secret and credentials; the one is short "
			      "for the other: credentials = ( { secret = ...; }, ... );",
			      a->name);
	for (size_t i = 0; listed && i < a->credential_count; i++)
		check_row(a, i, diag);
	switch (a->grant) {
	case GRANT_CLIENT_CREDENTIALS:
		if (a->client_secret_ref[0] == '\0' && a->credential_count == 0)
			diag_error_at(diag, a,
				      "account \"%s\" needs a client_secret: client_secret = "
				      "\"file:/etc/oauthrelay/%s.secret\";",
				      a->name, a->name);
		return;
	case GRANT_DELEGATED:
		return; /* a public client has none */
	case GRANT_MANAGED_IDENTITY:
		check_none_wanted(a, "a managed identity is this machine's and has no secret",
				  diag);
		return;
	case GRANT_FEDERATED:
		check_none_wanted(a, "what assertion_file holds stands in for a secret", diag);
		return;
	}
}
