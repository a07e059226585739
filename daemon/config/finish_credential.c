/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "config/credential_file.h"
#include "config/finish.h"
#include "config/schema.h"

enum {
	WHAT_MAX = 256
};

/* Out of reach for a command is no mistake, but nothing has been looked at either. */
static void report(char *const *ref, const char *what, const struct err *err, struct diag *diag)
{
	if (diag->by_hand && secret_out_of_reach(str_of(*ref)))
		diag_warning_at(diag, ref,
				"%s is a systemd credential, which only the service sees: not "
				"looked at",
				what);
	else
		diag_error_at(diag, ref, "%s: %s", what, err->text);
}

/* One copy of a secret is enough; nobody needs what was written any more, only that it was. */
static void take_literal(char *const *ref, const char *what, const char *place, struct diag *diag)
{
	memset(*ref, '*', strlen(*ref));
	diag_warning_at(diag, ref,
			"%s stands in the configuration itself; better in a file of its own: %s",
			what, place);
}

bool finish_secret(char *const *ref, const char *what, const char *place, struct secret *out,
		   struct diag *diag)
{
	struct err err;
	bool literal = false;
	bool ok = secret_resolve(str_of(*ref), out, &literal, &err);
	if (!ok && str_starts(str_of(*ref), STR("file:")) &&
	    !str_starts(str_of(*ref), STR("file:/")))
		diag_error_at(diag, ref, "%s: write the full path: %s", what, place);
	else if (!ok)
		report(ref, what, &err, diag);
	else if (literal)
		take_literal(ref, what, place, diag);
	return ok;
}

/* "scanner.secret" of the first, "scanner-2.secret" of the second. */
static void append_place(struct strbuf *out, const char *key, const struct account_config *account,
			 size_t index)
{
	strbuf_addf(out, "%s = \"file:/etc/oauthrelay/%s", key, account->name);
	if (index != 0)
		strbuf_addf(out, "-%zu", index + 1);
	strbuf_adds(out, ".secret\";");
}

static void finish_client_secret(struct account_config *account, struct diag *diag)
{
	struct strbuf what, place;
	/* That both are given is reported by the checks. */
	if (account->credential_count != 0 || account->client_secret_ref[0] == '\0')
		return;
	free(account->credentials); /* of an empty list: credentials = ( ); */
	account->credentials = mem_zalloc(sizeof(*account->credentials));
	account->credential_count = 1;
	schema_set_defaults("accounts.credentials", account->credentials);
	mem_replace_str(&account->credentials[0].certificate_pem, "");
	strbuf_init(&what, WHAT_MAX);
	strbuf_init(&place, WHAT_MAX);
	strbuf_addf(&what, "client_secret of account \"%s\"", account->name);
	append_place(&place, "client_secret", account, 0);
	finish_secret(&account->client_secret_ref, strbuf_cstr(&what), strbuf_cstr(&place),
		      &account->credentials[0].secret, diag);
	mem_replace_str(&account->credentials[0].secret_ref, account->client_secret_ref);
	strbuf_done(&what);
	strbuf_done(&place);
}

static void finish_secret_credential(struct account_config *account, size_t index,
				     struct diag *diag)
{
	struct credential_config *credential = &account->credentials[index];
	struct strbuf what, place;
	strbuf_init(&what, WHAT_MAX);
	strbuf_init(&place, WHAT_MAX);
	strbuf_addf(&what, "the secret of credential %zu of account \"%s\"", index + 1,
		    account->name);
	append_place(&place, "secret", account, index);
	finish_secret(&credential->secret_ref, strbuf_cstr(&what), strbuf_cstr(&place),
		      &credential->secret, diag);
	strbuf_done(&what);
	strbuf_done(&place);
}

static void finish_certificate(struct account_config *account, size_t index, struct diag *diag)
{
	struct err err;
	struct strbuf what;
	struct credential_config *credential = &account->credentials[index];
	strbuf_init(&what, WHAT_MAX);
	strbuf_addf(&what, "credential %zu of account \"%s\"", index + 1, account->name);
	if (diag->by_hand && secret_out_of_reach(str_of(credential->key_ref)))
		report(&credential->key_ref, strbuf_cstr(&what), &err, diag);
	else if (!credential_file_read(credential, &err))
		diag_error_at(diag, &credential->certificate, "%s: %s", strbuf_cstr(&what),
			      err.text);
	strbuf_done(&what);
}

void finish_credentials(struct account_config *account, struct diag *diag)
{
	for (size_t i = 0; i < account->credential_count; i++) {
		struct credential_config *credential = &account->credentials[i];
		int64_t end_ms;
		if (credential->expires[0] != '\0' &&
		    units_parse_date(str_of(credential->expires), &end_ms))
			credential->expires_ms = end_ms;
		if (account->auth == UPSTREAM_AUTH_NONE)
			continue;
		if (credential->secret_ref[0] != '\0')
			finish_secret_credential(account, i, diag);
		if (credential->certificate[0] != '\0')
			finish_certificate(account, i, diag);
	}
	if (account->auth != UPSTREAM_AUTH_NONE)
		finish_client_secret(account, diag);
}
