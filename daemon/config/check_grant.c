/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/attr.h"
#include "config/check.h"
#include "config/provider.h"
#include "config/syntax.h"

/* ---- who the application is, and where ---- */

/* Tenants that stand for "whoever signs in". */
static bool is_nobodys_tenant(struct str tenant)
{
	return str_ieq(tenant, STR("common")) || str_ieq(tenant, STR("organizations")) ||
	       str_ieq(tenant, STR("consumers"));
}

static void check_tenant(const struct account_config *a, bool microsoft, struct diag *d)
{
	struct str tenant = str_of(a->tenant);
	bool by_sign_in = a->grant == GRANT_DELEGATED;
	if (tenant.n == 0) {
		/* A machine's identity knows its own; a sign-in has the provider's default. */
		bool needless = a->grant == GRANT_MANAGED_IDENTITY || a->token_endpoint[0] != '\0';
		if (!needless || (microsoft && !by_sign_in && a->grant != GRANT_MANAGED_IDENTITY))
			diag_error_at(
				d, a,
				"account \"%s\" needs a tenant: the directory (tenant) id, or "
				"a domain such as contoso.onmicrosoft.com",
				a->name);
	} else if (is_nobodys_tenant(tenant)) {
		if (!by_sign_in)
			diag_error_at(
				d, &a->tenant,
				"account \"%s\": tenant \"%s\" stands for people who sign in; here "
				"it must be your own directory's id or domain",
				a->name, a->tenant);
	} else if (!syntax_is_fqdn(tenant) && !syntax_is_guid(tenant)) {
		diag_error_at(
			d, &a->tenant,
			"account \"%s\": tenant \"%s\" is neither a directory id nor a domain",
			a->name, a->tenant);
	}
}

static void check_client_id(const struct account_config *a, bool microsoft, struct diag *d)
{
	bool machine = a->grant == GRANT_MANAGED_IDENTITY;
	if (a->client_id[0] == '\0' && !machine)
		diag_error_at(d, a,
			      "account \"%s\" needs a client_id: the application (client) id "
			      "of the app registration",
			      a->name);
	if (a->client_id[0] != '\0' && machine && a->identity_host == IDENTITY_AZURE_ARC)
		diag_error_at(d, &a->client_id,
			      "account \"%s\": client_id chooses among several identities, and a "
			      "server in Azure Arc has one only: leave client_id out",
			      a->name);
	else if (microsoft && a->client_id[0] != '\0' && !syntax_is_guid(str_of(a->client_id)))
		diag_warning_at(
			d, &a->client_id,
			"account \"%s\": client_id \"%s\" does not look like an application "
			"(client) id, which has the form "
			"11111111-2222-3333-4444-555555555555",
			a->name, a->client_id);
}

/* ---- what the token is asked for ---- */

/* Cuts the next word off *rest; empty at the end. */
static struct str next_word(struct str *rest)
{
	*rest = str_trim(*rest);
	ptrdiff_t end = str_chr(*rest, ' ');
	struct str word = end >= 0 ? str_head(*rest, (size_t)end) : *rest;
	*rest = str_skip(*rest, word.n);
	return word;
}

/* "https://outlook.office.com" of "https://outlook.office.com/SMTP.Send"; empty without one. */
static struct str resource_of(struct str scope)
{
	if (!str_istarts(scope, STR("https://")))
		return (struct str){ scope.p, 0 };
	ptrdiff_t slash = str_chr(str_skip(scope, 8), '/');
	return slash >= 0 ? str_head(scope, (size_t)slash + 8) : scope;
}

static bool is_graph(struct str resource)
{
	static const char *const hosts[] = { "https://graph.microsoft.com",
					     "https://graph.microsoft.us",
					     "https://dod-graph.microsoft.us",
					     "https://microsoftgraph.chinacloudapi.cn" };
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (str_ieq(resource, str_of(hosts[i])))
			return true;
	return false;
}

/* Of OpenID Connect: about the sign-in, not about a resource. */
static bool is_about_sign_in(struct str scope)
{
	return str_ieq(scope, STR("offline_access")) || str_ieq(scope, STR("openid")) ||
	       str_ieq(scope, STR("profile")) || str_ieq(scope, STR("email"));
}

