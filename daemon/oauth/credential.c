/* SPDX-License-Identifier: MIT */
#include "oauth/credential.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* A certificate's file may hold its key as well. */
static void free_secret_text(char *text)
{
	if (text != NULL)
		secret_wipe(text, strlen(text));
	free(text);
}

void credential_done(struct credential *credential)
{
	secret_done(&credential->secret);
	secret_done(&credential->key_pem);
	free_secret_text(credential->certificate_pem);
	free(credential->assertion_file);
	memset(credential, 0, sizeof(*credential));
}

static char *copy_text(const char *text)
{
	return text != NULL ? mem_strdup(text) : NULL;
}

static void copy_secret(struct secret *out, const struct secret *from)
{
	*out = (struct secret){ 0 };
	if (from->n != 0)
		secret_set(out, secret_reveal(from));
}

void credential_copy(struct credential *out, const struct credential *from)
{
	*out = *from;
	copy_secret(&out->secret, &from->secret);
	copy_secret(&out->key_pem, &from->key_pem);
	out->certificate_pem = copy_text(from->certificate_pem);
	out->assertion_file = copy_text(from->assertion_file);
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

bool credential_same(const struct credential *a, const struct credential *b)
{
	return a->kind == b->kind && secret_equal(&a->secret, &b->secret) &&
	       secret_equal(&a->key_pem, &b->key_pem) &&
	       same_text(a->certificate_pem, b->certificate_pem) && a->algorithm == b->algorithm &&
	       a->thumbprint == b->thumbprint && same_text(a->assertion_file, b->assertion_file);
}

void credential_list_done(struct credential_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		credential_done(&list->v[i]);
	free(list->v);
	*list = (struct credential_list){ 0 };
}

/* realloc() may leave the structs' old bytes behind, but they hold only pointers to secrets. */
void credential_list_insert(struct credential_list *list, size_t at, struct credential *credential)
{
	list->v = mem_realloc_array(list->v, list->n + 1, sizeof(*list->v));
	memmove(&list->v[at + 1], &list->v[at], (list->n - at) * sizeof(*list->v));
	list->v[at] = *credential;
	list->n++;
	memset(credential, 0, sizeof(*credential));
}

void credential_list_remove(struct credential_list *list, size_t at)
{
	credential_done(&list->v[at]);
	list->n--;
	memmove(&list->v[at], &list->v[at + 1], (list->n - at) * sizeof(*list->v));
}

void credential_list_copy(struct credential_list *out, const struct credential_list *from)
{
	*out = (struct credential_list){ 0 };
	for (size_t i = 0; i < from->n; i++) {
		struct credential copy;
		credential_copy(&copy, &from->v[i]);
		credential_list_insert(out, i, &copy);
	}
}

/* ---- the list of an account ---- */

static void append(struct credential_list *out, struct credential *credential)
{
	credential_list_insert(out, out->n, credential);
}

/* One alone needs no number; the kind says enough. */
static void set_label(struct credential *credential, const char *kind, size_t i, size_t count)
{
	if (count == 1)
		snprintf(credential->label, sizeof(credential->label), "%s", kind);
	else
		snprintf(credential->label, sizeof(credential->label), "credential %zu (%s)", i + 1,
			 kind);
}

static void append_configured(struct credential_list *out, const struct account_config *account,
			      size_t i)
{
	const struct credential_config *from = &account->credentials[i];
	/* An empty certificate is none, whether by NULL (a test's) or by "". */
	bool is_certificate = from->certificate_pem != NULL && from->certificate_pem[0] != '\0';
	struct credential credential = {
		.kind = is_certificate ? CREDENTIAL_CERTIFICATE : CREDENTIAL_SECRET,
		.algorithm = from->algorithm,
		.thumbprint = from->thumbprint,
		.ends_ms = from->expires_ms,
	};
	if (is_certificate) {
		copy_secret(&credential.key_pem, &from->key);
		credential.certificate_pem = mem_strdup(from->certificate_pem);
	} else {
		copy_secret(&credential.secret, &from->secret);
	}
	set_label(&credential, is_certificate ? "certificate" : "client secret", i,
		  account->credential_count);
	append(out, &credential);
}

static void append_other(struct credential_list *out, enum credential_kind kind, const char *label,
			 const char *assertion_file)
{
	struct credential credential = { .kind = kind };
	snprintf(credential.label, sizeof(credential.label), "%s", label);
	credential.assertion_file = copy_text(assertion_file);
	append(out, &credential);
}

void credential_list_make(struct credential_list *out, const struct account_config *account,
			  const struct credential_list *added)
{
	*out = (struct credential_list){ 0 };
	if (account->grant == GRANT_MANAGED_IDENTITY)
		return;
	for (size_t i = 0; i < added->n; i++) {
		struct credential copy;
		if (added->v[i].pending)
			continue;
		credential_copy(&copy, &added->v[i]);
		append(out, &copy);
	}
	if (account->grant == GRANT_FEDERATED)
		append_other(out, CREDENTIAL_FEDERATED, "federated assertion",
			     account->assertion_file);
	for (size_t i = 0; i < account->credential_count; i++)
		append_configured(out, account, i);
	if (out->n == 0)
		append_other(out, CREDENTIAL_NONE, "public client", NULL);
}
