/* SPDX-License-Identifier: MIT */
#include "common/http_proxy.h"
#include "config/check.h"
#include "config/provider.h"
#include "config/syntax.h"

static bool check_url(const struct account_config *a, char *const *field, const char *key,
		      struct diag *d)
{
	/* What a provider wants besides at its page for signing in is said by the address (RFC 6749
	 * 3.1). */
	bool query = field == &a->authorization_endpoint;
	struct str url = str_of(*field);
	if (!diag_is_set(d, field) || syntax_is_https_url(url) ||
	    (query && syntax_is_https_url_with_query(url)))
		return true;
	diag_error_at(d, field, "account \"%s\": %s \"%s\" must be an https address", a->name, key,
		      *field);
	return false;
}

void check_endpoints(const struct account_config *a, const struct provider *provider,
		     struct diag *d)
{
	bool sign_in = a->grant == GRANT_DELEGATED;
	(void)provider;
	if (a->grant == GRANT_MANAGED_IDENTITY)
		return;
	if (diag_is_set(d, &a->authority) && !syntax_is_https_url(str_of(a->authority))) {
		diag_error_at(d, &a->authority,
			      "account \"%s\": authority \"%s\" must be written as "
			      "https://login.microsoftonline.com",
			      a->name, a->authority);
		return;
	}
	bool right = check_url(a, &a->token_endpoint, "token_endpoint", d);
	right = check_url(a, &a->authorization_endpoint, "authorization_endpoint", d) && right;
	right = check_url(a, &a->device_endpoint, "device_endpoint", d) && right;
	if (right && a->token_endpoint[0] == '\0')
		diag_error_at(d, a,
			      "account \"%s\" needs an authority or a token_endpoint for "
			      "xoauth2",
			      a->name);
	else if (right && sign_in && a->authorization_endpoint[0] == '\0' &&
		 a->device_endpoint[0] == '\0')
		diag_error_at(
			d, a,
			"account \"%s\" needs an authorization_endpoint or a device_endpoint, "
			"where somebody can sign in: grant is \"delegated\"",
			a->name);
}

/* ---- the way out ---- */

/* The address may hold a password, where it should not: so it is repeated in no finding. */
void check_proxy(const struct proxy_config *proxy, const char *what, struct diag *d)
{
	struct err err;
	struct http_proxy parsed = { 0 };
	const char *password = "password = \"file:/etc/oauthrelay/proxy.secret\";";
	if (!diag_is_set(d, &proxy->tokens)) {
		if (proxy->tokens[0] == '\0' && diag_is_set(d, &proxy->password_ref))
			diag_warning_at(d, &proxy->password_ref,
					"%s: there is a password, but no proxy in tokens", what);
	} else if (!http_proxy_parse(str_of(proxy->tokens), &parsed, &err)) {
		diag_error_at(d, &proxy->tokens,
			      "%s: %s; tokens = \"http://name@proxy.contoso.com:3128\"; and %s",
			      what, err.text, password);
	} else if (diag_is_set(d, &proxy->password_ref) && parsed.user[0] == '\0') {
		diag_error_at(d, &proxy->password_ref,
			      "%s: a password needs a name: tokens = "
			      "\"http://name@proxy.contoso.com:3128\";",
			      what);
	} else if (parsed.user[0] != '\0' && !diag_is_set(d, &proxy->password_ref)) {
		diag_warning_at(d, &proxy->tokens,
				"%s: there is a name for the proxy, but no password: %s", what,
				password);
	}
	http_proxy_done(&parsed);
}