static void check_scope_word(const struct account_config *a, const struct provider *p,
			     struct str word, struct diag *d)
{
	struct str resource = resource_of(word);
	int n = (int)word.n;
	if (str_iends(word, STR("SMTP.SendAsApp")))
		diag_error_at(d, &a->scope,
			      "account \"%s\": SMTP.SendAsApp is a permission that the app "
			      "registration gets in Entra, and not a scope; leave scope out",
			      a->name);
	else if (is_graph(resource))
		diag_error_at(
			d, &a->scope,
			"account \"%s\": scope \"%.*s\" asks for a token for Microsoft Graph, "
			"which SMTP does not take (535 5.7.3); leave scope out, or see "
			"`oauthrelay config keys scope`",
			a->name, n, word.p);
	else if (resource.n == 0 && !is_about_sign_in(word))
		diag_warning_at(
			d, &a->scope,
			"account \"%s\": scope \"%.*s\" names no resource, and Microsoft then "
			"takes Graph, whose token SMTP does not take; %s would be right",
			a->name, n, word.p, p->delegated_scope);
}

/* What one of Microsoft's scopes must be is known; any other provider's is not. */
static void check_microsoft_scope(const struct account_config *a, const struct provider *p,
				  struct diag *d)
{
	struct str rest = str_of(a->scope);
	struct str first = { rest.p, 0 };
	bool offline = false;
	for (struct str word; word = next_word(&rest), word.n != 0;) {
		struct str resource = resource_of(word);
		check_scope_word(a, p, word, d);
		offline = offline || str_ieq(word, STR("offline_access"));
		if (first.n != 0 && resource.n != 0 && !str_ieq(first, resource))
			diag_error_at(d, &a->scope,
				      "account \"%s\": scope names two resources, %.*s and %.*s; a "
				      "token is for one",
				      a->name, (int)first.n, first.p, (int)resource.n, resource.p);
		if (first.n == 0)
			first = resource;
	}
	if (a->grant == GRANT_DELEGATED && !offline)
		diag_error_at(d, &a->scope,
			      "account \"%s\": scope lacks offline_access, without which a sign-in "
			      "ends with its first token, within an hour or so: scope = \"%s "
			      "offline_access\";",
			      a->name, a->scope);
	else if (a->grant != GRANT_DELEGATED && !str_iends(str_of(a->scope), STR("/.default")) &&
		 !diag_is_wrong(d, &a->scope))
		diag_warning_at(d, &a->scope,
				"account \"%s\": scope \"%s\" does not end in /.default, which "
				"Microsoft wants where an application signs in by itself",
				a->name, a->scope);
}

static void check_scope(const struct account_config *a, const struct provider *p, struct diag *d)
{
	bool sign_in_only = p != NULL && p->by_sign_in_only && a->grant != GRANT_DELEGATED;
	if (a->scope[0] == '\0' && !sign_in_only)
		diag_error_at(d, a, "account \"%s\" needs a scope for xoauth2", a->name);
	else if (p != NULL && p->microsoft && diag_is_set(d, &a->scope))
		check_microsoft_scope(a, p, d);
	else if (a->grant == GRANT_MANAGED_IDENTITY && a->scope[0] != '\0' &&
		 !str_iends(str_of(a->scope), STR("/.default")))
		diag_warning_at(d, &a->scope,
				"account \"%s\": a managed identity's token is for a resource, so "
				"that scope is the resource and /.default",
				a->name);
}

/* ---- keys that belong to one grant only ---- */

/* No error: an agent writes the file anew again and again, and after a boot perhaps later than the
 * relay begins. Until it is there that account waits, and says so. */
static void warn_unreadable(const struct account_config *a, struct diag *d)
{
	struct err err;
	err_errno(&err, errno,
		  "account \"%s\" waits until there is an assertion_file: %s cannot be "
		  "read",
		  a->name, a->assertion_file);
	diag_warning_at(d, &a->assertion_file, "%s", err.text);
}

/* No error either: where Kubernetes writes it so, a container is around it. */
static void warn_exposed(const struct account_config *a, struct diag *d)
{
	struct stat st;
	if (stat(a->assertion_file, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		diag_warning_at(d, &a->assertion_file,
				"everybody on this machine may read %s and sign in as account "
				"\"%s\" does: chmod o-rwx %s, and have whatever writes it do so",
				a->assertion_file, a->name, a->assertion_file);
}

static void look_at_assertion(const struct account_config *a, struct diag *d)
{
	if (access(a->assertion_file, R_OK) != 0)
		warn_unreadable(a, d);
	else
		warn_exposed(a, d);
}

static void check_assertion(const struct account_config *a, struct diag *d)
{
	bool federated = a->grant == GRANT_FEDERATED;
	if (federated && a->assertion_file[0] == '\0' && !diag_is_set(d, &a->assertion_file))
		diag_error_at(d, a,
			      "account \"%s\" needs an assertion_file, the file in which the other "
			      "issuer's token lies: grant is \"federated\"",
			      a->name);
	else if (federated && a->assertion_file[0] != '\0')
		look_at_assertion(a, d);
	else if (!federated && a->assertion_file[0] != '\0')
		diag_error_at(d, &a->assertion_file,
			      "account \"%s\": assertion_file is for grant = \"federated\"",
			      a->name);
}

static void check_identity(const struct account_config *a, struct diag *d)
{
	struct str url = str_of(a->identity_endpoint);
	if (a->grant != GRANT_MANAGED_IDENTITY) {
		bool host = a->identity_host != IDENTITY_AZURE_VM;
		if (host || url.n != 0)
			diag_error_at(
				d,
				host ? (const void *)&a->identity_host
				     : (const void *)&a->identity_endpoint,
				"account \"%s\": identity and identity_endpoint are for grant "
				"= \"managed_identity\"",
				a->name);
	} else if (url.n != 0 && !syntax_is_https_url(url) && !syntax_is_local_url(url)) {
		diag_error_at(
			d, &a->identity_endpoint,
			"account \"%s\": identity_endpoint \"%s\" must be an https address, or "
			"an http one of this machine (localhost, 127.0.0.1, 169.254.169.254): "
			"its answer is a token",
			a->name, a->identity_endpoint);
	}
}

static void check_redirect(const struct account_config *a, struct diag *d)
{
	struct str uri = str_of(a->redirect_uri);
	if (uri.n == 0)
		return;
	if (a->grant != GRANT_DELEGATED)
		diag_error_at(d, &a->redirect_uri,
			      "account \"%s\": redirect_uri is for grant = \"delegated\", where "
			      "somebody signs in",
			      a->name);
	else if (!syntax_is_https_url(uri) && !syntax_is_loopback_url(uri))
		diag_error_at(d, &a->redirect_uri,
			      "account \"%s\": redirect_uri \"%s\" must be an https address, or "
			      "http://localhost with port and path",
			      a->name, a->redirect_uri);
	else if (a->credential_count == 0)
		diag_warning_at(d, &a->redirect_uri,
				"account \"%s\": redirect_uri is of a Web platform, which wants a "
				"client_secret; without one leave redirect_uri out and register "
				"http://localhost under Mobile and desktop applications",
				a->name);
}

void check_grant(const struct account_config *account, const struct provider *provider,
		 struct diag *diag)
{
	bool microsoft = provider != NULL && provider->microsoft;
	if (account->auth == UPSTREAM_AUTH_NONE)
		return;
	if (provider != NULL && provider->by_sign_in_only && account->grant != GRANT_DELEGATED)
		diag_error_at(diag, &account->grant,
			      "account \"%s\": %s gives tokens only to those who sign in: grant = "
			      "\"delegated\"; and then `oauthrelay login %s`",
			      account->name, provider->name, account->name);
	check_tenant(account, microsoft, diag);
	check_client_id(account, microsoft, diag);
	check_credentials(account, diag);
	check_endpoints(account, provider, diag);
	check_scope(account, provider, diag);
	check_assertion(account, diag);
	check_identity(account, diag);
	check_redirect(account, diag);
}
